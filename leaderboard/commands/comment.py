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
    text, problems = _compose(registry, proposal.head, forge, options.run_id)
    print(f"pull request {proposal.number}: comment {forge.post_comment(proposal.number, text, MARKER)}")
    if problems:
        raise CheckFailed("; ".join(problems))


def _compose(registry: Registry, head: str, forge: Forge, run_id: int) -> tuple[str, list[str]]:
    """The comment, and what went wrong; nothing that a stranger sends may leave an older, kinder comment standing."""
    from leaderboard.render.changes import escape
    from leaderboard.render.review import render_automation

    title = f"## Measured again, at {head[:SHORT]}\n\n"
    try:
        text, problems = _review(registry, head, forge, run_id)
    except Exception as error:  # whatever it is, the pull request is told that nobody has judged it
        said = f"{type(error).__name__}: {first_line(error)}" if not isinstance(error, LeaderboardError) else str(error)
        runs = render_automation(_list_automation(registry, head))
        return f"{title}**It could not be reviewed**: {escape(said[:300])}\n\n{runs}", [
            f"could not be reviewed: {said}"
        ]
    return title + text, problems


def _review(registry: Registry, head: str, forge: Forge, run_id: int) -> tuple[str, list[str]]:
    from leaderboard.pull_request.artifacts import review_artifacts
    from leaderboard.pull_request.hosted import merge_as_data
    from leaderboard.pull_request.sides import Side, load_committed_sides
    from leaderboard.render.review import render_review
    from leaderboard.result_files import load_results

    sides = load_committed_sides(registry.root, "HEAD", merge_as_data(registry.root, head))
    main = Side(None, registry, load_results(registry.results_dir))
    artifacts = {one.name: one for one in forge.list_artifacts(run_id)}
    review, refused = review_artifacts(sides, main, artifacts, forge.fetch_artifact)
    return render_review(review, refused), list(refused.values())


def _list_automation(registry: Registry, head: str) -> list[str]:
    """Needs git only, so it can be said of a pull request that nothing else can read."""
    from leaderboard.git import find_merge_base, list_changed_files
    from leaderboard.pull_request.changed import AUTOMATION

    base = find_merge_base(registry.root, "HEAD", head)
    return [file for file in list_changed_files(registry.root, base, head) if file.startswith(AUTOMATION)]
