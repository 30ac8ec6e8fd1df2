"""Maps and outlier scores: their shapes, and that none is computed twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leaderboard.report.maps import MAPS, OUTLIERS, STEPS, cached_step


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """Thirty of five dimensions in two groups that lie far apart."""
    draws = np.random.default_rng(3)
    return (draws.normal(size=(30, 5)) * 0.1 + np.repeat(np.eye(5)[:2], 15, axis=0)).astype(np.float32)


def kept(cache: Path) -> list[Path]:
    return sorted((cache / "maps").glob("*.safetensors"))


@pytest.mark.parametrize("name", MAPS)
def test_a_map_places_every_image_and_keeps_groups_apart(name: str, vectors: np.ndarray) -> None:
    """Two dimensions, finite; the nearest point of every image is of its own group."""
    points = cached_step(name, vectors)
    assert points is not None
    assert points.shape == (30, 2)
    assert np.isfinite(points).all()
    distances = np.linalg.norm(points[:, None] - points[None], axis=2) + np.diag(np.full(30, np.inf))
    assert ((distances.argmin(axis=1) < 15) == (np.arange(30) < 15)).all()


def test_outlier_scores_single_out_what_is_alone(vectors: np.ndarray) -> None:
    """From 0 to 1 per image; the image between the groups has the highest."""
    odd = vectors.copy()
    odd[7] = (0, 0, 5, 5, 0)
    scores = cached_step(OUTLIERS, odd)
    assert scores is not None
    assert scores.shape == (30,)
    assert 0 <= scores.min() <= scores.max() <= 1
    assert scores.argmax() == 7


@pytest.mark.parametrize("name", STEPS)
def test_a_second_call_reads_what_the_first_one_kept(name: str, vectors: np.ndarray, cache: Path) -> None:
    """Seen by a file that says something else."""
    first = cached_step(name, vectors)
    assert first is not None
    (path,) = kept(cache)
    other = cached_step(name, vectors + 1)
    (stranger,) = set(kept(cache)) - {path}
    path.write_bytes(stranger.read_bytes())
    np.testing.assert_array_equal(cached_step(name, vectors), other)
    np.testing.assert_array_equal(cached_step(name, vectors, refresh=True), first)
    np.testing.assert_array_equal(cached_step(name, vectors), first)


@pytest.mark.parametrize("spoil", [lambda whole: b"", lambda whole: whole[:40], lambda whole: b"x" * 99])
def test_a_damaged_file_is_computed_again(vectors: np.ndarray, cache: Path, spoil) -> None:
    """It can be, so it is no error."""
    first = cached_step("PCA", vectors)
    (path,) = kept(cache)
    path.write_bytes(spoil(path.read_bytes()))
    np.testing.assert_array_equal(cached_step("PCA", vectors), first)


@pytest.mark.parametrize("name", STEPS)
def test_too_few_images_have_none(name: str, vectors: np.ndarray, cache: Path) -> None:
    """Two are enough for principal components, nothing below twenty for the others."""
    few = 1 if name == "PCA" else 19
    assert cached_step(name, vectors[:few]) is None
    assert kept(cache) == []
    assert cached_step(name, vectors[: few + 1]) is not None


def test_one_dimension_is_padded() -> None:
    """The second coordinate is 0."""
    points = cached_step("PCA", np.array([[1.0], [-1.0], [2.0]], np.float32))
    assert points is not None
    assert points.shape == (3, 2)
    assert not points[:, 1].any()
