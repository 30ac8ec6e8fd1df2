"""The paired bootstrap: scipy's where the two coincide, and what is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import bootstrap
from sklearn.metrics import f1_score

from leaderboard.draws import draw_weights
from leaderboard.evidence import Figures, gather, gather_from
from leaderboard.ranking import compare_pairs, compute_standings
from leaderboard.records import Result
from leaderboard.result_files import load_results
from leaderboard.statistics import (
    BLOCK,
    LEVEL,
    SEED,
    Difference,
    Resampled,
    adjust_holm,
    compare,
    compute_half_width,
    compute_p,
    compute_resolution,
    resample,
    resample_together,
)

RESULTS = Path(__file__).parents[2] / "leaderboard" / "results"
SHARE, F1 = "retrieval.precision_at_n", "knn1.f1_macro"


@cache
def cells() -> list[Result]:
    """The committed ones on the real images."""
    return [result for result in load_results(RESULTS) if result.dataset == "palynomorphs-20"]


# ---- scipy


def bootstrap_shares(result: Result, resamples: int, **options: Any) -> Any:
    """P@N as scipy resamples it: a sample per class, the mean over all queries."""
    labels = np.asarray(result.labels)
    shares = result.outcomes["retrieval"]["hits_at_n"] / (np.bincount(labels)[labels] - 1)
    samples = [shares[labels == label] for label in np.unique(labels)]

    def compute_mean(*drawn: np.ndarray, axis: int) -> np.ndarray:
        return np.concatenate(drawn, axis=axis).mean(axis=axis)

    draws = np.random.default_rng(SEED)
    given = {"n_resamples": resamples, "batch": BLOCK, "method": "percentile", "vectorized": True}
    return bootstrap(samples, compute_mean, random_state=draws, **given, **options)


def test_queries_are_resampled_as_scipy_does() -> None:
    """P@N of real outcomes: every resample the same, and so the standard error; blocks need not come out even."""
    theirs = bootstrap_shares(cells()[0], 2 * BLOCK + 77)
    ours = resample(gather_from(cells()[:1], SHARE), widening=1, resamples=2 * BLOCK + 77)
    distribution = theirs.bootstrap_distribution
    np.testing.assert_allclose(ours.deviations[0], distribution - distribution.mean(), rtol=0, atol=1e-12)
    assert ours.deviations[0].std(ddof=1) == pytest.approx(theirs.standard_error, abs=1e-12)
    assert ours.values[0] == pytest.approx(cells()[0].metrics[SHARE], abs=1e-12)


def test_resamples_before_centring_are_scipys() -> None:
    """Nothing is left to a constant: P@N has no bias, and scipy's figures are met as they are."""
    figures = gather_from(cells()[:1], SHARE)
    weights = draw_weights(figures.labels, BLOCK, np.random.default_rng(SEED))
    theirs = bootstrap_shares(cells()[0], BLOCK).bootstrap_distribution
    np.testing.assert_allclose(figures.weighted(weights)[0], theirs, rtol=0, atol=1e-12)


def test_a_half_interval_is_that_of_scipys_percentile_interval() -> None:
    """Where the figure has no bias, within the Monte Carlo error of two quantiles of 10,000."""
    low, high = bootstrap_shares(cells()[0], 10_000, confidence_level=1 - LEVEL).confidence_interval
    ours = resample(gather_from(cells()[:1], SHARE), widening=1).half_widths[0]
    assert ours == pytest.approx((high - low) / 2, rel=0.02)


