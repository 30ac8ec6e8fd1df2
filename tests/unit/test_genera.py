"""Figures of single classes: the stored ones, and whether their images can tell two models apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated_results import save_generated_results

from leaderboard.errors import LeaderboardError
from leaderboard.evidence import gather_from
from leaderboard.genera import RESAMPLES, GenusDifference, compute_genus_standings
from leaderboard.records import Result
from leaderboard.result_files import load_results
from leaderboard.statistics import adjust_holm, compute_half_width, compute_p, resample

RESULTS = Path(__file__).parents[2] / "leaderboard" / "results"
F1, SHARE = "knn1.f1_macro", "retrieval.precision_at_n"
PER_CLASS = {F1: "knn1.f1", SHARE: "retrieval.precision_at_n", "knn1.balanced_accuracy": "knn1.recall"}


@cache
def cells(dataset: str = "palynomorphs-20") -> list[Result]:
    """The committed ones of a data set."""
    return [result for result in load_results(RESULTS) if result.dataset == dataset]


@dataclass(frozen=True)
class OneClass:
    """The figure of one class of each model, on its own."""

    of: Any
    label: int

    @property
    def labels(self) -> np.ndarray:
        """Those of all images: the same draws."""
        return np.asarray(self.of.labels)

    @property
    def specimens(self) -> np.ndarray | None:
        """Those of all images."""
        return None if self.of.specimens is None else np.asarray(self.of.specimens)

    @property
    def widening(self) -> float:
        """That of the figure."""
        return float(self.of.widening)

    @property
    def measured(self) -> np.ndarray:
        """(m,)."""
        return self.weighted(np.ones((len(self.labels), 1)))[:, 0]

    def weighted(self, weights: np.ndarray) -> np.ndarray:
        """(m, b)."""
        return np.asarray(self.of.by_class(weights)[:, self.label])


# ---- values


@pytest.mark.parametrize("metric", PER_CLASS)
@pytest.mark.parametrize("dataset", ["palynomorphs-20", "synthetic-palynomorphs"])
def test_figures_of_classes_are_the_stored_ones(dataset: str, metric: str) -> None:
    """For every committed cell."""
    standings = compute_genus_standings(cells(dataset), metric)
    stored = np.array([result.per_class[PER_CLASS[metric]] for result in cells(dataset)])
    assert standings.models == [result.model for result in cells(dataset)]
    assert list(standings.classes) == list(cells(dataset)[0].classes)
    np.testing.assert_allclose(standings.values, stored, rtol=0, atol=1e-12)


def test_f1_of_a_weighted_class_is_that_of_repeated_images() -> None:
    """By hand: labels 0 0 1 1; the second image of class 0 is taken for 1, and is there three times."""
    result = make([0, 0, 1, 1], tests=[[0, 1, 2, 3]], named=[[0, 1, 1, 1]])
    found = gather_from([result], F1).by_class(np.array([[1.0], [3], [1], [1]]))[0, :, 0]
    assert found.tolist() == pytest.approx([2 * 1 / (2 * 1 + 3), 2 * 2 / (2 * 2 + 3)])


def make(labels: Sequence[int], tests: list[list[int]], named: list[list[int]], model: str = "toy") -> Result:
    """A cell with these nearest neighbours' classes."""
    classes = [f"class-{label}" for label in range(max(labels) + 1)]
    outcomes = {"knn": {"test": tests, "predicted_k1": named}}
    return replace(cells()[0], model=model, labels=list(labels), classes=classes, outcomes=outcomes)


# ---- intervals and tests


@pytest.mark.parametrize("metric", [F1, SHARE])
def test_half_widths_are_those_of_each_difference_on_its_own(metric: str) -> None:
    """1.96 standard deviations of the resampled difference; near the quantile that the table would take."""
    results, places = cells()[1:4], (0, 7, 19)
    standings, figures = compute_genus_standings(results, metric), gather_from(results, metric)
    for label in places:
        resampled = resample(OneClass(figures, label), resamples=RESAMPLES)
        apart = resampled.deviations[0] - resampled.deviations[2]
        difference = standings.pair(results[0].model, results[2].model)[label]
        assert difference.value == pytest.approx(resampled.values[0] - resampled.values[2], abs=1e-12)
        assert difference.half_width == pytest.approx(1.959964 * apart.std(), rel=1e-6)
        assert difference.half_width == pytest.approx(compute_half_width(apart), rel=0.12)
        own = 1.959964 * resampled.deviations.std(axis=1)
        np.testing.assert_allclose(standings.half_widths[:, label], own, rtol=1e-6)


