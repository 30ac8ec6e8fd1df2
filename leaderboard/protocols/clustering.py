"""Clusters that the vectors fall into by themselves, held against the classes where there are any.

Source: the clustering experiments of N. Rodgers, "Complexity Begets Simplicity"; docs/protocols.md, section 6.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.protocols._parallel import compute_all
from leaderboard.protocols._queries import refuse_large
from leaderboard.protocols._votes import normalise
from leaderboard.records import Embeddings, Metric, Protocol, Scores

SEED = 42
MOST_COMPONENTS, VARIANCE = 50, 0.95
UMAP_COMPONENTS, UMAP_NEIGHBOURS = 15, 30
MOST_CLUSTERS = 50
FEWEST_IMAGES = 20  # below, neither space nor clusters mean anything
NOISE = -1
SAME = 1e-6  # unit vectors whose components differ by less than rounding does
MEGABYTES = 128
Clusters = np.ndarray  # (n,) cluster of each image, NOISE for none


def compute_clustering(embeddings: Embeddings) -> Scores:
    """Four algorithms in two spaces. Without labels: no known K, and no figures that compare with classes.

    Outcomes: ``space.algorithm`` -> the cluster of each image, -1 for noise.

    Raises:
        LeaderboardError: fewer than 20 images, or more than 60,000.
        LeaderboardError: vectors that differ in length only.
        Unavailable: umap-learn or hdbscan is not installed.
    """
    if len(embeddings.vectors) < FEWEST_IMAGES:
        raise LeaderboardError(f"{len(embeddings.vectors)} images: clustering needs {FEWEST_IMAGES}; add images")
    refuse_large(len(embeddings.vectors), "clustering")
    unit = normalise(embeddings.vectors)
    if np.ptp(unit, axis=0).max() < SAME:
        raise LeaderboardError("all vectors have the same direction, so there is nothing to cluster; try another model")
    metrics: dict[str, float] = {}
    outcomes: dict[str, list[int]] = {}
    for space, compute_space in SPACES.items():
        points = compute_space(embeddings.vectors)
        for algorithm, clusters in _list_clusters(points, embeddings.labels):
            outcomes[f"{space}.{algorithm}"] = clusters.tolist()
            found = compute_cluster_scores(points, clusters, embeddings.labels)
            metrics |= {f"clustering.{space}.{algorithm}.{name}": value for name, value in found.items()}
    return Scores(metrics=metrics, outcomes=outcomes)


# ---- spaces


def compute_pca_space(vectors: np.ndarray) -> np.ndarray:
    """(n, d) -> (n, c) of the normalised vectors: 95 % of their variance, at most 50 components.

    The components are counted by a full PCA and fitted anew with scikit-learn's default solver, as the source does.
    """
    from sklearn.decomposition import PCA

    unit = normalise(vectors)
    explained = np.cumsum(PCA(svd_solver="full").fit(unit).explained_variance_ratio_)
    count = int(np.searchsorted(explained, VARIANCE) + 1)
    components = min(count, MOST_COMPONENTS, *unit.shape)
    return np.asarray(PCA(n_components=components, random_state=SEED).fit_transform(unit))


def compute_umap_space(vectors: np.ndarray) -> np.ndarray:
    """(n, d) -> (n, 15) by UMAP (30 neighbours, min_dist 0, cosine) of the normalised vectors."""
    return compute_umap(vectors, components=UMAP_COMPONENTS, neighbours=UMAP_NEIGHBOURS, min_dist=0.0)


def compute_umap(vectors: np.ndarray, *, components: int, neighbours: int, min_dist: float) -> np.ndarray:
    """(n, d) -> (n, components) by UMAP with cosine distance, seeded.

    Raises:
        Unavailable: umap-learn is not installed.
    """
    with _from_extra():
        from umap import UMAP
    n = len(vectors)
    reducer = UMAP(
        n_components=min(components, n - 2),
        n_neighbors=min(neighbours, n - 1),
        min_dist=min_dist,
        metric="cosine",
        random_state=SEED,
        n_jobs=1,  # which a seed asks for
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(reducer.fit_transform(normalise(vectors)))


SPACES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {"pca": compute_pca_space, "umap": compute_umap_space}


# ---- algorithms


def _list_clusters(points: np.ndarray, labels: np.ndarray) -> Iterator[tuple[str, Clusters]]:
    """Every algorithm's clusters of (n, c) points; ``labels`` only tell how many classes there are."""
    classes = len(np.unique(labels))
    most = min(2 * classes, MOST_CLUSTERS) if classes else MOST_CLUSTERS
    if classes:
        yield "kmeans_known_k", _cluster_by_kmeans(points, classes)
    yield "kmeans_auto_k", _cluster_by_best_silhouette(points, most)
    yield "bayesian_gmm", _cluster_by_mixture(points, most)
    yield "hdbscan", fit_hdbscan(points).labels_


