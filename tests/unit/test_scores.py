"""Scores are computed once for the same vectors, code and libraries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leaderboard import scores
from leaderboard.protocols import PROTOCOLS
from leaderboard.records import Embeddings, Provenance, Scores


@pytest.fixture
def embeddings() -> Embeddings:
    """Ten images of two classes."""
    vectors = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)
    return Embeddings(vectors, np.repeat([0, 1], 5), (), ("a", "b"), Provenance({}, {}))


@pytest.fixture
def computed(monkeypatch) -> list[Embeddings]:
    """What the counting protocol was asked to compute."""
    asked: list[Embeddings] = []

    def compute(embeddings: Embeddings) -> Scores:
        asked.append(embeddings)
        return Scores({"disparity.x": 0.1 + 0.2}, {"disparity.y": [0.5, float("nan")]}, {"z": [[1, 2], [3]]})

    monkeypatch.setattr(scores, "PROTOCOLS", {"disparity": replace(PROTOCOLS["disparity"], compute=compute)})
    return asked


def test_the_second_time_is_read_back_to_the_last_digit(embeddings, computed) -> None:
    """NaN included."""
    first, second = (scores.cached_scores(embeddings, "disparity") for _ in range(2))
    assert len(computed) == 1
    assert second.metrics == first.metrics
    assert second.outcomes == first.outcomes
    assert np.isnan(second.per_class["disparity.y"][1])


def test_refresh_computes_again(embeddings, computed) -> None:
    """Whatever is stored."""
    for _ in range(2):
        scores.cached_scores(embeddings, "disparity", refresh=True)
    assert len(computed) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda e: replace(e, vectors=np.nextafter(e.vectors, np.float32(9))),
        lambda e: replace(e, labels=e.labels[::-1].copy()),
        lambda e: replace(e, classes=("a", "c")),
    ],
    ids=["vectors", "labels", "classes"],
)
def test_other_embeddings_are_computed(embeddings, computed, change) -> None:
    """Each part of them counts."""
    scores.cached_scores(embeddings, "disparity")
    scores.cached_scores(change(embeddings), "disparity")
    assert len(computed) == 2


def test_changed_code_or_version_is_computed(embeddings, computed, monkeypatch) -> None:
    """A developer who forgot to raise the version is not shown yesterday's figures."""
    scores.cached_scores(embeddings, "disparity")
    monkeypatch.setattr(scores, "_digest_of_code", lambda: "other code")
    scores.cached_scores(embeddings, "disparity")
    changed = replace(scores.PROTOCOLS["disparity"], version=99)
    monkeypatch.setattr(scores, "PROTOCOLS", {"disparity": changed})
    scores.cached_scores(embeddings, "disparity")
    assert len(computed) == 3


def test_a_damaged_file_is_as_good_as_none(embeddings, computed, cache) -> None:
    """It is computed again, and replaced."""
    scores.cached_scores(embeddings, "disparity")
    [stored] = (cache / "scores").glob("*.json")
    stored.write_text('{"metrics": ')
    assert scores.cached_scores(embeddings, "disparity").metrics == {"disparity.x": 0.1 + 0.2}
    assert len(computed) == 2


def test_libraries_that_figures_depend_on_are_described() -> None:
    """Those of the protocol, besides the common ones."""
    assert {"numpy", "scipy", "scikit-learn"} <= scores.describe_packages(["knn"]).keys()
    assert {"umap-learn", "hdbscan"} <= scores.describe_packages().keys()
