"""Record the committed results as published, and write the tables with arrows for what really changed."""

from __future__ import annotations

import argparse

from leaderboard.commands._leaderboard import add_folder_option, find_folder
from leaderboard.registry import load_registry

EXAMPLE = "publish"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    add_folder_option(parser)


def run(options: argparse.Namespace) -> None:
    """Append to history.jsonl what is new since the last time, write the tables, and say what to commit."""
    from leaderboard.publish import publish_results
    from leaderboard.states import SHORT

    registry = load_registry(options.root)
    folder = find_folder(options, registry)
    publication = publish_results(registry, folder)
    print(f"{publication.commit[:SHORT]}: {publication.summary}")
    written = [f"wrote {path}" for path in publication.written]
    print("\n".join([*written, "commit what was written"] if written else ["nothing to write"]))
