"""Write the leaderboard's tables from the stored results."""

from __future__ import annotations

import argparse
from pathlib import Path

from leaderboard.errors import LeaderboardError
from leaderboard.registry import load_registry

EXAMPLE = "render --check"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a table is out of date")
    parser.add_argument(
        "--leaderboard-dir", type=Path, metavar="DIR", help="folder with results/ (default: the clone's)"
    )


def run(options: argparse.Namespace) -> None:
    """Write or check the generated tables."""
    from leaderboard.publish import check_rendered, save_rendered

    registry = load_registry(options.root)
    folder: Path = (options.leaderboard_dir or registry.leaderboard_dir).resolve()
    if not (folder / "results").is_dir():
        raise LeaderboardError(f"{folder} has no results/; measure with pytest first, or pass --leaderboard-dir")
    if options.check:
        check_rendered(registry, folder)
        print("the tables are what the results give")
        return
    changed = save_rendered(registry, folder)
    print("\n".join(f"wrote {path}" for path in changed) or "nothing changed")
