"""A few sentences that recommend a model and say how sure that is: the leaderboard's statistics in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from leaderboard.protocols import METRICS
from leaderboard.ranking import Standing
from leaderboard.render.findings import RIGID
from leaderboard.report.analysis import Analysis
from leaderboard.report.comparison import Comparisons, gather_figures
from leaderboard.report.series import compute_majority_share
from leaderboard.settling import RATIOS, compute_images_to_settle
from leaderboard.standings import Standings, has_small_classes
from leaderboard.statistics import LEVEL, Difference

JUDGED_BY = ("knn1.f1_macro", "retrieval.precision_at_n")  # the first one that all models have
ACCURACY = "knn1.accuracy"
ROUGH = "the intervals are a guess, and rather too narrow"
INTERVALS = f"{100 * (1 - LEVEL):.0f} % interval"


def recommend(analyses: Sequence[Analysis], comparisons: Comparisons) -> str:
    """Which model to take, how sure that is, and what these images can tell apart at all.

    Args:
        analyses: models on the same images, at least one.
        comparisons: of the same models, as ``compare_models`` gives them.
    """
    first = analyses[0]
    if not first.is_labelled:
        return "The images have no classes, so nothing says which model names them best; see the maps and clusters."
    if len(np.unique(first.embeddings.labels)) < 2:
        return "All images are of one class, so nothing says which model names them best; see the maps and clusters."
    complete = [m for m in JUDGED_BY if m in comparisons and len(comparisons[m].of) == len(analyses)]
    if not complete:
        return _explain_nothing(analyses)
    standings = comparisons[complete[0]]
    said = _describe_alone(first, standings) if len(analyses) == 1 else _describe_best(analyses, standings)
    return " ".join(filter(None, [*said, *_list_doubts(first, said)]))


def _explain_nothing(analyses: Sequence[Analysis]) -> str:
    if any({"knn", "retrieval"} & analysis.skipped.keys() for analysis in analyses):
        why = "These images allow neither naming by neighbours nor a search"
    else:
        why = "Neither was asked for: knn, retrieval"
    return f"{why}; so no model can be recommended."


def _describe_alone(analysis: Analysis, standings: Standings) -> list[str]:
    figure = f"{analysis.model} reaches {_title(standings)} {_describe(standings.of[analysis.model])} ({INTERVALS})"
    if standings.metric == JUDGED_BY[0]:
        largest = compute_majority_share(analysis.embeddings.labels)
        meaning = (
            f"the nearest labelled image names {100 * analysis.metrics[ACCURACY]:.0f} % of the images right; always "
            f"naming the largest class would name {100 * largest:.0f} %"
        )
    else:
        meaning = "of what it shows first, that share is of the class asked for"
    alone = "It is the only model measured here, so this recommends none: add a second --model to compare."
    return [f"{figure}: {meaning}.", alone]


def _describe_best(analyses: Sequence[Analysis], standings: Standings) -> list[str]:
    """The tie group that leads, or who leads alone; then what the images can resolve, and what would settle a tie."""
    best, *others = sorted(standings.of, key=lambda model: -standings.of[model].value)
    tied = [other for other in others if standings.of[other].rank == 1]
    nearest = tied[0] if tied else others[0]
    figures = _describe_gap(best, nearest, standings)
    if tied:
        said = f"Take {_join([best, *tied])}: these images cannot tell them apart ({figures})."
        advice = ["Let size, speed and licence decide.", _resolve(analyses, standings)]
        return [said, *advice, _settle(analyses, standings, best, nearest)]
    which = "better of the two" if len(others) == 1 else f"best of the {len(standings.of)}"
    likely = "probably " if standings.is_rough else ""
    return [
        f"Take {best}: it is {likely}the {which} models on these images ({figures}).",
        _resolve(analyses, standings),
    ]


def _describe_gap(best: str, nearest: str, standings: Standings) -> str:
    """Both figures and their difference, which has an interval of its own: the models saw the same images."""
    one, other = standings.of[best], standings.of[nearest]
    figures = f"{_title(standings)} {_describe(one)} against {_describe(other)} for {nearest}"
    gap = -other.to_best
    if gap.value == gap.half_width == 0:
        return f"{figures}, without any difference"
    chance = (
        f"; in one of {len(standings.of) * (len(standings.of) - 1) // 2} pairs that may be chance"
        if other.rank == 1 and gap.value > gap.half_width
        else ""
    )
    return f"{figures}, a difference of {_describe(gap)}{chance}; {INTERVALS}s"


def _resolve(analyses: Sequence[Analysis], standings: Standings) -> str:
    """What the table says of a data set; nothing where resampling moves no difference at all."""
    if not standings.resolution:
        return ""
    images = len(analyses[0].embeddings.labels)
    return (
        f"The smallest difference in {_title(standings)} that these {images} images can resolve is "
        f"{standings.resolution:.3f}, for two models compared alone."
    )


def _settle(analyses: Sequence[Analysis], standings: Standings, best: str, nearest: str) -> str:
    """How many images would tell the two apart; nothing where they do not differ, or these would do for two alone."""
    if standings.of[nearest].to_best.value == 0:
        return ""
    pair = [analysis for model in (best, nearest) for analysis in analyses if analysis.model == model]
    settling = compute_images_to_settle(gather_figures(pair, standings.metric))
    if settling is None:
        return f"To tell {best} from {nearest} would take more than {RATIOS[-1]} times as many images."
    return f"To tell {best} from {nearest} would take more images, {settling}." if settling.ratio > 1 else ""


def _list_doubts(analysis: Analysis, said: Sequence[str]) -> Iterator[str]:
    """Where an interval of those that were told is itself a guess."""
    if has_small_classes(analysis.embeddings.labels):
        counts = np.bincount(analysis.embeddings.labels)
        yield f"Classes are small, the smallest of {counts[counts > 0].min()}: {ROUGH}."
    if any("± 0.000" in sentence for sentence in said):
        yield RIGID


def _describe(figure: Standing | Difference) -> str:
    return f"{figure.value:.3f} ± {figure.half_width:.3f}"


def _title(standings: Standings) -> str:
    return METRICS[standings.metric].title


def _join(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
