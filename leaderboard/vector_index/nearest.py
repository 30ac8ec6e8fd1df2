"""The k nearest rows to some queries, so far: what a search keeps while it goes through a collection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PAIR_BYTES = 1 << 26  # of vectors in memory at once while true distances are computed


@dataclass(frozen=True)
class Nearest:
    """Rows and distances, nearest first, at equal distance the lower row; -1 and infinity where there is none."""

    rows: np.ndarray  # (m, k) int64
    distances: np.ndarray  # (m, k) float64, Euclidean

    @classmethod
    def none(cls, queries: int, k: int) -> Nearest:
        """Before anything was looked at."""
        return cls(np.full((queries, k), -1, np.int64), np.full((queries, k), np.inf))

    @property
    def farthest(self) -> np.ndarray:
        """(m,) the distance that a row must not exceed to be among them."""
        return self.distances[:, -1]

    def with_pairs(self, queries: np.ndarray, rows: np.ndarray, distances: np.ndarray) -> Nearest:
        """These and more candidates (p,), of which the nearest are kept. No row may come twice for a query."""
        count, k = self.rows.shape
        query = np.concatenate([np.repeat(np.arange(count), k), queries])
        row, distance = np.concatenate([self.rows.ravel(), rows]), np.concatenate([self.distances.ravel(), distances])
        order = np.lexsort((row, distance, query))
        rank = np.arange(len(order)) - np.searchsorted(query[order], query[order])
        kept = order[rank < k]  # every query has k of its own
        return Nearest(row[kept].reshape(count, k), distance[kept].reshape(count, k))


def compute_distances(first: np.ndarray, second: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Euclidean distances (p,) in float64 of first[one] and second[other], a bounded number at a time."""
    step = max(1, PAIR_BYTES // (8 * first.shape[1]))
    found = np.empty(len(one))
    for start in range(0, len(one), step):
        part = slice(start, start + step)
        apart = first[one[part]].astype(np.float64) - second[other[part]]
        found[part] = np.sqrt(np.einsum("ij,ij->i", apart, apart))
    return found
