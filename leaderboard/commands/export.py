"""Write every figure, measured and reported, as one tidy table: CSV or parquet."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from leaderboard.commands._leaderboard import add_folder_option, find_folder
from leaderboard.errors import LeaderboardError, printable
from leaderboard.registry import load_registry

if TYPE_CHECKING:
    import pandas as pd

EXAMPLE = "export metrics.csv metrics.parquet"
SUFFIXES = (".csv", ".parquet")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=f"to write: {' or '.join(SUFFIXES)}")
    add_folder_option(parser)


def run(options: argparse.Namespace) -> None:
    """Tabulate once, and write each file."""
    from leaderboard.exports import check_parquet, tabulate_metrics
    from leaderboard.paths import replacing
    from leaderboard.sections import compute_sections
    from leaderboard.states import load_folder

    if wrong := next((file for file in options.files if file.suffix not in SUFFIXES), None):
        raise LeaderboardError(f"{printable(str(wrong))}: a table ends in {' or '.join(SUFFIXES)}; choose one of them")
    if any(file.suffix == ".parquet" for file in options.files):
        check_parquet()
    registry = load_registry(options.root)
    results = load_folder(find_folder(options, registry)).results
    frame = tabulate_metrics(registry, results, compute_sections(registry, results))
    _say_what_is_left_out(len(results), frame)
    for file in options.files:
        with replacing(file) as temporary:
            temporary.write_bytes(_writers()[file.suffix](frame))
        print(f"{printable(str(file))}: {_count(frame)}")


def _writers() -> Mapping[str, Callable[[pd.DataFrame], bytes]]:
    from leaderboard.exports import to_csv, to_parquet

    return dict(zip(SUFFIXES, (to_csv, to_parquet), strict=True))


def _count(frame: pd.DataFrame) -> str:
    reported = int((frame["status"] == "reported").sum())
    return f"{len(frame) - reported} measured figures of {_count_cells(frame)} cells, {reported} reported ones"


def _count_cells(frame: pd.DataFrame) -> int:
    return len(frame.loc[frame["status"] != "reported", ["dataset", "model"]].drop_duplicates())


def _say_what_is_left_out(stored: int, frame: pd.DataFrame) -> None:
    if left_out := stored - _count_cells(frame):
        said = f"{left_out} stored cell{'s' if left_out > 1 else ''} left out: no entry in models.yaml or datasets.yaml"
        print(said, file=sys.stderr)
