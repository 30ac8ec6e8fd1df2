"""Columns of a table that belong to another one: half of its interval, and the rank that this leaves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd

Best = Literal["max", "min"]
HALF_INTERVAL, RANK = ", half interval", ", rank"  # ends of their titles; a CSV has them, page and LaTeX show them so


def list_columns(frame: pd.DataFrame) -> list[str]:
    """Those that stand for themselves."""
    columns = [str(column) for column in frame.columns]
    companions = {column + end for column in columns for end in (HALF_INTERVAL, RANK)}
    return [column for column in columns if column not in companions]


def list_half_intervals(frame: pd.DataFrame, column: str) -> list[float]:
    """One per row, NaN where the figure has none."""
    title = column + HALF_INTERVAL
    return frame[title].tolist() if title in frame else [math.nan] * len(frame)


def find_best(frame: pd.DataFrame, column: str, best: Best | None) -> list[bool]:
    """Which rows have the best value, before rounding; nowhere in a table of a single model.

    Where models have ranks, all of the first: what the images cannot tell from the highest is as good.
    """
    if best is None or ("model" in frame and frame["model"].nunique() < 2):
        return [False] * len(frame)
    if column + RANK in frame:
        return [bool(rank == 1) for rank in frame[column + RANK]]
    values = [float(value) if is_number(value) else math.nan for value in frame[column]]
    known = [value for value in values if math.isfinite(value)]
    top = (max if best == "max" else min)(known, default=math.nan)
    return [value == top for value in values]


def is_number(value: object) -> bool:
    """Whether there is a figure, and a finite one."""
    return isinstance(value, int | float) and math.isfinite(value)
