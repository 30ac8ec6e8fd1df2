"""Which class each model gave each test image: scores of the confusion matrices for any whole weights. Pure.

Written for thousands of columns of weights: counts of a few models at a time stay in a core's cache, and whole numbers
are counted as such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

ROWS = 400  # a model and a class each: their counts for a block of resamples fit a core's cache
Counts = tuple[np.ndarray, np.ndarray, np.ndarray]  # hits and said (m, classes, b), there (1, classes, b)
Worth = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Split:
    """A test set of t images, and which classes m models gave them."""

    test: np.ndarray  # (t,) image indices
    named: np.ndarray  # (m, t) class indices


@dataclass(frozen=True)
class Score:
    """A figure of confusion matrices: of each class, and of all; both 0 where nothing was counted.

    Some figures are sums over the images named right. What a right name adds follows from labels (t,), weights (t, b)
    and how much of each class is there (classes, b), not from the model: one product gives them for all models.
    """

    of_classes: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # counts -> (m, classes, b)
    overall: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # counts -> (m, b)
    worth: Worth | None = None  # of a right name: labels, weights, there -> (t, b); None: the figure is no such sum


@dataclass(frozen=True)
class Namings:
    """The mean over test sets of a score of their confusion matrices."""

    labels: np.ndarray
    splits: Sequence[Split]
    score: Score
    specimens: np.ndarray | None = None
    widening: float = 1.0

    @property
    def models(self) -> int:
        """How many."""
        return len(self.splits[0].named)

    @cached_property
    def classes(self) -> int:
        """How many, those without an image below the highest label included."""
        return int(self.labels.max()) + 1

    @property
    def measured(self) -> np.ndarray:
        """The figures (m,) with every image there once."""
        hits, said, there = (
            np.stack(counts, axis=2) for counts in zip(*map(self._count_once, self.splits), strict=True)
        )
        return np.asarray(self.score.overall(hits, said, there).mean(axis=1))

    def weighted(self, weights: np.ndarray) -> np.ndarray:
        """The figures (m, b) for weights (n, b)."""
        found = np.zeros((self.models, weights.shape[1]))
        if self.score.worth is not None:
            return sum(self._sum_worth(weights, self.score.worth), start=found) / len(self.splits)
        for models, counts in self._count(weights):
            found[models] += self.score.overall(*counts)
        return found / len(self.splits)

    def by_class(self, weights: np.ndarray) -> np.ndarray:
        """The score of each class (m, classes, b) for weights (n, b): its mean over the test sets that have the class.

        NaN where none has. Their mean is the figure itself only where every test set has every class.
        """
        found = np.zeros((self.models, self.classes, weights.shape[1]))
        times = np.zeros_like(found)
        for models, (hits, said, there) in self._count(weights):
            found[models] += np.where(there > 0, self.score.of_classes(hits, said, there), 0)
            times[models] += there > 0
        return np.where(times > 0, found / np.maximum(times, 1), np.nan)

    def _count_once(self, split: Split) -> Counts:
        """Of a test set, every image there once: hits and said (m, classes), there (1, classes)."""
        truth, shape = self.labels[split.test], (self.models, self.classes)
        rows = np.arange(self.models)[:, None] * self.classes + split.named
        hits, said = (
            np.bincount(cells, minlength=shape[0] * shape[1]) for cells in (rows[split.named == truth], rows.ravel())
        )
        return hits.reshape(shape), said.reshape(shape), np.bincount(truth, minlength=self.classes)[None]

    def _sum_worth(self, weights: np.ndarray, worth: Worth) -> Iterator[np.ndarray]:
        """The figures (m, b) of every test set."""
        for split, classes in zip(self.splits, self._presences, strict=True):
            truth, drawn = self.labels[split.test], weights[split.test].astype(np.float64)
            yield (split.named == truth).astype(np.float64) @ worth(truth, drawn, classes @ drawn)

    def _count(self, weights: np.ndarray) -> Iterator[tuple[slice, Counts]]:
        """For every test set, and some models at a time: which ones, and their counts."""
        kind = _choose_type(weights)
        for split, classes, groups in zip(self.splits, self._presences, self._counters, strict=True):
            drawn = weights[split.test].astype(kind)
            present = (classes @ drawn)[None]
            for models, right, wrong in groups:
                hits = (right @ drawn).reshape(-1, *present.shape[1:])
                yield models, (hits, hits + (wrong @ drawn).reshape(hits.shape), present)

    @cached_property
    def _presences(self) -> list[Any]:
        """Sparse matrices (classes, t) that sum the weights of a test set by class."""
        return [self._tell(self.labels[split.test][None]) for split in self.splits]

    @cached_property
    def _counters(self) -> list[list[tuple[slice, Any, Any]]]:
        """Sparse matrices that sum the weights of a test set: of some models by class, right and wrong."""
        return [list(self._group(split)) for split in self.splits]

    def _group(self, split: Split) -> Iterator[tuple[slice, Any, Any]]:
        size = max(1, ROWS // self.classes)
        for start in range(0, self.models, size):
            models = slice(start, start + size)
            named = split.named[models]
            right = named == self.labels[split.test]
            yield models, self._tell(named, right), self._tell(named, ~right)

    def _tell(self, named: np.ndarray, counted: np.ndarray | None = None) -> Any:
        """Ones where a model gives an image a class, and it counts: sparse (m * classes, t)."""
        from scipy.sparse import csr_array

        rows = np.arange(len(named))[:, None] * self.classes + named
        row, column = np.nonzero(np.ones_like(named, bool) if counted is None else counted)
        cells = (rows[row, column], column)
        return csr_array((np.ones(len(row), np.uint16), cells), shape=(len(named) * self.classes, named.shape[1]))


def _choose_type(weights: np.ndarray) -> type:
    """For counts: the fast one as long as twice all weights of a column fit into it, else one that is exact to 2^24."""
    return np.uint16 if 2 * weights.sum(axis=0).max(initial=0) <= np.iinfo(np.uint16).max else np.float32


# ---- scores of counts, as scikit-learn


def _f1(hits: np.ndarray, said: np.ndarray, there: np.ndarray) -> np.ndarray:
    return _divide(2 * hits, said + there)


def _precision(hits: np.ndarray, said: np.ndarray, there: np.ndarray) -> np.ndarray:
    return _divide(hits, said)


def _recall(hits: np.ndarray, said: np.ndarray, there: np.ndarray) -> np.ndarray:
    return _divide(hits, there)


def _f1_macro(hits: np.ndarray, said: np.ndarray, there: np.ndarray) -> np.ndarray:
    either = said + there
    return _average(_divide(2 * hits, either), either > 0)


def _precision_macro(hits: np.ndarray, said: np.ndarray, there: np.ndarray) -> np.ndarray:
    return _average(_divide(hits, said), said + there > 0)


def _balanced_accuracy(hits: np.ndarray, said: np.ndarray, there: np.ndarray) -> np.ndarray:
    return _average(_divide(hits, there), there > 0)


def _accuracy(hits: np.ndarray, said: np.ndarray, there: np.ndarray) -> np.ndarray:
    return _divide(hits.sum(axis=1), there.sum(axis=1))


def _balance(truth: np.ndarray, weights: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Worth of a right name: its share of its class, and of the classes."""
    classes = np.maximum(np.count_nonzero(there, axis=0), 1)
    return np.asarray(weights / np.maximum(there, 1)[truth] / classes)


def _share(truth: np.ndarray, weights: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Worth of a right name: its share of all."""
    return np.asarray(weights / np.maximum(there.sum(axis=0), 1))


def _divide(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """0 where the whole is."""
    return np.asarray(np.divide(part, np.maximum(whole, 1), dtype=np.float64))


def _average(values: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Over the classes that count; the values of the others are 0."""
    return np.asarray(values.sum(axis=1) / np.maximum(counted.sum(axis=1, dtype=np.uint16), 1))


SCORES = {
    "f1_macro": Score(_f1, _f1_macro),
    "precision_macro": Score(_precision, _precision_macro),
    "balanced_accuracy": Score(_recall, _balanced_accuracy, _balance),
    "accuracy": Score(_recall, _accuracy, _share),
}
