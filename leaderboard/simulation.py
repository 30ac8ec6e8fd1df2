"""Whole embedding sets drawn from a known population, and what the intervals and ties make of them. Pure, seeded.

The population has Gaussian classes with the class means and the pooled covariance of real embeddings, in their leading
directions. Each set runs through the real protocol and the real bootstrap; docs/statistics.md has the figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from leaderboard.evidence import gather
from leaderboard.protocols import METRICS, PROTOCOLS
from leaderboard.ranking import compute_standings
from leaderboard.records import Embeddings, Provenance
from leaderboard.statistics import Resampled, compare, compute_resolution, resample

APART = 1_000_000  # between the seeds of a set and of its bootstrap, which must not share their draws


@dataclass(frozen=True)
class Population:
    """Gaussian classes of one covariance, and how many images of each a set has."""

    labels: np.ndarray  # (n,) class indices of every set
    means: np.ndarray  # (classes, d)
    root: np.ndarray  # (d, d); root @ root.T is the covariance within a class


@dataclass(frozen=True)
class Simulated:
    """A figure of m models in each of s sets, with the plain bootstrap: nothing is widened yet."""

    values: np.ndarray  # (s, m)
    deviations: np.ndarray  # (s, m, b)

    def widened(self, widening: float) -> list[Resampled]:
        """Each set as the leaderboard would see it with this widening."""
        return [Resampled(*row) for row in zip(self.values, widening * self.deviations, strict=True)]


# ---- sets


def measure_population(embeddings: Embeddings, *, directions: int) -> Population:
    """The class means, the covariance within classes and the class sizes of real embeddings.

    Args:
        embeddings: labelled, every class with two images or more.
        directions: how many principal components of the vectors to keep. In all of them measured means would lie far
            apart by noise alone.
    """
    from sklearn.decomposition import PCA

    vectors, labels = embeddings.vectors.astype(np.float64), embeddings.labels
    kept = PCA(directions, svd_solver="full").fit_transform(vectors)
    classes = len(embeddings.classes)
    means = np.stack([kept[labels == label].mean(axis=0) for label in range(classes)])
    within = kept - means[labels]
    covariance = within.T @ within / (len(labels) - classes)
    return Population(labels, means, np.linalg.cholesky(covariance))


def draw_sets(
    population: Population, spreads: Sequence[float], *, correlation: float, generator: np.random.Generator
) -> list[Embeddings]:
    """The same new images as several models see them: an embedding set per model.

    Args:
        population: that the images come from.
        spreads: of each model: a factor of the class means. The larger, the better the model tells classes apart.
        correlation: of what two models see of an image, within its class: 0 nothing in common, 1 the same.
        generator: of the draws.
    """
    labels, shape = population.labels, (len(population.labels), len(population.root))
    shared, share, rest = generator.standard_normal(shape), np.sqrt(correlation), np.sqrt(1 - correlation)
    within = [share * shared + rest * generator.standard_normal(shape) for _ in spreads]
    return [
        embed(population, spread * population.means[labels] + own @ population.root.T, labels)
        for spread, own in zip(spreads, within, strict=True)
    ]


def embed(population: Population, vectors: np.ndarray, labels: np.ndarray) -> Embeddings:
    """Vectors (n, d) of drawn images as the protocols take them."""
    classes = tuple(f"class-{number}" for number in range(len(population.means)))
    files = tuple(f"{number}.png" for number in range(len(labels)))
    return Embeddings(vectors.astype(np.float32), labels, files, classes, Provenance({}, {}))


def simulate_set(
    population: Population,
    protocol: str,
    spreads: Sequence[float],
    *,
    correlation: float,
    seed: int,
    resamples: int,
    metrics: Sequence[str] = (),
) -> dict[str, Resampled]:
    """One set through the real protocol and bootstrap: its metrics that have an interval, not widened.

    Args:
        population: that the images come from.
        protocol: one whose metrics have evidence.
        spreads: of the models; see ``draw_sets``.
        correlation: see ``draw_sets``.
        seed: of the set, and of its bootstrap.
        resamples: of the bootstrap.
        metrics: of the protocol; none: all that have an interval.
    """
    drawn = draw_sets(population, spreads, correlation=correlation, generator=np.random.default_rng(seed))
    outcomes = [PROTOCOLS[protocol].compute(embeddings).outcomes for embeddings in drawn]
    names = metrics or [metric.name for metric in PROTOCOLS[protocol].metrics if metric.evidence is not None]
    figures = {name: gather(name, outcomes, population.labels.tolist()) for name in names}
    return {name: resample(own, widening=1, resamples=resamples, seed=seed + APART) for name, own in figures.items()}


def collect(sets: Sequence[Mapping[str, Resampled]]) -> dict[str, Simulated]:
    """Each metric's figures in all sets."""
    return {
        name: Simulated(np.stack([s[name].values for s in sets]), np.stack([s[name].deviations for s in sets]))
        for name in sets[0]
    }