def test_test_sets_are_resampled_as_scipy_does() -> None:
    """Macro F1 over test sets, with scikit-learn's own F1 on images that are drawn several times."""
    labels, outcomes = draw_outcomes(counts=(9, 6, 4), splits=3)
    tests = [np.asarray(test) for test in outcomes["test"]]

    def compute_f1(*drawn: np.ndarray) -> float:
        times = np.bincount(np.concatenate(drawn).astype(int), minlength=len(labels))
        repeated = [(np.repeat(test, times[test]), np.repeat(named, times[test])) for test, named in parts]
        return float(np.mean([f1_score(labels[test], named, average="macro") for test, named in repeated]))

    parts = list(zip(tests, outcomes["predicted_k1"], strict=True))
    samples = [np.flatnonzero(labels == label) for label in range(3)]
    draws = np.random.default_rng(SEED)
    theirs = bootstrap(
        samples,
        compute_f1,
        n_resamples=150,
        batch=BLOCK,
        vectorized=False,
        method="percentile",
        random_state=draws,
    )
    figures = gather(F1, [outcomes], labels.tolist())
    ours = resample(figures, widening=1, resamples=150)
    drawn = figures.weighted(draw_weights(labels, 150, np.random.default_rng(SEED)))[0]
    distribution = theirs.bootstrap_distribution
    np.testing.assert_allclose(ours.deviations[0], distribution - distribution.mean(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(drawn, distribution, rtol=0, atol=1e-12)  # before centring
    assert ours.deviations[0].std(ddof=1) == pytest.approx(theirs.standard_error, abs=1e-12)


def draw_outcomes(
    *, counts: tuple[int, ...], splits: int, right: float = 0.7, seed: int = 1
) -> tuple[np.ndarray, dict[str, Any]]:
    """Labels and outcomes of a model that is right so often; every test set holds half of each class."""
    draws = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    tests = [
        np.sort(np.concatenate([draws.permutation(np.flatnonzero(labels == c))[: (n + 1) // 2] for c, n in members]))
        for members in [list(enumerate(counts))] * splits
    ]
    named = [
        np.where(draws.random(len(test)) < right, labels[test], draws.integers(0, len(counts), len(test)))
        for test in tests
    ]
    return labels, {"test": [test.tolist() for test in tests], "predicted_k1": [said.tolist() for said in named]}


# ---- draws


def test_images_of_one_specimen_are_drawn_together() -> None:
    """Within their class: as many specimens as there are, each with all of its images."""
    labels, specimens = np.array([0, 0, 0, 1, 1, 1, 0]), np.array([5, 5, 2, 5, 7, 7, 9])
    weights = draw_weights(labels, 200, np.random.default_rng(0), specimens=specimens)
    np.testing.assert_array_equal(weights[0], weights[1])
    np.testing.assert_array_equal(weights[4], weights[5])
    np.testing.assert_array_equal(weights[[0, 2, 6]].sum(axis=0), 3)
    np.testing.assert_array_equal(weights[[3, 4]].sum(axis=0), 2)
    assert (weights[0] != weights[3]).any(), "a slide that two classes share is drawn for each"


def test_the_same_image_taken_twice_adds_no_certainty() -> None:
    """As two images the interval would shrink; as one specimen it is what it was."""
    hits, labels = np.random.default_rng(0).integers(0, 20, (2, 40)), np.repeat([0, 1], 20)
    once = gather("retrieval.precision_at_n", [{"hits_at_n": row} for row in hits], labels)
    outcomes = [{"hits_at_n": np.repeat(row, 2) * 39 / 19} for row in hits]
    twice = gather("retrieval.precision_at_n", outcomes, np.repeat(labels, 2), np.repeat(np.arange(40), 2))
    one, two = resample(once), resample(twice)
    np.testing.assert_allclose(two.values, one.values, atol=1e-12)
    np.testing.assert_allclose(two.deviations, one.deviations, atol=1e-12)
    apart = resample(gather("retrieval.precision_at_n", outcomes, np.repeat(labels, 2)))
    np.testing.assert_allclose(apart.half_widths, one.half_widths / np.sqrt(2), rtol=0.05)


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=30), resamples=st.integers(1, 20), seed=st.integers(0, 9)
)
@settings(max_examples=60, deadline=None)
def test_every_class_is_drawn_as_often_as_it_has_images(labels: list[int], resamples: int, seed: int) -> None:
    """In every resample: classes keep their sizes, weights are whole numbers."""
    truth = np.array(labels)
    weights = draw_weights(truth, resamples, np.random.default_rng(seed))
    assert weights.shape == (len(labels), resamples)
    assert weights.dtype == np.float32
    assert (weights == weights.round()).all()
    assert (weights >= 0).all()
    for label in set(labels):
        assert (weights[truth == label].sum(axis=0) == labels.count(label)).all()


def test_all_models_are_asked_the_same_images() -> None:
    """A model's resamples are its own alone or among others: that makes differences paired."""
    together = resample(gather_from(cells(), F1), widening=1, resamples=300)
    for place, result in enumerate(cells()):
        alone = resample(gather_from([result], F1), widening=1, resamples=300)
        np.testing.assert_allclose(alone.deviations[0], together.deviations[place], rtol=0, atol=1e-14)


def test_figures_drawn_together_are_those_drawn_one_by_one() -> None:
    """The draws are the same; only of the same images."""
    several = [gather_from(cells()[:3], metric) for metric in (F1, SHARE)]
    for together, figures in zip(resample_together(several, resamples=700), several, strict=True):
        alone = resample(figures, resamples=700)
        assert (together.values == alone.values).all()
        assert (together.deviations == alone.deviations).all()
    assert resample_together([]) == []
    with pytest.raises(ValueError, match="different images"):
        resample_together([several[0], Means(several[0].labels[::-1], np.zeros((1, 697)))])


def test_the_seed_decides() -> None:
    """The same seed, the same digits; another one, other draws."""
    figures = gather_from(cells()[:2], F1)
    once = resample(figures, widening=1, resamples=50)
    assert (resample(figures, widening=1, resamples=50).deviations == once.deviations).all()
    other = resample(figures, widening=1, resamples=50, seed=SEED + 1)
    assert not np.isclose(other.deviations, once.deviations).all()
    assert (other.values == once.values).all()


def test_more_resamples_begin_with_the_fewer() -> None:
    """A block is drawn as if it were alone."""
    figures = gather_from(cells()[:1], SHARE)
    few = resample(figures, widening=1, resamples=BLOCK).deviations[0]
    many = resample(figures, widening=1, resamples=BLOCK + 9).deviations[0]
    assert len(many) == BLOCK + 9
    np.testing.assert_allclose(np.ptp(many[:BLOCK] - few), 0, atol=1e-12)


def test_deviations_are_centred_and_widened() -> None:
    """They have no mean, whatever the bias; the figures themselves are those that were measured."""
    plain, wide = (resample(gather_from(cells(), F1), widening=w, resamples=400) for w in (1, 1.5))
    np.testing.assert_allclose(plain.deviations.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(wide.deviations, 1.5 * plain.deviations, rtol=1e-12)
    np.testing.assert_allclose(wide.half_widths, 1.5 * plain.half_widths, rtol=1e-12)
    np.testing.assert_allclose(wide.values, [result.metrics[F1] for result in cells()], atol=1e-12)


def test_macro_f1_is_lower_by_itself_in_a_resample() -> None:
    """By half a standard error and more: an interval around resamples would be off centre, so they are centred."""
    figures = gather_from(cells(), F1)
    weights = draw_weights(figures.labels, 1000, np.random.default_rng(SEED))
    drawn, values = figures.weighted(weights), np.array([result.metrics[F1] for result in cells()])
    best = values.argmax()
    assert drawn[best].mean() < values[best] - 0.5 * drawn[best].std()


# ---- intervals and p


@st.composite
def deviations_and_value(draw: st.DrawFn) -> tuple[np.ndarray, float]:
    """Some with many ties, and a value that may be one of them, or just beside one."""
    number = st.one_of(st.integers(-20, 20).map(float), st.floats(-3, 3))
    count = draw(st.one_of(st.integers(1, 130), st.sampled_from([18, 19, 20, 39, 59, 99, 199])))
    deviations = draw(arrays(float, count, elements=number))
    value = draw(st.one_of(number, st.sampled_from([*deviations, compute_half_width(deviations)])))
    return deviations, draw(st.sampled_from([value, -value, float(np.nextafter(value, 9))]))


@given(drawn=deviations_and_value())
@settings(max_examples=200, deadline=None)
def test_a_value_outside_the_half_interval_is_one_with_a_small_p(drawn: tuple[np.ndarray, float]) -> None:
    """And the other way round, ties and few resamples included."""
    deviations, value = drawn
    assert (abs(value) > compute_half_width(deviations)) == (compute_p(value, deviations) < LEVEL)


@pytest.mark.parametrize("count", [19, 20, 39, 99, 399, 999, 9_999, 10_000])
def test_the_two_agree_where_the_level_falls_on_a_deviation(count: int) -> None:
    """Just above the half-width p is as large as it can be below 5 %."""
    deviations = np.arange(1, count + 1) * np.where(np.arange(count) % 2, 1.0, -1.0)
    half = compute_half_width(deviations)
    if count == 19:
        assert half == np.inf  # not even the largest p, 1 in 20, is below
        return
    assert compute_p(half, deviations) >= LEVEL
    just_above = compute_p(np.nextafter(half, np.inf), deviations)
    assert LEVEL - 1.001 / (count + 1) <= just_above < LEVEL


def test_the_half_interval_of_a_bell_curve_is_two_standard_deviations() -> None:
    """1.96 of them."""
    deviations = np.random.default_rng(0).normal(0, 3, 200_000)
    assert compute_half_width(deviations) == pytest.approx(1.96 * 3, rel=0.01)
    assert compute_p(1.96 * 3, deviations) == pytest.approx(0.05, abs=0.002)


def test_p_counts_both_sides_and_is_never_nothing() -> None:
    """(k + 1) / (b + 1): the measurement itself is one of the draws."""
    deviations = np.array([-2.0, -1.0, 0.0, 1.0])
    assert compute_p(1.5, deviations) == compute_p(-1.5, deviations) == 2 / 5
    assert compute_p(9.0, deviations) == 1 / 5
    assert compute_p(0.0, deviations) == 1.0


# ---- Holm


def test_holms_adjustment_by_hand() -> None:
    """The smallest times the number, the next times one less, never below the one before; in the given order."""
    assert adjust_holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjust_holm([0.6, 0.9]).tolist() == [1.0, 1.0]
    assert adjust_holm([0.02, 0.02]) == pytest.approx([0.04, 0.04])
    assert adjust_holm([0.3]).tolist() == [0.3]
    assert adjust_holm([]).tolist() == []


def test_holms_adjustment_is_that_of_r() -> None:
    """The figures that R's multtest gives for these ten, as the tests of statsmodels.stats.multitest quote them."""
    raw = [0.001, 0.002, 0.003, 0.004, 0.005, 0.05, 0.06, 0.07, 0.08, 0.09]
    expected = [0.01, 0.018, 0.024, 0.028, 0.03, 0.25, 0.25, 0.25, 0.25, 0.25]
    assert adjust_holm(raw) == pytest.approx(expected, abs=1e-12)


@given(raw=st.lists(st.floats(0, 1), min_size=1, max_size=6))
@settings(deadline=None)
def test_holm_is_bonferroni_in_every_set_that_holds_it(raw: list[float]) -> None:
    """The closed test: an adjusted p is the largest Bonferroni p of all sets of comparisons with this one."""
    members = range(len(raw))
    sets = [chosen for size in range(1, len(raw) + 1) for chosen in combinations(members, size)]
    expected = [min(1, max(len(s) * min(raw[i] for i in s) for s in sets if own in s)) for own in members]
    assert adjust_holm(raw) == pytest.approx(expected, abs=1e-12)


# ---- standings


def make(values: list[float], noises: list[float], *, shared: float = 0.0) -> Resampled:
    """Models with these figures, whose deviations are bell curves of these widths on top of a common one."""
    draws = np.random.default_rng(0)
    common = shared * draws.standard_normal(2_000)
    own = [noise * draws.standard_normal(2_000) for noise in noises]
    return Resampled(np.array(values), np.array([common + deviations for deviations in own]))


def test_a_tie_group_is_a_leader_and_all_that_cannot_be_told_from_it() -> None:
    """The best of the rest leads the next group, though the last of the first group is as close to it."""
    standings = compute_standings(make([0.90, 0.88, 0.85, 0.84, 0.5], [0.01] * 5))
    assert [own.rank for own in standings] == [1, 1, 3, 3, 5]
    assert [own.tied for own in standings] == [2, 2, 2, 2, 1]
    assert [own.ranks for own in standings] == [(1, 2), (1, 3), (2, 4), (3, 4), (5, 5)]
    assert [own.to_best.is_resolved for own in standings] == [False, False, True, True, True]


def test_a_lower_model_may_be_tied_with_the_leader_while_a_higher_one_is_not() -> None:
    """The lower one is measured less well. Ranks are of groups, so the higher one stands below."""
    noisy_last = make([0.90, 0.85, 0.80], [0.001, 0.001, 0.06], shared=0.05)
    standings = compute_standings(noisy_last)
    assert [own.rank for own in standings] == [1, 3, 1]
    assert [own.tied for own in standings] == [2, 1, 2]
    assert [own.ranks for own in standings] == [(1, 2), (2, 3), (1, 3)]


def test_standings_do_not_depend_on_the_order_of_the_models() -> None:
    """Each stays with its model."""
    resampled = make([0.5, 0.9, 0.84, 0.88, 0.85], [0.01] * 5)
    order = [3, 0, 4, 1, 2]
    shuffled = Resampled(resampled.values[order], resampled.deviations[order])
    standings = compute_standings(resampled)
    assert compute_standings(shuffled) == [standings[place] for place in order]


def test_one_model_is_the_first_of_one() -> None:
    """With an interval, and nothing that these images could resolve."""
    alone = make([0.7], [0.02])
    (own,) = compute_standings(alone)
    assert (own.rank, own.tied, own.ranks) == (1, 1, (1, 1))
    assert own.to_best == Difference(0.0, 0.0, 1.0)
    assert own.half_width == pytest.approx(1.96 * 0.02, rel=0.1)
    assert compute_resolution(alone) is None


def test_two_equal_models_are_tied() -> None:
    """Their difference is nothing in every resample."""
    resampled = resample(gather_from([cells()[0]] * 2, F1), widening=1.3, resamples=200)
    first, second = compute_standings(resampled)
    assert (first.rank, first.tied, first.ranks) == (second.rank, second.tied, second.ranks) == (1, 2, (1, 2))
    assert compare(resampled, 0, [1]) == [Difference(0.0, 0.0, 1.0)]
    assert compute_resolution(resampled) is None, "no certainty: nothing could vary"


@pytest.mark.parametrize("models", [5, 20])
def test_many_equal_models_are_tied_although_the_best_leads(models: int) -> None:
    """In 95 of 100 tables: the leader is chosen by the same images, so that all pairs count."""
    generator, tables = np.random.default_rng(models), 100
    equal = [
        Resampled(*[generator.standard_normal((models, *shape)) for shape in ((), (2_000,))]) for _ in range(tables)
    ]
    standings = [compute_standings(one) for one in equal]
    assert sum(places[0].tied == models for places in standings) >= 0.9 * tables
    assert all(own.ranks[0] <= own.rank <= own.ranks[1] for places in standings for own in places)


def test_a_rare_p_is_smaller_than_resamples_can_count() -> None:
    """Of normal deviations, six standard errors out; near the level it is counted."""
    drawn = np.random.default_rng(0).standard_normal(10_000)
    assert compute_p(6, drawn) == pytest.approx(2e-9, rel=0.3)
    assert compute_p(2, drawn) == (np.count_nonzero(np.abs(drawn) >= 2) + 1) / 10_001
    assert compute_p(3.2, drawn) <= compute_p(3.1, drawn) <= compute_p(2.9, drawn)


def test_all_pairs_are_adjusted_together() -> None:
    """Each as it is alone, its p among all of them; the other way round the same."""
    resampled = make([0.90, 0.87, 0.80, 0.70], [0.01, 0.02, 0.03, 0.04])
    pairs, places = compare_pairs(resampled), list(combinations(range(4), 2))
    alone = [compare(resampled, other, [one])[0] for one, other in places]
    for (one, other), single, p in zip(places, alone, adjust_holm([d.p for d in alone]), strict=True):
        assert pairs.subtract(one, other) == Difference(single.value, single.half_width, p)
        assert pairs.subtract(other, one) == -pairs.subtract(one, other)
    assert pairs.subtract(2, 2) == Difference(0.0, 0.0, 1.0)


def test_the_resolution_is_the_median_half_interval_of_differences_to_the_best() -> None:
    """Independent deviations of 0.01 and 0.03, 0.04, 0.08: the middle one counts."""
    resampled = make([0.5, 0.9, 0.6, 0.7], [0.03, 0.01, 0.04, 0.08])
    widths = [difference.half_width for difference in compare(resampled, 1, [0, 2, 3])]
    assert compute_resolution(resampled) == sorted(widths)[1] == pytest.approx(1.96 * np.hypot(0.01, 0.04), rel=0.05)


def test_pairing_sharpens_a_comparison() -> None:
    """What two models share drops out of their difference, though not out of their own intervals."""
    resampled = make([0.72, 0.70], [0.002, 0.002], shared=0.05)
    (difference,) = compare(resampled, 0, [1])
    assert difference.is_resolved
    assert difference.half_width < 0.01 < 0.09 < resampled.half_widths.min()


@given(gap=st.floats(-0.2, 0.2), noise=st.floats(0.001, 0.1))
@settings(max_examples=60, deadline=None)
def test_a_difference_alone_is_resolved_when_its_interval_leaves_out_nothing(gap: float, noise: float) -> None:
    """Both ways round alike, with the sign changed."""
    resampled = make([0.5 + gap, 0.5], [noise, noise])
    (down,), (up,) = compare(resampled, 0, [1]), compare(resampled, 1, [0])
    assert down.is_resolved == (abs(down.value) > down.half_width)
    assert (up.value, up.half_width, up.p) == (-down.value, down.half_width, down.p)


def test_p_is_adjusted_for_the_comparisons_that_are_shown() -> None:
    """The interval of a difference is its own; p grows with the company."""
    resampled = make([0.90, 0.87, 0.80, 0.70], [0.01] * 4)
    (alone,), among = compare(resampled, 0, [1]), compare(resampled, 0, [1, 2, 3])
    assert (among[0].value, among[0].half_width) == (alone.value, alone.half_width)
    assert alone.p <= among[0].p <= 3 * alone.p
    raw = [
        compute_p(d.value, resampled.deviations[o] - resampled.deviations[0])
        for d, o in zip(among, (1, 2, 3), strict=True)
    ]
    assert [d.p for d in among] == adjust_holm(raw).tolist()


# ---- any figures


@dataclass(frozen=True)
class Means:
    """A figure that is not ours: the weighted mean of numbers."""

    labels: np.ndarray
    numbers: np.ndarray  # (m, n)
    specimens: np.ndarray | None = None

    @property
    def measured(self) -> np.ndarray:
        """(m,)."""
        return self.numbers.mean(axis=1)

    def weighted(self, weights: np.ndarray) -> np.ndarray:
        """(m, b)."""
        return np.asarray(self.numbers @ weights / weights.sum(axis=0))


def test_the_standard_error_of_a_stratified_mean_is_the_textbooks() -> None:
    """Cochran's formula with the plug-in variance of each class."""
    draws = np.random.default_rng(5)
    labels = np.repeat([0, 1, 2], [40, 25, 60])
    numbers = draws.normal(labels, 1 + labels, (1, len(labels)))
    figures: Figures = Means(labels, numbers)
    variance = sum((labels == c).sum() * numbers[0, labels == c].var() for c in range(3)) / len(labels) ** 2
    deviations = resample(figures, widening=1, resamples=8_000).deviations[0]
    assert deviations.std() == pytest.approx(variance**0.5, rel=0.03)
