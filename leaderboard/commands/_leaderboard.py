"""Which leaderboard a command is about: the clone's, or that of a folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from leaderboard.errors import LeaderboardError
from leaderboard.registry import Registry


def add_folder_option(parser: argparse.ArgumentParser) -> None:
    """Declare it."""
    text = "folder with results/ (default: the clone's)"
    parser.add_argument("--leaderboard-dir", type=Path, metavar="DIR", help=text)


def find_folder(options: argparse.Namespace, registry: Registry) -> Path:
    """The folder that holds results/.

    Raises:
        LeaderboardError: the one that was given does not exist.
    """
    given: Path | None = options.leaderboard_dir
    if given is not None and not given.is_dir():
        raise LeaderboardError(f"--leaderboard-dir {given} is not a folder; correct it, or leave it for the clone's")
    return (given or registry.leaderboard_dir).resolve()
