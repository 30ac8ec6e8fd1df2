"""Stored outcomes of several models -> their figures for any whole weights of the images. Pure.

An image of weight 2 counts as if it were there twice among the images that are asked; training sets and galleries are
as they were. With all weights 1 the figures are the stored ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from leaderboard.errors import LeaderboardError
from leaderboard.namings import SCORES, Namings, Split
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

    @property
    def measured(self) -> np.ndarray:
        """The figures (m,) with every image there once: as they are stored."""

    def weighted(self, weights: np.ndarray) -> np.ndarray:
        """The figures (m, b) for each of b columns of weights (n, b)."""


class FiguresByClass(Figures, Protocol):
    """Such figures that are made of figures of single classes."""

    def by_class(self, weights: np.ndarray) -> np.ndarray:
        """The figures of each class (m, classes, b) for weights (n, b); NaN where a class has nothing to count."""


@dataclass(frozen=True)
class Shares:
    """The mean over queries of a share of hits."""

    labels: np.ndarray
    shares: np.ndarray  # (m, n); 0 where a query was not asked
    asked: np.ndarray  # (n,) whether a query had anything to find
    specimens: np.ndarray | None = None
    widening: float = 1.0

    @property
    def measured(self) -> np.ndarray:
        """The figures (m,) with every image there once."""
        return self.weighted(np.ones((len(self.labels), 1)))[:, 0]

    def weighted(self, weights: np.ndarray) -> np.ndarray:
        """The figures (m, b) for weights (n, b)."""
        exact = weights.astype(np.float64)
        return np.asarray(self.shares @ exact / np.maximum(self.asked @ exact, 1))

    def by_class(self, weights: np.ndarray) -> np.ndarray:
        """The mean share of each class (m, classes, b) for weights (n, b); NaN where none of its queries was asked."""
        found = np.full((len(self.shares), int(self.labels.max()) + 1, weights.shape[1]), np.nan)
        for label in np.unique(self.labels):
            own = self.labels == label
            exact = weights[own].astype(np.float64)
            asked = self.asked[own] @ exact
            found[:, label] = np.where(asked > 0, self.shares[:, own] @ exact / np.maximum(asked, 1), np.nan)
        return found


def gather(
    metric: str, outcomes: Sequence[Outcomes], labels: Sequence[int], specimens: Sequence[int] | None = None
) -> FiguresByClass:
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
            return _gather_shares(hits, truth, _find_asked(outcomes, len(truth)), of, evidence.widening)
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


def gather_from(results: Sequence[Result], metric: str) -> FiguresByClass:
    """What a figure of several stored cells of one data set rests on; raises as ``gather`` does."""
    labels, specimens = results[0].labels, results[0].specimens
    if any(result.labels != labels or result.specimens != specimens for result in results):
        raise LeaderboardError(f"{metric}: the models were tested on different images; measure them again")
    return gather(metric, [result.outcomes.get(PROTOCOL_OF[metric], {}) for result in results], labels, specimens)


def _gather_shares(
    hits: Sequence[np.ndarray],
    labels: np.ndarray,
    asked: np.ndarray,
    specimens: np.ndarray | None,
    widening: float,
) -> Shares:
    relevant, stacked = np.bincount(labels)[labels] - 1, np.stack(hits)
    if stacked.shape[1:] != labels.shape:
        raise ValueError(f"hits of {stacked.shape[1:]} for {len(labels)} images")
    asked = asked & (relevant > 0)
    return Shares(labels, stacked / np.maximum(relevant, 1), asked.astype(np.float64), specimens, widening)


def _find_asked(outcomes: Sequence[Outcomes], images: int) -> np.ndarray:
    """Which images (n,) were queries: all, but for a large set, of which a sample is asked.

    Raises:
        LeaderboardError: the models were asked for different images.
    """
    samples = [part.get("test") for part in outcomes]
    if any(sample != samples[0] for sample in samples):
        raise LeaderboardError("the models were asked for different images; measure them again")
    asked = np.full(images, samples[0] is None)
    asked[np.asarray(samples[0][0] if samples[0] else [], np.int64)] = True
    return asked


def _gather_split(labels: np.ndarray, test: np.ndarray, named: np.ndarray) -> Split:
    """Of a test set (t,) and what m models said (m, t)."""
    classes = int(labels.max()) + 1
    if (wrong := named[(named < 0) | (named >= classes)]).size:
        raise ValueError(f"class {wrong[0]} of {classes}")
    if named.shape[1:] != labels[test].shape:
        raise ValueError(f"{named.shape[1]} classes for {len(test)} images")
    return Split(test, named)
