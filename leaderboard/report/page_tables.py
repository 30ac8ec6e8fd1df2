"""A table as the page shows it: fewer columns than its files have, heads in two rows, numbers rounded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from leaderboard.report.companions import find_best, is_number, list_columns, list_half_intervals
from leaderboard.report.tables import Table

LONGEST = 200  # rows of a table on the page; all of them are in its CSV


@dataclass(frozen=True)
class Cell:
    """One value of a table."""

    text: str
    is_best: bool = False
    is_number: bool = False
    interval: str = ""  # "± 0.046"


@dataclass(frozen=True)
class TableView:
    """A table, ready to be written."""

    name: str
    caption: str
    groups: tuple[tuple[str, int], ...]  # a head over so many columns; () when no column belongs to a model
    heads: tuple[tuple[str, bool], ...]  # title, whether numbers stand below
    rows: tuple[tuple[Cell, ...], ...]
    total: int  # rows, including those that are not shown


def view_table(table: Table, models: Sequence[str]) -> TableView:
    """Its first rows, the best value of a column marked before rounding.

    Args:
        table: as its files have it.
        models: in their order; a column "recall, 2 MODEL" stands below a head with the model's name.
    """
    columns = list_columns(table.frame)
    owners = [_split_title(column, models) for column in columns]
    runs = groupby(model for _, model in owners)
    cells = [_view_column(table, column) for column in columns]
    return TableView(
        table.name,
        table.caption,
        tuple((model, len(list(run))) for model, run in runs) if any(model for _, model in owners) else (),
        tuple((title, any(c.is_number for c in column)) for (title, _), column in zip(owners, cells, strict=True)),
        tuple(zip(*cells, strict=True)),
        len(table.frame),
    )


def _split_title(column: str, models: Sequence[str]) -> tuple[str, str]:
    """("recall", "MODEL") of a column that is one model's, else the column and nothing."""
    endings = {f", {number + 1} {model}": model for number, model in enumerate(models)}
    ending = max((ending for ending in endings if column.endswith(ending)), key=len, default="")
    return column.removesuffix(ending), endings.get(ending, "")


def _view_column(table: Table, column: str) -> list[Cell]:
    values = list(table.frame[column])
    best = find_best(table.frame, column, table.best.get(column))
    halves = list_half_intervals(table.frame, column)
    return [
        Cell(_format(value, column), win, isinstance(value, int | float), f"± {half:.3f}" if is_number(half) else "")
        for value, win, half in zip(values[:LONGEST], best, halves, strict=False)
    ]


def _format(value: object, column: str) -> str:
    """Three decimals; sizes in pixels, and from ten on every number, one at most."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if not isinstance(value, float):
        return str(value)
    if abs(value) >= 10 or column.endswith(("width", "height")):
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:.3f}"
