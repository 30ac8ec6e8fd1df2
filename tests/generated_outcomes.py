"""Outcomes of a generated leaderboard: drawn from a seed, and the figures that follow from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from leaderboard.protocols._confusion import (
    CLASS_SCORE_NAMES,
    SCORE_NAMES,
    compute_class_scores,
    compute_confusion,
    compute_scores,
)

SPLITS, TEST_SHARE, NEIGHBOURS, CANDIDATES = 10, 0.2, 10, 40
REAL_COUNTS = (25, 65, 28, 22, 25, 26, 43, 33, 26, 23, 22, 50, 23, 69, 39, 62, 32, 25, 30, 29)  # palynomorphs-20
Figures = tuple[dict[str, float], dict[str, list[float]], dict[str, Any]]  # metrics, figures per class, outcomes


@dataclass(frozen=True)
class Collection:
    """Images that were never there: what all models share of a data set."""

    labels: np.ndarray  # (n,)
    hardness: np.ndarray  # (n,) for every model
    confused: np.ndarray  # (n,) the wrong class that an image looks most like
    tests: list[np.ndarray]  # image indices of each split's test set
    near: np.ndarray  # (n, k) images that may be neighbours of each


def draw_collection(place: int, images: int, classes: int) -> Collection:
    """That of a data set, by its place among them."""
    draws = np.random.default_rng([1, place])
    labels = np.repeat(np.arange(classes), np.roll(_share_out(images, classes), place))
    harder = draws.normal(0, 0.5, classes)[labels]  # whole classes are
    away = draws.choice([1, 2, 3], len(labels), p=[0.7, 0.2, 0.1])
    return Collection(
        labels=labels,
        hardness=harder + draws.normal(0, 1, len(labels)),
        confused=(labels + away) % classes,
        tests=[_draw_test(labels, draws) for _ in range(SPLITS)],
        near=_draw_candidates(labels, draws),
    )


def _share_out(images: int, classes: int) -> np.ndarray:
    """Sizes of classes in the proportions of palynomorphs-20, at least two each, that sum to the images."""
    shares = np.resize(REAL_COUNTS, classes) / np.resize(REAL_COUNTS, classes).sum()
    ends = np.round(np.cumsum(shares) * (images - 2 * classes)).astype(int)
    return np.diff(ends, prepend=0) + 2


def _draw_test(labels: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """Image indices: a fifth of each class, in any order."""
    members = [draws.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    return draws.permutation(np.concatenate([own[: max(1, round(TEST_SHARE * len(own)))] for own in members]))


def _draw_candidates(labels: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """Image indices (n, k): of each image those that look most alike, images of its own class more often."""
    alike = draws.random((len(labels),) * 2) + 0.35 * (labels[:, None] == labels)
    np.fill_diagonal(alike, -1)
    return np.argsort(-alike, axis=1)[:, : min(CANDIDATES, len(labels) - 1)]


# ---- what a model makes of them


def make_figures(collection: Collection, skill: float, draws: np.random.Generator) -> Figures:
    """By nearest neighbour, by a linear classifier and by retrieval."""
    noise = draws.normal(0, 0.6, len(collection.labels))
    knn = _make_knn(collection, skill - noise, draws)
    linear = _make_linear(collection, skill + 0.4 - noise, draws)
    retrieval = _make_retrieval(collection, skill - noise, draws)
    metrics, per_class, outcomes = (a | b | c for a, b, c in zip(knn, linear, retrieval, strict=True))
    return metrics, per_class, outcomes


def _make_knn(collection: Collection, ease: np.ndarray, draws: np.random.Generator) -> Figures:
    named = [_name_images(collection, test, ease, draws) for test in collection.tests]
    confusions = _count(collection, named)
    scores = [compute_class_scores(confusion) for confusion in confusions]
    per_class = {f"knn1.{name}": np.mean([s[name] for s in scores], axis=0).tolist() for name in CLASS_SCORE_NAMES}
    outcomes = {"test": _plain(collection.tests), "predicted_k1": _plain(named)}
    return dict(_average(confusions, "knn1")), per_class, {"knn": outcomes}


def _make_linear(collection: Collection, ease: np.ndarray, draws: np.random.Generator) -> Figures:
    named = [_name_images(collection, test, ease, draws) for test in collection.tests]
    confusions = _count(collection, named)
    pooled = np.sum(confusions, axis=0).tolist()
    metrics = {"linear.log_loss": float(np.log1p(np.exp(-ease)).mean())} | dict(_average(confusions, "linear"))
    outcomes = {"test": _plain(collection.tests), "predicted": _plain(named), "confusion": pooled}
    return metrics, {}, {"linear": outcomes}


def _make_retrieval(collection: Collection, ease: np.ndarray, draws: np.random.Generator) -> Figures:
    labels, sizes = collection.labels, np.bincount(collection.labels)
    wanted = sizes[labels] - 1  # two images per class at least, so that every query has something to find
    hits = draws.binomial(wanted, 1 / (1 + np.exp(0.8 + 0.5 * (collection.hardness - ease))))
    order = np.argsort(draws.random(collection.near.shape) + np.linspace(0, 1, collection.near.shape[1]), axis=1)
    neighbours = np.take_along_axis(collection.near, order[:, :NEIGHBOURS], axis=1)
    at_n = hits / wanted
    metrics = {"retrieval.precision_at_n": float(at_n.mean()), "retrieval.map": float((at_n**1.2).mean())}
    per_class = {"retrieval.precision_at_n": (np.bincount(labels, at_n) / sizes).tolist()}
    return metrics, per_class, {"retrieval": {"hits_at_n": hits.tolist(), "neighbours": neighbours.tolist()}}


def _name_images(collection: Collection, test: np.ndarray, ease: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """The classes (t,) that a model gives a test set; what it gets wrong, it takes mostly for the same as others do."""
    labels, classes = collection.labels[test], int(collection.labels.max()) + 1
    is_right = ease[test] + draws.normal(0, 0.3, len(test)) > collection.hardness[test]
    other = (labels + draws.integers(1, classes, len(test))) % classes
    wrong = np.where(draws.random(len(test)) < 0.7, collection.confused[test], other)
    return np.where(is_right, labels, wrong)


def _count(collection: Collection, named: list[np.ndarray]) -> list[np.ndarray]:
    """The confusion matrix of each test set."""
    classes = int(collection.labels.max()) + 1
    pairs = zip(collection.tests, named, strict=True)
    return [compute_confusion(collection.labels[test], said, classes) for test, said in pairs]


def _average(confusions: list[np.ndarray], prefix: str) -> Iterator[tuple[str, float]]:
    scores = [compute_scores(confusion) for confusion in confusions]
    for name in SCORE_NAMES:
        yield f"{prefix}.{name}", float(np.mean([s[name] for s in scores]))


def _plain(arrays: list[np.ndarray]) -> list[list[int]]:
    return [array.tolist() for array in arrays]
