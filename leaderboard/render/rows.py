"""Results and reported figures -> rows of a data set's table, ranked on unrounded values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from math import inf, isfinite
from typing import Any

from leaderboard.protocols import HEADLINES, METRICS
from leaderboard.records import DatasetSpec, Metric, ModelSpec, Preprocessing, Reported, Result
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
    weights: str = ""  # where they are from
    is_pinned: bool = True  # whether the entry fixes which weights are meant
    source: str = ""  # of reported figures
    decimals: Mapping[str, int] = field(default_factory=dict)  # of reported figures, as their authors gave them


def columns_of(dataset: DatasetSpec) -> list[Metric]:
    """What a data set's table shows: its entry's columns, else the headline metrics. The first one ranks."""
    return [METRICS[name] for name in dataset.columns or HEADLINES]


def title_of(metric: Metric) -> str:
    """What stands above its column."""
    return metric.title or metric.name


def score_of(metrics: Mapping[str, float], metric: Metric) -> float:
    """A figure so that more is better, whichever way the metric goes; -inf where there is none or it has no way."""
    value = metrics.get(metric.name, -inf)
    if not isfinite(value) or metric.higher_is_better is None:
        return -inf
    return value if metric.higher_is_better else -value


def measured_rows(registry: Registry, dataset: DatasetSpec, results: Sequence[Result]) -> list[Row]:
    """Measured cells, best first; what cannot be compared stands below, without a rank and with the reason."""
    models = registry.models
    rows = [_measured(models[r.model], dataset, r) for r in results if r.dataset == dataset.id and r.model in models]
    first = columns_of(dataset)[0]
    rows.sort(key=lambda row: (not _is_comparable(row, first), -score_of(row.metrics, first), row.model.id))
    return [_ranked(row, rows, first) if dataset.ranked else row for row in rows]


def _is_comparable(row: Row, metric: Metric) -> bool:
    return not row.notes and score_of(row.metrics, metric) > -inf


def _ranked(row: Row, rows: Sequence[Row], metric: Metric) -> Row:
    if not _is_comparable(row, metric):
        return row
    own = score_of(row.metrics, metric)
    better = sum(_is_comparable(other, metric) and score_of(other.metrics, metric) > own for other in rows)
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
        weights=f"{weights['source']} {revision[:12]}".strip(),
        is_pinned=is_pinned_in(result, spec),
    )


def reported_rows(registry: Registry, dataset: DatasetSpec) -> list[Row]:
    """Figures that others published for the table's columns, in the order of models.yaml: shown, never ranked."""
    shown = {metric.name for metric in columns_of(dataset)}
    found = [(spec, spec.reported[dataset.id]) for spec in registry.models.values() if dataset.id in spec.reported]
    return [_reported(spec, figures, registry) for spec, figures in found if shown & figures.metrics.keys()]


def _reported(spec: ModelSpec, figures: Reported, registry: Registry) -> Row:
    return Row(
        model=spec,
        metrics=figures.metrics,
        parameters=figures.parameters,
        dimension=spec.dimension,
        preprocessing=asdict(p) if isinstance(p := spec.preprocessing, Preprocessing) else p,
        pooling=spec.pooling,
        weights=" ".join(str(source) for source in spec.sources[:1]),
        is_pinned=all(source.is_pinned for source in spec.sources),
        source=figures.source,
        decimals=_decimals_in(figures.source, registry),
    )


def _decimals_in(source: str, registry: Registry) -> dict[str, int]:
    """Metric -> how many decimals a source gives its figure: 0.711 beside 0.8104 was rounded to four as well."""
    every = [figures for spec in registry.models.values() for figures in spec.reported.values()]
    values = [item for figures in every if figures.source == source for item in figures.metrics.items()]
    most: dict[str, int] = {}
    for name, value in values:
        figure = name.rpartition(".")[2]
        most[figure] = max(most.get(figure, 0), count_decimals([value]))
    return {name: most[name.rpartition(".")[2]] for name, _ in values}


def count_decimals(values: Iterable[float]) -> int:
    """Digits after the point that write all of these out."""
    exponents = [Decimal(repr(float(value))).normalize().as_tuple().exponent for value in values]
    return max(0, *(-exponent for exponent in exponents if isinstance(exponent, int)))


def describe_licence(spec: ModelSpec) -> str:
    """The licence, and what it asks to be shown."""
    return "; ".join(filter(None, [spec.licence or "not stated", spec.notice]))


def describe_data_licence(dataset: DatasetSpec) -> str:
    """The licence of the images, or what is known of it."""
    return dataset.licence or f"licence not {'verified' if 'licence' in dataset.unverified else 'stated'}"
