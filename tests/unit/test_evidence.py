"""Stored outcomes give the stored figures, and those of test images that are really there several times."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, precision_score

from leaderboard.errors import LeaderboardError
from leaderboard.evidence import Figures, gather, gather_from
from leaderboard.protocols import METRICS
from leaderboard.records import Result
from leaderboard.result_files import load_results

RESULTS = Path(__file__).parents[2] / "leaderboard" / "results"
DATASETS = sorted(path.name for path in RESULTS.iterdir())
HAVING = [name for name, metric in METRICS.items() if metric.evidence is not None]
SHARE, F1 = "retrieval.precision_at_n", "knn1.f1_macro"
SCIKIT_LEARN: dict[str, Callable[..., float]] = {
    "knn1.f1_macro": lambda truth, said, **w: f1_score(truth, said, average="macro", zero_division=0, **w),
    "knn1.precision_macro": lambda truth, said, **w: precision_score(
        truth, said, average="macro", zero_division=0, **w
    ),
    "knn1.balanced_accuracy": balanced_accuracy_score,
    "knn1.accuracy": accuracy_score,
}


@cache
def of(dataset: str) -> list[Result]:
    """The stored cells of a data set."""
    return [result for result in load_results(RESULTS) if result.dataset == dataset]


def measured(figures: Figures) -> np.ndarray:
    """The figures (m,) with every image there once."""
    return figures.weighted(np.ones((len(figures.labels), 1), np.float32))[:, 0]


def weigh(figures: Figures, weights: Sequence[float]) -> list[float]:
    """The figures (m,) for one column of weights."""
    return [float(one) for one in figures.weighted(np.asarray(weights, np.float32)[:, None])[:, 0]]


def repeat_and_score(score: Callable[..., float], outcomes: dict[str, Any], labels: Any, weights: Any) -> float:
    """Scikit-learn's score of test sets in which every image is there as often as its weight says; then their mean."""
    labels, weights, scores = np.asarray(labels), np.asarray(weights), []
    for test, said in zip(outcomes["test"], outcomes["predicted_k1"], strict=True):
        times = weights[test]
        scores.append(score(np.repeat(labels[test], times), np.repeat(said, times)))
    return float(np.mean(scores))


# ---- weights of one


@pytest.mark.parametrize("metric", HAVING)
@pytest.mark.parametrize("dataset", DATASETS)
def test_weights_of_one_give_the_stored_figure(dataset: str, metric: str) -> None:
    """To the last digits, for every committed cell; together as each alone."""
    results = [result for result in of(dataset) if metric in result.metrics]
    assert results
    stored = [result.metrics[metric] for result in results]
    assert measured(gather_from(results, metric)) == pytest.approx(stored, abs=1e-12)
    alone = [float(measured(gather_from([result], metric))[0]) for result in results]
    assert alone == pytest.approx(stored, abs=1e-12)


def test_the_headline_metrics_have_evidence() -> None:
    """So has every figure of nearest neighbours, and every one of the linear protocol that counts images."""
    headlines = {name for name, metric in METRICS.items() if metric.column is not None}
    assert headlines < set(HAVING)
    assert len(HAVING) == 5 * 4 + 4 + 1
    assert all(METRICS[name].higher_is_better for name in HAVING)  # ranks and groups take the highest for the best
    assert all(evidence.widening >= 1 for name in HAVING if (evidence := METRICS[name].evidence))


@pytest.mark.parametrize("metric", [*SCIKIT_LEARN, SHARE])
def test_figures_as_measured_are_those_of_weights_of_one(metric: str) -> None:
    """Counted in another way, which is quicker for a single column."""
    figures = gather_from(of("palynomorphs-20"), metric)
    np.testing.assert_allclose(figures.measured, measured(figures), rtol=0, atol=1e-15)


# ---- weights of several


@st.composite
def namings(draw: st.DrawFn) -> tuple[dict[str, Any], list[int], list[int]]:
    """Outcomes of a model on some test sets, labels, and weights that leave something in every test set."""
    classes, images = draw(st.integers(2, 4)), draw(st.integers(2, 14))
    label = st.integers(0, classes - 1)
    labels = [classes - 1, *draw(st.lists(label, min_size=images - 1, max_size=images - 1))]
    weights = draw(st.lists(st.integers(0, 3), min_size=images, max_size=images))
    index = st.integers(0, images - 1)
    tests = draw(st.lists(st.lists(index, min_size=1, unique=True), min_size=1, max_size=3))
    said = [draw(st.lists(label, min_size=len(test), max_size=len(test))) for test in tests]
    for test in tests:
        weights[test[0]] = max(1, weights[test[0]])
    return {"test": tests, "predicted_k1": said}, labels, weights


