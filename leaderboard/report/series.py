"""Names of metrics taken apart: which classifiers, clusterings and curves a model's figures hold, and their names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from leaderboard.protocols.clustering import ALGORITHMS
from leaderboard.records import Scores

CLASSIFIERS = {"lr": "logistic regression", "knn": "nearest neighbours"}
SPACES = {"pca": "PCA", "umap": "UMAP"}
Curve = Literal["learning_curve", "few_shot"]


class Point(NamedTuple):
    """One point of a curve."""

    x: int  # per cent of the images, or images per class
    mean: float
    std: float  # NaN where only the mean is known


def read_curve(metrics: Mapping[str, float], curve: Curve, classifier: str, measure: str = "top1") -> list[Point]:
    """The points of one curve, by x: ``learning_curve.lr.f10.top1`` is at 10, ``few_shot.lr.k5.top1`` at 5.

    Points that the images did not allow are absent; so is everything when the protocol did not run.
    """
    pattern = re.compile(rf"{curve}\.{classifier}\.[fk](\d+)\.{measure}")
    found = [(int(match[1]), name) for name in metrics if (match := pattern.fullmatch(name))]
    return [Point(x, metrics[name], metrics.get(f"{name}_std", float("nan"))) for x, name in sorted(found)]


def read_retrieval_curve(metrics: Mapping[str, float]) -> np.ndarray:
    """Mean (recall, precision) at every cut-off and at N, (points, 2), by recall; (0, 2) without retrieval.

    At equal recall the higher precision comes first. Source: docs/protocols.md, section 1, ``pr_auc``; the points
    (0, 1) and (1, 0) that close the curve there are not among them.
    """
    pairs = {name: name.replace("precision", "recall") for name in metrics if "retrieval.precision_at_" in name}
    pairs |= {name: name for name in pairs if name.endswith("_at_n")}  # recall at N equals precision at N
    points = sorted(((metrics[recall], metrics[name]) for name, recall in pairs.items()), key=lambda p: (p[0], -p[1]))
    return np.array(points, dtype=np.float64).reshape(-1, 2)


def read_clusterings(scores: Scores) -> dict[tuple[str, str], np.ndarray]:
    """(space, algorithm) -> (n,) cluster of each image, -1 for noise; in the order of ALGORITHMS and SPACES.

    Clusters are numbered from 0 by size, the largest first, so that every figure and table calls them alike.
    """
    clusters = scores.outcomes
    wanted = [(space, algorithm) for algorithm in ALGORITHMS for space in SPACES]
    return {key: number_by_size(np.asarray(clusters[".".join(key)])) for key in wanted if ".".join(key) in clusters}


def number_by_size(clusters: np.ndarray) -> np.ndarray:
    """(n,) clusters renumbered, the largest 0, ties by their first image; -1, noise, stays."""
    names, firsts, counts = np.unique(clusters, return_index=True, return_counts=True)
    order = [name for name in np.lexsort((firsts, -counts)) if names[name] >= 0]
    numbers = np.full(len(names), -1)
    numbers[order] = np.arange(len(order))
    return np.asarray(numbers[np.searchsorted(names, clusters)])


def compute_precision_at_n(scores: Scores, labels: np.ndarray) -> np.ndarray:
    """(n,) of each query: relevant images among the first N over N; NaN where nothing was asked, or to be found."""
    relevant = np.bincount(labels)[labels] - 1
    if sample := scores.outcomes.get("test"):  # of a large set
        relevant[np.setdiff1d(np.arange(len(labels)), sample[0])] = 0
    hits = np.asarray(scores.outcomes["hits_at_n"], np.float64)
    precision = np.full(len(labels), np.nan)
    return np.asarray(np.divide(hits, relevant, where=relevant > 0, out=precision))


def compute_majority_share(labels: Sequence[int] | np.ndarray) -> float:
    """Accuracy of always naming the largest class."""
    return float(np.bincount(labels).max() / len(labels))
