"""Copies in a collection: by digests, by vectors, and by the pixels that decide."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from collections_made import draw_clusters, save_collection
from PIL import Image, ImageFilter
from scipy.spatial.distance import pdist, squareform

from leaderboard.vector_index import duplicates
from leaderboard.vector_index.building import build_index
from leaderboard.vector_index.confirming import confirm_pairs
from leaderboard.vector_index.duplicates import (
    Pair,
    compute_unit,
    find_close,
    find_exact,
    measure_unit,
)
from leaderboard.vector_index.opening import Searchable, open_searchable

NONE = np.empty(0, np.int64)


def digest(number: int) -> str:
    """Of made-up pixels."""
    return hashlib.sha256(bytes([number % 256, number // 256])).hexdigest()


@pytest.mark.parametrize("key_bytes", [1 << 31, 16 * 100])
def test_equal_pixels_are_grouped_across_shards(monkeypatch: pytest.MonkeyPatch, tmp_path, key_bytes: int) -> None:
    """In one pass over the digests or in several, the first image of a group first."""
    monkeypatch.setattr(duplicates, "KEY_BYTES", key_bytes)
    copies = {100: 3, 249: 3, 7: 6}
    pixels = [digest(copies.get(row, row)) for row in range(250)]
    groups = find_exact(save_collection(tmp_path, draw_clusters(250), digests=pixels))
    assert [[member.row for member in group] for group in groups] == [[3, 100, 249], [6, 7]]
    assert groups[0][1].path == "taxon-1/000100.png"


def test_digests_that_begin_alike_are_told_apart(tmp_path) -> None:
    """Keys are eight bytes; whole digests decide."""
    pixels = [f"{'0' * 16}{row:048x}" for row in range(30)]
    pixels[20] = pixels[4]
    groups = find_exact(save_collection(tmp_path, draw_clusters(30), digests=pixels))
    assert [[member.row for member in group] for group in groups] == [[4, 20]]


def test_without_copies_there_are_no_groups(tmp_path) -> None:
    """The usual case."""
    assert find_exact(save_collection(tmp_path, draw_clusters(30))) == []


def list_close(vectors: np.ndarray, radius: float) -> set[tuple[int, int]]:
    """The definition: every pair within the radius."""
    distances = squareform(pdist(vectors.astype(np.float64)))
    return {(int(i), int(j)) for i, j in zip(*np.nonzero(distances <= radius), strict=True) if i < j}


@pytest.fixture
def spoilt(tmp_path) -> tuple[np.ndarray, Searchable, Searchable]:
    """Nine hundred vectors with some that nearly coincide: the vectors, exactly, and by an index."""
    vectors = draw_clusters(900, 32)
    for copy, original in {100: 50, 899: 50, 333: 332, 640: 5}.items():
        vectors[copy] = vectors[original] + np.float32(1e-3 * copy / 1000)
    collection = save_collection(tmp_path / "vectors", vectors, shard_size=90)
    build_index(collection, tmp_path / "index")
    return vectors, open_searchable(str(collection.folder)), open_searchable(str(tmp_path / "index"))


@pytest.mark.parametrize("radius", [0.01, 1.5])
def test_close_pairs_are_those_within_the_radius(spoilt, radius: float) -> None:
    """Exactly all of them; by an index nearly all, and none that is farther."""
    vectors, exactly, indexed = spoilt
    wanted = list_close(vectors, radius)
    found = {
        (pair.first, pair.second): pair.distance for pair in find_close(exactly, radius, most=10**6, without=NONE)[0]
    }
    assert found.keys() == wanted
    assert all(np.isclose(d, np.linalg.norm(vectors[i] - vectors[j]), atol=1e-6) for (i, j), d in found.items())
    by_index = {(pair.first, pair.second) for pair in find_close(indexed, radius, most=10**6, without=NONE)[0]}
    assert by_index <= wanted
    assert len(by_index) >= 0.9 * len(wanted) >= 4


def test_rows_left_out_are_in_no_pair(spoilt) -> None:
    """Their exact originals stand for them."""
    for way in spoilt[1:]:
        pairs, _ = find_close(way, 0.01, most=10, without=np.array([100, 333]))
        assert {(pair.first, pair.second) for pair in pairs} == {(50, 899), (5, 640)}


@pytest.mark.parametrize("most", [3, 50])
def test_only_the_nearest_pairs_are_kept(spoilt, most: int) -> None:
    """Each once, nearest first, however many there are; and it is said that there were more."""
    _, exactly, indexed = spoilt
    every, is_cut = find_close(exactly, 2.2, most=10**6, without=NONE)
    assert not is_cut
    assert len(every) > 50
    distances = [pair.distance for pair in every]
    assert distances == sorted(distances)
    assert len({(pair.first, pair.second) for pair in every}) == len(every)
    assert find_close(exactly, 2.2, most=most, without=NONE) == (every[:most], True)
    by_index, is_cut = find_close(indexed, 2.2, most=most, without=NONE)
    assert is_cut
    assert len(by_index) == most  # which ones are cut off is by the distances of the index, a little off
    assert set(by_index) <= set(every)
    assert by_index[0] == every[0]


def test_the_unit_is_the_median_distance(tmp_path) -> None:
    """Of a small collection exactly; doubling every image leaves it nearly as it is."""
    vectors = draw_clusters(300)
    assert measure_unit(save_collection(tmp_path / "a", vectors)) == pytest.approx(np.median(pdist(vectors)))
    doubled = measure_unit(save_collection(tmp_path / "b", np.concatenate([vectors, vectors])))
    assert doubled == pytest.approx(np.median(pdist(vectors)), rel=0.02)
    assert compute_unit(vectors[:1]) == 0


def draw(path: Path, seed: int) -> Image.Image:
    """A smooth grey picture of its own."""
    noise = np.random.default_rng(seed).integers(0, 255, (48, 48), dtype=np.uint8)
    image = Image.fromarray(noise).filter(ImageFilter.GaussianBlur(4)).point(lambda value: (value - 100) * 4)
    image.convert("RGB").save(path)
    return image


def test_pixels_decide_where_they_can_be_read(tmp_path) -> None:
    """A darker picture is a copy, another is none, and an absent or a blank one is not judged."""
    draw(tmp_path / "0.png", 1).point(lambda value: value * 0.8).convert("RGB").save(tmp_path / "1.png")
    draw(tmp_path / "2.png", 2)
    Image.new("RGB", (48, 48)).save(tmp_path / "4.png")
    paths = {row: f"{row}.png" for row in range(5)}
    pairs = [Pair(0, other, 0.1) for other in range(1, 5)]
    judged = list(confirm_pairs(pairs, paths, tmp_path))
    assert [one.verdict for one in judged] == ["copy", "different", "unseen", "unseen"]
    assert judged[0].similarity == pytest.approx(1, abs=0.05)
    assert [one.verdict for one in confirm_pairs(pairs, paths, None)] == ["unseen"] * 4