@pytest.mark.parametrize("metric", SCIKIT_LEARN)
@given(drawn=namings())
@settings(max_examples=60, deadline=None)
def test_a_weight_is_as_good_as_so_many_images(metric: str, drawn: Any) -> None:
    """Scikit-learn on really repeated test images, classes that are nowhere and weights of nothing included."""
    outcomes, labels, weights = drawn
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class that is said and not there
        expected = repeat_and_score(SCIKIT_LEARN[metric], outcomes, labels, weights)
    assert weigh(gather(metric, [outcomes], labels), weights) == pytest.approx([expected], abs=1e-12)


@pytest.mark.parametrize("metric", SCIKIT_LEARN)
def test_weights_are_scikit_learns_sample_weights(metric: str) -> None:
    """On real outcomes of several models, split by split."""
    results = of("palynomorphs-20")[:3]
    labels = np.asarray(results[0].labels)
    weights = np.random.default_rng(3).integers(1, 5, len(labels))
    for result, figure in zip(results, weigh(gather_from(results, metric), weights), strict=True):
        outcomes = result.outcomes["knn"]
        splits = zip(map(np.asarray, outcomes["test"]), outcomes["predicted_k1"], strict=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scores = [SCIKIT_LEARN[metric](labels[t], said, sample_weight=weights[t]) for t, said in splits]
        assert figure == pytest.approx(np.mean(scores), abs=1e-12)


@given(
    queries=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 4)), min_size=4, max_size=20),
)
@settings(deadline=None)
def test_a_query_counts_as_often_as_its_weight(queries: list[tuple[int, int, int]]) -> None:
    """The mean of the shares of repeated queries; the gallery, and so what there is to find, stays."""
    labels, hits, weights = map(np.array, zip(*queries, strict=True))
    relevant = np.bincount(labels)[labels] - 1
    hits = np.minimum(hits, relevant)
    repeated = np.repeat(np.divide(hits, relevant, where=relevant > 0, out=np.zeros(len(hits))), weights)
    asked = np.repeat(relevant > 0, weights)
    expected = repeated[asked].mean() if asked.any() else 0.0
    found = weigh(gather(SHARE, [{"hits_at_n": hits.tolist()}], labels.tolist()), weights)
    assert found == pytest.approx([expected], abs=1e-12)


def test_columns_of_weights_do_not_touch_one_another() -> None:
    """Many resamples at once are each one alone."""
    figures = gather_from(of("palynomorphs-20"), F1)
    weights = np.random.default_rng(0).integers(0, 4, (len(figures.labels), 5)).astype(np.float32)
    together = figures.weighted(weights)
    assert together.shape == (len(of("palynomorphs-20")), 5)
    for column in range(5):
        assert weigh(figures, weights[:, column]) == pytest.approx(together[:, column], abs=1e-15)


@pytest.mark.parametrize("metric", SCIKIT_LEARN)
def test_so_many_models_are_each_one_alone(metric: str) -> None:
    """They are counted a few at a time."""
    results = [*of("palynomorphs-20")] * 9
    weights = np.random.default_rng(0).integers(0, 4, (len(results[0].labels), 3)).astype(np.float32)
    together = gather_from(results, metric).weighted(weights)
    for place in (0, 6, 8, 20, 40, 62):
        alone = gather_from([results[place]], metric).weighted(weights)[0]
        assert alone == pytest.approx(together[place], abs=1e-15)


@pytest.mark.parametrize("metric", SCIKIT_LEARN)
def test_large_weights_are_counted_exactly(metric: str) -> None:
    """Ten thousand times every image changes no figure, whatever type the counts have."""
    figures = gather_from(of("palynomorphs-20")[:3], metric)
    many = figures.weighted(np.full((len(figures.labels), 1), 10_000, np.float32))[:, 0]
    np.testing.assert_allclose(many, figures.measured, rtol=0, atol=1e-12)


# ---- classes


@pytest.mark.parametrize("metric", [*SCIKIT_LEARN, SHARE])
def test_a_figure_of_classes_is_that_of_weights_on_one_class(metric: str) -> None:
    """Recall and mean share of a class need no other one: with the others gone they are the figure itself."""
    figures = gather_from(of("palynomorphs-20")[:3], metric)
    weights = np.random.default_rng(1).integers(1, 4, (len(figures.labels), 2)).astype(np.float32)
    by_class = figures.by_class(weights)
    assert by_class.shape == (3, 20, 2)
    if metric in ("knn1.balanced_accuracy", "knn1.accuracy", SHARE):
        alone = weights * (figures.labels == 7)[:, None]
        np.testing.assert_allclose(by_class[:, 7], figures.weighted(alone), rtol=0, atol=1e-12)
    if metric != "knn1.accuracy":  # every test set has every class
        groups = np.bincount(figures.labels) if metric == SHARE else np.ones(20)
        means = np.average(figures.by_class(weights * 0 + 1)[:, :, 0], axis=1, weights=groups)
        np.testing.assert_allclose(means, figures.measured, rtol=0, atol=1e-12)


# ---- nothing there