def widening_of(metric: str) -> float:
    """The constant that the leaderboard widens a metric's intervals by.

    Raises:
        KeyError: no such metric, or one without an interval.
    """
    evidence = METRICS[metric].evidence
    if evidence is None:
        raise KeyError(metric)
    return evidence.widening


# ---- what became of them: the models of a set are equal


def compute_ratio(simulated: Simulated) -> float:
    """The figures' standard deviation over sets, in plain bootstrap standard errors: the widening that is needed."""
    errors = simulated.deviations.std(axis=2, ddof=1)
    return float(np.std(simulated.values - simulated.values.mean(), ddof=1) / errors.mean())


def compute_difference_ratio(simulated: Simulated) -> float:
    """The same for the difference between the first two models, whose expectation is 0."""
    differences = simulated.values[:, 0] - simulated.values[:, 1]
    errors = (simulated.deviations[:, 0] - simulated.deviations[:, 1]).std(axis=1, ddof=1)
    return float(np.sqrt(np.mean(differences**2)) / errors.mean())


def compute_coverage(simulated: Simulated, widening: float) -> float:
    """How often an interval holds the expected figure, which is the mean over all sets and models."""
    half_widths = np.stack([resampled.half_widths for resampled in simulated.widened(widening)])
    return float(np.mean(np.abs(simulated.values - simulated.values.mean()) <= half_widths))


def compute_tied(simulated: Simulated, widening: float) -> float:
    """How often all models of a set share one rank."""
    models = simulated.values.shape[1]
    return float(np.mean([compute_standings(one)[0].tied == models for one in simulated.widened(widening)]))


def compute_ranks_held(simulated: Simulated, widening: float) -> float:
    """How often a model's rank interval has all ranks in it, as it should where none is better."""
    models = simulated.values.shape[1]
    standings = [standing for one in simulated.widened(widening) for standing in compute_standings(one)]
    return float(np.mean([standing.ranks == (1, models) for standing in standings]))


# ---- the first model is better than the second


def compute_found(simulated: Simulated, widening: float) -> float:
    """How often the second model is found to be worse than the first."""
    differences = [compare(one, 0, [1])[0] for one in simulated.widened(widening)]
    return float(np.mean([found.is_resolved and found.value < 0 for found in differences]))


def compute_times_resolution(simulated: Simulated, widening: float) -> float:
    """The mean difference between the first two models over the mean resolution that the sets state."""
    pairs = Simulated(simulated.values[:, :2], simulated.deviations[:, :2]).widened(widening)
    resolutions = [resolution for pair in pairs if (resolution := compute_resolution(pair)) is not None]
    return float(np.mean(simulated.values[:, 0] - simulated.values[:, 1]) / np.mean(resolutions))


def find_spread(simulated: Simulated, spreads: Sequence[float], widening: float, *, times: float) -> float:
    """The spread at which a model is so many resolutions worse than the first one, by linear interpolation.

    Args:
        simulated: calibration sets of models with these spreads.
        spreads: falling; the first is the better model's.
        widening: of the intervals.
        times: resolutions between the two.

    Raises:
        ValueError: even the last model is not so much worse.
    """
    pairs = [Simulated(simulated.values[:, [0, m]], simulated.deviations[:, [0, m]]) for m in range(1, len(spreads))]
    reached = [0.0, *(compute_times_resolution(pair, widening) for pair in pairs)]
    if max(reached) < times:
        raise ValueError(f"spreads down to {spreads[-1]:.2f} reach {max(reached):.1f} resolutions, not {times}")
    return float(np.interp(times, reached, spreads))
