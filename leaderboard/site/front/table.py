"""A section as the front page shows it: what stands in every cell, and where it is drawn. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from leaderboard.columns import title_of
from leaderboard.records import DatasetSpec, Metric, ModelSpec
from leaderboard.render.findings import describe_findings, describe_resolution, list_doubts, list_samples
from leaderboard.render.notes import describe_counts, describe_sources, list_literature
from leaderboard.render.tables import describe_machine
from leaderboard.rows import Row, sort_reported
from leaderboard.sections import Section
from leaderboard.site.front.lines import Line, build_line, list_words, read_interval
from leaderboard.site.model.origins import select_cell
from leaderboard.site.scales import Scale, span

MOST_TICKS = 5


@dataclass(frozen=True)
class Head:
    """What stands above a column of figures."""

    key: str  # a metric's name; in addresses, too
    title: str
    is_falling: bool  # whether a first click sorts from high to low: the better ones come first
    has_intervals: bool  # whether some row has one


@dataclass(frozen=True)
class Missing:
    """A model that has no figures there, and nobody has tried."""

    id: str
    words: str  # that a search looks in
    command: str  # that measures it


@dataclass(frozen=True)
class Table:
    """One data set's part of the front page."""

    dataset: DatasetSpec
    is_ranked: bool
    drawn: Head  # the figure that is drawn: the ranking one, else the first that anybody has
    columns: Sequence[Head]  # the others
    scale: Scale
    band: tuple[float, float] | None  # percent: from what the images cannot tell from the best, to the best
    measured: Sequence[Line]
    reported: Sequence[Line]
    missing: Sequence[Missing]
    findings: Sequence[str]
    literature: Sequence[str]
    sources: str  # of reported figures
    machine: str  # that speeds are of; empty: nobody recorded any

    @property
    def has_pairs(self) -> bool:
        """Whether there are two rows to hold against each other."""
        return sum(line.is_compared for line in self.measured) > 1

    @property
    def width(self) -> int:
        """How many columns it has."""
        return sum((self.has_pairs, self.is_ranked, 2, len(self.columns), 1, bool(self.machine), 1))

    @property
    def counts(self) -> str:
        """Images, classes, licence of the images."""
        return describe_counts(self.dataset)

    @property
    def has_measured(self) -> bool:
        """Whether anybody has measured figures that are shown: not those that a run could not measure."""
        return any(line.has_figures for line in self.measured)

    @property
    def summary(self) -> str:
        """How many models are measured, in a few words."""
        if not self.dataset.ranked:
            return "no evidence"
        shown = Counter("stale" if line.status == "stale" else "measured" for line in self.measured if line.has_figures)
        return ", ".join(f"{shown[word]} {word}" for word in ("measured", "stale") if shown[word]) or "nothing measured"

    @property
    def ticks(self) -> list[float]:
        """Values to write at the scale: tenths, or every other one where there are many."""
        first, last = round(10 * self.scale.low), round(10 * self.scale.high)
        step = 2 if last - first > MOST_TICKS else 1
        return [tenth / 10 for tenth in range(first, last + 1) if tenth % step == 0]


def build_table(section: Section, models: Mapping[str, ModelSpec], *, is_told: bool = False) -> Table:
    """Everything of a section that the front page shows.

    Args:
        section: of a data set.
        models: all of the registry, by id.
        is_told: when the page has said already who is ahead.
    """
    rows = [*section.measured, *section.reported]
    drawn, *columns = _choose_columns(section.columns, rows)
    scale = span(
        (value, half or 0.0) for value, half in (read_interval(row, drawn) for row in rows) if value is not None
    )
    machine = _find_machine(section.measured)
    measured, reported = (
        _list_lines(own, section, (drawn, columns), machine)
        for own in (section.measured, sort_reported(section.reported, section.columns))
    )
    has_figures = any(line.has_figures for line in measured)
    return Table(
        dataset=section.dataset,
        is_ranked=section.is_ranked,
        drawn=_head(drawn, rows),
        columns=[_head(metric, rows) for metric in columns],
        scale=scale,
        band=_band(section, scale),
        measured=measured,
        reported=reported,
        missing=[_describe_missing(models[model], section.dataset, models) for model in section.missing],
        findings=_list_findings(section, is_told=is_told) if has_figures else [],
        literature=list_literature(section.dataset),
        sources=describe_sources(section.reported) if section.reported else "",
        machine=machine,
    )


def _describe_missing(model: ModelSpec, dataset: DatasetSpec, models: Mapping[str, ModelSpec]) -> Missing:
    return Missing(model.id, list_words(model), f'pytest -k "{select_cell(model.id, dataset.id, models)}"')


def _choose_columns(columns: Sequence[Metric], rows: Sequence[Row]) -> list[Metric]:
    """Those that some row has; of a data set where nobody has any, the first."""
    return [metric for metric in columns if any(metric.name in row.metrics for row in rows)] or list(columns[:1])


def _head(metric: Metric, rows: Sequence[Row]) -> Head:
    has_intervals = any(read_interval(row, metric)[1] is not None for row in rows)
    return Head(metric.name, title_of(metric), metric.higher_is_better is not False, has_intervals)


def _list_findings(section: Section, *, is_told: bool) -> list[str]:
    if not is_told or section.standings is None or len(section.standings.of) < 2:
        return describe_findings(section)
    resolution = describe_resolution(title_of(section.columns[0]), section.standings.resolution)
    return [resolution, *list_doubts(section.standings), *list_samples(section)]


def _band(section: Section, scale: Scale) -> tuple[float, float] | None:
    standings = section.standings
    if not section.is_ranked or standings is None or standings.resolution is None:
        return None
    best = max(standing.value for standing in standings.of.values())
    return scale.place(best - standings.resolution), scale.place(best)


def _find_machine(rows: Iterable[Row]) -> str:
    """The commonest one that speeds were recorded on: those of others cannot be compared with them."""
    machines = Counter(describe_machine(row.speed) for row in rows if row.speed and row.status == "ok")
    return machines.most_common(1)[0][0] if machines else ""


def _list_lines(
    rows: Sequence[Row], section: Section, columns: tuple[Metric, Sequence[Metric]], machine: str
) -> list[Line]:
    first = section.columns[0].name
    placed = [row.standings.get(first) if section.is_ranked else None for row in rows]
    groups: dict[int, list[str]] = {}
    for row, standing in zip(rows, placed, strict=True):
        if standing is not None:
            groups.setdefault(standing.rank, []).append(row.model.id)
    return [
        build_line(row, standing, groups[standing.rank] if standing else (), columns, machine)
        for row, standing in zip(rows, placed, strict=True)
    ]