def test_classes_are_told_apart_where_the_slow_way_tells_them_apart() -> None:
    """Every class of two pairs, each resampled on its own and counted; p adjusted for the classes of the pair."""
    results = cells()
    standings, figures = compute_genus_standings(results, F1), gather_from(results, F1)
    single = [resample(OneClass(figures, label), resamples=RESAMPLES) for label in range(len(standings.classes))]
    agree = []
    for one, other in ((0, 1), (1, 2), (1, 4)):
        raw = [
            compute_p(float(r.values[one] - r.values[other]), r.deviations[one] - r.deviations[other]) for r in single
        ]
        found = [d.is_resolved for d in standings.pair(results[one].model, results[other].model)]
        agree += [told == (p < 0.05) for told, p in zip(found, adjust_holm(raw), strict=True)]
        assert any(found) or (one, other) == (1, 2)
    assert np.mean(agree) > 0.95  # at the border a bell curve and a count may differ


def test_a_pair_turned_round_is_the_negative() -> None:
    """With the same half width, and told apart just as well."""
    standings = compute_genus_standings(cells(), F1)
    one, other = standings.models[:2]
    assert standings.pair(other, one) == [-difference for difference in standings.pair(one, other)]
    assert -GenusDifference(0.25, 0.1, True) == GenusDifference(-0.25, 0.1, True)


def test_two_equal_models_are_told_apart_nowhere() -> None:
    """Nor is their difference uncertain: it is nothing in every resample."""
    twin = replace(cells()[1], model="twin")
    standings = compute_genus_standings([*cells(), twin], F1)
    assert standings.pair(cells()[1].model, "twin") == [GenusDifference(0.0, 0.0, False)] * 20


def test_a_class_that_one_always_gets_and_the_other_never_is_told_apart() -> None:
    """Although no resample moves the difference; the class that both get is not told apart."""
    labels, test = [0] * 20 + [1] * 20, list(range(40))
    right, wrong = make(labels, [test], [labels]), make(labels, [test], [[2] * 20 + [1] * 20], model="blind")
    both = [replace(one, labels=[*labels, 2, 2], classes=["a", "b", "c"]) for one in (right, wrong)]
    first, second, third = compute_genus_standings(both, F1).pair("toy", "blind")
    assert first == GenusDifference(1.0, 0.0, True)
    assert second == GenusDifference(0.0, 0.0, False)
    assert not third.is_resolved


def test_a_class_without_test_images_has_no_figure() -> None:
    """Neither it nor its interval nor its differences; the others are adjusted as if it were not there."""
    labels, test = [0] * 20 + [1] * 20, list(range(40))
    some = [1 if image % 3 == 0 else label for image, label in enumerate(labels)]
    results = [make(labels, [test], [named], model) for model, named in (("one", labels), ("other", some))]
    longer = [replace(one, labels=[*labels, 2, 2], classes=["a", "b", "c", "d"]) for one in results]
    short, long = compute_genus_standings(results, F1), compute_genus_standings(longer, F1)
    assert np.isnan(long.values[:, 2:]).all()
    assert np.isnan(long.half_widths[:, 2:]).all()
    assert all(np.isnan(d.value) and not d.is_resolved for d in long.pair("one", "other")[2:])
    assert long.is_resolved[..., :2].tolist() == short.is_resolved.tolist()


def test_a_class_that_is_rarely_drawn_has_an_interval_all_the_same() -> None:
    """Two images, of which one is asked: a resample without it says nothing."""
    labels, test = [0, 0, *[1] * 30], [0, *range(2, 30)]
    named = [1, *[1] * 20, *[0] * 8]
    standings = compute_genus_standings([make(labels, [test], [named]), make(labels, [test], [named], "b")], F1)
    assert np.isfinite(standings.half_widths).all()
    assert standings.is_rough == [True, False]


def test_classes_with_few_specimens_are_rough() -> None:
    """However many images each specimen has."""
    labels, test = [0] * 40 + [1] * 40, list(range(80))
    own = make(labels, [test], [labels])
    assert compute_genus_standings([own], F1).is_rough == [False, False]
    few = replace(own, specimens=[image // 8 if image < 40 else image for image in range(80)])
    assert compute_genus_standings([few], F1).is_rough == [True, False]


def test_a_figure_without_outcomes_is_refused() -> None:
    """In one line."""
    with pytest.raises(LeaderboardError, match=r"^linear.log_loss cannot be computed[^\n]*$"):
        compute_genus_standings(cells(), "linear.log_loss")


def test_the_same_cells_give_the_same_figures(tmp_path: Path) -> None:
    """To the last digit, for many models."""
    results = load_results(save_generated_results(tmp_path, 12, 1).results_dir)
    once, again = (compute_genus_standings(results, F1) for _ in range(2))
    for table in ("values", "half_widths", "half_widths_between", "is_resolved"):
        assert getattr(once, table).tolist() == getattr(again, table).tolist()
