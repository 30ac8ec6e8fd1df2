"""Tell a pull request what measuring it again came to, in the one comment that is kept up to date."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from leaderboard.errors import CheckFailed, LeaderboardError, first_line
from leaderboard.git import SHORT
from leaderboard.options import parse_count
from leaderboard.registry import Registry, load_registry

if TYPE_CHECKING:
    from leaderboard.github.client import Forge

EXAMPLE = "comment --run-id 7312345678"
MARKER = "<!-- fossil-leaderboard: measured again -->"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    text = (
        "the workflow run that measured it: its host says which pull request that was, its artifacts are not believed"
    )
    parser.add_argument("--run-id", type=parse_count, required=True, metavar="N", help=text)


def run(options: argparse.Namespace) -> None:
    """Comment on the open pull request that was measured; what was refused is told there, and is exit code 1."""
    from leaderboard.github.client import open_repository
    from leaderboard.pull_request.hosted import fetch_head

    registry = load_registry(options.root)
    forge = open_repository(os.environ)
    proposal = forge.find_pull_request_of(options.run_id)
    if proposal is None:
        print(f"no open pull request has the commit that run {options.run_id} measured; nobody to tell")
        return
    fetch_head(registry.root, proposal.number, proposal.head)
    text, refused = _compose(registry, proposal.head, forge, options.run_id)
    print(f"pull request {proposal.number}: comment {forge.post_comment(proposal.number, text, MARKER)}")
    if refused:
        raise CheckFailed("; ".join(refused.values()))


def _compose(registry: Registry, head: str, forge: Forge, run_id: int) -> tuple[str, dict[str, str]]:
    """The comment, and which artifacts were refused and why."""
    from leaderboard.pull_request.artifacts import review_artifacts
    from leaderboard.pull_request.sides import load_committed_sides
    from leaderboard.render.changes import escape
    from leaderboard.render.review import render_review
    from leaderboard.result_files import load_results

    try:
        sides = load_committed_sides(registry.root, "HEAD", head)
    except LeaderboardError as error:
        return f"**The code on main cannot read it**: {escape(first_line(error))}\n", {}
    artifacts = forge.list_artifacts(run_id)
    published = load_results(registry.results_dir)
    review, refused = review_artifacts(sides, {one.name: one for one in artifacts}, forge.fetch_artifact, published)
    return f"## Measured again, at {head[:SHORT]}\n\n{render_review(review, refused)}", refused
