"""Stored cells of one data set: who is tied, and whether a figure follows from its outcomes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leaderboard.errors import LeaderboardError
from leaderboard.protocols import METRICS
from leaderboard.records import Result
from leaderboard.result_files import load_results
from leaderboard.standings import (
    compute_all_standings,
    compute_dataset_standings,
    compute_from_outcomes,
    find_contradiction,
    resample_results,
)

RESULTS = Path(__file__).parents[2] / "leaderboard" / "results"
FIRST, SECOND, THIRD = (f"efficientnet-lite{number}" for number in range(3))
BELOW = ("color-histogram", "hog", "pixels", "random-vit-small-16")
F1, SHARE, BALANCED = "knn1.f1_macro", "retrieval.precision_at_n", "linear.balanced_accuracy"


@pytest.fixture(scope="module")
def cells() -> dict[str, Result]:
    """Model -> its committed cell on the real images."""
    return {result.model: result for result in load_results(RESULTS) if result.dataset == "palynomorphs-20"}


@pytest.mark.parametrize("metric", [F1, SHARE, BALANCED])
def test_every_model_stands_somewhere(cells: dict[str, Result], metric: str) -> None:
    """With its stored value, an interval, and ranks among which its own is."""
    standings = compute_dataset_standings(list(cells.values()), metric)
    assert standings.metric == metric
    assert list(standings.of) == list(cells)
    for model, own in standings.of.items():
        assert own.value == pytest.approx(cells[model].metrics[metric], abs=1e-12)
        assert 0 < own.half_width < 0.1
        assert 1 <= own.ranks[0] <= own.rank <= own.ranks[1] <= len(cells)


def test_these_images_cannot_tell_the_two_best_apart(cells: dict[str, Result]) -> None:
    """Of seven: 0.718 and 0.701 on 697 images, a tie, and well below what they resolve. The third is told apart."""
    standings = compute_dataset_standings([cells[model] for model in (FIRST, SECOND, THIRD, *BELOW)], F1)
    best, tied, below = (standings.of[model] for model in (FIRST, SECOND, THIRD))
    assert best.value > tied.value > below.value
    assert (best.rank, best.tied, best.ranks) == (tied.rank, tied.tied, tied.ranks) == (1, 2, (1, 2))
    assert not tied.to_best.is_resolved
    assert below.rank == 3
    assert below.to_best.is_resolved
    assert standings.resolution is not None
    assert abs(tied.to_best.value) < 0.04 < standings.resolution < 0.07


def test_the_same_cells_give_the_same_standings(cells: dict[str, Result]) -> None:
    """To the last digit, in any order of the models."""
    results = list(cells.values())
    once, backwards = compute_dataset_standings(results, F1), compute_dataset_standings(results[::-1], F1)
    assert compute_dataset_standings(results, F1) == once
    assert {model: backwards.of[model] for model in cells} == once.of
    assert backwards.resolution == once.resolution


def test_several_figures_at_once_are_each_one_alone(cells: dict[str, Result]) -> None:
    """Also where a model lacks one of them."""
    results = list(cells.values())
    having = {F1: results, SHARE: results[1:], BALANCED: results}
    together = compute_all_standings(having)
    assert together == {metric: compute_dataset_standings(own, metric) for metric, own in having.items()}
    assert compute_all_standings({}) == {}


def test_pairs_are_in_the_order_of_the_models(cells: dict[str, Result]) -> None:
    """Each model's comparison with the best is the one that its standing has."""
    standings = compute_dataset_standings(list(cells.values()), F1)
    models = list(standings.of)
    best = models.index(max(models, key=lambda model: standings.of[model].value))
    assert standings.pairs is not None
    for place, model in enumerate(models):
        assert standings.pairs.subtract(place, best) == standings.of[model].to_best