def _cluster_by_kmeans(points: np.ndarray, clusters: int) -> Clusters:
    from sklearn.cluster import KMeans

    return np.asarray(KMeans(clusters, n_init=10, random_state=SEED).fit_predict(points))


def _cluster_by_best_silhouette(points: np.ndarray, most: int) -> Clusters:
    """k-means with each number of clusters from 2 to ``most`` - 1; the one with the best silhouette."""
    numbers = range(2, min(most, len(points)))
    found = compute_all(partial(_cluster_by_kmeans, points), numbers or [2], "clustering")
    scores = compute_all(partial(_compute_silhouette, points), found, "clustering")
    return found[int(np.argmax(scores))]


def _compute_silhouette(points: np.ndarray, clusters: Clusters) -> float:
    from sklearn import config_context
    from sklearn.metrics import silhouette_score

    with config_context(working_memory=MEGABYTES):  # of distances at once; scikit-learn's default is a gigabyte
        return float(silhouette_score(points, clusters))


def _cluster_by_mixture(points: np.ndarray, most: int) -> Clusters:
    from sklearn.mixture import BayesianGaussianMixture

    mixture = BayesianGaussianMixture(
        n_components=min(most, len(points)), weight_concentration_prior=0.1, random_state=SEED
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the source stops after 100 steps as well
        return np.asarray(mixture.fit_predict(points))


def fit_hdbscan(points: np.ndarray) -> Any:
    """HDBSCAN of (n, c) points: ``labels_`` with -1 for noise, ``outlier_scores_`` (GLOSH) from 0 to 1.

    Raises:
        Unavailable: hdbscan is not installed.
    """
    with _from_extra():
        from hdbscan import HDBSCAN
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return HDBSCAN(min_cluster_size=max(5, int(0.02 * len(points))), core_dist_n_jobs=1).fit(points)


# ---- scores


def compute_cluster_scores(points: np.ndarray, clusters: Clusters, labels: np.ndarray) -> dict[str, float]:
    """How many clusters and how much noise, how well apart they lie, and with labels how well they are the classes.

    Noise is left out of silhouette and Davies-Bouldin, is one more label for ARI and AMI, and is wrong in purity.

    Args:
        points: (n, c).
        clusters: (n,), -1 for noise.
        labels: (n,), or empty.
    """
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, davies_bouldin_score

    kept = clusters != NOISE
    found = len(np.unique(clusters[kept]))
    scores = {"clusters": float(found), "noise_fraction": float(np.mean(~kept))}
    if len(labels):
        scores["ari"] = float(adjusted_rand_score(labels, clusters))
        scores["ami"] = float(adjusted_mutual_info_score(labels, clusters))
        scores["purity"] = _compute_purity(clusters[kept], labels[kept]) * float(np.mean(kept))
    if 2 <= found < kept.sum():
        scores["silhouette"] = _compute_silhouette(points[kept], clusters[kept])
        scores["davies_bouldin"] = float(davies_bouldin_score(points[kept], clusters[kept]))
    return scores


def _compute_purity(clusters: Clusters, labels: np.ndarray) -> float:
    """Share of the images that are of their cluster's most frequent class; 0 without images."""
    frequent = [np.bincount(labels[clusters == cluster]).max() for cluster in np.unique(clusters)]
    return float(sum(frequent) / max(1, len(labels)))


@contextmanager
def _from_extra() -> Iterator[None]:
    """An import of what the core install leaves out."""
    try:
        yield
    except ModuleNotFoundError as error:
        remedy = "pip install 'fossil-leaderboard[analysis]'"
        raise Unavailable(f"clustering needs {error.name}, which is not installed; `{remedy}`", "not found") from None


ALGORITHMS = {
    "kmeans_known_k": "k-means (K known)",
    "kmeans_auto_k": "k-means (K chosen)",
    "bayesian_gmm": "Bayesian GMM",
    "hdbscan": "HDBSCAN",
}
TITLES = {
    "clusters": "clusters",
    "ari": "ARI",
    "ami": "AMI",
    "purity": "purity",
    "silhouette": "silhouette",
    "davies_bouldin": "Davies-Bouldin",
    "noise_fraction": "noise",
}
BETTER: Mapping[str, bool | None] = {"clusters": None, "davies_bouldin": False, "noise_fraction": None}
PROTOCOL = Protocol(
    name="clustering",
    version=1,
    metrics=tuple(
        Metric(
            f"clustering.{space}.{algorithm}.{name}",
            f"{words} in {space.upper()}: {title}",
            higher_is_better=BETTER.get(name, True),
        )
        for space in SPACES
        for algorithm, words in ALGORITHMS.items()
        for name, title in TITLES.items()
    ),
    compute=compute_clustering,
    packages=("hdbscan", "numba", "pynndescent", "umap-learn"),
    is_repeatable=False,
)
