"""Single images that stand for something: best and worst queries, outliers, the middle of each cluster.

The figures and the tables both take them from here, so that a picture can be traced to its file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from leaderboard.protocols.clustering import ALGORITHMS
from leaderboard.report.analysis import Analysis
from leaderboard.report.series import SPACES, compute_precision_at_n, read_clusterings

QUERIES = 10
OUTLIERS = 20
MEDOIDS_OF = ("pca.kmeans_auto_k", "umap.kmeans_auto_k", "pca.hdbscan")  # the first that is there


class Query(NamedTuple):
    """An image that asks for its like."""

    image: int  # its index
    precision: float  # at N, 0 to 1
    nearest: Sequence[int]  # images, nearest first


class Outlier(NamedTuple):
    """An image with a high outlier score."""

    image: int  # its index
    score: float  # GLOSH, 0 to 1


class Medoid(NamedTuple):
    """A cluster and the image in its middle."""

    number: int  # of the cluster, from 1, the largest first
    image: int  # its index
    images: np.ndarray  # (m,) of the cluster


def choose_queries(analysis: Analysis, *, best: bool) -> list[Query]:
    """The ten best or worst queries by precision at N; ties go to the lower index.

    Images that are alone in their class ask nothing. None without labels or without retrieval, nor of a set so large
    that a sample of it was asked.
    """
    if not analysis.is_labelled or "retrieval" not in analysis.scores:
        return []
    scores = analysis.scores["retrieval"]
    if "neighbours" not in scores.outcomes:
        return []
    precision = compute_precision_at_n(scores, analysis.embeddings.labels)
    order = np.argsort(-precision if best else precision, kind="stable")  # NaN comes last in both
    chosen = order[: min(QUERIES, int(np.isfinite(precision).sum()))].tolist()
    return [Query(index, float(precision[index]), scores.outcomes["neighbours"][index]) for index in chosen]


def choose_outliers(analysis: Analysis) -> list[Outlier]:
    """The twenty images with the highest outlier scores, highest first; ties go to the lower index."""
    if analysis.outlier_scores is None:
        return []
    scores = np.asarray(analysis.outlier_scores)
    order = np.argsort(-scores, kind="stable")[:OUTLIERS].tolist()  # NaN comes last
    return [Outlier(index, float(scores[index])) for index in order if np.isfinite(scores[index])]


def choose_medoids(analysis: Analysis, clustering: str) -> list[Medoid]:
    """One image per cluster, the largest cluster first; none without that clustering. Noise has no middle.

    Args:
        analysis: of one model.
        clustering: space and algorithm, as in the protocol's outcomes: ``pca.hdbscan``, ``umap.kmeans_auto_k``, …
    """
    space, _, algorithm = clustering.partition(".")
    found = read_clusterings(analysis.scores["clustering"]) if "clustering" in analysis.scores else {}
    if (space, algorithm) not in found:
        return []
    clusters = found[space, algorithm]
    members = [np.flatnonzero(clusters == cluster) for cluster in range(clusters.max() + 1)]
    medoids = find_medoids(analysis.embeddings.vectors, members)
    return [
        Medoid(number, medoid, images)
        for number, (medoid, images) in enumerate(zip(medoids, members, strict=True), start=1)
    ]


def choose_clustering(analysis: Analysis) -> str:
    """That whose medoids are shown: the first of MEDOIDS_OF that found a cluster, or nothing."""
    return next((name for name in MEDOIDS_OF if choose_medoids(analysis, name)), "")


def find_medoids(vectors: np.ndarray, groups: Sequence[np.ndarray]) -> list[int]:
    """Of each group of rows of ``vectors`` (n, d), the row nearest to the mean of the group's normalised rows.

    Distance is Euclidean.
    """
    medoids = []
    for rows in groups:
        lengths = np.linalg.norm(vectors[rows], axis=1, keepdims=True)
        unit = vectors[rows] / np.where(lengths > 0, lengths, 1)
        medoids.append(int(rows[np.linalg.norm(unit - unit.mean(axis=0), axis=1).argmin()]))
    return medoids


def name_clustering(clustering: str) -> str:
    """``HDBSCAN in PCA space`` of ``pca.hdbscan``."""
    space, _, algorithm = clustering.partition(".")
    return f"{ALGORITHMS[algorithm]} in {SPACES[space]} space"


def name_file(analysis: Analysis, index: int) -> str:
    """The file of an image, relative to the folder; embeddings without files number their images from 1."""
    return analysis.embeddings.files[index] if analysis.embeddings.files else f"image {index + 1}"


def count_commonest(analysis: Analysis, images: np.ndarray) -> tuple[str, int]:
    """Of labelled images, the class that most of them have, and how many have it."""
    counts = np.bincount(analysis.embeddings.labels[images])
    return analysis.embeddings.classes[int(counts.argmax())], int(counts.max())
