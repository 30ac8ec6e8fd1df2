"""Names by vote of the nearest reference images, with how often such names are right."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from collections_made import save_collection

from leaderboard.errors import LeaderboardError
from leaderboard.vector_index.opening import open_searchable
from leaderboard.vector_index.voting import Voting, measure_voting


def draw_classes(tmp_path, *, apart: float, digests: list[str] | None = None, classes: bool = True) -> Voting:
    """Three classes of a hundred images each, so far apart."""
    draws = np.random.default_rng(0)
    labels = np.arange(300) % 3
    vectors = draws.normal(size=(300, 8)) + apart * np.eye(8)[labels]
    paths = [f"taxon-{label}/{row}.png" if classes else f"{row}.png" for row, label in enumerate(labels)]
    save_collection(tmp_path / "reference", vectors.astype(np.float32), paths, digests=digests)
    return measure_voting(open_searchable(str(tmp_path / "reference")))


def test_most_of_the_nearest_give_the_name(tmp_path) -> None:
    """With their share as confidence, and the five nearest to show."""
    voting = draw_classes(tmp_path, apart=20)
    labels = voting.name(["a", "b"], (20 * np.eye(8)[:2]).astype(np.float32))
    assert [(label.file, label.genus, label.confidence) for label in labels] == [
        ("a", "taxon-0", 1),
        ("b", "taxon-1", 1),
    ]
    assert len(labels[0].neighbours) == 5
    distances = [near.distance for near in labels[0].neighbours]
    assert distances == sorted(distances)
    between = voting.name(["c"], np.full((1, 8), 20 / 3, np.float32))[0]
    assert between.confidence < 1


def test_reliability_is_what_the_reference_shows(tmp_path) -> None:
    """All right where classes are far apart, a third where they coincide."""
    assert draw_classes(tmp_path / "far", apart=20).reliability[-1].right == 300
    alike = draw_classes(tmp_path / "same", apart=0).reliability
    assert sum(band.images for band in alike) == 300
    assert sum(band.right for band in alike) == pytest.approx(100, abs=35)


def test_copies_do_not_name_each_other(tmp_path) -> None:
    """Else a reference that holds everything twice would look perfect."""
    draws = np.random.default_rng(0)
    half = draws.normal(size=(100, 8)).astype(np.float32)
    names = [f"taxon-{draws.integers(3)}/{row}.png" for row in range(100)]
    digests = [hashlib.sha256(name.encode()).hexdigest() for name in names] * 2
    folder = tmp_path / "twice"
    save_collection(folder, np.concatenate([half, half]), names + [f"{name}.bmp" for name in names], digests=digests)
    voting = measure_voting(open_searchable(str(folder)))
    assert sum(band.right for band in voting.reliability) < 120


def test_what_is_far_from_everything_is_unknown(tmp_path) -> None:
    """Farther than an image of the reference is from its nearest one."""
    voting = draw_classes(tmp_path, apart=3)
    near, far = voting.name(["near", "far"], np.array([[0.0] * 8, [40.0] * 8], np.float32))
    assert (near.is_unknown, far.is_unknown) == (False, True)
    assert near.neighbours[0].distance <= voting.threshold < far.neighbours[0].distance


def test_a_reference_without_classes_is_one_line(tmp_path) -> None:
    """As is one that is a single picture."""
    with pytest.raises(LeaderboardError, match="has no class; a reference is embedded from a folder"):
        draw_classes(tmp_path / "loose", apart=1, classes=False)
    with pytest.raises(LeaderboardError, match="the same picture; give a real reference"):
        draw_classes(tmp_path / "one", apart=1, digests=["0" * 64] * 300)
