"""Several models compared with one another: all pairs, tie groups, open ranks. Pure; docs/statistics.md."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leaderboard.statistics import (
    LEVEL,
    MANY,
    Difference,
    Resampled,
    adjust_holm,
    compute_half_width,
    compute_p_between,
    extrapolate_p,
    subtract,
)

FAR = 1.8  # standard deviations: of what is about normal, more than LEVEL lies further out, and not much more


@dataclass(frozen=True, eq=False)
class Pairs:
    """The comparisons of m models with one another."""

    resampled: Resampled
    p: np.ndarray  # (m, m) of no difference, adjusted for all pairs (Holm); 1 of a model with itself

    def subtract(self, one: int, other: int) -> Difference:
        """The first model's figure minus the second's."""
        return subtract(self.resampled, one, other, float(self.p[one, other]))


@dataclass(frozen=True)
class Standing:
    """Where a model stands among those measured on the same images."""

    value: float
    half_width: float
    rank: int  # of its tie group: one more than the models in the groups above
    tied: int  # models that share it
    ranks: tuple[int, int]  # best and worst that its comparisons with all others allow
    to_best: Difference  # its figure minus the highest; p is adjusted for all pairs


def compare_pairs(resampled: Resampled) -> Pairs:
    """Each of m models' figures minus each other's.

    p is adjusted for all pairs: which model is the best, and which leads a tie group, the same images have chosen.
    Adjusted for the comparisons with the leader alone, one of twenty equal models would be told from it far too often.
    """
    models = len(resampled.values)
    one, other = np.triu_indices(models, k=1)
    p = np.ones((models, models))
    p[one, other] = p[other, one] = adjust_holm(_test_pairs(resampled, one, other))
    return Pairs(resampled, p)


def _test_pairs(resampled: Resampled, one: np.ndarray, other: np.ndarray) -> list[float]:
    """The p of each pair alone. Of most of many pairs no resample is as far out: their resamples need no look."""
    values, resamples = resampled.values[one] - resampled.values[other], resampled.deviations.shape[1]
    reach, spreads = np.abs(resampled.deviations).max(axis=1), compute_spreads(resampled)
    is_beyond = (np.abs(values) > reach[one] + reach[other]) & (resamples >= MANY)
    return [
        extrapolate_p(value, spreads[a, b], 0, resamples) if beyond else compute_p_between(resampled, a, b)
        for value, a, b, beyond in zip(values.tolist(), one.tolist(), other.tolist(), is_beyond, strict=True)
    ]


def compute_spreads(resampled: Resampled) -> np.ndarray:
    """Standard deviations (m, m) of the differences between two models, from their covariances."""
    covariance = np.atleast_2d(np.cov(resampled.deviations, bias=True))
    variance = np.diag(covariance)
    return np.asarray(np.sqrt(np.maximum(variance[:, None] + variance - 2 * covariance, 0)))


def compute_pair_half_widths(resampled: Resampled) -> np.ndarray:
    """Half-widths (m, m) of the differences between m models; 0 of a model with itself."""
    deviations, nearest = resampled.deviations, FAR * compute_spreads(resampled)
    widths: np.ndarray = np.zeros_like(nearest)
    for one, other in zip(*np.triu_indices(len(deviations), k=1), strict=True):
        width = compute_half_width(deviations[one] - deviations[other], nearest=nearest[one, other])
        widths[one, other] = widths[other, one] = width
    return widths


def compute_standings(resampled: Resampled, pairs: Pairs | None = None) -> list[Standing]:
    """Where each of the m models stands, in their order; every statement rests on the same comparison of all pairs.

    A tie group is a leader and all below it that these images cannot tell from it; the best of the rest leads the
    next one. A rank interval leaves out the ranks of those that are told from a model.
    ``pairs`` is what ``compare_pairs`` gives for these models, where that has been done.
    """
    pairs, best = pairs or compare_pairs(resampled), int(np.argmax(resampled.values))
    rank = _rank_groups(pairs)
    return [
        Standing(
            value=float(resampled.values[own]),
            half_width=compute_half_width(resampled.deviations[own]),
            rank=rank[own],
            tied=rank.count(rank[own]),
            ranks=_bound_rank(pairs, own),
            to_best=pairs.subtract(own, best),
        )
        for own in range(len(rank))
    ]


def _rank_groups(pairs: Pairs) -> list[int]:
    values = pairs.resampled.values
    rank, told = [0] * len(values), pairs.p < LEVEL
    left = [int(model) for model in np.argsort(-values, kind="stable")]
    while left:
        leader, placed = left[0], len(rank) - len(left) + 1
        for model in left:
            rank[model] = rank[model] if told[model, leader] else placed
        left = [model for model in left if told[model, leader]]
    return rank


def _bound_rank(pairs: Pairs, own: int) -> tuple[int, int]:
    """Best and worst rank of a model, from its figure minus those of all, itself included."""
    values = pairs.resampled.values
    told = pairs.p[own] < LEVEL
    better, worse = (int(np.count_nonzero(told & beaten)) for beaten in (values > values[own], values < values[own]))
    return better + 1, len(values) - worse
