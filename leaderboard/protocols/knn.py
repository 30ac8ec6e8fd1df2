"""k-nearest-neighbour classification over ten stratified splits.

Source: "nn f1" of the SCAMPI benchmark; docs/protocols.md, section 2.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from leaderboard.errors import LeaderboardError
from leaderboard.protocols._confusion import (
    CLASS_SCORE_NAMES,
    SCORE_NAMES,
    compute_class_scores,
    compute_confusion,
    compute_scores,
)
from leaderboard.protocols._nearest import Voter, can_read_off
from leaderboard.protocols._parallel import compute_all
from leaderboard.protocols._queries import choose_queries
from leaderboard.protocols._splits import Split, compute_splits
from leaderboard.protocols._survey import FEWEST_IMAGES, survey
from leaderboard.records import Embeddings, Evidence, Metric, Protocol, ScoreName, Scores

NEIGHBOURS = (1, 3, 5, 7, 9)
WIDENING = 1.3  # of intervals: benchmarks/interval_coverage.py


def compute_knn(embeddings: Embeddings) -> Scores:
    """Mean scores over the splits for each k; recall, precision and F1 per class for k = 1.

    Euclidean distance on unnormalised vectors, one vote per neighbour, ties as scikit-learn resolves them. Of more than
    60,000 images those test images are named that are in a sample (see ``_queries``): ``knn.queries`` says how many.

    Raises:
        LeaderboardError: a set that cannot be split, or a training set smaller than 9 images.
    """
    queries, classes = choose_queries(embeddings.labels), len(embeddings.classes)
    splits = [(train, test[np.isin(test, queries)]) for train, test in compute_splits(embeddings)]
    smallest = min(len(train) for train, _ in splits)
    if smallest < max(NEIGHBOURS):
        raise LeaderboardError(f"{smallest} training images for {max(NEIGHBOURS)} neighbours; add images")
    votes = compute_all(_choose_way(embeddings), splits, "knn")
    metrics: dict[str, float] = {}
    for k in NEIGHBOURS:
        confusions = [
            compute_confusion(embeddings.labels[test], predicted[k], classes)
            for (_, test), predicted in zip(splits, votes, strict=True)
        ]
        scores = [compute_scores(confusion) for confusion in confusions]
        metrics |= {f"knn{k}.{name}": float(np.mean([s[name] for s in scores])) for name in SCORE_NAMES}
        if k == 1:
            per_class = _mean_class_scores(confusions)
    if len(queries) < len(embeddings.labels):
        metrics["knn.queries"] = len(queries)
    outcomes = {"test": [test.tolist() for _, test in splits]}
    outcomes |= {f"predicted_k{k}": [predicted[k].tolist() for predicted in votes] for k in NEIGHBOURS}
    return Scores(metrics=metrics, per_class=per_class, outcomes=outcomes)


def _choose_way(embeddings: Embeddings) -> Callable[[Split], dict[int, np.ndarray]]:
    """Of a large set, the neighbours of all images are found once; of a small one scikit-learn is as quick."""
    if len(embeddings.labels) < FEWEST_IMAGES or not can_read_off(embeddings):
        return partial(_predict, embeddings)
    voter = Voter(embeddings, survey(embeddings.vectors, embeddings.labels))
    return partial(voter.predict, neighbours=NEIGHBOURS)


def _predict(embeddings: Embeddings, split: Split) -> dict[int, np.ndarray]:
    """Class indices of the test images for every k.

    A search per k: among training images at the same distance, scikit-learn's choice depends on k.
    """
    from sklearn.neighbors import KNeighborsClassifier

    (train, test), vectors, labels = split, embeddings.vectors, embeddings.labels
    return {k: KNeighborsClassifier(k).fit(vectors[train], labels[train]).predict(vectors[test]) for k in NEIGHBOURS}


def _mean_class_scores(confusions: list[np.ndarray]) -> dict[str, list[float]]:
    """Mean over the splits in which the class has test images; NaN where it never has."""
    scores = [compute_class_scores(confusion) for confusion in confusions]
    means = {}
    for name in CLASS_SCORE_NAMES:
        table = np.array([s[name] for s in scores])
        there = np.isfinite(table).sum(axis=0)
        means[f"knn1.{name}"] = np.where(there, np.nansum(table, axis=0) / np.maximum(there, 1), np.nan).tolist()
    return means


def _describe(k: int, score: ScoreName) -> Metric:
    headline: Any = {"title": "NN F1", "column": 1} if (k, score) == (1, "f1_macro") else {}
    return Metric(f"knn{k}.{score}", evidence=Evidence(f"predicted_k{k}", score, WIDENING), **headline)


PROTOCOL = Protocol(
    name="knn",
    version=1,
    metrics=(
        *(_describe(k, score) for k in NEIGHBOURS for score in SCORE_NAMES),
        Metric("knn.queries", "k-NN test images", higher_is_better=None),
    ),
    compute=compute_knn,
)
