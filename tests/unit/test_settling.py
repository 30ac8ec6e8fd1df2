"""How many images would settle a comparison: the normal formula where it holds, and the power that was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from leaderboard.draws import draw_weights
from leaderboard.evidence import Figures, Shares, gather_from
from leaderboard.result_files import load_results
from leaderboard.settling import FEWEST_DRAWS, Settling, compute_images_to_settle
from leaderboard.statistics import compute_half_width, resample

RESULTS = Path(__file__).parents[2] / "leaderboard" / "results"
COUNTS = (40, 25, 60, 75)
Z = 1.959964 + 0.841621  # of 5 % on two sides, and of 80 %


def make(difference: float, *, noise: float = 0.2, seed: int = 0) -> Shares:
    """Two models on 200 queries: exactly this far apart, and image by image as different as the noise says."""
    draws = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(COUNTS)), COUNTS)
    lower = draws.uniform(0.2, 0.6, len(labels))
    apart = draws.normal(0, noise, len(labels))
    higher = lower + apart - apart.mean() + difference
    return Shares(labels, np.stack([higher, lower]), np.ones(len(labels)))


def compute_error(figures: Shares) -> float:
    """The standard error of the difference: within classes, as they keep their sizes (Cochran)."""
    apart = figures.shares[0] - figures.shares[1]
    parts = [apart[figures.labels == label] for label in range(len(COUNTS))]
    return float(np.sqrt(sum(len(part) * part.var() for part in parts)) / len(apart))


def settle(figures: Figures, *, widening: float = 1.0, **options: float) -> Settling:
    """The answer of one that has one."""
    found = compute_images_to_settle(figures, widening=widening, **options)
    assert found is not None
    return found


# ---- how many


@pytest.mark.parametrize("widening", [1.0, 1.3, 1.95])
@pytest.mark.parametrize("times", [1.5, 3, 7, 20, 50])
def test_the_normal_formula_is_met(times: float, widening: float) -> None:
    """((1.96 + 0.84) se / D)^2 times as many images, within 10 %."""
    error = widening * compute_error(make(0.0))
    found = settle(make(Z * error / times**0.5), widening=widening)
    assert found.ratio == pytest.approx(times, rel=0.1)
    assert found.now == 50
    assert found.images_per_class == pytest.approx(50 * found.ratio)


def test_the_normal_formula_is_nearly_met_by_macro_f1() -> None:
    """Of real outcomes: there the error of the measured set is a little too large, for it has few different images."""
    results = {result.model: result for result in load_results(RESULTS) if result.dataset == "palynomorphs-20"}
    figures = gather_from([results["efficientnet-lite0"], results["efficientnet-lite1"]], "knn1.f1_macro")
    sets = resample(figures, ratio=16, resamples=4_000)
    error = 4 * float(np.std(sets.deviations[0] - sets.deviations[1]))
    difference = float(sets.values[0] - sets.values[1])
    found = settle(figures, widening=1.3)
    assert found.ratio == pytest.approx((Z * error / difference) ** 2, rel=0.1)
    assert found.now == 697 / 20
    assert 10 < found.ratio < 25


def test_a_larger_difference_needs_fewer_images() -> None:
    """Strictly, over the whole range."""
    ratios = [settle(make(difference), resamples=1_000).ratio for difference in np.geomspace(0.006, 0.035, 12)]
    assert all(more > fewer for more, fewer in pairwise(ratios))
    assert ratios[0] > 30
    assert ratios[-1] < 2


def test_more_power_needs_more_images() -> None:
    """By (1.96 + 1.28)^2 / (1.96 + 0.84)^2 for 90 %; the half-width alone is enough for 50 %."""
    figures = make(0.012)
    usual = settle(figures).ratio
    assert settle(figures, power=0.9).ratio == pytest.approx(usual * (3.2415 / Z) ** 2, rel=0.1)
    assert settle(figures, power=0.5).ratio == pytest.approx(usual * (1.96 / Z) ** 2, rel=0.1)


def test_so_many_images_find_the_difference_with_the_power_asked_for() -> None:
    """Drawn anew with another seed: 80 % of the sets, and fewer with half as many images."""
    figures, difference = make(0.01), 0.01

    def find(ratio: float) -> float:
        sets = resample(figures, widening=1.3, resamples=6_000, seed=99, ratio=ratio)
        deviations = sets.deviations[0] - sets.deviations[1]
        return float(np.mean(difference + deviations > compute_half_width(deviations)))

    ratio = settle(figures, widening=1.3).ratio
    assert find(ratio) == pytest.approx(0.8, abs=0.03)
    assert find(ratio / 2) < 0.6


# ---- none, and enough


def test_more_than_64_times_as_many_is_no_answer() -> None:
    """Just below it is one."""
    error = compute_error(make(0.0))
    assert compute_images_to_settle(make(Z * error / 75**0.5), widening=1) is None
    assert settle(make(Z * error / 55**0.5)).ratio == pytest.approx(55, rel=0.1)


def test_equal_figures_are_never_settled() -> None:
    """Whether the models agree on every image or only on the whole."""
    figures = make(0.05)
    same = Shares(figures.labels, figures.shares[[0, 0]], figures.asked)
    assert compute_images_to_settle(same, widening=1.3) is None
    assert compute_images_to_settle(make(0.0), widening=1.3) is None


def test_what_these_images_find_anyway_needs_no_others() -> None:
    """The ratio is never below 1."""
    assert settle(make(0.2)).ratio == 1
    assert settle(make(0.2, noise=0.0)).ratio == 1


# ---- which


def test_the_order_of_the_pair_does_not_matter() -> None:
    """And others beside it neither."""
    figures = make(0.01)
    other = np.random.default_rng(8).random((1, len(figures.labels)))
    three = Shares(figures.labels, np.concatenate([figures.shares[:1], other, figures.shares[1:]]), figures.asked)
    found = settle(figures)
    assert compute_images_to_settle(figures, (1, 0), widening=1) == found
    for pair in [(0, 2), (2, 0)]:
        among = compute_images_to_settle(three, pair, widening=1)
        assert among is not None
        assert among.ratio == pytest.approx(found.ratio, abs=1e-9)


def test_the_answer_is_always_the_same() -> None:
    """Unless another seed is asked for; and then nearly."""
    figures = make(0.01)
    once, other = settle(figures), settle(figures, seed=5)
    assert settle(figures) == once
    assert other.ratio != once.ratio
    assert other.ratio == pytest.approx(once.ratio, rel=0.1)


# ---- draws


@pytest.mark.parametrize("ratio", [0.01, 1, 2.5, 16])
def test_larger_sets_keep_the_shares_of_the_classes(ratio: float) -> None:
    """To the nearest whole image, and at least one."""
    labels = np.array([1, 0, 1, 1, 4, 1, 0])
    weights = draw_weights(labels, 50, np.random.default_rng(0), ratio=ratio)
    assert weights.shape == (7, 50)
    assert weights.dtype == np.float32
    for label in (0, 1, 4):
        expected = max(1, round(ratio * (labels == label).sum()))
        assert (weights[labels == label].sum(axis=0) == expected).all()


def test_a_set_of_the_same_size_is_a_resample() -> None:
    """The two ways to draw it agree in mean and spread."""
    labels = np.repeat([0, 1], [4, 30])
    ours = draw_weights(labels, 20_000, np.random.default_rng(0), ratio=1.001)
    plain = draw_weights(labels, 20_000, np.random.default_rng(1))
    np.testing.assert_allclose(ours.mean(axis=1), 1, atol=0.04)
    np.testing.assert_allclose(ours.var(axis=1), plain.var(axis=1), rtol=0.06)


@dataclass
class Counting:
    """Figures that count how many sets they are asked for."""

    labels: np.ndarray
    sets: list[int] = field(default_factory=list)
    specimens: np.ndarray | None = None

    @property
    def measured(self) -> np.ndarray:
        """Of both."""
        return np.zeros(2)

    def weighted(self, weights: np.ndarray) -> np.ndarray:
        """Two models without a difference."""
        self.sets.append(weights.shape[1])
        return np.zeros((2, weights.shape[1]))


def test_many_images_are_drawn_fewer_times() -> None:
    """Time stays in hand; a larger set varies less from draw to draw."""
    figures = Counting(np.arange(3_100) % 4)
    assert compute_images_to_settle(figures, widening=1) is None
    assert sum(figures.sets) == 4 * FEWEST_DRAWS  # of four ratios


# ---- in words


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (15.24, "about 530 per class (now 35)"),
        (1, "about 35 per class (now 35)"),
        (48.4, "about 1700 per class (now 35)"),
    ],
)
def test_an_answer_is_said_to_two_digits(ratio: float, words: str) -> None:
    """More would be noise."""
    assert str(Settling(ratio, 697 / 20)) == words
