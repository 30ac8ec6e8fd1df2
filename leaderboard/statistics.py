"""What stored figures can and cannot tell apart: a paired bootstrap of images. Pure, seeded; docs/statistics.md.

Resampled are the weights of the images that are asked, within each class and the same for all models; training sets
and galleries stay as they are. What that leaves out, a widening makes up for that was measured by simulation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from leaderboard.evidence import Figures

RESAMPLES = 10_000
BLOCK = 500  # resamples in memory at once
SEED = 0
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
    p: float  # of no difference, two-sided; adjusted for the comparisons it is shown among (Holm)

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
    to_best: Difference  # its figure minus the highest


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
    """How often what deviates so (b,) is as far from nothing as the value, by chance alone: (k + 1) / (b + 1)."""
    as_far = np.count_nonzero(np.abs(deviations) >= abs(value))
    return float((as_far + 1) / (len(deviations) + 1))


def adjust_holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment (1979): any of them below LEVEL keeps the chance of one false one at LEVEL."""
    order = np.argsort(p, kind="stable")
    steps = np.asarray(p)[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return [float(one) for one in adjusted]


def compare(resampled: Resampled, baseline: int, others: Sequence[int]) -> list[Difference]:
    """Each other model's figure minus the baseline's, with p adjusted for these comparisons."""
    values = [float(resampled.values[other] - resampled.values[baseline]) for other in others]
    spread = [resampled.deviations[other] - resampled.deviations[baseline] for other in others]
    raw = [compute_p(value, deviations) for value, deviations in zip(values, spread, strict=True)]
    widths = [compute_half_width(deviations) for deviations in spread]
    return [Difference(*row) for row in zip(values, widths, adjust_holm(raw), strict=True)]


def compute_standings(resampled: Resampled) -> list[Standing]:
    """Where each of the m models stands, in their order.

    A tie group is a leader and all below it that these images cannot tell from it; the best of the rest leads the
    next one. Rank intervals come from each model's comparisons with all others.
    """
    models = range(len(resampled.values))
    best = int(np.argmax(resampled.values))
    rank = _rank_groups(resampled)
    return [
        Standing(
            value=float(resampled.values[own]),
            half_width=compute_half_width(resampled.deviations[own]),
            rank=rank[own],
            tied=rank.count(rank[own]),
            ranks=_bound_rank(compare(resampled, own, [other for other in models if other != own])),
            to_best=to_best,
        )
        for own, to_best in zip(models, _compare_to_all(resampled, best), strict=True)
    ]


def _compare_to_all(resampled: Resampled, baseline: int) -> list[Difference]:
    """With itself too, which is no comparison to adjust for."""
    others = [other for other in range(len(resampled.values)) if other != baseline]
    differences = compare(resampled, baseline, others)
    return [*differences[:baseline], Difference(0.0, 0.0, 1.0), *differences[baseline:]]


def _rank_groups(resampled: Resampled) -> list[int]:
    rank = [0] * len(resampled.values)
    left = [int(model) for model in np.argsort(-resampled.values, kind="stable")]
    while left:
        leader, *below = left
        placed = len(rank) - len(left) + 1
        told = [other for other, d in zip(below, compare(resampled, leader, below), strict=True) if d.is_resolved]
        for model in left:
            rank[model] = rank[model] if model in told else placed
        left = told
    return rank


def _bound_rank(others: Sequence[Difference]) -> tuple[int, int]:
    """Best and worst rank of a model, from the others' figures minus its own."""
    better = sum(other.is_resolved and other.value > 0 for other in others)
    worse = sum(other.is_resolved and other.value < 0 for other in others)
    return better + 1, len(others) + 1 - worse


def compute_resolution(resampled: Resampled) -> float | None:
    """The smallest difference that these images can resolve; None with a single model.

    The median half interval of the differences to the best model: at 5 %, for two models compared alone.
    """
    differences = _compare_to_all(resampled, best := int(np.argmax(resampled.values)))
    widths = [difference.half_width for model, difference in enumerate(differences) if model != best]
    return float(np.median(widths)) if widths else None
