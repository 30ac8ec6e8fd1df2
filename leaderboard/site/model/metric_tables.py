"""Every metric of a result file as compact tables, a protocol each. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from leaderboard.protocols import PROTOCOL_OF
from leaderboard.render.cells import JOINED, MEASURED_DECIMALS, MISSING, describe_number

AT = re.compile(r"(?P<score>\w+)_at_(?P<row>\d+)")
STD = "_std"
Names = tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """Where the metrics of one protocol that have the same scores stand: names by row and column."""

    pattern: str  # how a metric's name is put together of row and column
    columns: Names
    rows: Mapping[str, Names]  # by what stands in the row's head; an empty name where there is none
    has_spreads: bool  # whether standard deviations stand beside figures


@dataclass(frozen=True)
class MetricTable:
    """A layout filled in."""

    pattern: str
    columns: Names
    rows: Mapping[str, Sequence[str]]
    has_spreads: bool  # whether standard deviations stand beside figures, in brackets


def tabulate_all(metrics: Mapping[str, float], decimals: Mapping[str, int] | None = None) -> list[MetricTable]:
    """All of them, protocols and scores in the order of the file.

    Args:
        metrics: name -> figure; one with ``_std`` at its end stands in brackets beside the figure that it belongs to.
        decimals: name -> how many are written; None: as of measured figures.
    """
    return [_fill(layout, metrics, decimals) for layout in _lay_out(tuple(metrics))]


@lru_cache(maxsize=64)  # cells of the same protocols have the same names
def _lay_out(names: Names) -> list[Layout]:
    groups: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
    for name in names:
        if name.endswith(STD) and name.removesuffix(STD) in names:
            continue
        pattern, row, score = _take_apart(name)
        protocol = PROTOCOL_OF.get(name, name.partition(".")[0])
        groups.setdefault((protocol, pattern), {}).setdefault(row, {})[score] = name
    spread = {name.removesuffix(STD) for name in names if name.endswith(STD)}
    return [_arrange(pattern, rows, spread) for (_, pattern), rows in groups.items()]


def _take_apart(name: str) -> tuple[str, str, str]:
    """The pattern of a name, and what stands in it for the row and the column."""
    *path, score = name.split(".")
    if at := AT.fullmatch(score):
        return f"{path[0]}.COLUMN_at_ROW", at["row"], at["score"]
    if len(path) > 2:
        return f"{path[0]}.{path[1]}.ROW.COLUMN", ".".join(path[2:]), score
    if len(path) == 2:
        return f"{path[0]}.ROW.COLUMN", path[1], score
    if re.fullmatch(r"knn\d+", path[0]):
        return "ROW.COLUMN", path[0], score
    return f"{path[0]}.ROW", score, "value"


def _arrange(pattern: str, rows: Mapping[str, Mapping[str, str]], spread: set[str]) -> Layout:
    columns = tuple(dict.fromkeys(score for row in rows.values() for score in row))
    cells = {row: tuple(names.get(score, "") for score in columns) for row, names in rows.items()}
    return Layout(pattern, columns, cells, any(name in spread for names in cells.values() for name in names))


def _fill(layout: Layout, metrics: Mapping[str, float], decimals: Mapping[str, int] | None) -> MetricTable:
    rows = {row: [_describe(name, metrics, decimals) for name in names] for row, names in layout.rows.items()}
    return MetricTable(layout.pattern, layout.columns, rows, layout.has_spreads)


def _describe(name: str, metrics: Mapping[str, float], decimals: Mapping[str, int] | None) -> str:
    if not name:
        return MISSING
    digits = None if decimals is None else decimals.get(name, 0)
    spread = metrics.get(name + STD)
    figure = _write(metrics[name], digits)
    return figure if spread is None else f"{figure}{JOINED}({_write(spread, digits)})"


def _write(value: float, digits: int | None) -> str:
    """Whole numbers of ours as such: folds and clusters are counted."""
    if digits is None and abs(value) >= 2 and value == round(value):
        return f"{value:.0f}"
    return describe_number(value, MEASURED_DECIMALS if digits is None else digits)
