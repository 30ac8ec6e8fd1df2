"""Floors that follow from a model's figures: as low as the images cannot tell from what was measured.

A measured figure gives its value minus what its data set can resolve; one that others reported gives 0.01 less, and
is marked as a claim until the model is measured.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from math import floor, isfinite, nan, sqrt

from leaderboard.changes import compute_half_width_of
from leaderboard.columns import columns_of
from leaderboard.errors import LeaderboardError
from leaderboard.protocols import METRICS
from leaderboard.records import DatasetSpec, Metric, ModelSpec, Result
from leaderboard.registry import Registry
from leaderboard.result_files import load_result
from leaderboard.rows import Row
from leaderboard.sections import assess_rows
from leaderboard.standings import resample_results
from leaderboard.statistics import compute_resolution
from leaderboard.yaml_edit import set_block

STEPS = 1000  # floors are whole thousandths
CLAIMED = Decimal("0.01")  # that a floor is below a reported figure
UNRESOLVED = 0.05  # taken for the resolution where nothing tells it
CLAIM_COMMENT = "  # claims: 0.01 below the reported figures"
LONGEST = 120  # characters of a line

Floors = Mapping[str, float]  # metric -> floor


@dataclass(frozen=True)
class Written:
    """The floors of one cell, as they were written."""

    dataset: str
    floors: Floors
    is_claim: bool = False


def list_floor_metrics(dataset: DatasetSpec) -> list[Metric]:
    """The columns of a data set's table that can have floors: those of which more is better."""
    return [metric for metric in columns_of(dataset) if metric.higher_is_better is True]


def find_resolution(results: Sequence[Result], dataset: str, metric: str, *, model: str) -> float:
    """The smallest difference in a figure that the images of a data set can resolve.

    Where fewer than two models have it: the half width of the model's own interval times sqrt(2), as of a difference
    of two such figures that know nothing of each other. Where it has none: 0.05.

    Args:
        results: fresh ones; those of the data set are comparable with one another.
        dataset: its id.
        metric: the figure.
        model: whose figure it is.
    """
    here = [one for one in results if one.dataset == dataset and isfinite(one.metrics.get(metric, nan))]
    if len(here) > 1 and METRICS[metric].evidence is not None:
        resolution = compute_resolution(resample_results(here, metric))
        if resolution is not None:
            return resolution
    own = next((one for one in here if one.model == model), None)
    half_width = compute_half_width_of(own, METRICS[metric])
    return UNRESOLVED if half_width is None else half_width * sqrt(2)


def compute_floors(
    registry: Registry, results: Sequence[Result], model: str, datasets: Collection[str] | None = None
) -> dict[str, dict[str, float]]:
    """The floors that a model's stored cells give: data set -> metric -> floor, in thousandths, from 0.

    Args:
        registry: with the model's entry.
        results: of the data sets, the other models' too.
        model: its id.
        datasets: only these; None: all.

    A cell that is stale or corrupt gives none; a data set without any floor is left out.
    """
    found = {
        id_: _compute_floors_on(registry, dataset, results, model)
        for id_, dataset in registry.datasets.items()
        if datasets is None or id_ in datasets
    }
    return {id_: floors for id_, floors in found.items() if floors}


def _compute_floors_on(
    registry: Registry, dataset: DatasetSpec, results: Sequence[Result], model: str
) -> dict[str, float]:
    here = {result.model: result for result in results if result.dataset == dataset.id}
    rows = assess_rows(registry, dataset, list(here.values()))
    if model not in rows or rows[model].status != "ok":
        return {}
    compared = [here[other] for other in _choose_comparable(rows, model)]
    floors = {}
    for metric in list_floor_metrics(dataset):
        value = here[model].metrics.get(metric.name, nan)
        if 0 <= value <= 1:  # NaN is not
            floors[metric.name] = _lower(value, find_resolution(compared, dataset.id, metric.name, model=model))
    return floors


def _choose_comparable(rows: Mapping[str, Row], model: str) -> list[str]:
    """The models that a model can be held against, itself too; itself alone where it stands apart."""
    return [other for other, row in rows.items() if row.is_comparable] if rows[model].is_comparable else [model]


