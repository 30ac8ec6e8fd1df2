"""What stored figures can and cannot tell apart: a paired bootstrap of images. Pure, seeded; docs/statistics.md.

Resampled are the weights of the images that are asked, within each class and the same for all models; training sets
and galleries stay as they are. What that leaves out, a widening makes up for that was measured by simulation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import erfc, sqrt

import numpy as np

from leaderboard.draws import draw_weights
from leaderboard.evidence import Figures

RESAMPLES = 10_000
BLOCK = 500  # resamples in memory at once
SEED = 0
COUNTED = 10  # resamples as far out, of which fewer say too little about how rare that is
MANY = 2_000  # resamples; of fewer, so few are not far enough out
LEVEL = 0.05  # of all tests; intervals hold 1 - LEVEL


@dataclass(frozen=True)
class Resampled:
    """A figure of m models as measured, and how far each lay from its mean in b resamples of the images."""

    values: np.ndarray  # (m,)
    deviations: np.ndarray  # (m, b) widened; a column is the same resample for all models

    @property
    def half_widths(self) -> np.ndarray:
        """(m,) half of each figure's interval."""
        return np.array([compute_half_width(own) for own in self.deviations])


@dataclass(frozen=True)
class Difference:
    """One model's figure minus another's on the same images."""

    value: float
    half_width: float  # of its own interval, not adjusted
    p: float  # of no difference, two-sided; adjusted for the comparisons that it is one of (Holm)

    def __neg__(self) -> Difference:
        """The same two, the other way round."""
        return Difference(-self.value, self.half_width, self.p)

    @property
    def is_resolved(self) -> bool:
        """Whether these images can tell the two apart."""
        return self.p < LEVEL


def resample(
    figures: Figures, *, widening: float | None = None, resamples: int = RESAMPLES, seed: int = SEED, ratio: float = 1
) -> Resampled:
    """The figures as measured, and in so many resamples of the images.

    Args:
        figures: of m models on the same images.
        widening: factor of deviations, for what fixed training sets and galleries leave out; None: the figures' own.
        resamples: how many.
        seed: of the draws; the same seed and labels give the same ones.
        ratio: of the images in a resample to those that there are.

    A figure such as F1 is lower by itself in a resample, which has fewer different images. Hence deviations are
    taken from the mean over resamples, not from the measured figure.
    """
    (resampled,) = resample_together([figures], widening=widening, resamples=resamples, seed=seed, ratio=ratio)
    return resampled


def resample_together(
    several: Sequence[Figures],
    *,
    widening: float | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    ratio: float = 1,
) -> list[Resampled]:
    """What ``resample`` gives for each of several figures of the same images; drawn once, as the draws are the same."""
    if not several:
        return []
    if any(not np.array_equal(figures.labels, several[0].labels) for figures in several):
        raise ValueError("figures of different images are drawn one by one")
    generator, first = np.random.default_rng(seed), several[0]
    draw = partial(draw_weights, first.labels, generator=generator, specimens=first.specimens, ratio=ratio)
    drawn: list[list[np.ndarray]] = [[] for _ in several]
    for start in range(0, resamples, BLOCK):
        weights = draw(resamples=min(BLOCK, resamples - start))
        for blocks, figures in zip(drawn, several, strict=True):
            blocks.append(figures.weighted(weights))
    return [_centre(figures, blocks, widening) for figures, blocks in zip(several, drawn, strict=True)]


def _centre(figures: Figures, blocks: list[np.ndarray], widening: float | None) -> Resampled:
    drawn = np.concatenate(blocks, axis=1)
    drawn -= drawn.mean(axis=1, keepdims=True)
    drawn *= figures.widening if widening is None else widening
    return Resampled(figures.measured, drawn)


