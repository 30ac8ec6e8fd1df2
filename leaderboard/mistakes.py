"""What a model takes for what, and what it finds: from the stored outcomes of one cell. Pure.

A test is one image in the test set of one split. An image is in several of them, or in none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leaderboard.records import Result

FEWEST_SHARED = 2  # images that several models confuse in the same way


@dataclass(frozen=True)
class Confusion:
    """Images of one class that their nearest neighbour named another."""

    truth: int  # class index
    named: int  # class index
    times: int  # tests of the class with that name
    asked: int  # tests of the class

    @property
    def share(self) -> float:
        """Of the tests of the class."""
        return self.times / self.asked


@dataclass(frozen=True)
class SharedConfusion:
    """Images of one class that every one of several models names the same other class."""

    truth: int  # class index
    named: int  # class index
    images: tuple[int, ...]  # that each of the models named so in one of its tests at least
    tested: int  # images of the class that were tested at all

    @property
    def share(self) -> float:
        """Of the tested images of the class."""
        return len(self.images) / self.tested


@dataclass(frozen=True)
class Tally:
    """How each of n images fared with its nearest neighbour over all splits."""

    right: np.ndarray  # (n,) tests in which it got its own label
    asked: np.ndarray  # (n,) tests


@dataclass(frozen=True)
class Query:
    """An image, and what a model found when asked for more of its kind."""

    image: int
    neighbours: tuple[int, ...]  # the nearest images, nearest first
    found: int  # of its class among the first so many
    relevant: int  # other images of its class


def tally_names(result: Result) -> Tally:
    """How often each image was tested, and how often its nearest training image had its label (k = 1).

    All zeros where the result has no such outcomes.
    """
    tests, named = _list_tests(result)
    images, right = len(result.labels), np.asarray(result.labels, np.int64)[tests] == named
    return Tally(np.bincount(tests[right], minlength=images), np.bincount(tests, minlength=images))


def count_confusions(result: Result) -> list[Confusion]:
    """Who is taken for whom by the nearest neighbour (k = 1) over all splits, the largest share of a class first.

    Equal shares: the more tests first, then by class. Empty where the result has no such outcomes.
    """
    counts = _count_names(result)
    asked = counts.sum(axis=1).tolist()
    wrong = [(one, other) for one, other in np.argwhere(counts).tolist() if one != other]
    found = [Confusion(one, other, int(counts[one, other]), asked[one]) for one, other in wrong]
    return sorted(found, key=lambda pair: (-pair.share, -pair.times, pair.truth, pair.named))


def find_shared_confusions(results: Sequence[Result]) -> list[SharedConfusion]:
    """Who is taken for whom by every one of these models on the same images, the most images first.

    An image is tested several times, with other training sets. It counts once, and only where each of the models
    names it so in one of its tests at least. Equal ones: the larger share of the class first. A single image is no
    pattern: pairs have ``FEWEST_SHARED`` of them at least.

    Args:
        results: of models on the same images; none of them gives no confusion.
    """
    if not results:
        return []
    labels = np.asarray(results[0].labels, np.int64)
    named = np.logical_and.reduce([_find_names(result) for result in results])
    named[np.arange(len(labels)), labels] = False
    images: dict[tuple[int, int], list[int]] = {}
    for image, other in np.argwhere(named).tolist():
        images.setdefault((int(labels[image]), other), []).append(image)
    tested = np.bincount(labels[tally_names(results[0]).asked > 0]).tolist()
    pairs = [SharedConfusion(*pair, tuple(own), tested[pair[0]]) for pair, own in images.items()]
    shared = [pair for pair in pairs if len(pair.images) >= FEWEST_SHARED]
    return sorted(shared, key=lambda pair: (-len(pair.images), -pair.share, pair.truth, pair.named))


def _find_names(result: Result) -> np.ndarray:
    """Which names each image got in any of its tests: (n, classes) of truth values."""
    tests, named = _list_tests(result)
    found = np.zeros((len(result.labels), len(result.classes)), bool)
    found[tests, named] = True
    return found


def choose_queries(result: Result, count: int) -> list[Query]:
    """Queries from the best to the worst, as far apart as there are ranks between them, each of another class.

    A query is the better, the larger the share of its class among the first as many images as the class has others;
    equal ones go by their index. When the classes are used up, one may come again. Fewer where fewer can be asked, none
    where the result has no neighbours.
    """
    outcomes = result.outcomes.get("retrieval", {})
    if not {"hits_at_n", "neighbours"} <= outcomes.keys():
        return []
    labels = np.asarray(result.labels, np.int64)
    hits, relevant = np.asarray(outcomes["hits_at_n"]), np.bincount(labels)[labels] - 1
    shares = hits / np.maximum(relevant, 1)
    order = np.lexsort((np.arange(len(labels)), -shares))
    chosen = _spread(order[relevant[order] > 0].tolist(), labels, count)
    near = outcomes["neighbours"]
    return [Query(image, tuple(near[image]), int(hits[image]), int(relevant[image])) for image in chosen]


def _spread(order: Sequence[int], labels: np.ndarray, count: int) -> list[int]:
    """As many images of an order at even distances, from its first to its last, of different classes while they last.

    From both ends inwards: the extremes are what they are, those between them give way.
    """
    wanted = min(count, len(order))
    places = np.linspace(0, len(order) - 1, wanted).round().astype(int).tolist()
    chosen: dict[int, int] = {}  # place in the order -> image
    used: set[int] = set()
    for place in sorted(places, key=lambda place: (-abs(2 * place - len(order) + 1), place)):
        free = [at for at in range(len(order)) if at not in chosen]
        fresh = [at for at in free if labels[order[at]] not in used] or free
        nearest = min(fresh, key=lambda at: (abs(at - place), at))
        chosen[nearest] = order[nearest]
        used.add(int(labels[order[nearest]]))
    return [chosen[at] for at in sorted(chosen)]


def _count_names(result: Result) -> np.ndarray:
    """Tests by true class and name: (classes, classes)."""
    tests, named = _list_tests(result)
    classes, truth = len(result.classes), np.asarray(result.labels, np.int64)[tests]
    return np.bincount(truth * classes + named, minlength=classes * classes).reshape(classes, classes)


def _list_tests(result: Result) -> tuple[Any, Any]:
    """Image indices (t,) and the classes (t,) that they were named, over all splits; empty without outcomes."""
    outcomes = result.outcomes.get("knn", {})
    tests, named = (outcomes.get(name, []) for name in ("test", "predicted_k1"))
    if not tests or not named:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate(tests).astype(np.int64), np.concatenate(named).astype(np.int64)
