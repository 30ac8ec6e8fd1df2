"""The nearest vectors, exactly: distances a block of queries at a time, so that memory does not grow with the set."""

from __future__ import annotations

import numpy as np

BLOCK_BYTES = 1 << 26  # of distances in memory at once


def find_nearest(
    queries: np.ndarray, gallery: np.ndarray, k: int, *, skip: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest rows of the gallery to each query, nearest first; at equal distance the lower index.

    Args:
        queries: (m, d).
        gallery: (n, d).
        k: at most n, or n - 1 with ``skip``.
        skip: (m,) an index of the gallery per query that does not count: the query itself.

    Returns:
        Indices (m, k) and Euclidean distances (m, k), computed in float64.
    """
    from scipy.spatial.distance import cdist

    exact = gallery.astype(np.float64)
    rows = max(1, BLOCK_BYTES // (8 * len(exact)))
    indices, found = np.empty((len(queries), k), np.int64), np.empty((len(queries), k))
    for start in range(0, len(queries), rows):
        block = slice(start, min(start + rows, len(queries)))
        distances = cdist(queries[block].astype(np.float64), exact)
        if skip is not None:
            distances[np.arange(len(distances)), skip[block]] = np.inf
        order = np.argsort(distances, axis=1, kind="stable")[:, :k]
        indices[block], found[block] = order, np.take_along_axis(distances, order, axis=1)
    return indices, found
