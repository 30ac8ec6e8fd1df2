"""One sentence that recommends a model and says how sure it is: pure, from what each image's naming came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leaderboard.report.analysis import Analysis
from leaderboard.report.series import compute_majority_share, compute_precision_at_n
from leaderboard.report.tables.models import compute_split_values

CLEAR, LIKELY = 3.0, 2.0  # standard errors


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
    if not any(analysis.is_labelled for analysis in analyses):
        return "The images have no classes, so nothing says which model names them best; see the maps and clusters."
    measure, judged = _judge(analyses)
    if not judged:
        return "These images allow neither naming by neighbours nor a search, so no model can be recommended."
    best, *others = sorted(judged, key=lambda model: -model.value)
    if not others:
        return _describe_alone(best, measure, analyses[0])
    return _describe_best(best, others, measure)


def _judge(analyses: Sequence[Analysis]) -> tuple[str, list[Judged]]:
    """By the nearest neighbour where all have it, else by the search for look-alikes."""
    if all("knn" in analysis.scores for analysis in analyses):
        return "NN F1", [
            Judged(analysis.model, analysis.metrics["knn1.f1_macro"], _share_named(analysis)) for analysis in analyses
        ]
    if all("retrieval" in analysis.scores for analysis in analyses):
        found = [
            (analysis, compute_precision_at_n(analysis.scores["retrieval"], analysis.embeddings.labels))
            for analysis in analyses
        ]
        return "P@N", [Judged(a.model, a.metrics["retrieval.precision_at_n"], shares) for a, shares in found]
    return "", []


def _share_named(analysis: Analysis) -> np.ndarray:
    """(n,) of each image the share of its splits in which its nearest neighbour named it right; NaN if it had none."""
    outcomes, labels = analysis.scores["knn"].outcomes, analysis.embeddings.labels
    right, asked = np.zeros(len(labels)), np.zeros(len(labels))
    for test, predicted in zip(outcomes["test"], outcomes["predicted_k1"], strict=True):
        right[test] += labels[test] == np.asarray(predicted)
        asked[test] += 1
    return np.asarray(np.divide(right, asked, where=asked > 0, out=np.full(len(labels), np.nan)))


def _describe_alone(best: Judged, measure: str, analysis: Analysis) -> str:
    splits = compute_split_values(analysis, "knn1.f1_macro") if measure == "NN F1" else np.zeros(0)
    spread = f" ({splits.min():.3f} to {splits.max():.3f} over the ten splits)" if len(splits) else ""
    largest = compute_majority_share(analysis.embeddings.labels)
    return (
        f"{best.model} reaches {measure} {best.value:.3f}{spread} and gets {_percent(best)} right image by image; "
        f"always naming the largest class would get {100 * largest:.0f} %. It is the only model measured here, so this "
        "recommends none: add a second --model to compare."
    )


def _describe_best(best: Judged, others: Sequence[Judged], measure: str) -> str:
    compared = {other.model: _standardise(best, other) for other in others}
    tied = [model for model, (_, errors) in compared.items() if abs(errors) < LIKELY]
    runner_up = others[0]
    difference, errors = compared[runner_up.model]
    figures = (
        f"{measure} {best.value:.3f} against {runner_up.value:.3f} for {runner_up.model}; image by image it gets "
        f"{100 * difference:+.1f} points more right, {abs(errors):.1f} standard errors"
    )
    if tied:
        return (
            f"Take {best.model}, or as well {_join(tied)}: these images cannot tell them apart ({figures}). "
            "Let size, speed and licence decide."
        )
    sure = "clearly" if all(abs(errors) >= CLEAR for _, errors in compared.values()) else "probably"
    return f"Take {best.model}: it is {sure} the best of the {len(others) + 1} models on these images ({figures})."


def _standardise(one: Judged, other: Judged) -> tuple[float, float]:
    """Mean difference over the images, and how many standard errors that is."""
    differences = one.per_image - other.per_image
    differences = differences[np.isfinite(differences)]
    mean, error = float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(len(differences)))
    return mean, mean / error if error > 0 else 0.0


def _percent(judged: Judged) -> str:
    return f"{100 * np.nanmean(judged.per_image):.0f} %"


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
