"""What a data set's figures say, in words: what its images can resolve, and whether they tell who is best."""

from __future__ import annotations

from leaderboard.columns import title_of
from leaderboard.render.cells import MEASURED_DECIMALS
from leaderboard.render.rows import Row
from leaderboard.render.sections import Section

ROUGH = "Classes are small: by simulation these intervals are too narrow, so take them for a guess."


def describe_findings(section: Section) -> list[str]:
    """A sentence or two for a section with measured rows; none for a smoke test."""
    if not section.dataset.ranked:
        return []
    title = title_of(section.columns[0])
    if section.columns[0].evidence is None:
        return [f"{title} has no interval, so the order of the rows is no ranking: it may be chance."]
    if section.standings is None:
        return [f"No row can be compared: none is up to date and has {title}."]
    if section.standings.resolution is None:
        return ["A single model is no comparison: this says nothing about which model is better."]
    resolution = describe_resolution(title, section.standings.resolution)
    doubt = [ROUGH] if section.standings.is_rough else []
    return [f"**{resolution}** {_describe_leaders(section)}", *doubt]


def describe_resolution(title: str, resolution: float) -> str:
    """The line that every data set has."""
    return f"The smallest difference in {title} that these images can resolve is {resolution:.{MEASURED_DECIMALS}f}."


def _describe_leaders(section: Section) -> str:
    metric = section.columns[0].name
    best, *others = [row for row in section.measured if metric in row.standings]
    tied = [row for row in others if row.standings[metric].rank == 1]
    if not tied:
        second = others[0]
        return f"Best is {_name(best, metric)}, {_gap(second, metric)} above {_name(second, metric)}."
    *names, last = [_name(row, metric) for row in (best, *tied)]
    which = "the difference is" if len(tied) == 1 else "from the first to the last it is"
    p = f"p = {tied[-1].standings[metric].to_best.p:.2f} among {len(others)} comparison{'s' if len(others) > 1 else ''}"
    return f"These images cannot tell {', '.join(names)} and {last} apart: {which} {_gap(tied[-1], metric)} ({p})."


def _name(row: Row, metric: str) -> str:
    return f"{row.model.id} ({row.metrics[metric]:.{MEASURED_DECIMALS}f})"


def _gap(row: Row, metric: str) -> str:
    difference = row.standings[metric].to_best
    return f"{abs(difference.value):.{MEASURED_DECIMALS}f} ± {difference.half_width:.{MEASURED_DECIMALS}f}"
