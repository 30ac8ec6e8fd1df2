"""Accuracy against the share of the images that are used: five folds, ten times, for five fractions.

Source: "train fraction" of N. Rodgers, "Complexity Begets Simplicity"; docs/protocols.md, section 4. There the
logistic regression is stopped early; here it is taken to its optimum.
"""

from __future__ import annotations

import numpy as np

from leaderboard.errors import LeaderboardError
from leaderboard.protocols._queries import refuse_large
from leaderboard.protocols._splits import Split, check_labels
from leaderboard.protocols._trials import Trial, compute_trials, list_metrics
from leaderboard.records import Embeddings, Metric, Protocol, Scores

FRACTIONS = {10: 0.1, 30: 0.3, 50: 0.5, 70: 0.7, 100: 1.0}  # per cent, as in the metrics' names
REPEATS, FOLDS, FIRST_SEED = 10, 5, 42
NEIGHBOURS = 5
SPLITTERS = ("StratifiedKFold", "StratifiedShuffleSplit", "ShuffleSplit")  # the first one that the images allow


def compute_learning_curve(embeddings: Embeddings) -> Scores:
    """Mean and sample standard deviation of every score over the folds of each fraction, for lr and knn.

    A fold whose training part lacks a class is not used; ``learning_curve.f10.folds`` tells how many were, be it none.
    A fraction that cannot be drawn with every class in it is left out. Outcomes: per fraction and repeat the index of
    the way of splitting in ``SPLITTERS``.

    Raises:
        LeaderboardError: no labels, a single class, no usable fold at all, or more than 60,000 images.
    """
    refuse_large(len(embeddings.labels), "the learning curve")
    check_labels(embeddings, images_per_class=1)
    trials: list[Trial] = []
    splitters: dict[str, list[int]] = {}
    for percent in FRACTIONS:
        usable, ways = _list_trials(embeddings.labels, percent)
        trials += usable
        splitters |= {f"f{percent}": ways} if ways else {}
    if not trials:
        raise LeaderboardError(
            f"{len(embeddings.labels)} images: no fold has every class in its training part; add images or leave out "
            "the smallest classes"
        )
    metrics = compute_trials(embeddings, trials, "learning_curve", ddof=1)
    for setting in splitters:
        metrics[f"learning_curve.{setting}.folds"] = sum(trial.setting == setting for trial in trials)
    return Scores(metrics=metrics, outcomes={"splitters": splitters})


def _list_trials(labels: np.ndarray, percent: int) -> tuple[list[Trial], list[int]]:
    """The folds of one fraction in which every class can be learnt, and the way of splitting of each repeat."""
    classes = len(np.unique(labels))
    trials, ways = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + REPEATS):
        subset = _draw(labels, FRACTIONS[percent], seed)
        if subset is None:
            return [], []
        way, folds = _split(labels[subset], seed)
        ways.append(way)
        pairs = [(subset[train], subset[test]) for train, test in folds]
        usable = [(train, test) for train, test in pairs if len(np.unique(labels[train])) == classes]
        trials += [Trial(f"f{percent}", train, test, min(NEIGHBOURS, len(train))) for train, test in usable]
    return trials, ways


def _draw(labels: np.ndarray, fraction: float, seed: int) -> np.ndarray | None:
    """Indices of a stratified share of the images, or None where there is none."""
    from sklearn.model_selection import train_test_split

    indices = np.arange(len(labels))
    if fraction == 1:
        return indices
    try:
        drawn: np.ndarray = train_test_split(indices, train_size=fraction, stratify=labels, random_state=seed)[0]
    except ValueError:  # fewer images than classes, or a class with a single one
        return None
    return drawn


def _split(labels: np.ndarray, seed: int) -> tuple[int, list[Split]]:
    """Five folds in the first way of ``SPLITTERS`` that these labels allow, and which one that was."""
    from sklearn.model_selection import ShuffleSplit, StratifiedKFold, StratifiedShuffleSplit

    if np.unique(labels, return_counts=True)[1].min() >= FOLDS:
        return 0, list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(labels, labels))
    try:
        return 1, list(StratifiedShuffleSplit(FOLDS, test_size=0.2, random_state=seed).split(labels, labels))
    except ValueError:  # a class with a single image, or a test part smaller than the number of classes
        return 2, list(ShuffleSplit(FOLDS, test_size=0.2, random_state=seed).split(labels))


PROTOCOL = Protocol(
    name="learning_curve",
    version=1,
    metrics=(
        *list_metrics("learning_curve", {f"f{p}": "" if p == 100 else f", {p} % of images" for p in FRACTIONS}),
        *(Metric(f"learning_curve.f{percent}.folds", higher_is_better=None) for percent in FRACTIONS),
    ),
    compute=compute_learning_curve,
)
