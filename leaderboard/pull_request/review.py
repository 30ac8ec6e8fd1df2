"""What measuring a pull request's models again says: of its cells, and of the leaderboard that it would make. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from leaderboard.agreement import find_disagreement
from leaderboard.changes import Change, by_cell, compute_changes
from leaderboard.columns import columns_of
from leaderboard.pull_request.changed import RESULT, Changed
from leaderboard.pull_request.sides import Sides
from leaderboard.records import Cell, DatasetSpec, Result, Status
from leaderboard.registry import Registry
from leaderboard.standings import find_contradiction

Outcomes = Mapping[Cell, tuple[Status, str]]  # cell -> what a run made of it, and why


@dataclass(frozen=True)
class Measured:
    """What a run gave."""

    results: Sequence[Result] = ()
    outcomes: Outcomes = field(default_factory=dict)
    notes: Sequence[str] = ()  # what its reader found strange


@dataclass(frozen=True)
class ReviewedCell:
    """One cell of the pull request, measured again."""

    cell: Cell
    status: Status
    reason: str  # of a cell that was not measured
    disagreement: str = ""  # with the result that the pull request carries
    is_carried: bool = True  # whether it carries one
    missed: tuple[str, ...] = ()  # thresholds that the figures do not reach


@dataclass(frozen=True)
class Review:
    """Everything that a reviewer is told."""

    changed: Changed
    cells: Sequence[ReviewedCell]
    unmeasured: Sequence[str]  # models of which no run has said anything
    changes: Sequence[Change]  # of the leaderboard, if this is merged
    base: str  # the state that they are against, in words
    unchecked: Sequence[Cell] = ()  # whose figures the pull request carries, and that were not measured again
    notes: Sequence[str] = ()  # what was found strange in what the run gave, or in what the pull request carries

    @property
    def problems(self) -> list[str]:
        """Why this should not be merged as it is, a line each; empty when nothing speaks against it."""
        found = []
        for one in self.cells:
            if one.status != "ok":
                found.append(f"{one.cell}: {one.status}: {one.reason}")
            found += [f"{one.cell}: {problem}" for problem in (one.disagreement, *one.missed) if problem]
        return [*found, *(f"{model}: not measured" for model in self.unmeasured), *self.notes]


def narrow(changed: Changed, model: str) -> Changed:
    """As far as one model is concerned."""
    reasons = {id_: why for id_, why in changed.reasons.items() if id_ == model}
    return replace(changed, reasons=reasons, gated=[id_ for id_ in changed.gated if id_ == model], removed=())


def narrow_measured(measured: Measured, model: str) -> Measured:
    """What a run gave for one model."""
    results = [result for result in measured.results if result.model == model]
    outcomes = {cell: outcome for cell, outcome in measured.outcomes.items() if cell.model == model}
    return replace(measured, results=results, outcomes=outcomes)


def compute_review(
    sides: Sides, changed: Changed, measured: Measured, published: Sequence[Result], base: str
) -> Review:
    """Hold what was measured against what the pull request carries, and against what is published.

    Args:
        sides: the pull request.
        changed: which models it concerns.
        measured: those of them that were measured again.
        published: results of the branch that it would be merged into.
        base: that branch, in words.
    """
    cells = _review_cells(sides.after.registry, sides.after.results, measured)
    told = {one.cell for one in cells}
    seen = {cell.model for cell in told}
    carried = _find_carried(sides)
    merged = _merge(published, measured.results, carried, changed, sides.after.registry)
    return Review(
        changed=changed,
        cells=cells,
        unmeasured=[model for model in changed.open if model not in seen],
        changes=compute_changes(published, merged, sides.after.registry),
        base=base,
        unchecked=[cell for cell, result in carried.items() if result and cell not in told],
        notes=measured.notes,
    )


def _review_cells(registry: Registry, carried: Sequence[Result], measured: Measured) -> list[ReviewedCell]:
    stored, now = by_cell(carried), by_cell(measured.results)
    outcomes: dict[Cell, tuple[Status, str]] = dict.fromkeys(now, ("ok", "")) | dict(measured.outcomes)
    return [
        _review_cell(registry, cell, *outcomes[cell], stored.get(cell), now.get(cell))
        for cell in sorted(outcomes, key=lambda cell: (cell.model, cell.dataset))
        if cell.dataset in registry.datasets and cell.model in registry.models
    ]


def _review_cell(
    registry: Registry, cell: Cell, status: Status, reason: str, stored: Result | None, now: Result | None
) -> ReviewedCell:
    if now is None:
        lost = "no result file of it came along" if status == "ok" else reason
        return ReviewedCell(cell, "error" if status == "ok" else status, lost, is_carried=stored is not None)
    dataset = registry.datasets[cell.dataset]
    disagreement = _find_forgery(stored, now, dataset) if stored else ""
    missed = _find_missed(registry.models[cell.model].thresholds.get(cell.dataset, {}), now)
    return ReviewedCell(cell, "ok", "", disagreement, stored is not None, tuple(missed))


def _find_forgery(stored: Result, now: Result, dataset: DatasetSpec) -> str:
    """What shows that a carried result was not measured so: its own outcomes, or measuring it again."""
    columns = [metric.name for metric in columns_of(dataset)]
    return find_contradiction(stored, columns) or find_disagreement(stored, now, tolerance=dataset.tolerance)


def _find_missed(floors: Mapping[str, float], result: Result) -> list[str]:
    """NaN and a figure that is not there reach no floor."""
    values = {name: result.metrics.get(name, float("nan")) for name in floors}
    return [
        f"{name} is {values[name]:.4f}, below its threshold {floors[name]:g}"
        for name in floors
        if not values[name] >= floors[name]
    ]


def _find_carried(sides: Sides) -> dict[Cell, Result | None]:
    """Cells whose file the pull request adds, edits or (None) takes away."""
    stored = by_cell(sides.after.results)
    sound = (file for file in sides.files if file not in sides.after.damaged)
    found = [match for match in map(RESULT.fullmatch, sound) if match]
    return {cell: stored.get(cell) for cell in (Cell(match["model"], match["dataset"]) for match in found)}


def _merge(
    published: Sequence[Result],
    measured: Sequence[Result],
    carried: Mapping[Cell, Result | None],
    changed: Changed,
    registry: Registry,
) -> list[Result]:
    """The results as they would be: the files that come along; elsewhere what was measured, if it is another figure."""
    merged: dict[Cell, Result | None] = {**by_cell(published), **carried}
    for cell, result in by_cell(measured).items():
        older = merged.get(cell)
        if carried.get(cell) is not None:
            continue
        if older is None or find_disagreement(older, result, tolerance=_tolerance(registry, cell)):
            merged[cell] = result
    return [result for cell, result in merged.items() if result and cell.model not in changed.removed]


def _tolerance(registry: Registry, cell: Cell) -> float:
    dataset: DatasetSpec | None = registry.datasets.get(cell.dataset)
    return dataset.tolerance if dataset else 0.0
