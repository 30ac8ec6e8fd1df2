"""Trials: train on some images of a set, name others, score; many of them, over the same vectors.

Source: the training-fraction and few-shot experiments of N. Rodgers, "Complexity Begets Simplicity"; docs/protocols.md,
sections 4 and 5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from leaderboard.protocols._confusion import compute_confusion, compute_scores
from leaderboard.protocols._logistic import fit_at_optimum, rotate
from leaderboard.protocols._parallel import compute_all
from leaderboard.protocols._votes import Voters
from leaderboard.records import Embeddings, Metric

CLASSIFIERS = {"lr": "LR", "knn": "kNN"}
TOPS = (1, 2, 3)
SCORES = {
    **{f"top{k}": f"top-{k}" for k in TOPS},
    "f1_macro": "F1",
    "f1_weighted": "weighted F1",
    "precision_macro": "precision",
    "recall_macro": "recall",
    "specificity_macro": "specificity",
    "balanced_accuracy": "bal. acc.",
}


@dataclass(frozen=True)
class Trial:
    """Image indices to train on and to name, and how many neighbours vote."""

    setting: str  # "f10", "k5": trials of the same one are averaged
    train: np.ndarray
    test: np.ndarray
    neighbours: int


@dataclass(frozen=True)
class Bench:
    """What all trials share. ``vectors`` (n, p) are rotated, ``labels`` (n,) index the classes that are there."""

    vectors: np.ndarray
    labels: np.ndarray
    classes: int
    voters: Voters


def compute_trials(embeddings: Embeddings, trials: Sequence[Trial], protocol: str, *, ddof: int) -> dict[str, float]:
    """Mean and standard deviation of every score over the trials of a setting, for both classifiers.

    Args:
        embeddings: labelled.
        trials: of all settings.
        protocol: first part of the metrics' names.
        ddof: 1 for the sample's standard deviation, 0 for the population's; without enough trials there is none.
    """
    present, labels = np.unique(embeddings.labels, return_inverse=True)
    bench = Bench(rotate(embeddings.vectors), labels, len(present), Voters(embeddings.vectors, labels, len(present)))
    largest = 3 * bench.vectors.nbytes  # training rows, scaled ones, test rows
    scores = compute_all(partial(_score_trial, bench), trials, protocol, bytes_each=largest)
    metrics: dict[str, float] = {}
    for setting in dict.fromkeys(trial.setting for trial in trials):
        of_setting = [score for trial, score in zip(trials, scores, strict=True) if trial.setting == setting]
        for classifier in CLASSIFIERS:
            part = [score[classifier] for score in of_setting]
            metrics |= {f"{protocol}.{classifier}.{setting}.{name}": v for name, v in _summarise(part, ddof).items()}
    return metrics


def _score_trial(bench: Bench, trial: Trial) -> dict[str, dict[str, float]]:
    truth = bench.labels[trial.test]
    model = fit_at_optimum(bench.vectors[trial.train], bench.labels[trial.train])
    probabilities = {
        "lr": model.probabilities(bench.vectors[trial.test], bench.classes),
        "knn": bench.voters.vote(trial.train, trial.test, trial.neighbours),
    }
    return {name: compute_trial_scores(given, truth) for name, given in probabilities.items()}


def compute_trial_scores(probabilities: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Scores of one trial.

    Of classes that are equally probable the one with the lower index comes first, in top-k as in the prediction, so
    that top-1 is the accuracy. Top-k says nothing where k reaches the number of classes, and is left out.

    Args:
        probabilities: (m, K).
        truth: (m,) class indices.
    """
    classes = probabilities.shape[1]
    own = probabilities[np.arange(len(truth)), truth][:, None]
    ahead = (probabilities > own) | ((probabilities == own) & (np.arange(classes) < truth[:, None]))
    place = ahead.sum(axis=1)
    scores = {f"top{k}": float(np.mean(place < k)) for k in TOPS if k < classes}
    scores |= compute_scores(compute_confusion(truth, probabilities.argmax(axis=1), classes))
    return {name: scores[name] for name in SCORES if name in scores}


def _summarise(scores: Sequence[Mapping[str, float]], ddof: int) -> dict[str, float]:
    summary: dict[str, float] = {}
    for name in scores[0]:
        values = [score[name] for score in scores]
        summary[name] = float(np.mean(values))
        if len(values) > ddof:
            summary[f"{name}_std"] = float(np.std(values, ddof=ddof))
    return summary


def list_metrics(protocol: str, settings: Mapping[str, str]) -> tuple[Metric, ...]:
    """Every metric that trials of these settings (name -> words for a column's title) can give."""
    return tuple(
        Metric(f"{protocol}.{classifier}.{setting}.{score}{suffix}", f"{of} {title}{words}{spread}", None, better)
        for classifier, of in CLASSIFIERS.items()
        for setting, words in settings.items()
        for score, title in SCORES.items()
        for suffix, spread, better in (("", "", True), ("_std", " (std)", None))
    )
