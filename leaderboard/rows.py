"""Results and reported figures -> rows of a data set's table; nothing is compared here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from leaderboard.columns import columns_of, score_of
from leaderboard.ranking import Standing
from leaderboard.records import DatasetSpec, Metric, ModelSpec, Preprocessing, Reported, Result, Status
from leaderboard.registry import Registry
from leaderboard.staleness import is_pinned_in, why_stale
from leaderboard.standings import find_contradiction, identify_tests


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    model: ModelSpec
    metrics: Mapping[str, float]
    parameters: int | None
    dimension: int
    preprocessing: Mapping[str, Any] | str
    pooling: str | None
    status: Status | None = "ok"  # None: nobody has measured it, or reported figures
    notes: tuple[str, ...] = ()  # about the status, and why it is not compared with the others
    tested_on: str = ""  # digest of images, labels and test sets
    standings: Mapping[str, Standing] = field(default_factory=dict)  # metric -> where it stands; none: not compared
    arrows: Mapping[str, str] = field(default_factory=dict)  # metric -> "improved" or "worse", as last published
    last_run: Status | None = None  # what the run at hand made of a cell that an earlier one measured
    speed: Mapping[str, Any] | None = None
    weights: str = ""  # where they are from
    is_pinned: bool = True  # whether the entry fixes which weights are meant
    source: str = ""  # of reported figures
    decimals: Mapping[str, int] = field(default_factory=dict)  # of reported figures, as their authors gave them

    @property
    def remarks(self) -> str:
        """Why it has its status, or is not compared with others; empty where there is nothing to say."""
        return "; ".join([*self.notes, *([f"{self.last_run} in this run"] if self.last_run else [])])

    @property
    def is_comparable(self) -> bool:
        """Whether its figures may be held against those of other rows."""
        return self.status == "ok" and not self.notes


def measured_row(spec: ModelSpec, dataset: DatasetSpec, result: Result) -> Row:
    """A stored cell, with its status and what sets it apart."""
    model = result.provenance.inputs["model"]
    status, notes = _assess(spec, dataset, result)
    weights = model["weights"]
    revision = weights.get("revision") or weights.get("sha256") or ""
    return Row(
        model=spec,
        metrics=result.metrics,
        parameters=result.parameters,
        dimension=result.dimension,
        preprocessing=model["preprocessing"],
        pooling=model["pooling"],
        status=status,
        notes=tuple(notes),
        tested_on=identify_tests(result, [metric.name for metric in columns_of(dataset)]),
        speed=result.speed,
        weights=f"{weights['source']} {revision[:12]}".strip(),
        is_pinned=is_pinned_in(result, spec),
    )


def _assess(spec: ModelSpec, dataset: DatasetSpec, result: Result) -> tuple[Status, list[str]]:
    notes = []
    if result.left_out:
        count = len(result.left_out)
        notes.append(f"{count} unreadable image{'s' if count > 1 else ''} left out")
    if (dtype := result.provenance.inputs["model"]["dtype"]) != "float32":
        notes.append(str(dtype))
    if changed := why_stale(result, spec, dataset):
        return "stale", [f"{', '.join(changed)} changed", *notes]
    if contradiction := find_contradiction(result, [metric.name for metric in columns_of(dataset)]):
        return "corrupt", [contradiction, *notes]
    return "ok", notes


def missing_row(spec: ModelSpec, status: Status | None, reason: str) -> Row:
    """A cell without a figure."""
    return Row(spec, {}, None, spec.dimension, _declared(spec), spec.pooling, status, (reason,) if reason else ())


def reported_rows(registry: Registry, dataset: DatasetSpec) -> list[Row]:
    """Figures that others published for the table's columns, in the order of models.yaml: shown, never ranked."""
    shown = {metric.name for metric in columns_of(dataset)}
    found = [(spec, spec.reported[dataset.id]) for spec in registry.models.values() if dataset.id in spec.reported]
    return [_reported(spec, figures, registry) for spec, figures in found if shown & figures.metrics.keys()]


def sort_reported(rows: Sequence[Row], columns: Sequence[Metric]) -> list[Row]:
    """Best first by the first column in which any of them has a figure; equal ones, and those without it, as given."""
    shown = [metric for metric in columns if any(metric.name in row.metrics for row in rows)]
    return sorted(rows, key=lambda row: -score_of(row.metrics, shown[0])) if shown else list(rows)


def _reported(spec: ModelSpec, figures: Reported, registry: Registry) -> Row:
    return Row(
        model=spec,
        metrics=figures.metrics,
        parameters=figures.parameters,
        dimension=spec.dimension,
        preprocessing=_declared(spec),
        pooling=spec.pooling,
        status="reported",
        weights=" ".join(str(source) for source in spec.sources[:1]),
        is_pinned=all(source.is_pinned for source in spec.sources),
        source=figures.source,
        decimals=_decimals_in(figures.source, registry),
    )


def _declared(spec: ModelSpec) -> Mapping[str, Any] | str:
    return asdict(spec.preprocessing) if isinstance(spec.preprocessing, Preprocessing) else spec.preprocessing


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
