"""What became of the cells of one run: the table at its end, and the same as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, nan

from tabulate import tabulate

from leaderboard.columns import columns_of, score_of, title_of
from leaderboard.records import Cell, DatasetSpec, Metric, Outcome, Result, Status
from leaderboard.registry import Registry
from leaderboard.render.cells import MISSING
from leaderboard.rows import measured_row


def render_outcomes(outcomes: Sequence[Outcome], registry: Registry) -> str:
    """The tables of what was measured, how many cells that is, and each reason once for what was not."""
    measured = [outcome for outcome in outcomes if outcome.result is not None]
    lines = ["\n\n".join(_tables(measured, registry))] if measured else []
    lines.append(f"{len(measured)} of {len(outcomes)} cells measured{_devices(measured)}")
    for (status, reason), cells in _by_reason([o for o in outcomes if o.status != "ok"]).items():
        word = "failed" if status == "error" else "skipped"
        lines.append(f"{word} ({status}) {', '.join(cells)}: {reason}")
    models = {outcome.cell.model for outcome in measured}
    lines += [f"{spec.id}: {spec.notice}" for spec in registry.models.values() if spec.notice and spec.id in models]
    return "\n".join(lines)


def describe_outcomes(
    outcomes: Sequence[Outcome], registry: Registry, stored: Mapping[Cell, Result]
) -> list[dict[str, str | None]]:
    """One mapping per cell: its status in this run, the reason, and what the table shows of it.

    Args:
        outcomes: of this run.
        registry: for what is reported, and what is stale.
        stored: the results as they are after the run.
    """
    return [
        {
            "model": outcome.cell.model,
            "dataset": outcome.cell.dataset,
            "status": outcome.status,
            "reason": outcome.reason,
            "shown": _shown(outcome.cell, registry, stored.get(outcome.cell)),
        }
        for outcome in outcomes
    ]


def _shown(cell: Cell, registry: Registry, result: Result | None) -> Status | None:
    """A measurement of this or an earlier run, up to date or not; else what others reported; else nothing."""
    spec = registry.model(cell.model)
    if result is not None:
        return measured_row(spec, registry.dataset(cell.dataset), result).status
    return "reported" if cell.dataset in spec.reported else None


def _devices(outcomes: Sequence[Outcome]) -> str:
    devices = {str(o.result.provenance.environment["device"]) for o in outcomes if o.result}
    return f" on {', '.join(sorted(devices))}" if devices else ""


def _tables(outcomes: Sequence[Outcome], registry: Registry) -> list[str]:
    """One for all data sets that have the same columns."""
    groups: dict[tuple[str, ...], list[DatasetSpec]] = {}
    for dataset in sorted({outcome.cell.dataset for outcome in outcomes}):
        spec = registry.dataset(dataset)
        groups.setdefault(spec.columns, []).append(spec)
    return [_table(outcomes, datasets, columns_of(datasets[0])) for datasets in groups.values()]


def _table(outcomes: Sequence[Outcome], datasets: Sequence[DatasetSpec], columns: Sequence[Metric]) -> str:
    body = []
    for dataset in datasets:
        here = [outcome.result for outcome in outcomes if outcome.cell.dataset == dataset.id and outcome.result]
        here.sort(key=lambda result: -score_of(result.metrics, columns[0]))
        body += [[dataset.id, r.model, *(_figure(r, metric) for metric in columns), r.dimension] for r in here]
    head = ["data set", "model", *map(title_of, columns), "dimension"]
    return tabulate(body, head, tablefmt="github", disable_numparse=True)


def _figure(result: Result, metric: Metric) -> str:
    value = result.metrics.get(metric.name, nan)
    return f"{value:.3f}" if isfinite(value) else MISSING


def _by_reason(outcomes: Sequence[Outcome]) -> dict[tuple[Status, str], list[str]]:
    reasons: dict[tuple[Status, str], list[str]] = {}
    for outcome in outcomes:
        reasons.setdefault((outcome.status, outcome.reason), []).append(str(outcome.cell))
    return reasons
