"""What became of the cells of one run: the table at its end, and the same as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tabulate import tabulate

from leaderboard.protocols import HEADLINES
from leaderboard.records import Cell, Outcome, Result, Status
from leaderboard.registry import Registry
from leaderboard.staleness import why_stale

TITLES = [metric.title for metric in HEADLINES.values()]


def render_outcomes(outcomes: Sequence[Outcome], registry: Registry) -> str:
    """The table of what was measured, how many cells that is, and each reason once for what was not."""
    measured = [outcome for outcome in outcomes if outcome.result is not None]
    lines = [_table(measured)] if measured else []
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
        return "stale" if why_stale(result, spec, registry.dataset(cell.dataset)) else "ok"
    return "reported" if cell.dataset in spec.reported else None


def _devices(outcomes: Sequence[Outcome]) -> str:
    devices = {str(o.result.provenance.environment["device"]) for o in outcomes if o.result}
    return f" on {', '.join(sorted(devices))}" if devices else ""


def _table(outcomes: Sequence[Outcome]) -> str:
    head = ["data set", "model", *TITLES, "dimension"]
    ordered = sorted(outcomes, key=_dataset_then_best)
    body = [
        [o.cell.dataset, o.cell.model, *(f"{o.result.metrics[name]:.3f}" for name in HEADLINES), o.result.dimension]
        for o in ordered
        if o.result
    ]
    return tabulate(body, head, tablefmt="github", disable_numparse=True)


def _dataset_then_best(outcome: Outcome) -> tuple[str, float]:
    assert outcome.result is not None  # only measured cells come here
    return outcome.cell.dataset, -outcome.result.metrics[next(iter(HEADLINES))]


def _by_reason(outcomes: Sequence[Outcome]) -> dict[tuple[Status, str], list[str]]:
    reasons: dict[tuple[Status, str], list[str]] = {}
    for outcome in outcomes:
        reasons.setdefault((outcome.status, outcome.reason), []).append(str(outcome.cell))
    return reasons
