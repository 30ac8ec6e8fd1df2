"""How many images would settle an open comparison: simulated from stored outcomes. Pure, seeded.

Sets of r times as many images per class are drawn from those that are there, with replacement. The difference between
the two models stays as measured; how far it strays in such sets gives both the half-width of the test and the chance
that the test finds it. This is about the images that are asked. Galleries and training sets would grow with them,
which changes the figures themselves: a guide for planning, not a promise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leaderboard.evidence import Figures
from leaderboard.statistics import SEED, Resampled, compute_half_width, resample

RATIOS = (1, 4, 16, 64)  # between them what is needed follows a power of r closely
POWER = 0.8  # chance of finding the difference, the usual one in planning (Cohen, 1988)
MOST_DRAWS, FEWEST_DRAWS = 4_000, 1_000  # of sets
MOST_WEIGHTS = 3_000_000  # images times draws, while there are more than the fewest


@dataclass(frozen=True)
class Settling:
    """How many images a comparison of two models needs."""

    ratio: float  # times as many images as now
    now: float  # images per class, on average

    @property
    def images_per_class(self) -> float:
        """On average over the classes."""
        return self.ratio * self.now

    def __str__(self) -> str:
        """In words, to two digits: ``about 540 per class (now 35)``."""
        needed = float(f"{self.images_per_class:.2g}")
        count = f"about {needed:.0f} per class" if needed > self.now or self.ratio == 1 else "a few more per class"
        return f"{count} (now {self.now:.0f})"


def compute_images_to_settle(
    figures: Figures,
    pair: tuple[int, int] = (0, 1),
    *,
    widening: float | None = None,
    power: float = POWER,
    resamples: int | None = None,
    seed: int = SEED,
) -> Settling | None:
    """How many images per class tell two models apart, were the true difference the measured one.

    Args:
        figures: of at least two models on the same images.
        pair: which two.
        widening: as in ``statistics.resample``.
        power: chance that the two, compared alone, are told apart at 5 %.
        resamples: how many sets are drawn per ratio; None: as many as take about a second.
        seed: of the draws; the same seed and outcomes give the same answer.

    Returns:
        None where more than 64 times as many images would be needed, as for two equal figures. The ratio is 1 where
        the images that are there have that chance already.
    """
    labels = figures.labels
    draws = resamples or int(np.clip(MOST_WEIGHTS // len(labels), FEWEST_DRAWS, MOST_DRAWS))
    visible: list[float] = []  # the least difference that is found with that power, per ratio
    for ratio in RATIOS:
        sets = resample(figures, widening=widening, resamples=draws, seed=seed, ratio=ratio)
        difference, deviations = _subtract(sets, pair)
        visible.append(compute_half_width(deviations) - float(np.quantile(deviations, 1 - power)))
        if 0 < difference >= visible[-1]:
            return Settling(_interpolate(visible, difference), len(labels) / len(np.unique(labels)))
    return None


def _subtract(resampled: Resampled, pair: tuple[int, int]) -> tuple[float, np.ndarray]:
    """The better of two minus the other: as measured, and how it deviates (b,)."""
    other, better = sorted(pair, key=lambda model: float(resampled.values[model]))
    difference = float(resampled.values[better] - resampled.values[other])
    return difference, resampled.deviations[better] - resampled.deviations[other]


def _interpolate(visible: Sequence[float], difference: float) -> float:
    """The ratio at which the difference becomes visible; it does at the last, and did not at the one before."""
    if len(visible) == 1:
        return 1.0
    before, last = np.log(visible[-2:])
    low, high = np.log(RATIOS[len(visible) - 2 : len(visible)])
    return float(np.exp(low + (high - low) * (before - np.log(difference)) / (before - last)))
