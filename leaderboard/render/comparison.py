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
from leaderboard.render.cells import MEASURED_DECIMALS, describe_place, escape, list_remarks
from leaderboard.render.findings import ALONE, describe_resolution, list_doubts
from leaderboard.render.rows import Row
from leaderboard.render.sections import assess_rows
from leaderboard.settling import POWER, RATIOS, Settling, compute_images_to_settle
from leaderboard.standings import Standings, place_models
from leaderboard.statistics import Difference, Resampled, Standing, compare, resample

HEAD = ("Rank", "Model", "Difference", "p", "Verdict")
TEXT = ("Model", "Verdict")  # columns that stand to the left
CAVEAT = f"""\
A guide for planning: for two models compared alone, and a chance of {100 * POWER:.0f} % if the true difference is the
measured one. Galleries and training sets would grow too, which changes the figures themselves."""
SMOKE_TEST = "A smoke test on drawn images: no evidence about real fossils."


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
    return f"it has no {metric}" if row.is_comparable else f"{row.status}: {list_remarks(row)}"


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


# ---- in words


def render_comparison(comparison: Comparison) -> str:
    """A table that a terminal shows in 100 columns, and below it what is open and what was left out."""
    title = title_of(METRICS[comparison.standings.metric])
    parts = [_head(comparison, title), _table(comparison, title)]
    if len(comparison.standings.of) == 1:
        parts.append(ALONE)
    else:
        parts.append(describe_resolution(title, comparison.standings.resolution).replace("**", ""))
    parts += list_doubts(comparison.standings)
    if comparison.to_settle:
        parts.append(_settling(comparison))
    parts += [f"{model} is not compared: {reason}." for model, reason in comparison.left_out.items()]
    return "\n\n".join(parts)


def _head(comparison: Comparison, title: str) -> str:
    count = f"{comparison.images} images, {comparison.classes} classes"
    text = f"## {comparison.dataset.id}, {title}: {count}\n\nDifferences are to {comparison.baseline}; "
    family = "the comparisons shown" if comparison.is_chosen else "all pairs, since the same images chose the best"
    text += f"± is half of a 95 % interval.\np is adjusted (Holm) for {family}."
    if not comparison.dataset.ranked:
        return f"{text}\n{SMOKE_TEST}"
    models = len(comparison.standings.of)
    return f"{text}\nRanks are among these {models} models." if models > 1 else text


def _table(comparison: Comparison, title: str) -> str:
    """Without ranks for a smoke test."""
    first = 0 if comparison.dataset.ranked else 1
    head = [*HEAD[:2], title, *HEAD[2:]][first:]
    body = [_line(comparison, model, standing)[first:] for model, standing in comparison.standings.of.items()]
    align = ["left" if word in TEXT else "right" for word in head]
    return tabulate(body, head, tablefmt="github", colalign=align, disable_numparse=True)


def _line(comparison: Comparison, model: str, standing: Standing) -> list[str]:
    difference = comparison.differences.get(model)
    start = [describe_place(standing), escape(model), _figure(standing, sign="")]
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
    head = f"Labelled test images that would settle what is open against {comparison.baseline}:"
    return "\n".join([head, "", *lines, "", CAVEAT])


def _describe_settling(comparison: Comparison, model: str) -> str:
    settling = comparison.to_settle[model]
    if settling is None:
        same = comparison.differences[model].value == 0
        return "no number would do, the figures are equal" if same else f"more than {RATIOS[-1]} times as many"
    if settling.ratio == 1:
        return f"{settling}: compared alone they would be told apart"
    return str(settling)
