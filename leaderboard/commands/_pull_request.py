"""What the commands about a pull request share: which one it is."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from leaderboard.errors import LeaderboardError
from leaderboard.registry import load_registry

if TYPE_CHECKING:
    from leaderboard.pull_request.sides import Sides


def add_base_option(parser: argparse.ArgumentParser) -> None:
    """Declare it."""
    text = "what the pull request is against: a branch or a commit (default: origin/main, else main)"
    parser.add_argument("--base", metavar="REF", help=text)


def load_proposed(root: Path | None, base: str | None) -> Sides:
    """The work tree, and the commit where it left the base.

    Raises:
        LeaderboardError: no clone, no such base, or a file that cannot be read.
    """
    from leaderboard.pull_request.sides import find_default_base, load_sides

    registry = load_registry(root)
    if not registry.is_clone:
        raise LeaderboardError("an installed package has nothing to propose; run in a clone, or pass --root")
    return load_sides(registry, base or find_default_base(registry.root))


def append_to(variable: str, text: str) -> None:
    """Add to the file that a runner of GitHub names in its environment.

    Raises:
        LeaderboardError: it names none.
    """
    place = os.environ.get(variable)
    if not place:
        raise LeaderboardError(f"${variable} is not set: a runner of GitHub sets it; leave the option away elsewhere")
    with Path(place).open("a", encoding="utf-8") as file:
        file.write(text)
