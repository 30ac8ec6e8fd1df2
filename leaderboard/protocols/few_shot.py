"""Naming from a handful of examples per class, fifty draws for each number of them.

Source: "few-shot" of N. Rodgers, "Complexity Begets Simplicity"; docs/protocols.md, section 5. There the draws are not
seeded; ours are the same for every model.
"""

from __future__ import annotations

import numpy as np

from leaderboard.errors import LeaderboardError
from leaderboard.protocols._queries import refuse_large
from leaderboard.protocols._splits import check_labels
from leaderboard.protocols._trials import Trial, compute_trials, list_metrics
from leaderboard.records import Embeddings, Protocol, Scores

SHOTS = (1, 2, 3, 5, 10, 20)
REPEATS = 50
MOST_NEIGHBOURS = 5


def compute_few_shot(embeddings: Embeddings) -> Scores:
    """Mean and population standard deviation of every score over fifty draws, for lr and knn.

    A class of n images gives min(k, n - 1) of them for training, all other images are named. A class with a single
    image is never learnt, and always named wrong.

    Raises:
        LeaderboardError: no labels, a single class, fewer than two classes with two images, or more than 60,000 images.
    """
    refuse_large(len(embeddings.labels), "few-shot learning")
    check_labels(embeddings, images_per_class=1)
    counts = np.unique(embeddings.labels, return_counts=True)[1]
    if (counts >= 2).sum() < 2:
        raise LeaderboardError("few-shot learning needs two classes with at least two images each; add images")
    trials = [_draw(embeddings.labels, shots, repeat) for shots in SHOTS for repeat in range(REPEATS)]
    return Scores(metrics=compute_trials(embeddings, trials, "few_shot", ddof=0))


def _draw(labels: np.ndarray, shots: int, repeat: int) -> Trial:
    """The draw of this number: seeded by shots and repeat, so that all models are given the same images."""
    draws = np.random.default_rng([shots, repeat])
    of_class = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    train = np.concatenate([draws.choice(own, min(shots, len(own) - 1), replace=False) for own in of_class])
    test = np.setdiff1d(np.arange(len(labels)), train)
    return Trial(f"k{shots}", train, test, min(MOST_NEIGHBOURS, shots, len(train)))


PROTOCOL = Protocol(
    name="few_shot",
    version=1,
    metrics=list_metrics("few_shot", {f"k{k}": f", {k} {'shot' if k == 1 else 'shots'}" for k in SHOTS}),
    compute=compute_few_shot,
)