def test_classes_without_weight_do_not_count() -> None:
    """Labels 0 0 1 1 2 2, one wrong: with class 2 gone, and nobody taken for it, two classes are left to average."""
    outcomes = {"test": [[0, 1, 2, 3, 4, 5]], "predicted_k1": [[0, 1, 1, 1, 2, 2]]}
    figures = gather(F1, [outcomes], [0, 0, 1, 1, 2, 2])
    assert weigh(figures, [1] * 6) == pytest.approx([(2 / 3 + 4 / 5 + 1) / 3])
    assert weigh(figures, [1, 1, 1, 1, 0, 0]) == pytest.approx([(2 / 3 + 4 / 5) / 2])
    assert weigh(figures, [0, 1, 1, 1, 0, 0]) == pytest.approx([(0 + 4 / 5) / 2])  # class 0 is there, and missed


def test_a_class_that_is_said_and_not_there_counts_for_f1_and_not_for_balanced_accuracy() -> None:
    """As the protocols have it."""
    outcomes, labels = {"test": [[0, 1]], "predicted_k1": [[0, 1]]}, [0, 0, 1]
    assert weigh(gather(F1, [outcomes], labels), [1, 1, 1]) == pytest.approx([(2 / 3 + 0) / 2])
    assert weigh(gather("knn1.balanced_accuracy", [outcomes], labels), [1, 1, 1]) == [0.5]


@pytest.mark.parametrize("metric", [*SCIKIT_LEARN, SHARE])
def test_without_any_weight_a_figure_is_zero(metric: str) -> None:
    """It is never undefined."""
    figures = gather_from(of("synthetic-palynomorphs")[:2], metric)
    assert weigh(figures, [0] * len(figures.labels)) == [0.0, 0.0]


def test_the_only_image_of_a_class_is_no_query() -> None:
    """Its weight changes nothing."""
    figures = gather(SHARE, [{"hits_at_n": [1, 0, 0]}], [0, 0, 1])
    assert weigh(figures, [1, 1, 1]) == weigh(figures, [1, 1, 7]) == [0.5]


# ---- errors


def change(result: Result, protocol: str, **outcomes: Any) -> Result:
    """With some of a protocol's outcomes replaced; None takes one away."""
    changed = {name: value for name, value in (result.outcomes[protocol] | outcomes).items() if value is not None}
    return replace(result, outcomes={**result.outcomes, protocol: changed})


@pytest.fixture(scope="module")
def stored() -> Result:
    """A committed cell of the small data set."""
    return of("synthetic-palynomorphs")[0]


@pytest.mark.parametrize("metric", ["linear.log_loss", "retrieval.map", "disparity.effective_rank"])
def test_a_figure_without_evidence_is_refused(stored: Result, metric: str) -> None:
    """In one line."""
    with pytest.raises(LeaderboardError, match=rf"^{metric} cannot be computed from stored outcomes[^\n]*$"):
        gather_from([stored], metric)


def test_models_tested_on_different_images_are_refused(stored: Result) -> None:
    """Other labels, or other test sets: nothing is paired there."""
    other_test = [list(reversed(test)) for test in stored.outcomes["knn"]["test"]]
    for other in (replace(stored, labels=stored.labels[::-1]), change(stored, "knn", test=other_test)):
        with pytest.raises(LeaderboardError, match=r"^knn1.f1_macro: the models were tested on different[^\n]*$"):
            gather_from([stored, other], F1)


@pytest.mark.parametrize(
    ("metric", "broken"),
    [
        (F1, {"predicted_k1": None}),
        (F1, {"test": None}),
        (F1, {"predicted_k1": [[0]]}),
        (F1, {"predicted_k1": [[0]] * 10}),
        (F1, {"predicted_k1": []}),
        (F1, {"test": [[10**6]] * 10, "predicted_k1": [[0]] * 10}),
        (SHARE, {"hits_at_n": None}),
        (SHARE, {"hits_at_n": [1, 2, 3]}),
    ],
    ids=["not named", "no tests", "one split", "short", "none", "no such image", "no hits", "few hits"],
)
def test_incomplete_outcomes_are_refused(stored: Result, metric: str, broken: dict[str, Any]) -> None:
    """In one line, which says what to do."""
    result = change(stored, metric.partition(".")[0].rstrip("1"), **broken)
    with pytest.raises(LeaderboardError, match=rf"^{metric}: its stored outcomes are incomplete [^\n]*; measure it"):
        gather_from([result], metric)


def test_a_cell_without_the_protocol_is_refused(stored: Result) -> None:
    """As one whose outcomes are incomplete."""
    with pytest.raises(LeaderboardError, match="stored outcomes are incomplete"):
        gather_from([replace(stored, outcomes={})], SHARE)


@pytest.mark.parametrize("index", [-1, 3])
def test_a_class_that_does_not_exist_is_refused(index: int) -> None:
    """And named: it would count for another model's class."""
    outcomes = {"test": [[0, 1, 2]], "predicted_k1": [[0, index, 2]]}
    with pytest.raises(LeaderboardError, match=rf"^[^\n]*class {index} of 3[^\n]*$"):
        gather(F1, [outcomes, outcomes], [0, 1, 2])
