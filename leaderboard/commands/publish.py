"""Record the committed results as published, and write the tables with arrows for what really changed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from leaderboard.commands._leaderboard import add_folder_option, find_folder
from leaderboard.errors import LeaderboardError
from leaderboard.registry import Registry, load_registry

if TYPE_CHECKING:
    from leaderboard.publish import Publication

EXAMPLE = "publish"
SUBJECT = "Publish: "  # of a commit of generated files
TRIES = 3  # others push too


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    text = "also commit results that are not committed yet, commit what was written, and push: for a runner on main"
    parser.add_argument("--push", action="store_true", help=text)
    add_folder_option(parser)


def run(options: argparse.Namespace) -> None:
    """Append to history.jsonl what is new since the last time, write the tables, and say what to commit."""
    registry = load_registry(options.root)
    folder = find_folder(options, registry)
    if options.push:
        _commit_results(registry.root, folder)
        _publish_and_push(options, folder)
    elif _publish(registry, folder).written:
        print("commit what was written")


def _publish(registry: Registry, folder: Path) -> Publication:
    from leaderboard.git import SHORT
    from leaderboard.publish import publish_results

    publication = publish_results(registry, folder)
    print(f"{publication.commit[:SHORT]}: {publication.summary}")
    print("\n".join(f"wrote {path}" for path in publication.written) or "nothing to write")
    return publication


def _commit_results(root: Path, folder: Path) -> None:
    from leaderboard.pushing import commit_files

    if not folder.is_relative_to(root):
        raise LeaderboardError(f"{folder} is outside of the clone {root}, whose commits are pushed; leave --push away")
    commit_files(root, [folder / "results"], "Results, measured by the leaderboard")


def _publish_and_push(options: argparse.Namespace, folder: Path) -> None:
    """Whoever is slower publishes again, upon what the faster one has pushed."""
    from leaderboard.pushing import replay

    for tries_left in reversed(range(TRIES)):
        registry = load_registry(options.root)  # others may have added a model
        publication = _publish(registry, folder)
        try:
            return _push(registry.root, folder, publication.summary)
        except LeaderboardError:
            if not tries_left or not replay(registry.root, SUBJECT, _list_generated(registry.root, folder)):
                raise
            print("others have pushed meanwhile: once more, upon what they have")
    return None


def _list_generated(root: Path, folder: Path) -> list[Path]:
    from leaderboard.history import HISTORY
    from leaderboard.publish import TABLES

    return [folder / HISTORY, folder / TABLES, root / TABLES]


def _push(root: Path, folder: Path, summary: str) -> None:
    """What an interrupted run left, in the work tree or committed, goes too: it is generated from what is committed."""
    from leaderboard.pushing import commit_files, is_ahead, push

    written = [path for path in _list_generated(root, folder) if path.exists()]
    commit_files(root, written, f"{SUBJECT}{summary}")
    if is_ahead(root):
        push(root)
        print("pushed")
