"""Stored outcomes of several models -> their figures for any whole weights of the images. Pure.

An image of weight 2 counts as if it were there twice among the images that are asked; training sets and galleries are
as they were. With all weights 1 the figures are the stored ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from leaderboard.errors import LeaderboardError
from leaderboard.protocols import METRICS, PROTOCOL_OF
from leaderboard.records import Result

Outcomes = Mapping[str, Any]


class Figures(Protocol):
    """One figure of each of m models on the same n images."""

    @property
    def labels(self) -> np.ndarray:
        """(n,) class indices."""

    @property
    def specimens(self) -> np.ndarray | None:
        """(n,) which specimen or slide each image is of; None: every image is one of its own."""

    @property
    def widening(self) -> float:
        """Factor of its intervals, for what resampling leaves out."""

    def weighted(self, weights: np.ndarray) -> np.ndarray:
        """The figures (m, b) for each of b columns of weights (n, b)."""


@dataclass(frozen=True)
class Shares:
    """The mean over queries of a share of hits."""

    labels: np.ndarray
    shares: np.ndarray  # (m, n); 0 where a query was not asked
    asked: np.ndarray  # (n,) whether a query had anything to find
    specimens: np.ndarray | None = None
    widening: float = 1.0

    def weighted(self, weights: np.ndarray) -> np.ndarray:
        """The figures (m, b) for weights (n, b)."""
        exact = weights.astype(np.float64)
        return np.asarray(self.shares @ exact / np.maximum(self.asked @ exact, 1))


@dataclass(frozen=True)
class Split:
    """A test set of t images, and who named them what: sparse counts (rows, t), a row per model and class."""

    test: np.ndarray  # (t,) image indices
    hits: Any  # (m * classes, t) named, and right
    said: Any  # (m * classes, t) named so
    there: Any  # (classes, t)


@dataclass(frozen=True)
class Namings:
    """The mean over test sets of a score of their confusion matrices."""

    labels: np.ndarray
    splits: Sequence[Split]
    score: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    specimens: np.ndarray | None = None
    widening: float = 1.0

    def weighted(self, weights: np.ndarray) -> np.ndarray:
        """The figures (m, b) for weights (n, b). Counts are sums of whole numbers, hence exact."""
        return np.asarray(sum(self._score(split, weights[split.test]) for split in self.splits) / len(self.splits))

    def _score(self, split: Split, weights: np.ndarray) -> np.ndarray:
        classes, resamples = split.there.shape[0], weights.shape[1]
        hits, said, there = (
            (counts @ weights).reshape(-1, classes, resamples) for counts in (split.hits, split.said, split.there)
        )
        return self.score(hits, said, there)


def gather(
    metric: str, outcomes: Sequence[Outcomes], labels: Sequence[int], specimens: Sequence[int] | None = None
) -> Figures:
    """What a figure of several models rests on.

    Args:
        metric: one with evidence.
        outcomes: of the metric's protocol, one per model.
        labels: class indices of the images, the same for all models.
        specimens: which specimen or slide each image is of, where that is known.

    Raises:
        LeaderboardError: the metric has no evidence, or the models were tested on different images.
    """
    evidence = METRICS[metric].evidence
    if evidence is None:
        raise LeaderboardError(f"{metric} cannot be computed from stored outcomes, so it has no interval")
    truth, of = np.asarray(labels), None if specimens is None else np.asarray(specimens)
    try:
        if evidence.score == "share":
            hits = [np.asarray(part[evidence.outcome], np.float64) for part in outcomes]
            return _gather_shares(hits, truth, of, evidence.widening)
        tests = [np.asarray(test, np.int64) for test in outcomes[0]["test"]]
        if not tests:
            raise ValueError("no test set")
        if any(part["test"] != outcomes[0]["test"] for part in outcomes):
            raise LeaderboardError(f"{metric}: the models were tested on different images; measure them again")
        named = [part[evidence.outcome] for part in outcomes]
        splits = [
            _gather_split(truth, test, np.asarray(said, np.int64)) for test, *said in zip(tests, *named, strict=True)
        ]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise LeaderboardError(f"{metric}: its stored outcomes are incomplete ({error!r}); measure it again") from None
    return Namings(truth, splits, SCORES[evidence.score], of, evidence.widening)


def gather_from(results: Sequence[Result], metric: str) -> Figures:
    """What a figure of several stored cells of one data set rests on; raises as ``gather`` does."""
    labels, specimens = results[0].labels, results[0].specimens
    if any(result.labels != labels or result.specimens != specimens for result in results):
        raise LeaderboardError(f"{metric}: the models were tested on different images; measure them again")
    return gather(metric, [result.outcomes.get(PROTOCOL_OF[metric], {}) for result in results], labels, specimens)


def _gather_shares(
    hits: Sequence[np.ndarray], labels: np.ndarray, specimens: np.ndarray | None, widening: float
) -> Shares:
    relevant, stacked = np.bincount(labels)[labels] - 1, np.stack(hits)
    if stacked.shape[1:] != labels.shape:
        raise ValueError(f"hits of {stacked.shape[1:]} for {len(labels)} images")
    return Shares(labels, stacked / np.maximum(relevant, 1), (relevant > 0).astype(np.float64), specimens, widening)


def _gather_split(labels: np.ndarray, test: np.ndarray, said: np.ndarray) -> Split:
    """Of a test set (t,) and what m models said (m, t)."""
    classes, (models, images), truth = int(labels.max()) + 1, said.shape, labels[test]
    if (wrong := said[(said < 0) | (said >= classes)]).size:
        raise ValueError(f"class {wrong[0]} of {classes}")
    row, column = np.arange(models)[:, None] * classes + said, np.broadcast_to(np.arange(images), said.shape)
    right = said == truth
    return Split(
        test,
        hits=_count(row[right], column[right], models * classes, images),
        said=_count(row.ravel(), column.ravel(), models * classes, images),
        there=_count(truth, np.arange(images), classes, images),
    )


def _count(rows: np.ndarray, columns: np.ndarray, *shape: int) -> Any:
    from scipy.sparse import csr_array

    return csr_array((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)


# ---- scores of weighted confusion matrices: hits and said (m, classes, b), there (1, classes, b); as scikit-learn


def _f1_macro(hits: np.ndarray, said: np.ndarray, there: np.ndarray) -> np.ndarray:
    either = said + there
    return _mean(_divide(2 * hits, either), either > 0)


def _precision_macro(hits: np.ndarray, said: np.ndarray, there: np.ndarray) -> np.ndarray:
    return _mean(_divide(hits, said), said + there > 0)


def _balanced_accuracy(hits: np.ndarray, said: np.ndarray, there: np.ndarray) -> np.ndarray:
    return _mean(_divide(hits, there), there > 0)


def _accuracy(hits: np.ndarray, said: np.ndarray, there: np.ndarray) -> np.ndarray:
    return np.asarray(hits.sum(axis=1, dtype=np.float64) / np.maximum(there.sum(axis=1), 1))


def _divide(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(part, np.maximum(whole, 1), dtype=np.float64))


def _mean(values: np.ndarray, counted: np.ndarray) -> np.ndarray:
    return np.asarray(values.sum(axis=1, where=counted) / np.maximum(counted.sum(axis=1), 1))


SCORES = {
    "f1_macro": _f1_macro,
    "precision_macro": _precision_macro,
    "balanced_accuracy": _balanced_accuracy,
    "accuracy": _accuracy,
}