def _lower(value: float, resolution: float) -> float:
    """In whole thousandths, so that a re-measurement which differs in its last digits gives the same."""
    return max(0, floor((value - resolution) * STEPS)) / STEPS


def compute_claims(spec: ModelSpec, registry: Registry) -> dict[str, dict[str, float]]:
    """The floors that reported figures give: 0.01 below each column of a data set's table that lies in [0, 1]."""
    claims = {}
    for id_, reported in spec.reported.items():
        names = [metric.name for metric in list_floor_metrics(registry.dataset(id_))]
        shares = {name: reported.metrics[name] for name in names if 0 <= reported.metrics.get(name, nan) <= 1}
        if shares:
            claims[id_] = {name: _claim(value) for name, value in shares.items()}
    return claims


def _claim(value: float) -> float:
    """Exact in decimals: 0.78 gives 0.77."""
    return float(max(Decimal(0), (Decimal(repr(value)) - CLAIMED).quantize(Decimal("0.0001"), ROUND_FLOOR)))


# ---- into models.yaml


def plan_thresholds(registry: Registry, model: str, datasets: Collection[str] | None = None) -> list[Written]:
    """What to write for a model, from its stored results and its reported figures; measured ones replace claims.

    Raises:
        LeaderboardError: no such model, or a damaged result file.
    """
    spec = registry.model(model)
    measured = compute_floors(registry, load_results_beside(registry, model), model, datasets)
    claims = {id_: floors for id_, floors in compute_claims(spec, registry).items() if id_ not in measured}
    planned = [Written(id_, _with_kept(spec, registry, id_, floors)) for id_, floors in measured.items()]
    return planned + [Written(id_, own, True) for id_, own in claims.items() if datasets is None or id_ in datasets]


def load_results_beside(registry: Registry, model: str) -> list[Result]:
    """Every stored cell of the data sets that a model has cells of."""
    folders = sorted(path.parent for path in registry.results_dir.glob(f"*/{model}.json"))
    return [load_result(path) for folder in folders for path in sorted(folder.glob("*.json"))]


def _with_kept(spec: ModelSpec, registry: Registry, dataset: str, floors: Floors) -> Floors:
    """With the floors that somebody has set for figures which are no columns."""
    columns = {metric.name for metric in columns_of(registry.dataset(dataset))}
    kept = {name: value for name, value in spec.thresholds.get(dataset, {}).items() if name not in columns}
    return {**floors, **kept}


def set_thresholds(text: str, spec: ModelSpec, planned: Sequence[Written]) -> str:
    """The text of models.yaml with the floors of these cells replaced or added; those of other cells stay."""
    try:
        for written in planned:
            text = set_block(text, (spec.id, "thresholds", written.dataset), _lines(written))
    except (KeyError, LeaderboardError):  # there are none yet, or they stand in braces: written anew
        old = [Written(id_, floors) for id_, floors in spec.thresholds.items()]
        every = {written.dataset: written for written in [*old, *planned]}
        lines = [f"  {line}" for written in every.values() for line in _lines(written)]
        return set_block(text, (spec.id, "thresholds"), ["thresholds:", *lines])
    return text


def _lines(written: Written) -> list[str]:
    """On one line where there is room for it below ``thresholds:``."""
    comment = CLAIM_COMMENT if written.is_claim else ""
    figures = [f"{name}: {value:g}" for name, value in written.floors.items()]
    line = f"{written.dataset}: {{{', '.join(figures)}}}{comment}"
    if len(line) <= LONGEST - 4:
        return [line]
    return [f"{written.dataset}:{comment}", *(f"  {figure}" for figure in figures)]


def describe_thresholds(model: str, planned: Sequence[Written]) -> str:
    """What was written, a line per cell."""
    return "\n".join(f"{model}: {_describe(written)}" for written in planned)


def _describe(written: Written) -> str:
    figures = ", ".join(f"{name} {value:g}" for name, value in written.floors.items())
    return f"{written.dataset}: {'claims' if written.is_claim else 'floors'}: {figures}"
