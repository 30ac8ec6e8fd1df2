"""Which images are asked: all of them, or of very large sets a fixed sample."""

from __future__ import annotations

import numpy as np

from leaderboard.errors import LeaderboardError

MOST_IMAGES = 60_000  # up to so many every image is asked
SAMPLE = 20_000
SEED = 0


def choose_queries(labels: np.ndarray) -> np.ndarray:
    """Indices, ascending, of the images that are asked; the same for every model.

    Beyond ``MOST_IMAGES`` the same share of every class, rounded up, so that the mean over the sample is that over all
    images, with less variance than of a plain sample, and no class is without a query.

    Args:
        labels: (n,) class indices.
    """
    if len(labels) <= MOST_IMAGES:
        return np.arange(len(labels))
    draws = np.random.default_rng(SEED)
    share = SAMPLE / len(labels)
    of_class = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    drawn = [draws.choice(own, int(np.ceil(share * len(own))), replace=False) for own in of_class]
    return np.sort(np.concatenate(drawn))


def refuse_large(images: int, name: str) -> None:
    """For what has many fits, or all pairs in memory, and no sample to ask.

    Raises:
        LeaderboardError: more images than ``MOST_IMAGES``.
    """
    if images > MOST_IMAGES:
        remedy = "leave it out (--protocols), or measure a part of them"
        raise LeaderboardError(f"{images:,} images: {name} takes at most {MOST_IMAGES:,}; {remedy}")
