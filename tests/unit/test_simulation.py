"""The intervals and ties hold what they promise, in sets drawn from a population like the real one.

The quick form of benchmarks/interval_coverage.py: few sets, so bounds are as wide as the binomial distribution asks.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leaderboard.cache import load_embeddings
from leaderboard.draws import draw_weights
from leaderboard.evidence import gather
from leaderboard.protocols import PROTOCOL_OF, PROTOCOLS
from leaderboard.simulation import (
    Population,
    Simulated,
    collect,
    compute_coverage,
    compute_difference_ratio,
    compute_found,
    compute_ranks_held,
    compute_ratio,
    compute_tied,
    compute_times_resolution,
    draw_sets,
    embed,
    find_spread,
    measure_population,
    simulate_set,
    widening_of,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "palynomorphs-20.efficientnet-lite0.npz"
PRECISION, NEAREST, LINEAR = "retrieval.precision_at_n", "knn1.f1_macro", "linear.balanced_accuracy"
SPREAD = {PRECISION: 0.93, NEAREST: 0.93, LINEAR: 0.65}
WORSE = {PRECISION: 0.88, NEAREST: 0.806}  # as find_spread says of calibration sets: lower by twice the resolution


def simulate(population: Population, metric: str, spreads: tuple[float, ...], *, sets: int) -> Simulated:
    """So many sets of one figure."""
    settings = {"correlation": 0.7, "resamples": 200, "metrics": [metric]}
    drawn = [simulate_set(population, PROTOCOL_OF[metric], spreads, seed=seed, **settings) for seed in range(sets)]
    return collect(drawn)[metric]


@pytest.fixture(scope="module")
def population() -> Population:
    """Like the golden file, in its leading 32 directions."""
    return measure_population(load_embeddings(GOLDEN), directions=32)


@pytest.fixture(scope="module")
def precision(population: Population) -> Simulated:
    """P@N of two equal models."""
    return simulate(population, PRECISION, (SPREAD[PRECISION],) * 2, sets=120)


@pytest.fixture(scope="module")
def nearest(population: Population) -> Simulated:
    """NN F1 of two equal models."""
    return simulate(population, NEAREST, (SPREAD[NEAREST],) * 2, sets=60)


@pytest.fixture(scope="module")
def linear() -> Simulated:
    """Linear balanced accuracy of two equal models, on ten classes: fits of all twenty take three times as long."""
    golden = load_embeddings(GOLDEN)
    ten = golden.labels < 10
    some = replace(golden, vectors=golden.vectors[ten], labels=golden.labels[ten], classes=golden.classes[:10])
    return simulate(measure_population(some, directions=32), LINEAR, (SPREAD[LINEAR],) * 2, sets=30)


def bounds(share: float, draws: int) -> tuple[float, float]:
    """Where a share of so many draws lies in 99 of 100 cases, were they independent."""
    from scipy.stats import binom

    low, high = binom.interval(0.99, draws, share)
    return low / draws, high / draws


# ---- intervals


def test_widened_intervals_of_precision_hold_the_truth(precision: Simulated) -> None:
    """About 95 % of them do; the plain bootstrap's, which hold galleries fixed, are far too narrow."""
    low, high = bounds(0.95, precision.values.size)
    assert low <= compute_coverage(precision, widening_of(PRECISION)) <= high
    assert compute_coverage(precision, 1) < 0.8 < low


def test_widened_intervals_of_the_nearest_neighbour_hold_the_truth(nearest: Simulated) -> None:
    """About 95 % of them do, and more than of the plain bootstrap's, which hold training sets fixed."""
    low, high = bounds(0.95, nearest.values.size)
    assert low <= compute_coverage(nearest, widening_of(NEAREST)) <= high
    assert compute_coverage(nearest, 1) < low


def test_widened_intervals_of_the_linear_model_hold_the_truth(linear: Simulated) -> None:
    """About 95 % of them do, and more than of the plain bootstrap's."""
    low, high = bounds(0.95, linear.values.size)
    assert low <= compute_coverage(linear, widening_of(LINEAR)) <= high
    assert compute_coverage(linear, 1) < low


def test_an_interval_that_is_not_centred_holds_the_truth_less_often(nearest: Simulated, population: Population) -> None:
    """F1 is lower in a resample, which has fewer different images; an interval shifted with it misses more."""
    drawn = draw_sets(population, [SPREAD[NEAREST]], correlation=0, generator=np.random.default_rng(0))
    figures = gather(NEAREST, [PROTOCOLS["knn"].compute(drawn[0]).outcomes], population.labels.tolist())
    weights = draw_weights(population.labels, 200, np.random.default_rng(0))
    shift = figures.weighted(weights).mean() - figures.weighted(np.ones_like(weights)).mean()
    assert shift < -0.01
    half_widths = np.stack([resampled.half_widths for resampled in nearest.widened(widening_of(NEAREST))])
    shifted = np.mean(np.abs(nearest.values + shift - nearest.values.mean()) <= half_widths)
    assert shifted < compute_coverage(nearest, widening_of(NEAREST)) - 0.02


# ---- ties and differences


@pytest.mark.parametrize("metric", [PRECISION, NEAREST, LINEAR])
def test_equal_models_are_tied(metric: str, request: pytest.FixtureRequest) -> None:
    """In about 95 % of the sets or more; then both ranks are in either's interval."""
    equal = request.getfixturevalue({PRECISION: "precision", NEAREST: "nearest", LINEAR: "linear"}[metric])
    widening = widening_of(metric)
    assert compute_tied(equal, widening) >= bounds(0.95, len(equal.values))[0]
    assert compute_ranks_held(equal, widening) == compute_tied(equal, widening)


