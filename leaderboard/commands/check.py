"""Say whether a pull request is complete, and of each thing that is missing, the command that mends it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from leaderboard.commands._pull_request import add_base_option, load_proposed
from leaderboard.errors import CheckFailed, printable

if TYPE_CHECKING:
    from leaderboard.pull_request.checks import Finding
    from leaderboard.pull_request.sides import Sides

EXAMPLE = "check --base main"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    text = "default: the models whose entry or result the pull request touches"
    parser.add_argument("models", nargs="*", metavar="ID", help=text)
    add_base_option(parser)
    text = "first put models.yaml in order, and give the generated tables back what the base has"
    parser.add_argument("--repair", action="store_true", help=text)


def run(options: argparse.Namespace) -> None:
    """Print what is missing; nothing missing is exit code 0."""
    from leaderboard.pull_request.changed import compute_changed
    from leaderboard.pull_request.repairs import repair

    sides = load_proposed(options.root, options.base)
    if options.repair:
        print("\n".join(f"wrote {path}" for path in repair(sides)) or "nothing to repair by itself")
        sides = load_proposed(options.root, options.base)
    registry = sides.after.registry
    named = [registry.model(id_).id for id_ in options.models]
    changed = compute_changed(sides)
    report_findings(sides, named or changed.touched, measured=named or changed.new)


def report_findings(sides: Sides, models: Sequence[str], *, measured: Sequence[str]) -> None:
    """Print what is missing, or that nothing is.

    Args:
        sides: the pull request.
        models: whose entries and results are looked at.
        measured: those of them that have to have results.

    Raises:
        CheckFailed: something is missing.
    """
    findings = _find_all(sides, models, measured)
    for finding in findings:
        print(printable(f"{finding.place}: {finding.problem}") + f"\n    {finding.repair}")
    if findings:
        raise CheckFailed(f"{len(findings)} thing{'s' if len(findings) > 1 else ''} to mend; below each is how")
    what = ", ".join(models) or "what no model is concerned by"
    print(f"complete: {what}; commit models.yaml and leaderboard/results, and open the pull request")


def _find_all(sides: Sides, models: Sequence[str], measured: Sequence[str]) -> list[Finding]:
    from leaderboard.pull_request.checks import find_in_entries, find_orphans, find_removed, find_strange_files
    from leaderboard.pull_request.tables import find_rendered
    from leaderboard.yaml_lines import load_yaml

    root = sides.after.registry.root
    entries = load_yaml(root / "models.yaml")
    return [
        *find_in_entries(sides.after, models, lambda model: entries.line((model,)), measured=measured),
        *find_orphans(sides.after),
        *find_removed(sides),
        *find_strange_files([file for file in sides.files if (root / file).exists()]),
        *find_rendered(root, sides.base),
    ]
