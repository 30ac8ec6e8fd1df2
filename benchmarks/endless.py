"""Figures on a protocol's own test sets, and of the same classifiers on very many new images.

A part of interval_coverage.py, which prints them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from tqdm import tqdm

from leaderboard.protocols._confusion import SCORE_NAMES, compute_confusion, compute_scores
from leaderboard.protocols._logistic import fit_at_optimum
from leaderboard.protocols._splits import compute_splits
from leaderboard.simulation import Population, draw_sets

FRESH = 20  # times as many new images as a set has
Name = Callable[[np.ndarray], np.ndarray]  # vectors (n, d) -> classes (n,)


def compare_test_sets(protocol: str, population: Population, spread: float, sets: int) -> list[dict[str, object]]:
    """Each score of one model on both, and the difference with its standard error over the sets: a row per score."""
    seeds = tqdm(range(sets), desc=f"{protocol}, endless", unit="set")
    seen = [_score_twice(protocol, population, spread, seed) for seed in seeds]
    rows: list[dict[str, object]] = []
    for score in SCORE_NAMES:
        own, endless = np.array([[mine[score], fresh[score]] for mine, fresh in seen]).T
        difference, error = (own - endless).mean(), (own - endless).std(ddof=1) / np.sqrt(sets)
        row = {"own test sets": own.mean(), "endless": endless.mean(), "difference": f"{difference:.4f} ± {error:.4f}"}
        rows.append({"protocol": protocol, "score": score} | row)
    return rows


def _score_twice(protocol: str, population: Population, spread: float, seed: int) -> list[dict[str, float]]:
    """Mean scores over the ten splits: on their test sets, and on new images in the same proportions."""
    generator, classes = np.random.default_rng(seed), len(population.means)
    drawn = draw_sets(population, [spread], correlation=0, generator=generator)[0]
    many = replace(population, labels=np.tile(population.labels, FRESH))
    new = draw_sets(many, [spread], correlation=0, generator=generator)[0]
    scores: list[list[dict[str, float]]] = [[], []]
    for train, test in compute_splits(drawn):
        name = FITS[protocol](drawn.vectors[train], drawn.labels[train])
        asked = (drawn.vectors[test], drawn.labels[test]), (new.vectors, new.labels)
        for (vectors, labels), own in zip(asked, scores, strict=True):
            own.append(compute_scores(compute_confusion(labels, name(vectors), classes)))
    return [{score: float(np.mean([split[score] for split in own])) for score in SCORE_NAMES} for own in scores]


def _fit_nearest(vectors: np.ndarray, labels: np.ndarray) -> Name:
    from sklearn.neighbors import KNeighborsClassifier

    nearest = KNeighborsClassifier(1).fit(vectors, labels)
    return lambda asked: np.asarray(nearest.predict(asked))


def _fit_linear(vectors: np.ndarray, labels: np.ndarray) -> Name:
    model = fit_at_optimum(vectors, labels)
    return lambda asked: np.asarray(model.classes[model.log_probabilities(asked).argmax(axis=1)])


FITS: dict[str, Callable[[np.ndarray, np.ndarray], Name]] = {"knn": _fit_nearest, "linear": _fit_linear}
