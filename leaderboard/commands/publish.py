"""Record the committed results as published, and write the tables with arrows for what really changed."""

from __future__ import annotations

import argparse
from pathlib import Path

from leaderboard.registry import load_registry

EXAMPLE = "publish"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument(
        "--leaderboard-dir", type=Path, metavar="DIR", help="folder with results/ (default: the clone's)"
    )


def run(options: argparse.Namespace) -> None:
    """Append to history.jsonl what is new since the last time, write the tables, and say what to commit."""
    from leaderboard.publish import publish_results
    from leaderboard.states import SHORT

    registry = load_registry(options.root)
    folder: Path = (options.leaderboard_dir or registry.leaderboard_dir).resolve()
    publication = publish_results(registry, folder)
    print(f"{publication.commit[:SHORT]}: {publication.summary}")
    written = [f"wrote {path}" for path in publication.written]
    print("\n".join([*written, "commit what was written"] if written else ["nothing to write"]))