def compute_half_width(deviations: np.ndarray, *, nearest: float = 0.0) -> float:
    """Half of the symmetric interval (Hall, 1988) of what deviates so: (b,) -> the least that LEVEL of them exceed.

    A value further than this from nothing has ``compute_p`` below LEVEL, and none else has. Infinite for fewer than 20
    deviations, which cannot give so small a p.

    Args:
        deviations: from nothing, in resamples.
        nearest: where it can be expected to lie at the nearest: ordering only what is further out saves time.
    """
    sizes, exceeding = np.abs(deviations), int(np.ceil(LEVEL * (len(deviations) + 1))) - 1
    if exceeding < 1:
        return float("inf")
    outer = sizes[sizes >= nearest]
    pool = outer if len(outer) >= exceeding else sizes
    return float(np.partition(pool, len(pool) - exceeding)[len(pool) - exceeding])


def compute_p(value: float, deviations: np.ndarray) -> float:
    """How often what deviates so (b,) is as far from nothing as the value, by chance alone: (k + 1) / (b + 1).

    Too far out to be counted (p below 0.001 of 10,000 resamples), what deviates is taken for normal: the adjustment
    for many comparisons asks for smaller p than resamples can give.
    """
    as_far = int(np.count_nonzero(np.abs(deviations) >= abs(value)))
    if as_far >= COUNTED or len(deviations) < MANY:
        return (as_far + 1) / (len(deviations) + 1)
    return extrapolate_p(value, float(deviations.std()), as_far, len(deviations))


def extrapolate_p(value: float, spread: float, as_far: int, resamples: int) -> float:
    """The p of a value that so few of the resamples are as far out as: by a normal tail, and no more than counted."""
    if not spread:
        return (as_far + 1) / (resamples + 1)
    return min((COUNTED + 1) / (resamples + 1), erfc(abs(value) / spread / sqrt(2)))


def adjust_holm(p: Sequence[float] | np.ndarray) -> np.ndarray:
    """Holm's step-down adjustment (1979): any of them below LEVEL keeps the chance of one false one at LEVEL.

    Args:
        p: (…, k) of k comparisons; the result has the same shape.
    """
    raw = np.asarray(p, np.float64)
    order = np.argsort(raw, axis=-1, kind="stable")
    steps = np.take_along_axis(raw, order, axis=-1) * np.arange(raw.shape[-1], 0, -1)
    adjusted = np.empty_like(raw)
    np.put_along_axis(adjusted, order, np.minimum(np.maximum.accumulate(steps, axis=-1), 1), axis=-1)
    return adjusted


def compare(resampled: Resampled, baseline: int, others: Sequence[int]) -> list[Difference]:
    """Each other model's figure minus that of a baseline chosen beforehand; p is adjusted for these comparisons."""
    adjusted = adjust_holm([compute_p_between(resampled, other, baseline) for other in others]).tolist()
    return [subtract(resampled, other, baseline, p) for other, p in zip(others, adjusted, strict=True)]


def subtract(resampled: Resampled, one: int, other: int, p: float) -> Difference:
    """One model's figure minus another's, with a p that has been adjusted."""
    values, deviations = resampled.values, resampled.deviations
    return Difference(float(values[one] - values[other]), compute_half_width(deviations[one] - deviations[other]), p)


def compute_p_between(resampled: Resampled, one: int, other: int) -> float:
    """The p of no difference between two models, of this one comparison."""
    values, deviations = resampled.values, resampled.deviations
    return compute_p(float(values[one] - values[other]), deviations[one] - deviations[other])


def compute_resolution(resampled: Resampled) -> float | None:
    """The smallest difference that these images can resolve between two models compared alone.

    The median half interval of the differences to the best model. None with a single model, or where no resample
    moves a difference.
    """
    best = int(np.argmax(resampled.values))
    others = [model for model in range(len(resampled.values)) if model != best]
    widths = [compute_half_width(resampled.deviations[other] - resampled.deviations[best]) for other in others]
    return (float(np.median(widths)) if widths else 0.0) or None
