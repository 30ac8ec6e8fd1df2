"""The sentences that recommend a model: whom they name, how sure that is, and the figures behind it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score

from leaderboard.evidence import gather
from leaderboard.protocols import METRICS
from leaderboard.records import Scores
from leaderboard.report.analysis import Analysis
from leaderboard.report.comparison import compare_models
from leaderboard.report.recommendation import recommend
from leaderboard.settling import compute_images_to_settle
from leaderboard.statistics import compute_half_width, resample

Make = Callable[..., Analysis]
EVERY_SECOND, EVERY_FOURTH = range(0, 80, 2), range(0, 80, 4)


def named_by(
    make: Make, model: str, wrong: Collection[int], counts: Sequence[int] = (40, 40), splits: int = 1
) -> Analysis:
    """Splits that test every image of two classes; these are named wrong."""
    analysis = make(counts, model=model, protocols=())
    labels = analysis.embeddings.labels
    predicted = np.where(np.isin(np.arange(len(labels)), list(wrong)), 1 - labels, labels)
    metrics = {"knn1.f1_macro": float(f1_score(labels, predicted, average="macro"))}
    metrics["knn1.accuracy"] = float(np.mean(predicted == labels))
    outcomes = {"test": [list(range(len(labels)))] * splits, "predicted_k1": [predicted.tolist()] * splits}
    return replace(analysis, scores={"knn": Scores(metrics, outcomes=outcomes)})


def judge(*models: Analysis) -> str:
    """As a report does."""
    return recommend(models, compare_models(models))


def resampled_by_hand(*models: Analysis, metric: str = "knn1.f1_macro") -> tuple[np.ndarray, np.ndarray]:
    """Values, and deviations in the resamples of the statistics."""
    evidence = METRICS[metric].evidence
    assert evidence
    outcomes = [model.scores[metric.partition(".")[0].rstrip("1")].outcomes for model in models]
    figures = gather(metric, outcomes, models[0].embeddings.labels.tolist())
    resampled = resample(figures, widening=evidence.widening)
    return resampled.values, resampled.deviations


def test_the_sentence_has_the_figures_of_the_statistics(make_analysis: Make) -> None:
    """Both values, the difference, each with half of its own interval, and what these images can resolve."""
    good, poor = named_by(make_analysis, "good", EVERY_FOURTH), named_by(make_analysis, "poor", EVERY_SECOND)
    values, deviations = resampled_by_hand(good, poor)
    halves = [compute_half_width(own) for own in (*deviations, deviations[0] - deviations[1])]
    assert judge(good, poor) == (
        "Take good: it is the better of the two models on these images "
        f"(NN F1 {values[0]:.3f} ± {halves[0]:.3f} against {values[1]:.3f} ± {halves[1]:.3f} for poor, "
        f"a difference of {values[0] - values[1]:.3f} ± {halves[2]:.3f}; 95 % intervals). "
        f"The smallest difference in NN F1 that these 80 images can resolve is {halves[2]:.3f}, "
        "for two models compared alone."
    )


def test_the_order_of_the_models_changes_nothing(make_analysis: Make) -> None:
    """Two, or three."""
    wrong = {"a": EVERY_FOURTH, "b": range(0, 80, 3), "c": EVERY_SECOND}
    models = [named_by(make_analysis, name, images) for name, images in wrong.items()]
    assert judge(*models) == judge(*models[::-1])
    assert judge(*models[:2]) == judge(*models[1::-1])


def test_the_best_of_several_is_held_against_the_next(make_analysis: Make) -> None:
    """And the count is that of all."""
    models = [named_by(make_analysis, name, range(0, 80, n)) for name, n in (("c", 1), ("a", 10), ("b", 2))]
    assert judge(*models).startswith("Take a: it is the best of the 3 models on these images (NN F1 0.9")
    assert " for b, a difference of 0.4" in judge(*models)


def test_a_tie_names_the_tied_models_alone(make_analysis: Make) -> None:
    """Two that differ in one image are offered together; the one far behind is not."""
    wrong = {"c": range(5, 80), "b": range(0, 42, 2), "a": range(0, 40, 2)}
    sentence = judge(*(named_by(make_analysis, name, images) for name, images in wrong.items()))
    assert sentence.startswith("Take a or b: these images cannot tell them apart (NN F1 0.7")
    assert "Let size, speed and licence decide." in sentence
    assert not re.search(r"\bc\b", sentence)


def test_the_tied_are_those_that_share_the_first_rank(make_analysis: Make) -> None:
    """The second fails on few images that the best names, the third on others: only the third is tied."""
    best = named_by(make_analysis, "best", range(20))
    second = named_by(make_analysis, "second", range(28))
    third = named_by(make_analysis, "third", range(40, 69))
    models = (best, second, third)
    ranks = {name: standing.rank for name, standing in compare_models(models)["knn1.f1_macro"].of.items()}
    assert ranks == {"best": 1, "second": 3, "third": 1}
    sentence = judge(*models)
    assert sentence.startswith("Take best or third: ")
    assert " for third, a difference of 0.1" in sentence
    assert "second" not in sentence


def test_a_tie_says_how_many_images_would_settle_it(make_analysis: Make) -> None:
    """As the simulation has it; nothing is asked for where the models are told apart."""
    models = [named_by(make_analysis, "a", range(0, 80, 4)), named_by(make_analysis, "b", range(0, 80, 3))]
    figures = gather("knn1.f1_macro", [m.scores["knn"].outcomes for m in models], models[0].embeddings.labels.tolist())
    evidence = METRICS["knn1.f1_macro"].evidence
    assert evidence
    settling = compute_images_to_settle(figures, widening=evidence.widening)
    assert settling
    assert settling.ratio > 1
    assert f"To tell a from b would take more images, {settling}." in judge(*models)
    assert "would take" not in judge(
        named_by(make_analysis, "a", range(0, 80, 8)), named_by(make_analysis, "c", range(80))
    )


def test_a_tie_that_no_number_of_images_settles_says_so(make_analysis: Make) -> None:
    """One more of four hundred is right, and they fail on different ones."""
    even, odd = range(0, 400, 2), range(1, 398, 2)
    models = [named_by(make_analysis, name, wrong, counts=(200, 200)) for name, wrong in (("b", even), ("a", odd))]
    assert "To tell a from b would take more than 64 times as many images." in judge(*models)


def test_the_same_model_twice_is_a_tie_without_any_difference(make_analysis: Make) -> None:
    """No resolution of nothing, no images that would settle it."""
    sentence = judge(*(named_by(make_analysis, name, EVERY_SECOND) for name in ("one", "two")))
    assert sentence.startswith("Take one or two: ")
    assert sentence.endswith(" for two, without any difference). Let size, speed and licence decide.")


def test_more_models_ask_for_a_larger_difference(make_analysis: Make) -> None:
    """What counts between two may be chance among five like it, and the sentence says why it counts no more."""
    good = named_by(make_analysis, "good", EVERY_FOURTH)
    fair = [named_by(make_analysis, f"fair-{n}", [*EVERY_FOURTH, *range(n, 80, 10)]) for n in (1, 3, 5, 7, 9)]
    assert judge(good, fair[0]).startswith("Take good: ")
    crowded = judge(good, *fair)
    assert crowded.startswith("Take good, fair-1, fair-3, fair-5, fair-7 or fair-9: ")
    assert "; in one of 15 pairs that may be chance; 95 % intervals)" in crowded


def test_a_single_model_is_described_and_not_recommended(make_analysis: Make) -> None:
    """With its interval and the share of the largest class; the remedy is another model."""
    sentence = judge(named_by(make_analysis, "alone", range(0, 100, 4), counts=(60, 40)))
    values, deviations = resampled_by_hand(named_by(make_analysis, "alone", range(0, 100, 4), counts=(60, 40)))
    half = compute_half_width(deviations[0])
    assert sentence.startswith(f"alone reaches NN F1 {values[0]:.3f} ± {half:.3f} (95 % interval): ")
    assert "names 75 % of the images right; always naming the largest class would name 60 %." in sentence
    assert sentence.endswith("add a second --model to compare.")
    assert "Take" not in sentence


@pytest.mark.parametrize(("labels", "said"), [(0, "have no classes"), (1, "are of one class")])
def test_without_classes_nothing_is_recommended(make_analysis: Make, labels: int, said: str) -> None:
    """No labels, or all the same."""
    analysis = make_analysis((12,), protocols=())
    embeddings = replace(analysis.embeddings, labels=analysis.embeddings.labels[: 12 * labels])
    sentence = judge(replace(analysis, embeddings=embeddings))
    assert said in sentence
    assert "Take" not in sentence


def test_a_class_of_one_image_leaves_the_search_to_judge_by(make_analysis: Make) -> None:
    """No splits, so P@N with its own interval and resolution; the image that is alone asks nothing."""
    models = [make_analysis((12, 10, 1), model=name, seed=seed) for name, seed in (("a", 1), ("b", 2))]
    assert all("knn" in model.skipped for model in models)
    values, deviations = resampled_by_hand(*models, metric="retrieval.precision_at_n")
    best = int(np.argmax(values))
    assert f"P@N {values[best]:.3f} ± {compute_half_width(deviations[best]):.3f} against" in judge(*models)
    assert f"can resolve is {compute_half_width(deviations[0] - deviations[1]):.3f}, for two" in judge(*models)
    assert "reaches P@N" in judge(models[0])


def test_what_only_some_models_have_judges_none(make_analysis: Make) -> None:
    """One without naming by neighbours: all are compared by the search."""
    models = [make_analysis(model="full"), make_analysis(model="part", seed=1, protocols=("retrieval",))]
    assert "(P@N " in judge(*models)
    assert "NN F1" not in judge(*models)


def test_without_any_figure_no_model_is_recommended(make_analysis: Make) -> None:
    """A report of other protocols, or images that allow neither."""
    assert judge(make_analysis(protocols=("disparity",))).startswith(
        "Neither was asked for: knn, retrieval; so no model"
    )
    alone = make_analysis((1, 1), protocols=("knn", "retrieval"))
    assert judge(alone).startswith("These images allow neither naming by neighbours nor a search; so no model")


def test_small_classes_make_the_intervals_a_guess(make_analysis: Make) -> None:
    """Fourteen images per class, or a single class of three among large ones; fifteen are enough."""
    warning = "the intervals are a guess, and rather too narrow."
    wrong = {"a": (0, 14), "b": [*range(12), *range(14, 26)]}
    small = [named_by(make_analysis, name, images, counts=(14, 14)) for name, images in wrong.items()]
    assert judge(*small).startswith("Take a: it is probably the better of the two")
    assert judge(*small).endswith(f"Classes are small, the smallest of 14: {warning}")
    assert f"the smallest of 3: {warning}" in judge(named_by(make_analysis, "a", (0, 50), counts=(3, 97)))
    assert warning not in judge(named_by(make_analysis, "a", (0, 17), counts=(15, 15)))


def test_an_interval_of_nothing_is_no_certainty(make_analysis: Make) -> None:
    """All right against all wrong: no resample differs, no resolution follows, and that is said."""
    sentence = judge(named_by(make_analysis, "a", ()), named_by(make_analysis, "b", range(80)))
    assert "NN F1 1.000 ± 0.000 against 0.000 ± 0.000 for b, a difference of 1.000 ± 0.000" in sentence
    assert "± 0.000 is no certainty" in sentence
    assert "can tell apart" not in sentence
    assert "no certainty" not in judge(
        named_by(make_analysis, "a", EVERY_FOURTH), named_by(make_analysis, "b", EVERY_SECOND)
    )


def test_report_and_leaderboard_have_the_same_standings(make_analysis: Make) -> None:
    """Every headline figure with an interval, from real protocols; a model that lacks one is absent there alone."""
    full, part = make_analysis(model="full"), make_analysis(model="part", seed=1, protocols=("retrieval", "disparity"))
    compared = compare_models([full, part])
    assert {metric: list(found.of) for metric, found in compared.items()} == {
        "knn1.f1_macro": ["full"],
        "retrieval.precision_at_n": ["full", "part"],
        "linear.balanced_accuracy": ["full"],
    }
    for metric, found in compared.items():
        for model, analysis in (("full", full), ("part", part)):
            if model in found.of:
                assert found.of[model].value == pytest.approx(analysis.metrics[metric], abs=1e-12)
    _, deviations = resampled_by_hand(full, part, metric="retrieval.precision_at_n")
    assert compared["retrieval.precision_at_n"].resolution == compute_half_width(deviations[0] - deviations[1])
    assert compared["knn1.f1_macro"].resolution is None
