"""Clustering against the golden figures of PCA's space, and its scores on clusters made by hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import davies_bouldin_score, silhouette_score

from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.protocols import METRICS
from leaderboard.protocols._votes import normalise
from leaderboard.protocols.clustering import (
    ALGORITHMS,
    compute_cluster_scores,
    compute_clustering,
    compute_pca_space,
    compute_umap_space,
    fit_hdbscan,
)
from leaderboard.records import Scores
from leaderboard.report.maps import compute_umap_map

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "rodgers.json").read_text())["clustering"]


@pytest.fixture(scope="module")
def found(golden_embeddings) -> Scores:
    """All clusters of the golden file."""
    return compute_clustering(golden_embeddings)


@pytest.mark.parametrize("row", [row for row in GOLDEN if row["pipeline"] == "pca"], ids=lambda row: row["algorithm"])
def test_golden_figures_of_the_principal_components_agree_to_1e_6(found, row) -> None:
    """Each algorithm, each figure."""
    ours = {
        name.rpartition(".")[2]: value
        for name, value in found.metrics.items()
        if row["algorithm"] in name and ".pca." in name
    }
    expected = {name: row[name] for name in ("ari", "ami", "purity", "silhouette", "davies_bouldin", "noise_fraction")}
    assert ours == pytest.approx(expected | {"clusters": row["n_clusters"]}, abs=1e-6)


@pytest.mark.parametrize("row", [row for row in GOLDEN if row["pipeline"] == "umap"], ids=lambda row: row["algorithm"])
def test_figures_of_the_other_space_come_near_the_golden_ones_where_k_is_known(found, row) -> None:
    """UMAP's layout depends on the version of the library; what it makes of twenty known classes does not by much."""
    assert found.metrics[f"clustering.umap.{row['algorithm']}.clusters"] >= 2
    if row["algorithm"] == "kmeans_known_k":
        for name in ("ari", "ami", "purity"):
            assert found.metrics[f"clustering.umap.kmeans_known_k.{name}"] == pytest.approx(row[name], abs=0.1)


def test_outcomes_are_the_clusters_of_the_figures(found, golden_embeddings) -> None:
    """From them every score can be had again."""
    points = compute_pca_space(golden_embeddings.vectors)
    assert points.shape == (697, 50)
    for algorithm in ALGORITHMS:
        clusters = np.array(found.outcomes[f"pca.{algorithm}"])
        again = compute_cluster_scores(points, clusters, golden_embeddings.labels)
        assert {
            f"clustering.pca.{algorithm}.{name}": value for name, value in again.items()
        }.items() <= found.metrics.items()


def test_every_figure_is_a_known_metric(found) -> None:
    """So that thresholds and columns can name it."""
    assert len(found.metrics) == 2 * 4 * 7
    assert found.metrics.keys() <= METRICS.keys()


def test_scores_leave_noise_out_or_count_it_wrong() -> None:
    """Two pure clusters of two, two images of noise."""
    points = np.array([[0, 0], [0, 1], [9, 0], [9, 1], [5, 5], [4, 4]], float)
    clusters, labels = np.array([0, 0, 1, 1, -1, -1]), np.array([0, 0, 1, 1, 0, 1])
    scores = compute_cluster_scores(points, clusters, labels)
    assert scores["clusters"] == 2
    assert scores["noise_fraction"] == pytest.approx(1 / 3)
    assert scores["purity"] == pytest.approx(4 / 6)
    assert scores["silhouette"] == pytest.approx(silhouette_score(points[:4], clusters[:4]))
    assert scores["davies_bouldin"] == pytest.approx(davies_bouldin_score(points[:4], clusters[:4]))


