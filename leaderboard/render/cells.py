"""What stands in a cell of a table: figures, words and links, as markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from tabulate import tabulate

from leaderboard.ranking import Standing
from leaderboard.records import Metric
from leaderboard.rows import Row
from leaderboard.statistics import LEVEL

MISSING = "–"
MARK = "†"  # something is said of the row below its table
JOINED = "\N{NO-BREAK SPACE}"
MEASURED_DECIMALS = 3
LEAST_P = 0.001  # smaller ones are only said to be smaller
ARROWS = {"improved": "↑", "worse": "↓"}
TEXT = {"Model", "Input, pooling", "Licence", "Status", "Weights"}  # columns that stand to the left


def markdown_table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """A pipe table; words stand to the left, figures to the right."""
    align = ["left" if title in TEXT else "right" for title in head]
    return tabulate(body, head, tablefmt="github", colalign=align, disable_numparse=True) + "\n"


def describe_figure(row: Row, metric: Metric) -> str:
    """Value, half of its interval where it has one, and an arrow where it really changed; nothing for a corrupt cell.

    On one line, however narrow the screen.
    """
    if row.status == "corrupt":
        return MISSING
    value = describe_number(row.metrics.get(metric.name), MEASURED_DECIMALS)
    if standing := row.standings.get(metric.name):
        value += f"{JOINED}±{JOINED}{standing.half_width:.{MEASURED_DECIMALS}f}"
    return JOINED.join(filter(None, [value, ARROWS.get(row.arrows.get(metric.name, ""))]))


def describe_rank(standing: Standing | None) -> str:
    """The rank of its tie group, with a sign where the group has several models."""
    if standing is None:
        return MISSING
    return f"{standing.rank}=" if standing.tied > 1 else str(standing.rank)


def describe_ranks(standing: Standing | None) -> str:
    """The ranks that its comparisons with all others allow."""
    if standing is None:
        return MISSING
    best, worst = standing.ranks
    return str(best) if best == worst else f"{best}–{worst}"


def describe_place(standing: Standing | None) -> str:
    """The rank, and where they are several, the ranks that are open: ``1= (1–2)``."""
    rank, ranks = describe_rank(standing), describe_ranks(standing)
    return rank if ranks.isdecimal() or standing is None else f"{rank}{JOINED}({ranks})"


def describe_status(row: Row) -> str:
    """One of the words of records.Status, with a sign where there is more to say."""
    return (row.status or MISSING) + (f"{JOINED}{MARK}" if row.remarks else "")


def describe_links(row: Row) -> str:
    """Where the weights are, and whether the entry fixes which they are."""
    links = " ".join(f"[{name}]({url})" for name, url in row.model.links.items())
    return escape(links or row.weights or MISSING) + ("" if row.is_pinned else " (unpinned)")


def describe_input(pooling: str | None, preprocessing: Mapping[str, Any] | str) -> str:
    """Preprocessing and pooling in a few words: they are part of what was measured."""
    words = [pooling] if pooling else []
    if isinstance(preprocessing, str):
        return ", ".join(["its own", *words])
    size, crop = preprocessing["resize"], preprocessing["crop"]
    resize = f"shorter side {size}" if isinstance(size, int) else "×".join(map(str, size))
    crops = [f"crop {crop}"] if crop else []
    return ", ".join([resize, *crops, preprocessing["interpolation"], *words])


def escape(value: str) -> str:
    """A cell's text: a pipe would end the cell, a line break the row."""
    return " ".join(value.replace("|", "\\|").split())


def describe_number(value: float | None, digits: int) -> str:
    """A figure, or the sign that there is none."""
    return MISSING if value is None or not isfinite(value) else f"{value:.{digits}f}"


def describe_millions(count: int | None) -> str:
    """A number of parameters."""
    return MISSING if count is None else f"{count / 1e6:.3g}M" if count else "0"


def describe_p(p: float) -> str:
    """A chance with three digits, so that it never stands on the other side of 0.05 than its verdict."""
    if p < LEAST_P:
        return f"< {LEAST_P}"
    shown = f"{p:.3f}"
    return f"< {LEVEL}" if p < LEVEL <= float(shown) else shown


def state_p(p: float) -> str:
    """The same in a sentence, on one line: ``p = 0.070``."""
    shown = describe_p(p)
    return (f"p {shown}" if shown.startswith("<") else f"p = {shown}").replace(" ", JOINED)
