"""Several models on one data set, held against a baseline: figures, differences, verdicts in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan

from tabulate import tabulate

from leaderboard.columns import title_of
from leaderboard.errors import LeaderboardError
from leaderboard.evidence import gather_from
from leaderboard.protocols import METRICS
from leaderboard.records import DatasetSpec, Result
from leaderboard.registry import Registry
from leaderboard.render.cells import MEASURED_DECIMALS, describe_rank, describe_ranks, describe_status, escape
from leaderboard.render.findings import describe_resolution
from leaderboard.render.rows import Row
from leaderboard.render.sections import compute_section
from leaderboard.settling import POWER, RATIOS, Settling, compute_images_to_settle
from leaderboard.standings import resample_results
from leaderboard.statistics import Difference, Resampled, Standing, compare, compute_resolution, compute_standings

HEAD = ("Rank", "Ranks", "Model", "Difference", "p", "Verdict")
TEXT = ("Model", "Verdict")  # columns that stand to the left
CAVEAT = f"""\
These are images to be named: a guide for planning, for two models compared alone and a chance of {100 * POWER:.0f} %.
Galleries and training sets would grow with them, which changes the figures themselves."""


@dataclass(frozen=True)
class Comparison:
    """Models of one data set against one of them, best first."""

    dataset: DatasetSpec
    metric: str
    images: int
    classes: int
    baseline: str
    standings: Mapping[str, Standing]
    differences: Mapping[str, Difference]  # of all but the baseline
    to_settle: Mapping[str, Settling | None]  # of those that are not told from it
    resolution: float | None
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
    _check_measured([*models, *([baseline] if baseline else [])], here, dataset)
    section = compute_section(registry, replace(dataset, columns=(metric,)), list(here.values()))
    shown = {*models, baseline} if models else set(here)
    rows = [row for row in section.measured if row.model.id in shown]
    chosen = [row.model.id for row in rows if _is_usable(row, metric)]
    left_out = {row.model.id: _explain(row, metric) for row in rows if row.model.id not in chosen}
    if not chosen or (baseline in left_out):
        broken = baseline if baseline in left_out else next(iter(left_out), "")
        raise LeaderboardError(
            f"{broken} on {dataset.id} cannot be compared ({left_out.get(broken)}); measure it again"
        )
    return _compare([here[model] for model in chosen], dataset, metric, baseline or chosen[0], left_out)


def _check_measured(wanted: Sequence[str], here: Mapping[str, Result], dataset: DatasetSpec) -> None:
    missing = next((model for model in wanted if model not in here), None)
    if not here:
        raise LeaderboardError(f"nothing is measured on {dataset.id}; measure it with `pytest -k {dataset.id}` first")
    if missing is not None:
        raise LeaderboardError(f"{missing} is not measured on {dataset.id}; measured there: {', '.join(sorted(here))}")


def _is_usable(row: Row, metric: str) -> bool:
    return row.is_comparable and isfinite(row.metrics.get(metric, nan))


def _explain(row: Row, metric: str) -> str:
    return f"it has no {metric}" if row.is_comparable else describe_status(row)


def _compare(
    results: Sequence[Result], dataset: DatasetSpec, metric: str, baseline: str, left_out: Mapping[str, str]
) -> Comparison:
    models = [result.model for result in results]
    resampled = resample_results(results, metric)
    differences = _compare_to(resampled, models, baseline)
    against = results[models.index(baseline)]
    open_ones = [r for r in results if r.model in differences and not differences[r.model].is_resolved]
    return Comparison(
        dataset,
        metric,
        images=len(against.labels),
        classes=len(set(against.labels)),
        baseline=baseline,
        standings=dict(zip(models, compute_standings(resampled), strict=True)),
        differences=differences,
        to_settle={result.model: _settle(result, against, metric) for result in open_ones},
        resolution=compute_resolution(resampled),
        left_out=left_out,
    )


def _compare_to(resampled: Resampled, models: Sequence[str], baseline: str) -> dict[str, Difference]:
    others = [place for place, model in enumerate(models) if model != baseline]
    found = compare(resampled, models.index(baseline), others)
    return {models[other]: difference for other, difference in zip(others, found, strict=True)}


def _settle(one: Result, other: Result, metric: str) -> Settling | None:
    return compute_images_to_settle(gather_from([one, other], metric))


# ---- in words


def render_comparison(comparison: Comparison) -> str:
    """A table that a terminal shows in 100 columns, and below it what is open and what was left out."""
    title = title_of(METRICS[comparison.metric])
    parts = [_head(comparison, title), _table(comparison, title)]
    if comparison.resolution is None:
        parts.append("A single model is no comparison: this says nothing about which model is better.")
    else:
        parts.append(describe_resolution(title, comparison.resolution))
    if comparison.to_settle:
        parts.append(_settling(comparison))
    parts += [f"{model} is not compared: {reason}." for model, reason in comparison.left_out.items()]
    return "\n\n".join(parts)


def _head(comparison: Comparison, title: str) -> str:
    count = f"{comparison.images} images, {comparison.classes} classes"
    text = f"## {comparison.dataset.id}, {title}: {count}\n\nDifferences are to {comparison.baseline}; "
    text += "± is half of a 95 % interval, p is Holm's for the comparisons shown."
    return (
        text if comparison.dataset.ranked else text + "\nA smoke test on drawn images: no evidence about real fossils."
    )


def _table(comparison: Comparison, title: str) -> str:
    """Without ranks for a smoke test."""
    first = 0 if comparison.dataset.ranked else 2
    head = [*HEAD[:3], title, *HEAD[3:]][first:]
    body = [_line(comparison, model, standing)[first:] for model, standing in comparison.standings.items()]
    align = ["left" if word in TEXT else "right" for word in head]
    return tabulate(body, head, tablefmt="github", colalign=align, disable_numparse=True)


def _line(comparison: Comparison, model: str, standing: Standing) -> list[str]:
    difference = comparison.differences.get(model)
    start = [describe_rank(standing), describe_ranks(standing), escape(model), _figure(standing, sign="")]
    if difference is None:
        return [*start, "", "", "the baseline"]
    return [*start, _figure(difference, sign="+"), _describe_p(difference.p), _describe_verdict(difference)]


def _figure(shown: Standing | Difference, *, sign: str) -> str:
    return f"{shown.value:{sign}.{MEASURED_DECIMALS}f} ± {shown.half_width:.{MEASURED_DECIMALS}f}".replace("-", "−")


def _describe_p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _describe_verdict(difference: Difference) -> str:
    if not difference.is_resolved:
        return "not told apart"
    return "better" if difference.value > 0 else "worse"


def _settling(comparison: Comparison) -> str:
    lines = [f"- {model}: {_describe_settling(comparison, model)}" for model in comparison.to_settle]
    head = f"Images that would settle what is open against {comparison.baseline}:"
    return "\n".join([head, "", *lines, "", CAVEAT])


def _describe_settling(comparison: Comparison, model: str) -> str:
    settling = comparison.to_settle[model]
    if settling is None:
        same = comparison.differences[model].value == 0
        return "no number would do, the figures are equal" if same else f"more than {RATIOS[-1]} times as many"
    if settling.ratio == 1:
        return f"{settling}: compared alone they would be told apart"
    return str(settling)
