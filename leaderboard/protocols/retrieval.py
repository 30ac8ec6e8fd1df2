"""Content-based retrieval: how many of a query's own class are among its nearest neighbours.

Source: "CBIR" of the SCAMPI benchmark; docs/protocols.md, section 1. Mean average precision is ours.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from leaderboard.protocols._splits import check_labels
from leaderboard.records import Embeddings, Metric, Protocol, Scores

CUTOFFS = (1, *range(10, 200, 10), 500)
NEIGHBOURS_KEPT = 10  # per image, for label audits and retrieval examples
BLOCK = 512  # queries whose distances are in memory at once


def compute_retrieval(embeddings: Embeddings) -> Scores:
    """Precision and recall at cut-offs, at N, their curve's area, and mean average precision.

    Distances are Euclidean in float64, ties go to the lower index, and a query never retrieves itself.
    A class with one image gives no query; a cut-off above n - 1 is left out.

    Raises:
        LeaderboardError: no labels, a single class, or no class with two images.
    """
    check_labels(embeddings, images_per_class=1)
    labels = embeddings.labels
    relevant = np.bincount(labels, minlength=len(embeddings.classes))[labels] - 1  # N_i of each query
    cutoffs = [k for k in CUTOFFS if k <= len(labels) - 1]
    hits_at = np.zeros((len(labels), len(cutoffs)), dtype=np.int64)
    hits_at_n, average_precision = np.zeros(len(labels), dtype=np.int64), np.zeros(len(labels))
    neighbours = np.zeros((len(labels), min(NEIGHBOURS_KEPT, len(labels) - 1)), dtype=np.int64)
    for queries, order in _rank_in_blocks(embeddings.vectors):
        match = labels[order] == labels[queries, None]
        found = np.cumsum(match, axis=1)
        rows, wanted = np.arange(len(queries)), relevant[queries]
        hits_at[queries] = found[:, [k - 1 for k in cutoffs]]
        hits_at_n[queries] = np.where(wanted > 0, found[rows, wanted - 1], 0)
        precision = found / np.arange(1, order.shape[1] + 1)
        average_precision[queries] = (precision * match).sum(axis=1) / np.maximum(wanted, 1)
        neighbours[queries] = order[:, : neighbours.shape[1]]

    asked = relevant > 0
    at_n = np.divide(hits_at_n, relevant, where=asked, out=np.full(len(labels), np.nan))
    metrics = {"retrieval.precision_at_n": float(at_n[asked].mean())}
    for column, k in enumerate(cutoffs):
        metrics[f"retrieval.precision_at_{k}"] = float((hits_at[asked, column] / k).mean())
        metrics[f"retrieval.recall_at_{k}"] = float((hits_at[asked, column] / relevant[asked]).mean())
    metrics["retrieval.pr_auc"] = _compute_curve_area(metrics, cutoffs)
    metrics["retrieval.map"] = float(average_precision[asked].mean())
    return Scores(
        metrics=metrics,
        per_class={"retrieval.precision_at_n": _mean_per_class(at_n, labels, len(embeddings.classes))},
        outcomes={"hits_at_n": hits_at_n.tolist(), "neighbours": neighbours.tolist()},
    )


def _rank_in_blocks(vectors: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Query indices (b,) and all other images by distance (b, n - 1), a block of queries at a time."""
    from scipy.spatial.distance import cdist

    exact = vectors.astype(np.float64)
    for start in range(0, len(exact), BLOCK):
        queries = np.arange(start, min(start + BLOCK, len(exact)))
        distances = cdist(exact[queries], exact)
        distances[np.arange(len(queries)), queries] = np.inf  # itself comes last, and is cut off
        yield queries, np.argsort(distances, axis=1, kind="stable")[:, :-1]


def _compute_curve_area(metrics: dict[str, float], cutoffs: list[int]) -> float:
    """Trapezoid area under the mean precision-recall points, closed at (0, 1) and (1, 0)."""
    points = [(metrics[f"retrieval.recall_at_{k}"], metrics[f"retrieval.precision_at_{k}"]) for k in cutoffs]
    points.append((metrics["retrieval.precision_at_n"],) * 2)  # recall at N equals precision at N
    points.sort(key=lambda point: (point[0], -point[1]))
    recall, precision = np.array([(0.0, 1.0), *points, (1.0, 0.0)]).T
    return float(np.trapezoid(precision, recall))


def _mean_per_class(values: np.ndarray, labels: np.ndarray, classes: int) -> list[float]:
    return [float(np.mean(values[labels == c])) if np.any(labels == c) else float("nan") for c in range(classes)]


PROTOCOL = Protocol(
    name="retrieval",
    version=1,
    metrics=(
        Metric("retrieval.precision_at_n", headline="P@N", column=2),
        *(Metric(f"retrieval.{kind}_at_{k}") for k in CUTOFFS for kind in ("precision", "recall")),
        Metric("retrieval.pr_auc"),
        Metric("retrieval.map"),
    ),
    compute=compute_retrieval,
)
