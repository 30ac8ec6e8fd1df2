"""Rows of one data set, held against one another: who leads, who is tied, what the images can resolve."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isfinite, nan

from leaderboard.columns import columns_of, score_of
from leaderboard.protocols._parallel import compute_all
from leaderboard.records import Cell, DatasetSpec, Metric, Result, Status
from leaderboard.registry import Registry
from leaderboard.rows import Row, measured_row, missing_row, reported_rows
from leaderboard.standings import Standings, compute_all_standings


@dataclass(frozen=True)
class News:
    """What is known besides the stored results: of the last publication, and of a run."""

    arrows: Mapping[Cell, Mapping[str, str]] = field(default_factory=dict)  # cell -> metric -> improved or worse
    statuses: Mapping[Cell, tuple[Status, str]] = field(default_factory=dict)  # cell -> what a run made of it, and why

    def status_of(self, cell: Cell) -> Status:
        """What the run made of a cell; ok where it says nothing."""
        return self.statuses.get(cell, ("ok", ""))[0]


NO_NEWS = News()


@dataclass(frozen=True)
class Section:
    """A data set's part of the leaderboard."""

    dataset: DatasetSpec
    columns: Sequence[Metric]
    measured: Sequence[Row]  # best first; what is not compared below; last what a run could not measure
    reported: Sequence[Row]
    missing: Sequence[str]  # models without any figure
    standings: Standings | None  # by the first column; None: nothing to rank by
    by_metric: Mapping[str, Standings] = field(default_factory=dict)  # those of all columns that have any

    @property
    def is_ranked(self) -> bool:
        """Whether it has ranks to show."""
        return self.dataset.ranked and self.standings is not None


def compute_sections(registry: Registry, results: Sequence[Result], news: News = NO_NEWS) -> list[Section]:
    """A section per data set that has rows; smoke tests last. A data set per core at a time."""
    datasets = sorted(registry.datasets.values(), key=lambda dataset: not dataset.ranked)
    sections = compute_all(lambda dataset: compute_section(registry, dataset, results, news), datasets, "statistics")
    return [section for section in sections if section.measured or section.reported]


def narrow(registry: Registry, columns: Sequence[str] = (), datasets: Sequence[str] = ()) -> Registry:
    """With these data sets only (none: all), whose tables have these columns (none: each data set's own)."""
    chosen = {
        id_: replace(dataset, columns=tuple(columns) or dataset.columns)
        for id_, dataset in registry.datasets.items()
        if not datasets or id_ in datasets
    }
    return replace(registry, datasets=chosen)


def compute_section(
    registry: Registry, dataset: DatasetSpec, results: Sequence[Result], news: News = NO_NEWS
) -> Section:
    """One data set's rows, with intervals, ranks and arrows where there are any."""
    columns = columns_of(dataset)
    here = {result.model: result for result in results if result.dataset == dataset.id}
    rows = assess_rows(registry, dataset, results)
    standings = _compute_standings([here[model] for model, row in rows.items() if row.is_comparable], columns)
    rows = {model: _place(row, standings, news, Cell(model, dataset.id)) for model, row in rows.items()}
    reported = reported_rows(registry, dataset)
    unmeasured = [model for model in registry.models if model not in rows]
    tried = [model for model in unmeasured if news.status_of(Cell(model, dataset.id)) != "ok"]
    gone = [missing_row(registry.models[model], *news.statuses[Cell(model, dataset.id)]) for model in tried]
    shown = {*tried, *(row.model.id for row in reported)}
    return Section(
        dataset,
        columns,
        measured=[*_sort(rows.values(), columns[0]), *gone],
        reported=reported,
        missing=[model for model in unmeasured if model not in shown],
        standings=standings.get(columns[0].name),
        by_metric=standings,
    )


def assess_rows(registry: Registry, dataset: DatasetSpec, results: Sequence[Result]) -> dict[str, Row]:
    """Model -> its stored cell of a data set, with what keeps it from being compared with the others; by model."""
    ours = [r for r in results if r.dataset == dataset.id and r.model in registry.models]
    ours.sort(key=lambda result: result.model)  # equal figures: no word depends on the order of files
    return _set_apart_other_tests({r.model: measured_row(registry.models[r.model], dataset, r) for r in ours})


def _set_apart_other_tests(rows: Mapping[str, Row]) -> dict[str, Row]:
    """Two people may have measured on different images, or a library may have split them otherwise.

    The most common ones count.
    """
    tests = Counter(row.tested_on for row in rows.values() if row.is_comparable)
    common = tests.most_common(1)[0][0] if tests else ""
    return {
        model: replace(row, notes=("other images or test sets",))
        if row.is_comparable and row.tested_on != common
        else row
        for model, row in rows.items()
    }


def _compute_standings(results: Sequence[Result], columns: Sequence[Metric]) -> dict[str, Standings]:
    having = {metric.name: _having(results, metric) for metric in columns if metric.evidence is not None}
    return compute_all_standings({metric: own for metric, own in having.items() if own})


def _having(results: Sequence[Result], metric: Metric) -> list[Result]:
    return [result for result in results if isfinite(result.metrics.get(metric.name, nan))]


def _place(row: Row, standings: Mapping[str, Standings], news: News, cell: Cell) -> Row:
    own = {metric: table.of[cell.model] for metric, table in standings.items() if cell.model in table.of}
    status = news.status_of(cell)
    last_run = None if status == "ok" else status
    arrows = news.arrows.get(cell, {}) if row.is_comparable else {}
    return replace(row, standings=own, arrows=arrows, last_run=last_run)


def _sort(rows: Iterable[Row], first: Metric) -> list[Row]:
    """Tie groups together, else on unrounded values; what is not comparable, or has no such figure, stands below."""

    def place(row: Row) -> tuple[bool, int, float, str]:
        score, standing = score_of(row.metrics, first), row.standings.get(first.name)
        below = not row.is_comparable or score == -inf
        return below, standing.rank if standing else 0, -score, row.model.id

    return sorted(rows, key=place)
