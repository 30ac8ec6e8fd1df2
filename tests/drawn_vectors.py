"""Kinds of vectors on which a quick way through all pairs may go wrong: ties, copies, offsets, scales."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

CLASSES = 9
Kind = Callable[[np.random.Generator, np.ndarray, int], np.ndarray]  # draws, labels (n,) below 9, d -> (n, d)


def _cloud(draws: np.random.Generator, labels: np.ndarray, d: int) -> np.ndarray:
    return draws.normal(size=(len(labels), d))


def _classes(draws: np.random.Generator, labels: np.ndarray, d: int) -> np.ndarray:
    return draws.normal(size=(CLASSES, d))[labels] + draws.normal(size=(len(labels), d))


def _tight(draws: np.random.Generator, labels: np.ndarray, d: int) -> np.ndarray:
    return 10 * draws.normal(size=(CLASSES, d))[labels] + 1e-3 * draws.normal(size=(len(labels), d))


def _copies(draws: np.random.Generator, labels: np.ndarray, d: int) -> np.ndarray:
    return draws.normal(size=(len(labels), d))[draws.integers(0, 1 + len(labels) // 2, len(labels))]


def _near_copies(draws: np.random.Generator, labels: np.ndarray, d: int) -> np.ndarray:
    return _copies(draws, labels, d) + 1e-6 * draws.normal(size=(len(labels), d))


def _outlier(draws: np.random.Generator, labels: np.ndarray, d: int, far: float = 1e6) -> np.ndarray:
    vectors = draws.normal(size=(len(labels), d))
    vectors[draws.integers(len(labels))] *= far
    return vectors


def _outlier_and_copies(draws: np.random.Generator, labels: np.ndarray, d: int) -> np.ndarray:
    """One farther than keys reach, unless the sample that decides has it, and some nearer than they reach."""
    vectors = _outlier(draws, labels, d, far=30)
    vectors[draws.integers(len(labels), size=2)] = vectors[draws.integers(len(labels))]
    return vectors


KINDS: Mapping[str, Kind] = {
    "one cloud": _cloud,
    "overlapping classes": _classes,
    "tight classes far apart": _tight,
    "small whole numbers": lambda draws, labels, d: draws.integers(0, 3, size=(len(labels), d)),
    "copies": _copies,
    "copies with noise": _near_copies,
    "far from the origin": lambda draws, labels, d: 1e4 + 1e-2 * _cloud(draws, labels, d),
    "tiny": lambda draws, labels, d: 1e-18 * _cloud(draws, labels, d),
    "huge": lambda draws, labels, d: 1e17 * _cloud(draws, labels, d),
    "nothing but zeros": lambda draws, labels, d: np.zeros((len(labels), d)),
    "zeros among others": lambda draws, labels, d: _cloud(draws, labels, d) * (labels > 0)[:, None],
    "a very far outlier": _outlier,
    "an outlier and copies": _outlier_and_copies,
}
