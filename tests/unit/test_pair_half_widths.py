"""Half-widths of all pairs at once are those of each pair alone, to the last digit."""

from __future__ import annotations

import numpy as np
import pytest

from leaderboard.ranking import compute_pair_half_widths
from leaderboard.statistics import Resampled, compute_half_width

DRAWS = {
    "normal": lambda draws: draws.normal(size=(6, 3_000)),
    "correlated": lambda draws: draws.normal(size=(6, 3_000)) + 3 * draws.normal(size=3_000),
    "whole numbers": lambda draws: draws.integers(-2, 3, (6, 3_000)).astype(float),
    "far out": lambda draws: draws.standard_cauchy((6, 3_000)),
    "near the middle": lambda draws: draws.choice([-1.0, 1.0], (6, 3_000)),
    "few": lambda draws: draws.normal(size=(6, 20)),
    "too few": lambda draws: draws.normal(size=(6, 18)),
    "none that vary": lambda draws: np.zeros((6, 3_000)),
}


@pytest.mark.parametrize("kind", DRAWS)
def test_every_pair_has_the_half_width_of_its_difference(kind: str) -> None:
    """Whatever the deviations look like, also where hardly any lies as far out as the short cut looks."""
    deviations = DRAWS[kind](np.random.default_rng(0))
    deviations -= deviations.mean(axis=1, keepdims=True)
    found = compute_pair_half_widths(Resampled(np.zeros(6), deviations))
    slow = [[compute_half_width(one - other) for other in deviations] for one in deviations]
    between = ~np.eye(6, dtype=bool)
    assert np.array_equal(found[between], np.array(slow)[between])
    assert not found.diagonal().any()


def test_a_single_model_has_no_pairs() -> None:
    """Its table is one zero."""
    assert compute_pair_half_widths(Resampled(np.zeros(1), np.ones((1, 100)))).tolist() == [[0.0]]