def test_a_single_model_has_an_interval_and_no_resolution(cells: dict[str, Result]) -> None:
    """There is nothing to compare it with."""
    standings = compute_dataset_standings([cells["efficientnet-lite0"]], F1)
    assert standings.resolution is None
    assert (standings.of["efficientnet-lite0"].rank, standings.of["efficientnet-lite0"].tied) == (1, 1)


def test_deviations_are_widened_as_the_metric_says(cells: dict[str, Result]) -> None:
    """By what simulation measured: docs/statistics.md."""
    from leaderboard.evidence import gather_from
    from leaderboard.statistics import resample

    results = list(cells.values())[:2]
    for metric in (F1, SHARE, BALANCED):
        evidence = METRICS[metric].evidence
        assert evidence is not None
        plain = resample(gather_from(results, metric), widening=1, resamples=100).deviations
        widened = resample_results(results, metric, resamples=100).deviations
        np.testing.assert_allclose(widened, evidence.widening * plain, rtol=1e-12)


def test_cells_that_are_not_paired_are_refused(cells: dict[str, Result]) -> None:
    """In one line each."""
    one, other = list(cells.values())[:2]
    with pytest.raises(LeaderboardError, match=r"^[^\n]*tested on different images[^\n]*$"):
        resample_results([one, replace(other, labels=[*other.labels[1:], 0])], F1)
    with pytest.raises(LeaderboardError, match=r"^linear.log_loss cannot be computed from stored outcomes[^\n]*$"):
        compute_dataset_standings([one, other], "linear.log_loss")


# ---- figures that do not follow


def test_committed_figures_follow_from_their_outcomes(cells: dict[str, Result]) -> None:
    """All that have evidence, in every cell."""
    for result in cells.values():
        assert find_contradiction(result, list(METRICS)) == ""
        assert compute_from_outcomes(result, F1) == pytest.approx(result.metrics[F1], abs=1e-12)


@pytest.mark.parametrize("metric", [F1, SHARE, BALANCED])
def test_an_edited_figure_is_found(cells: dict[str, Result], metric: str) -> None:
    """With both values; asked for other figures only, nothing is wrong."""
    result = cells["efficientnet-lite1"]
    edited = replace(result, metrics={**result.metrics, metric: 0.9999})
    found = find_contradiction(edited, [metric])
    assert found.startswith(f"{metric} is 0.9999, but its stored outcomes give {result.metrics[metric]:.9g};")
    assert "\n" not in found
    assert find_contradiction(edited, [name for name in (F1, SHARE, BALANCED) if name != metric]) == ""


def test_edited_outcomes_are_found(cells: dict[str, Result]) -> None:
    """One prediction that is another, or one that is gone."""
    result = cells["efficientnet-lite0"]
    named = [list(split) for split in result.outcomes["knn"]["predicted_k1"]]
    named[0][0] = (named[0][0] + 1) % 20
    assert "its stored outcomes give" in find_contradiction(with_named(result, named), [F1])
    named[0] = named[0][1:]
    assert "its stored outcomes are incomplete" in find_contradiction(with_named(result, named), [F1])


def with_named(result: Result, named: Any) -> Result:
    """The cell with these nearest neighbours' classes."""
    outcomes = {**result.outcomes, "knn": {**result.outcomes["knn"], "predicted_k1": named}}
    return replace(result, outcomes=outcomes)


def test_a_figure_that_is_not_there_contradicts_nothing(cells: dict[str, Result]) -> None:
    """Nor does one without evidence, whatever it says."""
    result = cells["efficientnet-lite0"]
    bare = replace(result, metrics={"linear.log_loss": 99.0})
    assert find_contradiction(bare, [F1, SHARE, "linear.log_loss"]) == ""


def test_an_undefined_figure_whose_outcomes_give_one_is_found(cells: dict[str, Result]) -> None:
    """As null in a file it would hide what was measured."""
    hidden = replace(cells["efficientnet-lite0"], metrics={SHARE: float("nan")})
    assert find_contradiction(hidden, [SHARE]).startswith(f"{SHARE} is nan, but its stored outcomes give 0.398")
