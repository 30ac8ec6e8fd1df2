"""The quick way through all pairs of a large set: held against distances in float64, sorted as they are."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from drawn_vectors import CLASSES, KINDS
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from leaderboard.protocols import _keys, _panels, _ranks, _survey
from leaderboard.protocols._keys import choose_keys
from leaderboard.protocols._panels import Panels
from leaderboard.protocols._survey import compute_survey, survey
from leaderboard.protocols.retrieval import _sort_all


def check_against_sorting(embeddings: Any) -> None:
    """Every count and every neighbour is the same; average precision is summed in another order."""
    quick, plain = compute_survey(embeddings.vectors, embeddings.labels), _sort_all(embeddings)
    assert np.array_equal(quick.relevant, plain.relevant)
    assert np.array_equal(quick.neighbours[:, : plain.neighbours.shape[1]], plain.neighbours)
    asked = plain.relevant > 0
    assert np.array_equal(quick.hits_at_n[asked], plain.hits_at_n[asked])
    assert quick.hits_at.keys() == plain.hits_at.keys()
    assert all(np.array_equal(quick.hits_at[k][asked], plain.hits_at[k][asked]) for k in plain.hits_at)
    assert quick.average_precision[asked] == pytest.approx(plain.average_precision[asked], rel=1e-13)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(KINDS)),
    st.integers(2, 140),
    st.integers(1, 24),
    st.integers(1, CLASSES),
    st.integers(0, 10**6),
)
def test_ranks_are_those_of_sorted_distances(
    make_embeddings, kind: str, n: int, d: int, classes: int, seed: int
) -> None:
    """Whatever the vectors: apart, tied, equal, without spread; classes of one image too; in panels, kept or not."""
    draws = np.random.default_rng(seed)
    labels = draws.integers(0, classes, n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_panels, "BLOCK", int(draws.integers(1, n + 1)))
        patch.setattr(_panels, "KEPT_BYTES", int(draws.integers(0, 4 * n * n + 1)))
        patch.setattr(_keys, "SAMPLE", int(draws.integers(2, 20)))  # so that some are out of the reach of keys
        check_against_sorting(make_embeddings(KINDS[kind](draws, labels, d), labels.tolist()))


@pytest.mark.parametrize("copies", [False, True], ids=["far", "far, and copies"])
def test_images_beyond_the_reach_of_keys_are_ranked_too(make_embeddings, copies: bool) -> None:
    """Relevant ones as far as no key tells, where the query itself stands among the keys; and others at no distance."""
    draws = np.random.default_rng(13)
    vectors = draws.normal(size=(400, 32))
    vectors[2] = [200] + 31 * [0]
    vectors[1] = vectors[0] if copies else vectors[1]
    check_against_sorting(make_embeddings(vectors, [0, 1] * 200))


def test_ranks_of_many_images_are_those_of_sorted_distances(make_embeddings) -> None:
    """So many that bins, the limit for near images and several panels come into play."""
    draws = np.random.default_rng(5)
    labels = np.minimum(draws.geometric(0.3, 2000) - 1, 8)
    check_against_sorting(make_embeddings(KINDS["overlapping classes"](draws, labels, 40), labels.tolist()))


def test_vectors_that_keys_cannot_tell_apart_are_measured(make_embeddings, monkeypatch) -> None:
    """With keys of a few bits every order is decided by distances, and stays the same."""
    draws = np.random.default_rng(6)
    labels = draws.integers(0, 4, 200)
    embeddings = make_embeddings(draws.normal(size=(200, 6)), labels.tolist())
    measured: list[int] = []
    original = _ranks.measure
    monkeypatch.setattr(_ranks, "measure", lambda *given: measured.append(len(given[2])) or original(*given))
    check_against_sorting(embeddings)
    before = sum(measured)
    coarse = choose_keys(embeddings.vectors)
    monkeypatch.setattr(_survey, "choose_keys", lambda _: type(coarse)(**(vars(coarse) | {"shift": 50})))
    check_against_sorting(embeddings)
    assert sum(measured) > 20 * (before + 1)


@pytest.mark.parametrize("offset", [0.0, 1e4], ids=["about the origin", "far from it"])
def test_keys_that_differ_by_two_are_in_the_order_of_the_distances(offset: float) -> None:
    """And the bounds that are read from a key hold its distance."""
    vectors = np.random.default_rng(7).normal(offset, 1, (60, 30)).astype(np.float32)
    keys = choose_keys(vectors)
    left, right = np.empty((60, keys.width)), np.empty((60, keys.width))
    keys.write_left(slice(0, 60), left)
    keys.write_right(slice(0, 60), right)
    found = np.empty((60, 60), np.int32)
    keys.write(left, right, product=np.empty((60, 60)), out=found)
    exact = cdist(vectors.astype(np.float64), vectors.astype(np.float64), "sqeuclidean")
    low, high = keys.read(found)
    assert ((low <= exact) & (exact <= high)).all()
    flat, squares = found.ravel().astype(np.int64), exact.ravel()
    order = np.argsort(flat, kind="stable")
    for step in (1, 2, 5):
        apart = flat[order][step:] - flat[order][:-step] >= 2
        assert (squares[order][:-step][apart] < squares[order][step:][apart]).all()


@pytest.mark.parametrize("room", [0, 2, 5, 10**6], ids=["nothing kept", "two blocks", "five", "all"])
def test_panels_are_filled_with_the_keys_of_all_images(monkeypatch, room: int) -> None:
    """However few blocks can be kept; none is left over at the end."""
    monkeypatch.setattr(_panels, "BLOCK", 16)
    monkeypatch.setattr(_panels, "KEPT_BYTES", room * 4 * 16**2)
    keys = choose_keys(np.random.default_rng(8).integers(0, 9, (150, 4)).astype(np.float32))
    panels, rows = Panels(keys, np.arange(150)), {}
    panels.run(lambda queries, panel: rows.update(zip(queries.tolist(), panel.copy(), strict=True)), cores=3)
    found = np.array([rows[query] for query in range(150)])
    assert (np.abs(found.astype(np.int64) - found.T) <= 1).all()
    assert (np.diag(found) == 2**31 - 1).all()
    assert panels.kept.taken == {}
    assert len(panels.kept.free) == len(panels.kept.blocks) <= room


def test_a_failure_in_a_thread_is_raised(make_embeddings, monkeypatch) -> None:
    """And ends the others."""
    monkeypatch.setattr(_panels, "BLOCK", 8)
    keys = choose_keys(np.random.default_rng(9).normal(size=(100, 3)).astype(np.float32))

    def fail(queries: np.ndarray, panel: np.ndarray) -> None:
        raise MemoryError("no more")

    with pytest.raises(MemoryError, match="no more"):
        Panels(keys, np.arange(100)).run(fail, cores=2)


def test_the_last_set_is_not_asked_twice(clusters, monkeypatch) -> None:
    """Two protocols share a pass; other labels, or other vectors in the same array, are another set."""
    embeddings, calls = clusters(seed=11), []
    original = compute_survey
    monkeypatch.setattr(_survey, "compute_survey", lambda *given: calls.append(1) or original(*given))
    first = survey(embeddings.vectors, embeddings.labels)
    assert survey(embeddings.vectors.copy(), embeddings.labels) is first
    survey(embeddings.vectors, 1 - np.minimum(embeddings.labels, 1))
    embeddings.vectors[0] += 1
    assert survey(embeddings.vectors, embeddings.labels) is not first
    assert len(calls) == 3


def test_memory_is_that_of_the_budgets(make_embeddings, monkeypatch) -> None:
    """Not of all pairs: 2,000 images have 16 MB of keys, and 32 MB of distances."""
    monkeypatch.setattr(_panels, "KEPT_BYTES", 1_000_000)
    monkeypatch.setattr(_panels, "PANEL_BYTES", 500_000)
    monkeypatch.setattr(_panels, "BLOCK", 128)
    draws = np.random.default_rng(12)
    embeddings = make_embeddings(draws.normal(size=(2000, 8)), draws.integers(0, 5, 2000).tolist())
    tracemalloc.start()
    try:
        compute_survey(embeddings.vectors, embeddings.labels)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6_000_000
