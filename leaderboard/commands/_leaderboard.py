"""Which leaderboard a command is about: the clone's, or that of a folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from leaderboard.registry import Registry


def add_folder_option(parser: argparse.ArgumentParser) -> None:
    """Declare it."""
    text = "folder with results/ (default: the clone's)"
    parser.add_argument("--leaderboard-dir", type=Path, metavar="DIR", help=text)


def find_folder(options: argparse.Namespace, registry: Registry) -> Path:
    """The folder that holds results/."""
    folder: Path = options.leaderboard_dir or registry.leaderboard_dir
    return folder.resolve()
