"""Results and reported figures -> rows of a data set's table, ranked on unrounded values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from leaderboard.protocols import HEADLINES
from leaderboard.records import DatasetSpec, ModelSpec, Preprocessing, Result
from leaderboard.registry import Registry
from leaderboard.staleness import is_pinned_in, why_stale


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    model: ModelSpec
    metrics: Mapping[str, float]
    parameters: int | None
    dimension: int
    preprocessing: Mapping[str, Any] | str
    pooling: str | None
    images_per_second: float | None = None
    rank: int | None = None  # None: not comparable with the others
    notes: tuple[str, ...] = ()
    source: str = ""  # of the weights, or of the reported figures
    is_pinned: bool = True  # whether the entry fixes which weights are meant


def measured_rows(registry: Registry, dataset: DatasetSpec, results: Sequence[Result]) -> list[Row]:
    """Measured cells, best first; what cannot be compared stands below, without a rank and with the reason."""
    models = registry.models
    rows = [_measured(models[r.model], dataset, r) for r in results if r.dataset == dataset.id and r.model in models]
    first = next(iter(HEADLINES))
    rows.sort(key=lambda row: (bool(row.notes), -row.metrics[first], row.model.id))
    return [_ranked(row, rows, first) if dataset.ranked else row for row in rows]


def _ranked(row: Row, rows: Sequence[Row], metric: str) -> Row:
    if row.notes:
        return row
    better = sum(not other.notes and other.metrics[metric] > row.metrics[metric] for other in rows)
    return replace(row, rank=better + 1)


def _measured(spec: ModelSpec, dataset: DatasetSpec, result: Result) -> Row:
    model = result.provenance.inputs["model"]
    notes = [f"stale: {', '.join(changed)} changed"] if (changed := why_stale(result, spec, dataset)) else []
    if result.left_out:
        notes.append(f"{len(result.left_out)} unreadable images left out")
    if model["dtype"] != "float32":
        notes.append(str(model["dtype"]))
    weights = model["weights"]
    revision = weights.get("revision") or weights.get("sha256") or ""
    return Row(
        model=spec,
        metrics=result.metrics,
        parameters=result.parameters,
        dimension=result.dimension,
        preprocessing=model["preprocessing"],
        pooling=model["pooling"],
        images_per_second=(result.speed or {}).get("images_per_second"),
        notes=tuple(notes),
        source=f"{weights['source']} {revision[:12]}".strip(),
        is_pinned=is_pinned_in(result, spec),
    )


def reported_rows(registry: Registry, dataset: DatasetSpec) -> list[Row]:
    """Figures that others published, in the order of models.yaml: shown, never ranked."""
    return [
        Row(
            model=spec,
            metrics=reported.metrics,
            parameters=reported.parameters,
            dimension=spec.dimension,
            preprocessing=asdict(p) if isinstance(p := spec.preprocessing, Preprocessing) else p,
            pooling=spec.pooling,
            source=reported.source,
            is_pinned=all(source.is_pinned for source in spec.sources),
        )
        for spec in registry.models.values()
        if (reported := spec.reported.get(dataset.id))
    ]


def describe_licence(spec: ModelSpec) -> str:
    """The licence, and what it asks to be shown."""
    return "; ".join(filter(None, [spec.licence or "not stated", spec.notice]))
