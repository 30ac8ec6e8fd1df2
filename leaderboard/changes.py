"""What changed between two states of results/, and whether the images can tell: paired differences. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Literal

from leaderboard.agreement import ROUNDING
from leaderboard.columns import columns_of
from leaderboard.errors import LeaderboardError
from leaderboard.plain import plain
from leaderboard.protocols import HEADLINES, PROTOCOL_OF
from leaderboard.records import Cell, Metric, Result
from leaderboard.registry import Registry
from leaderboard.standings import resample_results
from leaderboard.statistics import Difference, adjust_holm, compare

Verdict = Literal["worse", "improved", "unresolved", "not comparable", "no interval", "new", "removed"]
Kind = Literal["changed", "new", "removed", "unchanged"]
PARTS = ("classes", "labels", "specimens", "left_out", "outcomes")  # of a result, on which its figures rest


@dataclass(frozen=True)
class FigureChange:
    """What became of one headline figure of a cell."""

    metric: Metric
    before: float | None
    after: float | None
    verdict: Verdict
    half_width: float | None = None  # of the interval of the figure after
    difference: Difference | None = None  # after minus before; p adjusted for all comparisons of the two states
    reason: str = ""  # why the two cannot be compared


@dataclass(frozen=True)
class Change:
    """What became of one cell."""

    cell: Cell
    kind: Kind  # as its headline figures are
    figures: tuple[FigureChange, ...] = ()  # the changed ones only
    elsewhere: tuple[str, ...] = ()  # what else changed that the table does not show: parts of the file, metrics


def compute_changes(before: Sequence[Result], after: Sequence[Result], registry: Registry) -> list[Change]:
    """What became of every cell of either state, sorted by data set and model.

    Both versions of a changed cell are resampled together, so that a difference is that on the same images. A cell
    needs no entry in models.yaml; a data set without one in datasets.yaml is compared by the headline metrics.
    """
    old, new = by_cell(before), by_cell(after)
    cells = sorted({*old, *new}, key=lambda cell: (cell.dataset, cell.model))
    return _judge([_compare_cell(cell, old.get(cell), new.get(cell), registry) for cell in cells])


def headlines_of(registry: Registry, dataset_id: str) -> list[Metric]:
    """The figures by which cells of a data set are compared: what its table shows."""
    dataset = registry.datasets.get(dataset_id)
    return columns_of(dataset) if dataset else list(HEADLINES.values())


def figure_of(result: Result | None, metric: Metric) -> float | None:
    """A figure of a cell, if it is there and a number."""
    value = result.metrics.get(metric.name) if result else None
    return value if value is not None and isfinite(value) else None


def compute_half_width_of(result: Result | None, metric: Metric) -> float | None:
    """Half of the interval of a cell's figure; None where none can be computed."""
    if figure_of(result, metric) is None or result is None or metric.evidence is None:
        return None
    try:
        resampled = resample_results([result], metric.name)
    except LeaderboardError:
        return None
    return float(resampled.half_widths[0]) if _follows(resampled.values, [result], metric) else None


def by_cell(results: Iterable[Result]) -> dict[Cell, Result]:
    """Each result by its cell."""
    return {Cell(result.model, result.dataset): result for result in results}


def _compare_cell(cell: Cell, old: Result | None, new: Result | None, registry: Registry) -> Change:
    metrics = headlines_of(registry, cell.dataset)
    differ = [metric for metric in metrics if figure_of(old, metric) != figure_of(new, metric)]
    figures = tuple(_compare_figure(metric, old, new) for metric in differ)
    if old is None or new is None:
        return Change(cell, "new" if old is None else "removed", figures)
    return Change(cell, "changed" if figures else "unchanged", figures, _list_elsewhere(old, new, metrics))


def _list_elsewhere(old: Result, new: Result, shown: Sequence[Metric]) -> tuple[str, ...]:
    before, after = plain(old.metrics), plain(new.metrics)
    hidden = {**before, **after}.keys() - {metric.name for metric in shown}
    figures = sorted(name for name in hidden if before.get(name) != after.get(name))
    parts = [name for name in PARTS if plain(getattr(old, name)) != plain(getattr(new, name))]
    return (*parts, *(["inputs"] if plain(old.provenance.inputs) != plain(new.provenance.inputs) else []), *figures)


def _compare_figure(metric: Metric, old: Result | None, new: Result | None) -> FigureChange:
    before, after = figure_of(old, metric), figure_of(new, metric)
    if old is None or new is None or before is None or after is None:
        verdict: Verdict = "new" if before is None else "removed"
        return FigureChange(metric, before, after, verdict, compute_half_width_of(new, metric))
    if reason := "; ".join(_why_not_comparable(old, new, metric)):
        half_width = compute_half_width_of(new, metric)
        return FigureChange(metric, before, after, "not comparable", half_width, reason=reason)
    if metric.evidence is None:
        return FigureChange(metric, before, after, "no interval")
    return _compare_on_same_images(metric, old, new)


def _compare_on_same_images(metric: Metric, old: Result, new: Result) -> FigureChange:
    found = FigureChange(metric, figure_of(old, metric), figure_of(new, metric), "not comparable")
    try:
        resampled = resample_results([old, new], metric.name)
    except LeaderboardError as error:
        return replace(found, reason=str(error).partition("; ")[0], half_width=compute_half_width_of(new, metric))
    if not _follows(resampled.values, [old, new], metric):
        return replace(found, reason="a stored figure does not follow from its stored outcomes")
    (difference,) = compare(resampled, 0, [1])
    return replace(
        found, verdict="unresolved", half_width=float(resampled.half_widths[1]), difference=difference
    )  # until p is adjusted


def _follows(values: Iterable[float], results: Sequence[Result], metric: Metric) -> bool:
    """Whether stored figures are those that the outcomes give: an edited one has no interval."""
    stored = [result.metrics[metric.name] for result in results]
    return all(abs(value - figure) <= ROUNDING for value, figure in zip(values, stored, strict=True))


def _why_not_comparable(old: Result, new: Result, metric: Metric) -> Iterator[str]:
    """What else than the model differs between two versions of a cell."""
    before, after = old.provenance.inputs, new.provenance.inputs
    if before.get("dataset") != after.get("dataset"):
        yield "other images"
    elif list(old.left_out) != list(new.left_out):
        yield "other images left out"
    elif list(old.labels) != list(new.labels):
        yield "other labels"
    elif old.specimens != new.specimens:
        yield "images of other specimens"
    protocol = PROTOCOL_OF[metric.name]
    versions = [inputs.get("protocols", {}).get(protocol) for inputs in (before, after)]
    if versions[0] != versions[1]:
        yield f"protocol {protocol} was version {versions[0]}, is {versions[1]}"


def _judge(changes: Sequence[Change]) -> list[Change]:
    """With every p adjusted for all comparisons of the two states, and what follows from it."""
    differences = [figure.difference for change in changes for figure in change.figures if figure.difference]
    adjusted = iter(adjust_holm([difference.p for difference in differences]).tolist())
    return [
        replace(change, figures=tuple(_decide(figure, adjusted) for figure in change.figures)) for change in changes
    ]


def _decide(figure: FigureChange, adjusted: Iterator[float]) -> FigureChange:
    if figure.difference is None:
        return figure
    difference = replace(figure.difference, p=next(adjusted))
    if not difference.is_resolved:
        return replace(figure, difference=difference)
    is_higher_better = figure.metric.higher_is_better is not False
    verdict: Verdict = "improved" if (difference.value > 0) == is_higher_better else "worse"
    return replace(figure, difference=difference, verdict=verdict)
