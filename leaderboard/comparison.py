"""Several models on one data set, held against a baseline: figures, differences, what would settle them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan

from leaderboard.errors import LeaderboardError
from leaderboard.evidence import gather_from
from leaderboard.records import DatasetSpec, Result
from leaderboard.registry import Registry
from leaderboard.rows import Row
from leaderboard.sections import assess_rows
from leaderboard.settling import Settling, compute_images_to_settle
from leaderboard.standings import Standings, place_models
from leaderboard.statistics import Difference, Resampled, compare, resample


@dataclass(frozen=True)
class Comparison:
    """Models of one data set against one of them, best first."""

    dataset: DatasetSpec
    standings: Standings
    images: int
    classes: int
    baseline: str
    is_chosen: bool  # the baseline, beforehand; else it is the best
    differences: Mapping[str, Difference]  # of all but the baseline
    to_settle: Mapping[str, Settling | None]  # of those that are not told from it
    left_out: Mapping[str, str]  # model -> why it is not compared


def compute_comparison(
    registry: Registry,
    dataset: DatasetSpec,
    results: Sequence[Result],
    *,
    metric: str,
    models: Sequence[str] = (),
    baseline: str | None = None,
) -> Comparison:
    """Stored cells of a data set, compared.

    Args:
        registry: of the models.
        dataset: whose cells.
        results: of any data sets.
        metric: one with evidence.
        models: ids; none: all that are measured there.
        baseline: a model's id, whether among ``models`` or not; None: the best of them.

    Raises:
        LeaderboardError: a model is not measured there, or nothing is left to compare.
    """
    here = {result.model: result for result in results if result.dataset == dataset.id}
    wanted = [*models, *([baseline] if baseline else [])]
    check_measured(results, dataset, wanted)
    rows = assess_rows(registry, replace(dataset, columns=(metric,)), list(here.values()))
    shown = [row for model, row in rows.items() if not models or model in wanted]
    usable = [row for row in shown if _is_usable(row, metric)]
    chosen = [row.model.id for row in sorted(usable, key=lambda row: -row.metrics[metric])]
    left_out = {row.model.id: _explain(row, metric) for row in shown if row not in usable}
    broken = next((model for model in (*wanted, *([] if chosen else left_out)) if model in left_out), None)
    if broken is not None:
        raise LeaderboardError(f"{broken} on {dataset.id} cannot be compared ({left_out[broken]}); measure it again")
    return _compare([here[model] for model in chosen], dataset, metric, baseline, left_out)


def check_measured(results: Sequence[Result], dataset: DatasetSpec, wanted: Sequence[str] = ()) -> None:
    """Make sure that something is measured on a data set, these models among it.

    Raises:
        LeaderboardError: nothing is, or one of them is not.
    """
    here = {result.model for result in results if result.dataset == dataset.id}
    missing = next((model for model in wanted if model not in here), None)
    if not here:
        raise LeaderboardError(f"nothing is measured on {dataset.id}; measure it with `pytest -k {dataset.id}` first")
    if missing is not None:
        raise LeaderboardError(f"{missing} is not measured on {dataset.id}; measured there: {', '.join(sorted(here))}")


def _is_usable(row: Row, metric: str) -> bool:
    return row.is_comparable and isfinite(row.metrics.get(metric, nan))


def _explain(row: Row, metric: str) -> str:
    return f"it has no {metric}" if row.is_comparable else f"{row.status}: {row.remarks}"


def _compare(
    results: Sequence[Result], dataset: DatasetSpec, metric: str, baseline: str | None, left_out: Mapping[str, str]
) -> Comparison:
    """The first of the results is the best."""
    models, figures = [result.model for result in results], gather_from(results, metric)
    resampled = resample(figures)
    standings = place_models(models, metric, figures, resampled)
    differences = _compare_to(resampled, models, baseline) if baseline else _compare_to_best(standings, models[0])
    against = results[models.index(baseline or models[0])]
    open_ones = [r for r in results if r.model in differences and not differences[r.model].is_resolved]
    return Comparison(
        dataset,
        standings,
        images=len(against.labels),
        classes=len(set(against.labels)),
        baseline=against.model,
        is_chosen=baseline is not None,
        differences=differences,
        to_settle={result.model: _settle(result, against, metric) for result in open_ones},
        left_out=left_out,
    )


def _compare_to(resampled: Resampled, models: Sequence[str], baseline: str) -> dict[str, Difference]:
    others = [place for place, model in enumerate(models) if model != baseline]
    found = compare(resampled, models.index(baseline), others)
    return {models[other]: difference for other, difference in zip(others, found, strict=True)}


def _compare_to_best(standings: Standings, best: str) -> dict[str, Difference]:
    return {model: standing.to_best for model, standing in standings.of.items() if model != best}


def _settle(one: Result, other: Result, metric: str) -> Settling | None:
    return compute_images_to_settle(gather_from([one, other], metric))
