"""Exact search shard by shard, against all distances at once."""

from __future__ import annotations

import numpy as np
import pytest
from collections_made import draw_clusters, save_collection
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from leaderboard.vector_index import exact
from leaderboard.vector_index.exact import search_block, search_exactly
from leaderboard.vector_index.nearest import Nearest


def rank_all(queries: np.ndarray, vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The definition: every distance in float64, sorted, ties by the lower row."""
    distances = cdist(queries.astype(np.float64), vectors.astype(np.float64))
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(distances, order, axis=1)


@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("stored", ["float32", "float16"])
def test_it_finds_what_all_distances_give(tmp_path, offset: float, scale: float, stored: str) -> None:
    """Far from the origin, in any scale, with copies, and for queries that lie in the collection."""
    vectors = draw_clusters(730, 24)
    vectors[[5, 400, 729]] = vectors[17]
    if stored == "float32":
        vectors = vectors * np.float32(scale) + np.float32(offset)
    collection = save_collection(tmp_path, vectors, stored=stored, shard_size=97)
    kept = vectors.astype(stored).astype(np.float32)
    queries = np.concatenate([kept[:20], kept[100:120] + np.float32(0.1 * scale)])
    found = search_exactly(queries, collection, 12)
    rows, distances = rank_all(queries, kept, 12)
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-12)


def test_a_small_collection_leaves_places_empty(tmp_path) -> None:
    """With row -1 at an infinite distance."""
    found = search_exactly(np.zeros((2, 3), np.float32), save_collection(tmp_path, np.eye(3, dtype=np.float32)), 5)
    assert found.rows.tolist() == [[0, 1, 2, -1, -1]] * 2
    assert np.isinf(found.distances[:, 3:]).all()


def test_progress_is_told_in_rows(tmp_path) -> None:
    """Each shard's, once."""
    told: list[int] = []
    collection = save_collection(tmp_path, draw_clusters(250), shard_size=100)
    search_exactly(draw_clusters(3, seed=1), collection, 2, advance=told.append)
    assert told == [100, 100, 50]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.integers(1, 40), st.integers(1, 3))
def test_ties_of_whole_numbers_go_to_the_lower_row(seed: int, k: int, count: int, dimension: int) -> None:
    """Whatever the order in which the blocks come."""
    draws = np.random.default_rng(seed)
    vectors = draws.integers(0, 3, (count, dimension)).astype(np.float32)
    queries = draws.integers(0, 3, (7, dimension)).astype(np.float32)
    k = min(k, count)
    best, blocks = Nearest.none(len(queries), k), np.array_split(np.arange(count), min(count, 4))
    for block in draws.permutation(len(blocks)):
        rows = blocks[block]
        best = search_block(queries, vectors[rows], rows, best, np.zeros(dimension, np.float32))
    np.testing.assert_array_equal(best.rows, rank_all(queries, vectors, k)[0])


def test_queries_are_asked_in_blocks(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """Of any size, with the same answer."""
    vectors, queries = draw_clusters(300), draw_clusters(50, seed=1)
    collection = save_collection(tmp_path, vectors)
    whole = search_exactly(queries, collection, 4)
    monkeypatch.setattr(exact, "BLOCK", 250)
    np.testing.assert_array_equal(search_exactly(queries, collection, 4).rows, whole.rows)


def test_only_later_rows_count_where_pairs_are_wanted_once() -> None:
    """A row never finds itself, nor one before it."""
    vectors = draw_clusters(60)
    rows = np.arange(60)
    found = search_block(vectors, vectors, rows, Nearest.none(60, 3), vectors.mean(axis=0), after=rows)
    assert ((found.rows > rows[:, None]) | (found.rows == -1)).all()
    assert found.rows[59].tolist() == [-1, -1, -1]
    distances = cdist(vectors[:1], vectors[1:])[0]
    assert found.rows[0].tolist() == (1 + np.argsort(distances, kind="stable")[:3]).tolist()
