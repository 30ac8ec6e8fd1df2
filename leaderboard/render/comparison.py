"""A comparison of several models in words: a table, what the images can resolve, what would settle it. Pure."""

from __future__ import annotations

from tabulate import tabulate

from leaderboard.columns import title_of
from leaderboard.comparison import Comparison
from leaderboard.protocols import METRICS
from leaderboard.ranking import Standing
from leaderboard.render.cells import MEASURED_DECIMALS, describe_p, describe_place, escape
from leaderboard.render.findings import ALONE, describe_resolution, list_doubts
from leaderboard.settling import POWER, RATIOS
from leaderboard.statistics import Difference

HEAD = ("Rank", "Model", "Difference", "p", "Verdict")
TEXT = ("Model", "Verdict")  # columns that stand to the left
CAVEAT = f"""\
A guide for planning: for two models compared alone, and a chance of {100 * POWER:.0f} % if the true difference is the
measured one. Galleries and training sets would grow too, which changes the figures themselves."""
SMOKE_TEST = "A smoke test on drawn images: no evidence about real fossils."


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
    return [*start, _figure(difference, sign="+"), describe_p(difference.p), _describe_verdict(difference)]


def _figure(shown: Standing | Difference, *, sign: str) -> str:
    return f"{shown.value:{sign}.{MEASURED_DECIMALS}f} ± {shown.half_width:.{MEASURED_DECIMALS}f}".replace("-", "−")


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
