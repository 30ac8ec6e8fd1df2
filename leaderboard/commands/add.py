"""Write a model of the Hub into models.yaml: pinned, with what its metadata tell; --measure measures it too."""

from __future__ import annotations

import argparse
from pathlib import Path

from leaderboard.errors import LeaderboardError
from leaderboard.options import declare_model_options, declare_waiting_options
from leaderboard.records import RunOptions
from leaderboard.registry import Registry, load_registry

EXAMPLE = "add facebook/dinov2-small --measure"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("repository", metavar="HUB_ID", help="owner/name on the Hub")
    parser.add_argument("--id", metavar="ID", help="of the entry (default: from the repository's name)")
    parser.add_argument(
        "--measure",
        action="store_true",
        help="measure it on the data that is here, then write its digest and thresholds",
    )
    declare_model_options(parser.add_argument)
    declare_waiting_options(parser.add_argument)


def run(options: argparse.Namespace) -> None:
    """Write the entry, say what could not be known, and what comes next or is still missing."""
    from leaderboard.adding.measuring import check_storable
    from leaderboard.adding.writing import add_entry, find_added

    chosen = RunOptions.of(options)
    registry = load_registry(options.root)
    if options.measure:
        check_storable(chosen)
        if model := find_added(registry, options.repository, options.id):  # as after an interruption
            print(f"models.yaml has an entry {model!r} of {options.repository} already: it stays, and is measured")
            _measure(registry, model, options.root, chosen)
            return
    added = add_entry(registry, options.repository, options.id, chosen)
    print(f"{added.registry.root / 'models.yaml'} has a new entry:\n\n{added.text}")
    for line in added.unknown:
        print(f"open: {line}")
    if not options.measure:
        print(f"next: pytest -k {added.id}")
        return
    _measure(added.registry, added.id, options.root, chosen)


def _measure(registry: Registry, model: str, root: Path | None, options: RunOptions) -> None:
    """Write its results, digest and floors, and say what is still missing."""
    from leaderboard.adding.measuring import measure_entry
    from leaderboard.models_file import check_writable

    check_writable(registry)
    measure_entry(registry, model, options)
    _check(root, model)


def _check(root: Path | None, model: str) -> None:
    """What is still missing is said at once; without git, nobody can tell what a pull request would be."""
    from leaderboard.commands._pull_request import load_proposed
    from leaderboard.commands.check import report_findings

    try:
        sides = load_proposed(root, None)
    except LeaderboardError as error:
        print(f"next, in a clone: python -m leaderboard check ({error})")
        return
    report_findings(sides, [model], measured=[model])
