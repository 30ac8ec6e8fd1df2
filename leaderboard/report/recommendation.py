"""One sentence that recommends a model and says how sure it is: pure, from what each image's naming came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leaderboard.report.analysis import Analysis
from leaderboard.report.series import compute_majority_share, compute_precision_at_n
from leaderboard.report.tables.models import compute_split_values

CLEAR = 3.0  # standard errors
FEWEST = 10  # images compared; of fewer, the standard error is itself a guess


@dataclass(frozen=True)
class Judged:
    """A model by the figure that all have: its value, and what each image contributes."""

    model: str
    value: float
    per_image: np.ndarray  # (n,) between 0 and 1, NaN where an image was not asked


def recommend(analyses: Sequence[Analysis]) -> str:
    """Which model to take, and how sure that is.

    The difference between two models is taken image by image: mean over the images and standard error, so that models
    that fail on the same images are compared where they differ. Galleries and training sets stay as they are, hence it
    says nothing about other slides.
    """
    first = analyses[0]
    if not first.is_labelled:
        return "The images have no classes, so nothing says which model names them best; see the maps and clusters."
    if len(np.unique(first.embeddings.labels)) < 2:
        return "All images are of one class, so nothing says which model names them best; see the maps and clusters."
    measure, judged = _judge(analyses)
    if not judged:
        refused = any({"knn", "retrieval"} & analysis.skipped.keys() for analysis in analyses)
        why = (
            "These images allow neither naming by neighbours nor a search"
            if refused
            else "Neither was asked for: knn, retrieval"
        )
        return f"{why}; so no model can be recommended."
    best, *others = sorted(judged, key=lambda model: -model.value)
    if not others:
        return _describe_alone(best, measure, first)
    return _describe_best(best, others, measure)


def _judge(analyses: Sequence[Analysis]) -> tuple[str, list[Judged]]:
    """By the nearest neighbour where all have it, else by the search for look-alikes."""
    if all("knn" in analysis.scores for analysis in analyses):
        return "NN F1", [Judged(a.model, a.metrics["knn1.f1_macro"], _share_named(a)) for a in analyses]
    if all("retrieval" in analysis.scores for analysis in analyses):
        return "P@N", [Judged(a.model, a.metrics["retrieval.precision_at_n"], _share_found(a)) for a in analyses]
    return "", []


def _share_named(analysis: Analysis) -> np.ndarray:
    """(n,) of each image the share of its splits in which its nearest neighbour named it right; NaN if it had none."""
    outcomes, labels = analysis.scores["knn"].outcomes, analysis.embeddings.labels
    right, asked = np.zeros(len(labels)), np.zeros(len(labels))
    for test, predicted in zip(outcomes["test"], outcomes["predicted_k1"], strict=True):
        right[test] += labels[test] == np.asarray(predicted)
        asked[test] += 1
    return np.asarray(np.divide(right, asked, where=asked > 0, out=np.full(len(labels), np.nan)))


def _share_found(analysis: Analysis) -> np.ndarray:
    """(n,) of each query its precision at N."""
    return compute_precision_at_n(analysis.scores["retrieval"], analysis.embeddings.labels)


def _describe_alone(best: Judged, measure: str, analysis: Analysis) -> str:
    alone = "It is the only model measured here, so this recommends none: add a second --model to compare."
    if measure == "P@N":
        return (
            f"{best.model} reaches P@N {best.value:.3f}: of what it shows first, that share is of the class asked for. "
            f"{alone}"
        )
    splits = compute_split_values(analysis, "knn1.f1_macro")
    largest = compute_majority_share(analysis.embeddings.labels)
    return (
        f"{best.model} reaches NN F1 {best.value:.3f} ({splits.min():.3f} to {splits.max():.3f} over the ten splits): "
        f"the nearest labelled image names {100 * np.nanmean(best.per_image):.0f} % of the images right; always naming "
        f"the largest class would name {100 * largest:.0f} %. {alone}"
    )


def _describe_best(best: Judged, others: Sequence[Judged], measure: str) -> str:
    """The best by its figure; tied with all that are as good image by image, and challenged by any that is better."""
    likely = _likely(len(others))
    compared = {other.model: compare(best.per_image, other.per_image) for other in others}
    ahead = [other for other in others if compared[other.model][1] <= -likely]
    tied = [other for other in others if abs(compared[other.model][1]) < likely]
    if ahead:
        return _describe_disagreement(best, ahead[0], measure, *compared[ahead[0].model])
    nearest = tied[0] if tied else others[0]
    figures = (
        f"{measure} {best.value:.3f} against {nearest.value:.3f} for {nearest.model}; "
        f"{_describe_difference(*compared[nearest.model])}"
    )
    if tied:
        names = _join([best.model, *(other.model for other in tied)])
        return f"Take {names}: these images cannot tell them apart ({figures}). Let size, speed and licence decide."
    sure = "clearly" if all(errors >= max(CLEAR, likely) for _, errors in compared.values()) else "probably"
    of = "better of the two" if len(others) == 1 else f"best of the {len(others) + 1}"
    return f"Take {best.model}: it is {sure} the {of} models on these images ({figures})."


def _likely(comparisons: int) -> float:
    """Standard errors above which a difference is likely: two-sided 5 %, shared by the comparisons (Bonferroni)."""
    from scipy.stats import norm

    return float(norm.isf(0.025 / comparisons))


def _describe_disagreement(best: Judged, other: Judged, measure: str, mean: float, errors: float) -> str:
    """The figure and the images speak for different models."""
    return (
        f"Take {best.model} if rare classes count as much as common ones ({measure} {best.value:.3f} against "
        f"{other.value:.3f}), {other.model} if every image does: {_describe_difference(-mean, -errors)}."
    )


def compare(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Mean difference over the images, and how many standard errors that is.

    Args:
        one: (n,) per image, NaN where it was not asked.
        other: the same images.

    Returns:
        The mean and its multiple; the multiple is 0 with fewer than ten images, infinite when all differ by the same.
    """
    differences = (one - other)[np.isfinite(one - other)]
    if not len(differences):
        return 0.0, 0.0
    mean = float(differences.mean())
    if len(differences) < FEWEST or mean == 0:
        return mean, 0.0
    error = float(differences.std(ddof=1) / np.sqrt(len(differences)))
    return mean, mean / error if error > 0 else float(np.copysign(np.inf, mean))


def _describe_difference(mean: float, errors: float) -> str:
    which = "more" if mean >= 0 else "fewer"
    size = f"of 100 images it gets {100 * abs(mean):.1f} {which} right"
    if mean == 0:
        return "image by image they get as many right"
    if errors == 0:
        return f"{size}, but fewer than {FEWEST} images could be compared"
    return f"{size}, {abs(errors):.1f} standard errors of it" if np.isfinite(errors) else f"{size}, without exception"


def _join(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
