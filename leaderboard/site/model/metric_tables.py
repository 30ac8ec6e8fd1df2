"""Every metric of a result file as compact tables, a protocol each; nothing is rounded away. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from leaderboard.protocols import PROTOCOL_OF
from leaderboard.render.cells import MEASURED_DECIMALS, MISSING, describe_number

AT = re.compile(r"(?P<score>\w+)_at_(?P<row>\d+)")
STD = "_std"


@dataclass(frozen=True)
class Figure:
    """A cell: what is shown, and what is stored."""

    text: str
    exact: str  # empty: nothing is stored


@dataclass(frozen=True)
class MetricTable:
    """The figures of one protocol that have the same scores."""

    protocol: str
    pattern: str  # how a metric's name is put together of row and column
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[Figure, ...]]  # by what stands in the row's head


def tabulate_all(metrics: Mapping[str, float], decimals: Mapping[str, int] | None = None) -> list[MetricTable]:
    """All of them, protocols and scores in the order of the file.

    Args:
        metrics: name -> figure; one with ``_std`` at its end stands beside the figure that it belongs to.
        decimals: name -> how many are written; None: as of measured figures, the stored one beside it.
    """
    groups: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
    for name in metrics:
        if name.endswith(STD) and name.removesuffix(STD) in metrics:
            continue
        pattern, row, score = _take_apart(name)
        protocol = PROTOCOL_OF.get(name, name.partition(".")[0])
        groups.setdefault((protocol, pattern), {}).setdefault(row, {})[score] = name
    return [_fill(*key, rows, metrics, decimals) for key, rows in groups.items()]


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


def _fill(
    protocol: str,
    pattern: str,
    rows: Mapping[str, Mapping[str, str]],
    metrics: Mapping[str, float],
    decimals: Mapping[str, int] | None,
) -> MetricTable:
    columns = tuple(dict.fromkeys(score for row in rows.values() for score in row))
    cells = {
        row: tuple(_describe(names.get(score, ""), metrics, decimals) for score in columns)
        for row, names in rows.items()
    }
    return MetricTable(protocol, pattern, columns, cells)


def _describe(name: str, metrics: Mapping[str, float], decimals: Mapping[str, int] | None) -> Figure:
    if name not in metrics:
        return Figure(MISSING, "")
    if decimals is not None:
        return Figure(describe_number(metrics[name], decimals.get(name, 0)), "")
    value, spread = metrics[name], metrics.get(name + STD)
    text, exact = _write(value), repr(value)
    if spread is None:
        return Figure(text, exact)
    return Figure(f"{text} ± {_write(spread)}", f"{exact} ± {spread!r}")


def _write(value: float) -> str:
    """Whole numbers as such: folds and clusters are counted."""
    return f"{value:.0f}" if abs(value) >= 2 and value == round(value) else describe_number(value, MEASURED_DECIMALS)
