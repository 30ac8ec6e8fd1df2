"""Find out which models, data sets or links have vanished or changed since they were recorded."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from leaderboard.errors import CheckFailed, LeaderboardError
from leaderboard.options import declare_model_options, declare_waiting_options
from leaderboard.records import RunOptions
from leaderboard.registry import load_registry

if TYPE_CHECKING:
    from leaderboard.github.client import Forge
    from leaderboard.watching import Finding

EXAMPLE = "watch efficientnet-lite0"
MARKER = "<!-- fossil-leaderboard: watch -->"
TITLE = "Models or links have vanished or changed"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("models", nargs="*", metavar="ID", help="default: every model, and the data sets")
    text = "keep one issue on GitHub while there is something to look after; it needs GITHUB_REPOSITORY, GITHUB_TOKEN"
    parser.add_argument("--issue", action="store_true", help=text)
    declare_model_options(parser.add_argument)
    declare_waiting_options(parser.add_argument)


def run(options: argparse.Namespace) -> None:
    """Print what is not well; exit code 1 when something has vanished or changed."""
    from leaderboard.github.client import open_repository
    from leaderboard.render.watch import render_watch, summarise
    from leaderboard.watching import watch

    _check_use(options)
    forge = open_repository(os.environ) if options.issue else None  # what is wrong with it is said now
    registry = load_registry(options.root)
    chosen = [registry.model(id_) for id_ in options.models] or list(registry.models.values())
    findings = watch(registry, chosen, RunOptions.of(options), everything=not options.models)
    text = render_watch(findings)
    print(text, end="", flush=True)
    if forge is not None:
        print(_keep_issue(forge, findings, text))
    if any(finding.is_alarm for finding in findings):
        raise CheckFailed(summarise(findings))


def _check_use(options: argparse.Namespace) -> None:
    if options.issue and options.models:
        raise LeaderboardError("--issue tells of everything; leave the model ids out, or leave --issue out")
    if options.offline:
        raise LeaderboardError("--offline asks nobody, and watching is asking; use `leaderboard verify --offline`")


def _keep_issue(forge: Forge, findings: Sequence[Finding], text: str) -> str:
    """Open or update it; close it only when everything that it might be about was asked."""
    is_needed = any(finding.is_alarm for finding in findings)
    if not is_needed and any(finding.kind == "unreachable" for finding in findings):
        return "issue: left as it is, because not everything could be asked"
    return f"issue: {forge.keep_issue(TITLE, text, MARKER, is_needed=is_needed)}"