def test_plain_intervals_would_tell_equal_models_apart(precision: Simulated) -> None:
    """Without the widening a fifth of the pairs or more would get different ranks."""
    assert compute_tied(precision, 1) < 0.8


@pytest.mark.parametrize(("metric", "sets"), [(PRECISION, 60), (NEAREST, 20)])
def test_a_difference_of_twice_the_resolution_is_found(metric: str, sets: int, population: Population) -> None:
    """In nine of ten sets or more; the worse model's spread is such a difference."""
    widening = widening_of(metric)
    simulated = simulate(population, metric, (SPREAD[metric], WORSE[metric]), sets=sets)
    assert compute_times_resolution(simulated, widening) == pytest.approx(2, abs=0.3)
    assert compute_found(simulated, widening) >= bounds(0.95, sets)[0]
    assert compute_found(simulated, widening) >= 0.9


# ---- the simulation itself


def test_sets_have_the_measured_classes(population: Population) -> None:
    """Class sizes, means and covariance of many drawn sets are those of the golden file's leading directions."""
    golden = load_embeddings(GOLDEN)
    many = replace(population, labels=np.tile(population.labels, 40))
    drawn = draw_sets(many, [1.0], correlation=0.5, generator=np.random.default_rng(0))[0]
    assert population.labels.tolist() == golden.labels.tolist()
    within = drawn.vectors - population.means[many.labels]
    covariance = population.root @ population.root.T
    assert np.allclose(within.mean(axis=0), 0, atol=0.03 * np.sqrt(np.diag(covariance)).max())
    assert np.allclose(np.cov(within.T), covariance, atol=0.03 * covariance.max())


@pytest.mark.parametrize("correlation", [0.0, 0.7, 0.95])
def test_models_share_as_much_of_an_image_as_asked(population: Population, correlation: float) -> None:
    """The correlation of what two models see of an image within its class."""
    pair = draw_sets(population, [1.0, 0.5], correlation=correlation, generator=np.random.default_rng(1))
    one, other = (
        pair[model].vectors - spread * population.means[population.labels] for model, spread in ((0, 1.0), (1, 0.5))
    )
    assert np.corrcoef(one[:, 0], other[:, 0])[0, 1] == pytest.approx(correlation, abs=0.08)


def test_the_same_seed_gives_the_same_set(population: Population) -> None:
    """Twice the same call, twice the same figures and deviations; another seed gives others."""
    first, again, other = (
        simulate_set(population, "retrieval", [0.9], correlation=0, seed=seed, resamples=20)[PRECISION]
        for seed in (3, 3, 4)
    )
    assert first.values == again.values
    assert np.array_equal(first.deviations, again.deviations)
    assert first.values != other.values


def test_a_set_is_scored_as_its_protocol_scores_it(population: Population) -> None:
    """The figure of a simulated set is the protocol's own on the same vectors."""
    drawn = draw_sets(population, [0.9], correlation=0, generator=np.random.default_rng(3))[0]
    simulated = simulate_set(population, "retrieval", [0.9], correlation=0, seed=3, resamples=2)[PRECISION]
    assert simulated.values[0] == pytest.approx(PROTOCOLS["retrieval"].compute(drawn).metrics[PRECISION], abs=1e-12)


def test_embed_keeps_vectors_and_labels(population: Population) -> None:
    """As float32, with a file name per image and a name per class."""
    embeddings = embed(population, np.ones((3, 32)), np.array([0, 1, 1]))
    assert (embeddings.vectors.dtype, len(embeddings.files), len(embeddings.classes)) == (np.float32, 3, 20)


@pytest.fixture(scope="module")
def normal() -> Simulated:
    """Two models, of which the bootstrap states half the true standard deviation of 1; the second is lower by 4."""
    draws = np.random.default_rng(0)
    values = draws.standard_normal((400, 2)) + np.array([4, 0])
    return Simulated(values, 0.5 * draws.standard_normal((400, 2, 400)))


def test_the_ratio_is_the_widening_that_is_needed(normal: Simulated) -> None:
    """Deviations half as wide as they should be need a widening of 2, after which 95 % of the intervals hold."""
    equal = replace(normal, values=normal.values - [4, 0])
    assert compute_ratio(equal) == pytest.approx(2, rel=0.06)
    assert compute_difference_ratio(equal) == pytest.approx(2, rel=0.1)
    assert compute_coverage(equal, 2) == pytest.approx(0.95, abs=0.02)
    assert compute_coverage(equal, 1) == pytest.approx(0.67, abs=0.05)
    assert compute_tied(equal, 2) == pytest.approx(0.95, abs=0.03)


def test_differences_are_counted_in_resolutions(normal: Simulated) -> None:
    """A difference of 4 is 4 / (1.96 * sqrt 2) resolutions of 1.96 standard deviations, and found with power 0.81."""
    assert compute_times_resolution(normal, 2) == pytest.approx(4 / (1.96 * 2**0.5), rel=0.05)
    assert compute_found(normal, 2) == pytest.approx(0.81, abs=0.05)
    assert compute_found(replace(normal, values=-normal.values), 2) < 0.01


def test_a_spread_is_interpolated_between_calibrations(normal: Simulated) -> None:
    """Half the difference lies half-way; more than was tried is refused."""
    whole = compute_times_resolution(normal, 2)
    assert find_spread(normal, (1.0, 0.8), 2, times=whole / 2) == pytest.approx(0.9)
    with pytest.raises(ValueError, match=r"down to 0\.80 reach 1\.\d resolutions, not 9"):
        find_spread(normal, (1.0, 0.8), 2, times=9)


def test_a_figure_without_interval_has_no_widening() -> None:
    """Log loss cannot be computed from stored classes."""
    with pytest.raises(KeyError, match="log_loss"):
        widening_of("linear.log_loss")
