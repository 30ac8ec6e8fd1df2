"""k-nearest-neighbour predictions of many splits, read off one survey of the set.

What is wanted are the predictions of scikit-learn's classifier, to the last image. Its distances carry the rounding of
a product of uncentred vectors, and of equal ones it takes any. Where that could change a vote, it is asked itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leaderboard.protocols._keys import bound_rounding, compute_squares
from leaderboard.protocols._splits import Split
from leaderboard.protocols._survey import Survey
from leaderboard.records import Embeddings

CONSIDERED = 16  # nearest training images, among which all that tie with the last one that votes should be
CHUNK = 256  # scikit-learn's own: queries whose products it takes together, on whose rounding its choice may depend
TREES = 15  # up to so many dimensions scikit-learn searches a tree


class Voter:
    """Predicts test images of any split from the neighbours that a survey found."""

    def __init__(self, embeddings: Embeddings, survey: Survey) -> None:
        self.embeddings, self.survey = embeddings, survey
        self.lengths = np.sqrt(compute_squares(embeddings.vectors))
        self.rounding = 2 * bound_rounding(embeddings.vectors.shape[1])  # of two distances, each with its own

    def predict(self, split: Split, neighbours: Sequence[int]) -> dict[int, np.ndarray]:
        """Class indices of the test images, for every k. They are among the survey's queries."""
        nearest, is_clear = self._find_nearest(split)
        votes = self.embeddings.labels[nearest]
        group = np.cumsum(is_clear, axis=1)  # one number for images that are too near each other to be told apart
        found = {}
        for k in neighbours:
            named = _take_majority(votes[:, :k], len(self.embeddings.classes))
            unsure = np.flatnonzero(_is_unsure(votes, group, k))
            found[k] = self._ask(split, k, named, unsure) if len(unsure) else named
        return found

    def _find_nearest(self, split: Split) -> tuple[np.ndarray, np.ndarray]:
        """(t, 16) nearest training images, and whether each is farther than the one before it for certain.

        Where fewer are known, the last one is repeated: as if all the rest were as far.
        """
        train, test = split
        survey, is_training = self.survey, np.zeros(len(self.embeddings.labels), bool)
        is_training[train] = True
        rows = np.searchsorted(survey.queries, test)
        usable = is_training[survey.neighbours[rows]]
        last = np.maximum(usable.sum(axis=1, keepdims=True) - 1, 0)
        order = np.argsort(~usable, axis=1, kind="stable")
        order = np.take_along_axis(order, np.minimum(np.arange(CONSIDERED), last), axis=1)
        near, far = (np.take_along_axis(bounds[rows], order, axis=1) for bounds in (survey.near, survey.far))
        is_clear = np.zeros(order.shape, bool)
        longest = 2 * self.lengths[test, None] + np.sqrt(far[:, -1:])  # of |query| + |neighbour|, by the triangle
        is_clear[:, 1:] = near[:, 1:] - far[:, :-1] > self.rounding * longest**2
        return np.take_along_axis(survey.neighbours[rows], order, axis=1), is_clear

    def _ask(self, split: Split, k: int, named: np.ndarray, unsure: np.ndarray) -> np.ndarray:
        """scikit-learn's predictions in place of the unsure ones, for whole chunks of test images as it takes them."""
        from sklearn.neighbors import KNeighborsClassifier

        (train, test), vectors, labels = split, self.embeddings.vectors, self.embeddings.labels
        asked = np.flatnonzero(np.isin(np.arange(len(test)) // CHUNK, unsure // CHUNK))
        classifier = KNeighborsClassifier(k).fit(vectors[train], labels[train])
        answers = named.copy()
        answers[asked] = classifier.predict(vectors[test[asked]])
        return answers


def can_read_off(embeddings: Embeddings) -> bool:
    """Whether scikit-learn would search these vectors by products, as is assumed here."""
    return embeddings.vectors.dtype == np.float32 and embeddings.vectors.shape[1] > TREES


def _is_unsure(votes: np.ndarray, group: np.ndarray, k: int) -> np.ndarray:
    """(t,) whether images of several classes tie across the border behind the k-th, as far as is known.

    Args:
        votes: (t, 16) classes of the nearest.
        group: (t, 16) ascending numbers, the same for images that may be equally near.
        k: how many vote.
    """
    last = group[:, k - 1 : k]
    tied = group == last
    is_split = group[:, k] == last[:, 0]
    is_mixed = (tied & (votes != votes[:, k - 1 : k])).any(axis=1)
    is_open = group[:, -1] == last[:, 0]
    return np.asarray(is_split & (is_mixed | is_open))


def _take_majority(votes: np.ndarray, classes: int) -> np.ndarray:
    """(t, k) class indices -> (t,) the most frequent, of several the lowest."""
    cells = np.arange(len(votes))[:, None] * classes + votes
    counts = np.bincount(cells.ravel(), minlength=len(votes) * classes)
    return np.asarray(counts.reshape(len(votes), classes).argmax(axis=1))
