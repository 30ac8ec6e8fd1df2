"""Content-based retrieval: how many of a query's own class are among its nearest neighbours.

Source: "CBIR" of the SCAMPI benchmark; docs/protocols.md, section 1. Mean average precision is ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from leaderboard.errors import LeaderboardError
from leaderboard.protocols._splits import check_labels
from leaderboard.protocols._survey import CUTOFFS, FEWEST_IMAGES, Tally, survey
from leaderboard.records import Embeddings, Evidence, Metric, Protocol, Scores

NEIGHBOURS_KEPT = 10  # per image, for label audits and retrieval examples
WIDENING = 1.95  # of intervals: benchmarks/interval_coverage.py
BLOCK = 512  # queries whose distances are in memory at once


def compute_retrieval(embeddings: Embeddings) -> Scores:
    """Precision and recall at cut-offs, at N, their curve's area, and mean average precision.

    Distances are Euclidean in float64, ties go to the lower index, and a query never retrieves itself.
    A class with one image gives no query; a cut-off above n - 1 is left out. Of more than 60,000 images a sample is
    asked (see ``_queries``): ``retrieval.queries`` says how many, and the outcomes name them as their test set.

    Raises:
        LeaderboardError: no labels, a single class, or no class with two images.
    """
    check_labels(embeddings, images_per_class=1)
    tally = _tally(embeddings)
    asked, images = tally.relevant > 0, len(embeddings.labels)
    if not asked.any():
        raise LeaderboardError(f"no class has two images ({images} images): nothing to retrieve; add images")
    at_n = np.divide(tally.hits_at_n, tally.relevant, where=asked, out=np.full(len(asked), np.nan))
    labels, classes = embeddings.labels[tally.queries], len(embeddings.classes)
    metrics, outcomes = _compute_means(tally, asked, at_n), _list_outcomes(tally, images)
    return Scores(
        metrics=metrics | ({"retrieval.queries": int(asked.sum())} if "test" in outcomes else {}),
        per_class={"retrieval.precision_at_n": _mean_per_class(at_n, labels, classes)},
        outcomes=outcomes,
    )


def _list_outcomes(tally: Tally, images: int) -> dict[str, Any]:
    """Of every image. Where a sample was asked, which one; what no image but these has, neighbours, is left out."""
    if len(tally.queries) == images:
        return {"hits_at_n": tally.hits_at_n.tolist(), "neighbours": tally.neighbours[:, :NEIGHBOURS_KEPT].tolist()}
    hits = np.zeros(images, np.int64)
    hits[tally.queries] = tally.hits_at_n
    return {"test": [tally.queries.tolist()], "hits_at_n": hits.tolist()}


def _tally(embeddings: Embeddings) -> Tally:
    if len(embeddings.labels) < FEWEST_IMAGES:
        return _sort_all(embeddings)
    return survey(embeddings.vectors, embeddings.labels)


def _sort_all(embeddings: Embeddings) -> Tally:
    """Every row of the distance matrix sorted as it is."""
    labels, n = embeddings.labels, len(embeddings.labels)
    relevant = np.bincount(labels)[labels] - 1
    tally = Tally(
        queries=np.arange(n),
        relevant=relevant,
        hits_at={k: np.zeros(n, np.int64) for k in CUTOFFS if k <= n - 1},
        hits_at_n=np.zeros(n, np.int64),
        average_precision=np.zeros(n),
        neighbours=np.zeros((n, min(NEIGHBOURS_KEPT, n - 1)), np.int64),
    )
    for queries, order in _rank_in_blocks(embeddings.vectors):
        match = labels[order] == labels[queries, None]
        found, wanted = np.cumsum(match, axis=1), relevant[queries]
        for k, hits in tally.hits_at.items():
            hits[queries] = found[:, k - 1]
        tally.hits_at_n[queries] = np.where(wanted > 0, found[np.arange(len(queries)), wanted - 1], 0)
        precision = found / np.arange(1, n)
        tally.average_precision[queries] = (precision * match).sum(axis=1) / np.maximum(wanted, 1)
        tally.neighbours[queries] = order[:, : tally.neighbours.shape[1]]
    return tally


def _compute_means(tally: Tally, asked: np.ndarray, at_n: np.ndarray) -> dict[str, float]:
    metrics = {"retrieval.precision_at_n": float(at_n[asked].mean())}
    for k, hits in tally.hits_at.items():
        metrics[f"retrieval.precision_at_{k}"] = float((hits[asked] / k).mean())
        metrics[f"retrieval.recall_at_{k}"] = float((hits[asked] / tally.relevant[asked]).mean())
    metrics["retrieval.pr_auc"] = _compute_curve_area(metrics, list(tally.hits_at))
    metrics["retrieval.map"] = float(tally.average_precision[asked].mean())
    return metrics


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
        Metric("retrieval.precision_at_n", title="P@N", column=2, evidence=Evidence("hits_at_n", "share", WIDENING)),
        *(Metric(f"retrieval.{kind}_at_{k}") for k in CUTOFFS for kind in ("precision", "recall")),
        Metric("retrieval.pr_auc"),
        Metric("retrieval.map"),
        Metric("retrieval.queries", "Retrieval queries", higher_is_better=None),
    ),
    compute=compute_retrieval,
)
