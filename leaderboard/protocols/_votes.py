"""k nearest neighbours by cosine distance, for the many training sets that share one set of images."""

from __future__ import annotations

import numpy as np

KEPT = 1024  # neighbours remembered per image; a fold that needs a farther one measures its own distances
BLOCK_BYTES = 1 << 26  # of distances in memory at once


def normalise(vectors: np.ndarray) -> np.ndarray:
    """(n, d) float32 of length 1; a vector of zeros stays one."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)


class Voters:
    """All images, ranked once by their distance from each other, and their classes.

    Distances are 1 - cosine in float32; at equal distance the lower index is nearer.
    """

    def __init__(self, vectors: np.ndarray, labels: np.ndarray, classes: int) -> None:
        self.unit, self.labels, self.classes = normalise(vectors), labels, classes
        self.ranked = _rank(self.unit, min(KEPT, len(vectors) - 1))

    def vote(self, train: np.ndarray, test: np.ndarray, k: int) -> np.ndarray:
        """Share of the k nearest training images that are of each class: (len(test), classes) float64."""
        nearest = self._find_nearest(train, test, k)
        votes = np.zeros((len(test), self.classes))
        np.add.at(votes, (np.arange(len(test))[:, None], self.labels[nearest]), 1 / k)
        return votes

    def _find_nearest(self, train: np.ndarray, test: np.ndarray, k: int) -> np.ndarray:
        """(len(test), k) image indices, a block of test images at a time."""
        candidates = np.sort(train)
        is_training = np.zeros(len(self.unit), bool)
        is_training[candidates] = True
        rows = max(1, BLOCK_BYTES // (16 * self.ranked.shape[1]))
        blocks = [test[start : start + rows] for start in range(0, len(test), rows)]
        return np.concatenate([self._find_in_block(candidates, is_training, block, k) for block in blocks])

    def _find_in_block(self, train: np.ndarray, is_training: np.ndarray, test: np.ndarray, k: int) -> np.ndarray:
        """Read off the ranking, measured where the ranking does not reach that far."""
        ranked = self.ranked[test]
        hits = is_training[ranked]
        found = np.cumsum(hits, axis=1, dtype=np.int32)
        enough = found[:, -1] >= k
        nearest = np.empty((len(test), k), np.int64)
        nearest[enough] = ranked[hits & (found <= k) & enough[:, None]].reshape(-1, k)
        if not enough.all():
            nearest[~enough] = train[_rank_against(self.unit[test[~enough]], self.unit[train], k)]
        return nearest


def _rank(unit: np.ndarray, kept: int) -> np.ndarray:
    """(n, kept): every image's nearest others, nearest first."""
    n = len(unit)
    ranked = np.empty((n, kept), np.int32)
    rows = max(1, BLOCK_BYTES // (4 * n))
    for start in range(0, n, rows):
        stop = min(start + rows, n)
        distances = 1 - unit[start:stop] @ unit.T
        distances[np.arange(stop - start), np.arange(start, stop)] = np.inf
        ranked[start:stop] = _smallest(distances, kept)
    return ranked


def _rank_against(queries: np.ndarray, gallery: np.ndarray, k: int) -> np.ndarray:
    rows = max(1, BLOCK_BYTES // (4 * len(gallery)))
    blocks = [queries[start : start + rows] for start in range(0, len(queries), rows)]
    return np.concatenate([_smallest(1 - block @ gallery.T, k) for block in blocks])


def _smallest(distances: np.ndarray, k: int) -> np.ndarray:
    """(m, k) columns of the k smallest of each row in order, ties by lower column."""
    if k >= distances.shape[1] // 4:
        return np.argsort(distances, axis=1, kind="stable")[:, :k]
    chosen = np.sort(np.argpartition(distances, k - 1, axis=1)[:, :k], axis=1)
    values = np.take_along_axis(distances, chosen, axis=1)
    nearest = np.take_along_axis(chosen, np.argsort(values, axis=1, kind="stable"), axis=1)
    tied = np.flatnonzero((distances <= values.max(axis=1, keepdims=True)).sum(axis=1) > k)  # at the border
    nearest[tied] = np.argsort(distances[tied], axis=1, kind="stable")[:, :k]
    return nearest
