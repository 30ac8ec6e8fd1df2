"""What stored figures can and cannot tell apart: a paired bootstrap of images. Pure, seeded; docs/statistics.md.

Resampled are the weights of the images that are asked, within each class and the same for all models; training sets
and galleries stay as they are. What that leaves out, a widening makes up for that was measured by simulation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from math import erfc, sqrt

import numpy as np

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


@dataclass(frozen=True)
class Standing:
    """Where a model stands among those measured on the same images."""

    value: float
    half_width: float
    rank: int  # of its tie group: one more than the models in the groups above
    tied: int  # models that share it
    ranks: tuple[int, int]  # best and worst that its comparisons with all others allow
    to_best: Difference  # its figure minus the highest; p is adjusted for all pairs


def draw_weights(
    labels: np.ndarray,
    resamples: int,
    generator: np.random.Generator,
    *,
    specimens: np.ndarray | None = None,
    ratio: float = 1,
) -> np.ndarray:
    """How often each image is drawn when every class is drawn from anew, with replacement: float32 (n, resamples).

    Args:
        labels: (n,) class indices.
        resamples: how many.
        generator: of the draws.
        specimens: (n,) where known: specimens are drawn, each with all of its images of the class.
        ratio: how many times as many are drawn as there are.
    """
    weights = np.empty((len(labels), resamples), np.float32)
    units = np.arange(len(labels)) if specimens is None else specimens
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        present, place = np.unique(units[members], return_inverse=True)
        weights[members] = _count_draws(len(present), resamples, generator, ratio)[place]
    return weights


def _count_draws(units: int, resamples: int, generator: np.random.Generator, ratio: float) -> np.ndarray:
    """How often each of so many units is drawn: (units, resamples).

    As many as there are, the draws are those of ``scipy.stats.bootstrap``; more of them, only their counts are drawn.
    """
    if ratio != 1:
        return generator.multinomial(max(1, round(ratio * units)), np.full(units, 1 / units), resamples).T
    drawn = generator.integers(0, units, (resamples, units)) + units * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=drawn.size).reshape(resamples, units).T


def resample(
    figures: Figures,
    *,
    widening: float | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    ratio: float = 1,
) -> Resampled:
    """The figures as measured, and in so many resamples of the images.

    Args:
        figures: of m models on the same images.
        widening: factor of all deviations, for the variation that fixed training sets and galleries leave out; None:
            that of the figures.
        resamples: how many.
        seed: of the draws; the same seed and labels give the same ones.
        ratio: of the images in a resample to those that there are.

    A figure such as F1 is lower by itself in a resample, which has fewer different images. Hence deviations are
    taken from the mean over resamples, not from the measured figure.
    """
    generator = np.random.default_rng(seed)
    draw = partial(draw_weights, figures.labels, generator=generator, specimens=figures.specimens, ratio=ratio)
    blocks = [min(BLOCK, resamples - start) for start in range(0, resamples, BLOCK)]
    everything = np.concatenate([figures.weighted(draw(resamples=block)) for block in blocks], axis=1)
    measured = figures.weighted(np.ones((len(figures.labels), 1), np.float32))[:, 0]
    factor = figures.widening if widening is None else widening
    return Resampled(measured, factor * (everything - everything.mean(axis=1, keepdims=True)))


def compute_half_width(deviations: np.ndarray) -> float:
    """Half of the symmetric interval (Hall, 1988) of what deviates so: (b,) -> the least that LEVEL of them exceed.

    A value further than this from nothing has ``compute_p`` below LEVEL, and none else has. Infinite for fewer than 20
    deviations, which cannot give so small a p.
    """
    sizes = np.append(np.abs(deviations), np.inf)
    place = len(sizes) - int(np.ceil(LEVEL * len(sizes)))
    return float(np.partition(sizes, place)[place])


def compute_p(value: float, deviations: np.ndarray) -> float:
    """How often what deviates so (b,) is as far from nothing as the value, by chance alone: (k + 1) / (b + 1).

    Too far out to be counted (p below 0.001 of 10,000 resamples), what deviates is taken for normal: the adjustment
    for many comparisons asks for smaller p than resamples can give.
    """
    as_far = int(np.count_nonzero(np.abs(deviations) >= abs(value)))
    counted, spread = (as_far + 1) / (len(deviations) + 1), float(deviations.std())
    if as_far >= COUNTED or len(deviations) < MANY or not spread:
        return counted
    return min((COUNTED + 1) / (len(deviations) + 1), erfc(abs(value) / spread / sqrt(2)))


def adjust_holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment (1979): any of them below LEVEL keeps the chance of one false one at LEVEL."""
    order = np.argsort(p, kind="stable")
    steps = np.asarray(p)[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return [float(one) for one in adjusted]


def compare(resampled: Resampled, baseline: int, others: Sequence[int]) -> list[Difference]:
    """Each other model's figure minus that of a baseline chosen beforehand; p is adjusted for these comparisons."""
    return _subtract(resampled, [(other, baseline) for other in others])


def compare_pairs(resampled: Resampled) -> list[list[Difference]]:
    """Each of m models' figures minus each other's, (m, m); p is adjusted for all pairs.

    For all: which model is the best, and which leads a tie group, the same images have chosen. Adjusted for the
    comparisons with the leader alone, one of twenty equal models would be told from it far too often.
    """
    models = range(len(resampled.values))
    pairs = list(combinations(models, 2))
    table = [[Difference(0.0, 0.0, 1.0) for _ in models] for _ in models]
    for (one, other), difference in zip(pairs, _subtract(resampled, pairs), strict=True):
        table[one][other], table[other][one] = difference, -difference
    return table


def _subtract(resampled: Resampled, pairs: Sequence[tuple[int, int]]) -> list[Difference]:
    """The first of each pair minus the second, with p adjusted for these pairs."""
    values = [float(resampled.values[one] - resampled.values[other]) for one, other in pairs]
    spread = [resampled.deviations[one] - resampled.deviations[other] for one, other in pairs]
    raw = [compute_p(value, deviations) for value, deviations in zip(values, spread, strict=True)]
    widths = [compute_half_width(deviations) for deviations in spread]
    return [Difference(*row) for row in zip(values, widths, adjust_holm(raw), strict=True)]


def compute_standings(resampled: Resampled) -> list[Standing]:
    """Where each of the m models stands, in their order; every statement rests on the same comparison of all pairs.

    A tie group is a leader and all below it that these images cannot tell from it; the best of the rest leads the
    next one. A rank interval leaves out the ranks of those that are told from a model.
    """
    pairs, best = compare_pairs(resampled), int(np.argmax(resampled.values))
    rank = _rank_groups(resampled, pairs)
    return [
        Standing(
            value=float(resampled.values[own]),
            half_width=compute_half_width(resampled.deviations[own]),
            rank=rank[own],
            tied=rank.count(rank[own]),
            ranks=_bound_rank(pairs[own]),
            to_best=pairs[own][best],
        )
        for own in range(len(pairs))
    ]


def _rank_groups(resampled: Resampled, pairs: Sequence[Sequence[Difference]]) -> list[int]:
    rank = [0] * len(pairs)
    left = [int(model) for model in np.argsort(-resampled.values, kind="stable")]
    while left:
        leader, placed = left[0], len(rank) - len(left) + 1
        told = [model for model in left if pairs[model][leader].is_resolved]
        for model in left:
            rank[model] = rank[model] if model in told else placed
        left = told
    return rank


def _bound_rank(own: Sequence[Difference]) -> tuple[int, int]:
    """Best and worst rank of a model, from its figure minus those of all, itself included."""
    worse = sum(other.is_resolved and other.value < 0 for other in own)
    better = sum(other.is_resolved and other.value > 0 for other in own)
    return worse + 1, len(own) - better


def compute_resolution(resampled: Resampled) -> float | None:
    """The smallest difference that these images can resolve between two models compared alone.

    The median half interval of the differences to the best model. None with a single model, or where no resample
    moves a difference.
    """
    best = int(np.argmax(resampled.values))
    others = [model for model in range(len(resampled.values)) if model != best]
    widths = [compute_half_width(resampled.deviations[other] - resampled.deviations[best]) for other in others]
    return (float(np.median(widths)) if widths else 0.0) or None
