"""Exact search through a collection of any size: every shard once, the nearest so far in memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from leaderboard.shards.reading import Collection
from leaderboard.vector_index.nearest import Nearest, compute_distances

BLOCK = 1 << 24  # quick distances in memory at once
CROWD = 4  # times k: with more candidates than that on average, a closer bound is worth its time


def search_exactly(
    queries: np.ndarray, collection: Collection, k: int, *, advance: Callable[[int], object] | None = None
) -> Nearest:
    """The k nearest rows of a collection to each query.

    A shard's distances come from one float32 product. Whatever that puts within the k nearest so far, give or take its
    rounding, gets its true distance, in float64.

    Args:
        queries: (m, d) float32.
        collection: that is searched; memory holds a few of its shards.
        k: where the collection has fewer rows, the last places stay empty.
        advance: told the rows that were searched.
    """
    best = Nearest.none(len(queries), k)
    centre: np.ndarray | None = None
    for shard in collection.iterate(("embedding",), advance=advance):
        if centre is None:
            centre = shard.vectors.mean(axis=0)  # less rounding near the origin
        rows = shard.first + np.arange(len(shard.vectors))
        best = search_block(queries, shard.vectors, rows, best, centre)
    return best


def search_block(
    queries: np.ndarray,
    vectors: np.ndarray,
    rows: np.ndarray,
    best: Nearest,
    centre: np.ndarray,
    *,
    after: np.ndarray | None = None,
) -> Nearest:
    """The nearest so far, and of these vectors (n, d), which are the rows (n,) of a collection.

    Args:
        queries: (m, d).
        vectors: that are searched.
        rows: their numbers.
        best: so far.
        centre: (d,) anything near the vectors.
        after: (m,) of each query, the row that and before which nothing counts: its own, where pairs are wanted once.
    """
    moved = vectors - centre
    squares = np.einsum("ij,ij->i", moved, moved)
    step = max(1, BLOCK // len(vectors))
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        asked = queries[part] - centre
        quick = squares - (2 * asked) @ moved.T  # plus the query's own square, which is the same for all
        if after is not None and rows[0] <= after[part].max():
            quick[rows <= after[part, None]] = np.inf
        one, other = _choose(quick, asked, squares, best.distances[part])
        found.append((one + start, other))
    one, other = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return best.with_pairs(one, rows[other], compute_distances(queries, vectors, one, other))


def _choose(
    quick: np.ndarray, asked: np.ndarray, squares: np.ndarray, best: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Query and place of every pair that may be among the k nearest."""
    own, k = np.einsum("ij,ij->i", asked, asked), best.shape[1]
    # a sum of d products is off by at most d roundings of the largest sum (Higham 2002, section 3.1)
    slack = asked.shape[1] * np.finfo(np.float32).eps * (np.sqrt(own) + np.sqrt(squares.max())) ** 2
    near = quick <= (best[:, -1] ** 2 - own + slack)[:, None]
    near &= quick < np.inf
    if near.sum() > CROWD * k * len(asked) and k < quick.shape[1]:
        closer = np.partition(quick, k - 1, axis=1)[:, k - 1] + 2 * slack
        near &= quick <= closer[:, None]
    one, other = np.nonzero(near)
    return one, other
