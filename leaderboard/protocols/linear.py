"""Multinomial logistic regression at its optimum, over the same ten splits.

Source: the SCAMPI benchmark's logistic regression; docs/protocols.md, section 3. SCAMPI stops the solver
early, which moves balanced accuracy by up to 0.035 on a split; here the optimum is reached and checked.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from leaderboard.protocols._confusion import SCORE_NAMES, compute_confusion, compute_scores
from leaderboard.protocols._logistic import fit_at_optimum, rotate
from leaderboard.protocols._parallel import compute_all
from leaderboard.protocols._splits import Split, compute_splits
from leaderboard.records import Embeddings, Evidence, Metric, Protocol, ScoreName, Scores

WIDENING = 1.25  # of intervals: benchmarks/interval_coverage.py


def compute_linear(embeddings: Embeddings) -> Scores:
    """Mean scores over the splits, and the confusion matrix pooled over their test sets.

    Raises:
        LeaderboardError: a set that cannot be split, or an optimum that was not reached.
    """
    splits, classes = compute_splits(embeddings), len(embeddings.classes)
    vectors = rotate(embeddings.vectors)
    fits = compute_all(partial(_classify, vectors, embeddings.labels), splits, "linear", bytes_each=3 * vectors.nbytes)
    confusions = [
        compute_confusion(embeddings.labels[test], predicted, classes)
        for (_, test), (predicted, _) in zip(splits, fits, strict=True)
    ]
    scores = [compute_scores(confusion) for confusion in confusions]
    metrics = {"linear.log_loss": float(np.mean([loss for _, loss in fits]))}
    metrics |= {f"linear.{name}": float(np.mean([s[name] for s in scores])) for name in SCORE_NAMES}
    outcomes = {
        "test": [test.tolist() for _, test in splits],
        "predicted": [predicted.tolist() for predicted, _ in fits],
        "confusion": np.sum(confusions, axis=0).tolist(),
    }
    return Scores(metrics=metrics, outcomes=outcomes)


def _classify(vectors: np.ndarray, labels: np.ndarray, split: Split) -> tuple[np.ndarray, float]:
    """Predicted classes of the test images and their mean log loss."""
    train, test = split
    model = fit_at_optimum(vectors[train], labels[train])
    log_probabilities = model.log_probabilities(vectors[test])
    column = np.searchsorted(model.classes, labels[test])
    losses = -log_probabilities[np.arange(len(test)), column]
    return model.classes[log_probabilities.argmax(axis=1)], float(losses.mean())


def _describe(score: ScoreName, **headline: Any) -> Metric:
    return Metric(f"linear.{score}", evidence=Evidence("predicted", score, WIDENING), **headline)


PROTOCOL = Protocol(
    name="linear",
    version=1,
    metrics=(
        _describe("balanced_accuracy", title="Linear bal. acc.", column=3),
        Metric("linear.log_loss", higher_is_better=False),
        *(_describe(name) for name in SCORE_NAMES if name != "balanced_accuracy"),
    ),
    compute=compute_linear,
)