def test_one_cluster_or_noise_alone_has_neither_silhouette_nor_davies_bouldin() -> None:
    """They compare clusters."""
    points, labels = np.eye(4), np.array([0, 0, 1, 1])
    for clusters in (np.zeros(4, int), np.full(4, -1)):
        scores = compute_cluster_scores(points, clusters, labels)
        assert scores.keys() == {"clusters", "noise_fraction", "ari", "ami", "purity"}
    assert scores["purity"] == 0


def test_images_without_classes_have_no_known_k_and_no_comparison(clusters) -> None:
    """What is left tells how many groups there are, and how well apart they lie."""
    embeddings = replace(clusters(per_class=30, classes=2), labels=np.empty(0, np.int64), classes=())
    scores = compute_clustering(embeddings)
    assert {name.split(".")[2] for name in scores.metrics} == set(ALGORITHMS) - {"kmeans_known_k"}
    assert not {name for name in scores.metrics if name.endswith(("ari", "ami", "purity"))}
    assert len(scores.outcomes["umap.hdbscan"]) == 60


def test_twenty_images_are_enough_and_nineteen_are_not(clusters) -> None:
    """UMAP lays out sets that are smaller than its thirty neighbours."""
    embeddings = clusters(per_class=10, classes=2)
    assert compute_clustering(embeddings).metrics["clustering.umap.kmeans_known_k.clusters"] == 2
    fewer = replace(embeddings, vectors=embeddings.vectors[1:], labels=embeddings.labels[1:])
    with pytest.raises(LeaderboardError, match="19 images: clustering needs 20; add images"):
        compute_clustering(fewer)


def test_many_copies_of_a_few_images_are_clustered(make_embeddings) -> None:
    """Fewer different vectors than clusters asked for."""
    vectors = np.repeat(np.random.default_rng(0).normal(size=(3, 5)), 10, axis=0)
    scores = compute_clustering(make_embeddings(vectors, np.repeat(np.arange(3), 10).tolist()))
    assert scores.metrics["clustering.pca.kmeans_known_k.ari"] == pytest.approx(1)


@pytest.mark.parametrize(("package", "compute"), [("umap", compute_umap_space), ("hdbscan", fit_hdbscan)])
def test_a_missing_library_is_named_with_its_extra(monkeypatch, package, compute) -> None:
    """The core install comes without them."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(Unavailable, match=rf"clustering needs {package}.*pip install 'fossil-leaderboard\[analysis\]'"):
        compute(np.eye(30, dtype=np.float32))


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        (compute_umap_space, {"n_components": 15, "n_neighbors": 30, "min_dist": 0.0}),
        (compute_umap_map, {"n_components": 2, "n_neighbors": 15, "min_dist": 0.1}),
    ],
    ids=["space", "map"],
)
def test_the_layout_is_asked_for_as_documented(
    monkeypatch, compute: Callable[[np.ndarray], np.ndarray], expected: dict[str, Any]
) -> None:
    """Seed 42 and cosine for the space of the figures and for the map in a report, on vectors of length 1."""
    asked: list[dict[str, Any]] = []
    laid_out: list[np.ndarray] = []

    class Recorder:
        def __init__(self, **options: Any) -> None:
            asked.append(options)

        def fit_transform(self, vectors: np.ndarray) -> np.ndarray:
            laid_out.append(vectors)
            return vectors

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Recorder))
    vectors = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    compute(vectors)
    always = {"metric": "cosine", "random_state": 42, "n_jobs": 1}
    assert asked == [expected | always]
    assert np.array_equal(laid_out, [normalise(vectors)])


@pytest.mark.parametrize("dimension", [3, 50])
def test_vectors_that_differ_in_length_only_are_refused(make_embeddings, dimension: int) -> None:
    """On the sphere they are one point, but for their rounding."""
    vectors = np.linspace(0.1, 3, 24)[:, None] * np.random.default_rng(0).normal(size=dimension)
    with pytest.raises(LeaderboardError, match=r"all vectors have the same direction, .*try another model"):
        compute_clustering(make_embeddings(vectors, [0, 1] * 12))
