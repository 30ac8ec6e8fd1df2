"""What a data set's figures say, in words: what its images can resolve, and whether they tell who is best."""

from __future__ import annotations

from leaderboard.columns import title_of
from leaderboard.protocols import PROTOCOL_OF
from leaderboard.render.cells import MEASURED_DECIMALS, state_p
from leaderboard.rows import Row
from leaderboard.sections import Section
from leaderboard.standings import Standings
from leaderboard.statistics import Difference

ALONE = "A single model is no comparison: this says nothing about which model is better."
ROUGH = "Classes are small: by simulation these intervals are too narrow, so take them for a guess."
NEAR_ONE = "Figures near 1 have intervals that are too narrow: the few images that are named wrongly say little."
RIGID = "± 0.000 is no certainty: the images of a class fared alike, so nothing there could vary by chance."
NEAR = 0.98
MOST_NAMED = 4  # tied models that one sentence names


def describe_findings(section: Section) -> list[str]:
    """A sentence or two for a section with measured rows; none for a smoke test."""
    if not section.dataset.ranked:
        return []
    title = title_of(section.columns[0])
    samples = list_samples(section)
    if section.columns[0].evidence is None:
        return [f"{title} has no interval, so the order of the rows is no ranking: it may be chance.", *samples]
    if section.standings is None:
        return [f"No row can be compared: none is up to date and has {title}.", *samples]
    if len(section.standings.of) == 1:
        return [ALONE, *samples]
    resolution = describe_resolution(title, section.standings.resolution)
    return [f"{resolution} {describe_leaders(section)}", *list_doubts(section.standings), *samples]


def list_samples(section: Section) -> list[str]:
    """Which columns rest on a sample of the images: those of a large set. One sentence for each size of it."""
    titles: dict[int, list[str]] = {}
    for metric in section.columns:
        name = f"{PROTOCOL_OF[metric.name]}.queries"
        for asked in sorted({int(row.metrics[name]) for row in section.measured if name in row.metrics}):
            titles.setdefault(asked, []).append(title_of(metric))
    return [
        f"{', '.join(names)}: a fixed sample of {asked:,} of {section.dataset.images:,} images is asked, the same for "
        "every model; training sets and galleries are whole."
        for asked, names in titles.items()
    ]


def list_doubts(standings: Standings) -> list[str]:
    """Why the intervals may say less than they seem to."""
    doubts = {
        ROUGH: standings.is_rough,
        NEAR_ONE: any(standing.value > NEAR for standing in standings.of.values()),
        RIGID: any(standing.half_width == 0 for standing in standings.of.values()),
    }
    return [doubt for doubt, applies in doubts.items() if applies]


def describe_resolution(title: str, resolution: float | None, where: str = "two of these models compared alone") -> str:
    """The line that every data set has."""
    if resolution is None:
        return f"No resample changes a difference in {title}, so nothing says what these images can resolve."
    figure = f"{resolution:.{MEASURED_DECIMALS}f}"
    return f"**The smallest difference in {title} that these images can resolve is {figure}**, for {where}."


def describe_leaders(section: Section) -> str:
    """Who is the best, or whom these images cannot tell apart; of a section that ranks at least two models."""
    metric = section.columns[0].name
    best, *others = [row for row in section.measured if metric in row.standings]
    tied = [row for row in others if row.standings[metric].rank == 1]
    if not tied:
        second = others[0]
        lead = f"{_gap(second, metric)} above {_name(second, metric)}"
        return f"Best of the {len(others) + 1} compared is {_name(best, metric)}, {lead}."
    *names, last = [_name(row, metric) for row in (best, *tied)]
    listed = f"{', '.join(names)} and {last}"
    if len(tied) >= MOST_NAMED:
        listed = f"the first {len(tied) + 1}, from {names[0]} to {last},"
    which = "the difference is" if len(tied) == 1 else "from the first to the last it is"
    chance = _describe_chance(tied[-1].standings[metric].to_best, len(others) * (len(others) + 1) // 2)
    return f"These images cannot tell {listed} apart: {which} {_gap(tied[-1], metric)}{chance}."


def _describe_chance(difference: Difference, comparisons: int) -> str:
    """Where a difference is beyond its own interval, but not beyond what the largest of several may be."""
    if abs(difference.value) <= difference.half_width:
        return ""
    return f", which may be chance in one of {comparisons} pairs ({state_p(difference.p)})"


def _name(row: Row, metric: str) -> str:
    return f"{row.model.id} ({row.metrics[metric]:.{MEASURED_DECIMALS}f})"


def _gap(row: Row, metric: str) -> str:
    difference = row.standings[metric].to_best
    return f"{abs(difference.value):.{MEASURED_DECIMALS}f} ± {difference.half_width:.{MEASURED_DECIMALS}f}"
