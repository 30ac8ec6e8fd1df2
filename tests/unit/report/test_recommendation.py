"""The sentence that recommends a model: whom it names, how sure it is, and the figures behind it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from leaderboard.records import Scores
from leaderboard.report.analysis import Analysis
from leaderboard.report.recommendation import compare, recommend
from leaderboard.report.tables.models import compute_split_values

Make = Callable[..., Analysis]


def named_by(make: Make, model: str, right: int, value: float, *, of: int = 40) -> Analysis:
    """One split that tests ``of`` images, of which the first ``right`` are named right."""
    analysis = make((of // 2, of - of // 2), model=model, protocols=())
    labels = analysis.embeddings.labels
    predicted = np.where(np.arange(of) < right, labels, 1 - labels).tolist()
    outcomes = {"test": [list(range(of))], "predicted_k1": [predicted]}
    return replace(analysis, scores={"knn": Scores({"knn1.f1_macro": value}, outcomes=outcomes)})


def test_a_single_model_is_described_and_not_recommended(make_analysis: Make) -> None:
    """With its splits and the share of the largest class; the remedy is another model."""
    analysis = make_analysis((12, 10, 8), model="alone")
    sentence, splits = recommend([analysis]), compute_split_values(analysis, "knn1.f1_macro")
    assert sentence.startswith(f"alone reaches NN F1 {analysis.metrics['knn1.f1_macro']:.3f} ")
    assert f"({splits.min():.3f} to {splits.max():.3f} over the ten splits)" in sentence
    assert "the largest class would name 40 %" in sentence
    assert "add a second --model" in sentence
    assert "Take" not in sentence


def test_a_clear_winner_is_taken_whatever_the_order(make_analysis: Make) -> None:
    """Thirty images of forty against ten: mean 0.5, standard deviation 0.506, hence 6.2 standard errors."""
    good, poor = named_by(make_analysis, "good", 30, 0.75), named_by(make_analysis, "poor", 10, 0.25)
    sentence = recommend([poor, good])
    assert sentence == recommend([good, poor])
    assert sentence.startswith("Take good: it is clearly the better of the two models on these images")
    assert "NN F1 0.750 against 0.250 for poor" in sentence
    difference = [0.0] * 10 + [1.0] * 20 + [0.0] * 10
    errors = 0.5 / (np.std(difference, ddof=1) / math.sqrt(40))
    assert f"of 100 images it gets 50.0 more right, {errors:.1f} standard errors of it" in sentence


def test_a_likely_winner_is_only_probably_the_best(make_analysis: Make) -> None:
    """Five images of forty: between two and three standard errors."""
    models = [named_by(make_analysis, "good", 30, 0.75), named_by(make_analysis, "fair", 25, 0.6)]
    assert "it is probably the better of the two" in recommend(models)


def test_a_tie_names_the_tied_models_alone(make_analysis: Make) -> None:
    """Two that differ in one image are offered together; the one far behind is not."""
    models = [named_by(make_analysis, name, n, n / 40) for name, n in (("a", 30), ("b", 29), ("c", 5))]
    sentence = recommend(models)
    assert sentence.startswith("Take a or b: these images cannot tell them apart")
    assert "Let size, speed and licence decide." in sentence
    assert not re.search(r"\bc\b", sentence)


def test_a_leader_that_names_fewer_images_right_is_no_clear_winner(make_analysis: Make) -> None:
    """F1 weighs classes, not images, so the two can disagree: the sentence says what speaks for which."""
    sentence = recommend([named_by(make_analysis, "f1", 20, 0.8), named_by(make_analysis, "images", 35, 0.7)])
    assert sentence.startswith("Take f1 if rare classes count as much as common ones (NN F1 0.800 against 0.700), ")
    assert re.search(r"images if every image does: of 100 images it gets 37.5 more right, 4\.\d standard", sentence)


def test_a_tie_is_described_by_the_tied_model_and_not_by_the_second_best(make_analysis: Make) -> None:
    """The second best fails on few images that the best names, the third on others: only the third is tied."""
    best, third = named_by(make_analysis, "best", 30, 0.75), named_by(make_analysis, "third", 29, 0.70)
    second = named_by(make_analysis, "second", 22, 0.73)
    sentence = recommend([best, second, third])
    assert sentence.startswith("Take best or third: ")
    assert "NN F1 0.750 against 0.700 for third; of 100 images it gets 2.5 more right" in sentence


def test_more_models_ask_for_more_standard_errors(make_analysis: Make) -> None:
    """Five images of forty are likely beside one other model, and may be chance beside eight."""
    good, fair = named_by(make_analysis, "good", 30, 0.75), named_by(make_analysis, "fair", 25, 0.6)
    others = [named_by(make_analysis, f"poor-{number}", 2, 0.05) for number in range(7)]
    assert "probably the better of the two" in recommend([good, fair])
    assert recommend([good, fair, *others]).startswith("Take good or fair: ")


def test_the_same_model_twice_is_a_tie(make_analysis: Make) -> None:
    """A difference of nothing has no standard error, and no division by it."""
    sentence = recommend([named_by(make_analysis, name, 20, 0.5) for name in ("one", "two")])
    assert sentence.startswith("Take one or two: ")
    assert "as many right" in sentence


@pytest.mark.parametrize(("labels", "said"), [(0, "have no classes"), (1, "are of one class")])
def test_without_classes_nothing_is_recommended(make_analysis: Make, labels: int, said: str) -> None:
    """No labels, or all the same."""
    analysis = make_analysis((12,), protocols=())
    embeddings = replace(analysis.embeddings, labels=analysis.embeddings.labels[: 12 * labels])
    sentence = recommend([replace(analysis, embeddings=embeddings)])
    assert said in sentence
    assert "Take" not in sentence


def test_a_class_of_one_image_leaves_the_search_to_judge_by(make_analysis: Make) -> None:
    """No splits, so P@N; the image that is alone asks nothing."""
    models = [make_analysis((12, 10, 1), model=name, seed=seed) for name, seed in (("a", 1), ("b", 2))]
    assert all("knn" in model.skipped for model in models)
    best = max(models, key=lambda model: model.metrics["retrieval.precision_at_n"])
    assert f"P@N {best.metrics['retrieval.precision_at_n']:.3f} against" in recommend(models)
    assert "reaches P@N" in recommend(models[:1])


def test_without_any_figure_no_model_is_recommended(make_analysis: Make) -> None:
    """A report of other protocols."""
    assert "no model can be recommended" in recommend([make_analysis(protocols=("disparity",))])


def test_a_difference_is_counted_over_the_images_that_both_were_asked() -> None:
    """NaN on either side leaves the image out; the error is that of a mean."""
    one = np.array([1.0, 1.0, 0.5, np.nan, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.5])
    other = np.array([0.0, 1.0, 0.5, 1.0, np.nan, 0.0, 0.5, 1.0, 0.0, 0.0, 1.0, 0.5])
    kept = [1.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 1.0, 0.0, 0.0]
    mean, errors = compare(one, other)
    assert mean == pytest.approx(0.25)
    variance = sum((value - 0.25) ** 2 for value in kept) / 9
    assert errors == pytest.approx(0.25 / math.sqrt(variance / 10))


def test_a_difference_that_never_varies_is_beyond_doubt_only_with_enough_images() -> None:
    """All right against all wrong: infinite with ten images, nothing with nine or none."""
    assert compare(np.ones(10), np.zeros(10)) == (1.0, math.inf)
    assert compare(np.zeros(10), np.ones(10)) == (-1.0, -math.inf)
    assert compare(np.ones(9), np.zeros(9)) == (1.0, 0.0)
    assert compare(np.full(9, np.nan), np.zeros(9)) == (0.0, 0.0)


def test_all_right_against_all_wrong_is_said_without_infinity(make_analysis: Make) -> None:
    """In words."""
    sentence = recommend([named_by(make_analysis, name, n, n / 40) for name, n in (("a", 40), ("b", 0))])
    assert "clearly" in sentence
    assert "100.0 more right, without exception" in sentence
    assert "inf" not in sentence
