"""The nearest vectors are those of the full distance matrix."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from leaderboard import neighbours
from leaderboard.neighbours import find_nearest


@pytest.mark.parametrize("offset", [0.0, 1e4], ids=["about the origin", "far from it"])
@pytest.mark.parametrize("block", [1, 1 << 26])
def test_indices_and_distances_are_those_of_all_pairs(monkeypatch, offset: float, block: int) -> None:
    """In blocks of one query and in one of all."""
    monkeypatch.setattr(neighbours, "BLOCK_BYTES", block)
    draws = np.random.default_rng(0)
    gallery, queries = draws.normal(offset, 1, (80, 5)), draws.normal(offset, 1, (11, 5))
    indices, distances = find_nearest(queries, gallery, 7)
    expected = cdist(queries, gallery)
    assert np.array_equal(indices, np.argsort(expected, axis=1, kind="stable")[:, :7])
    assert distances == pytest.approx(np.sort(expected, axis=1)[:, :7], rel=1e-9)


def test_a_query_does_not_find_itself() -> None:
    """Nor does it take the place of another image when all others are asked for."""
    gallery = np.random.default_rng(1).normal(size=(30, 3))
    indices, distances = find_nearest(gallery, gallery, 29, skip=np.arange(30))
    assert all(number not in row for number, row in enumerate(indices))
    assert np.isfinite(distances).all()


def test_equal_vectors_come_in_their_order() -> None:
    """At a distance of exactly nothing."""
    indices, distances = find_nearest(np.ones((1, 4)), np.ones((9, 4)), 3)
    assert indices.tolist() == [[0, 1, 2]]
    assert distances.tolist() == [[0, 0, 0]]


def test_the_gallery_is_copied_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In float64; the rest of the memory is a block of distances and what is returned."""
    monkeypatch.setattr(neighbours, "BLOCK_BYTES", 1 << 18)
    gallery = np.random.default_rng(2).normal(size=(4000, 64)).astype(np.float32)
    tracemalloc.start()
    try:
        find_nearest(gallery, gallery, 5)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.8 * gallery.astype(np.float64).nbytes
