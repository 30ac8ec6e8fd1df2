"""Genus by genus: what the images of one class tell about models that were measured on the same ones. Pure, seeded.

The bootstrap is that of the table (statistics.py): paired, widened, its first resamples. A half width is 1.96 standard
deviations of them. The variance of every difference then follows from one matrix per class, var(a - b) = var(a) +
var(b) - 2 cov(a, b), where the quantiles of the table would need each of 1,225 pairs' own resamples in each of 20
classes. So few images are no bell curve: good enough to say where two models differ, not to say how much exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from leaderboard.evidence import Figures, FiguresByClass, gather_from
from leaderboard.records import Result
from leaderboard.standings import FEWEST
from leaderboard.statistics import LEVEL, adjust_holm, resample

RESAMPLES = 1_000  # a standard deviation of so many is known to 2.2 %, 1 / sqrt(2 * 1,000)
DEVIATIONS = NormalDist().inv_cdf(1 - LEVEL / 2)  # 1.96 of a bell curve hold 95 %
NOTHING = 1e-12  # of the variances of two: the rounding of a difference that never varies


@dataclass(frozen=True)
class GenusDifference:
    """One model's figure for a class minus another's."""

    value: float  # NaN where the class was never tested
    half_width: float  # of its own interval, not adjusted
    is_resolved: bool  # whether its images can tell the two apart; adjusted for all classes (Holm)

    def __neg__(self) -> GenusDifference:
        """The same two, the other way round."""
        return GenusDifference(-self.value, self.half_width, self.is_resolved)


@dataclass(frozen=True, eq=False)
class GenusStandings:
    """What m models are worth class by class; NaN where a class was never tested."""

    metric: str
    models: Sequence[str]
    classes: Sequence[str]
    is_rough: Sequence[bool]  # of each class: so few images, or specimens, that its intervals are too narrow
    values: np.ndarray  # (m, classes)
    half_widths: np.ndarray  # (m, classes)
    half_widths_between: np.ndarray  # (m, m, classes) of the differences
    is_resolved: np.ndarray  # (m, m, classes)

    def pair(self, one: str, other: str) -> list[GenusDifference]:
        """The first model's figures minus the second's, class by class."""
        own, its = self.models.index(one), self.models.index(other)
        differences = self.values[own] - self.values[its]
        columns = differences, self.half_widths_between[own, its], self.is_resolved[own, its]
        return [GenusDifference(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def compute_genus_standings(results: Sequence[Result], metric: str) -> GenusStandings:
    """How several models do by class, and which classes tell two of them apart.

    Args:
        results: cells of one data set, measured on the same images.
        metric: one with evidence. Of its score, F1 has F1 by class, precision has precision, the accuracies have
            recall; of P@N it is the mean over the queries of the class.

    Raises:
        LeaderboardError: the metric has no evidence, or the models were tested on different images.
    """
    figures, classes = gather_from(results, metric), results[0].classes
    measured = figures.by_class(np.ones((len(figures.labels), 1), np.float32))[:, :, 0]
    tested = np.flatnonzero(np.isfinite(measured[0]))  # the same classes for all: they had the same test sets
    covariances = _compute_covariances(_OfClasses(figures, measured, tested))
    values = measured[:, tested]
    between = _compute_deviations_between(covariances)
    resolved = _resolve(values[:, None] - values[None], between)
    sizes = _count_units(figures, len(classes))
    return GenusStandings(
        metric=metric,
        models=[result.model for result in results],
        classes=classes,
        is_rough=[size < FEWEST for size in sizes],
        values=_place(values, tested, len(classes)),
        half_widths=_place(DEVIATIONS * np.sqrt(np.einsum("kmm->mk", covariances)), tested, len(classes)),
        half_widths_between=_place(DEVIATIONS * between, tested, len(classes)),
        is_resolved=_place(resolved, tested, len(classes)) == 1,
    )


@dataclass(frozen=True)
class _OfClasses:
    """The figures of all tested classes of all models, as if each were a model of its own: (m * k, b)."""

    figures: FiguresByClass
    every: np.ndarray  # (m, classes) as measured
    tested: np.ndarray  # (k,) class indices

    @property
    def labels(self) -> np.ndarray:
        return self.figures.labels

    @property
    def specimens(self) -> np.ndarray | None:
        return self.figures.specimens

    @property
    def widening(self) -> float:
        return self.figures.widening

    @property
    def measured(self) -> np.ndarray:
        return self.every[:, self.tested].ravel()

    def weighted(self, weights: np.ndarray) -> np.ndarray:
        """A class of which no test image is drawn says nothing in that resample: as measured."""
        drawn = self.figures.by_class(weights)[:, self.tested].reshape(-1, weights.shape[1])
        return np.where(np.isnan(drawn), self.measured[:, None], drawn)


def _compute_covariances(figures: _OfClasses) -> np.ndarray:
    """Of the models' figures in each class, widened: (k, m, m)."""
    deviations = resample(figures, resamples=RESAMPLES).deviations
    of_classes = deviations.reshape(-1, len(figures.tested), RESAMPLES).swapaxes(0, 1)
    return np.asarray(of_classes @ of_classes.swapaxes(1, 2) / RESAMPLES)


def _compute_deviations_between(covariances: np.ndarray) -> np.ndarray:
    """Standard deviations (m, m, k) of the differences; 0 where two never differ by more than rounding."""
    variances = np.einsum("kmm->km", covariances)
    sums = variances[:, :, None] + variances[:, None]
    between = sums - 2 * covariances
    return np.moveaxis(np.sqrt(np.where(between > NOTHING * sums, between, 0)), 0, -1)


def _resolve(differences: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    """Whether p is below the level, adjusted for the k classes of a pair: (m, m, k) twice -> (m, m, k).

    A difference that no resample moves is as rare as so many resamples can say, like in ``statistics.compute_p``.
    """
    from scipy.special import erfc

    distances = np.abs(differences) / np.where(deviations > 0, deviations, 1)
    certain = np.where(differences == 0, 1, 1 / (RESAMPLES + 1))
    p = np.where(deviations > 0, erfc(distances / np.sqrt(2)), certain)
    return np.asarray(adjust_holm(p) < LEVEL)


def _place(table: np.ndarray, tested: np.ndarray, classes: int) -> np.ndarray:
    """Of the tested classes (…, k) -> of all of them (…, classes), NaN for the others."""
    placed = np.full((*table.shape[:-1], classes), np.nan)
    placed[..., tested] = table
    return placed


def _count_units(figures: Figures, classes: int) -> list[int]:
    """Images of each class, or specimens where they are known: what is drawn."""
    units = np.arange(len(figures.labels)) if figures.specimens is None else figures.specimens
    return [len(np.unique(units[figures.labels == label])) for label in range(classes)]
