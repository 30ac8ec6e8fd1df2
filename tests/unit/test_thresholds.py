"""Floors that follow from figures: what images cannot resolve below what was measured, and claims where nothing was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import sqrt

import pytest
import yaml

from leaderboard.changes import compute_half_width_of
from leaderboard.protocols import HEADLINES, METRICS
from leaderboard.records import Reported, Result
from leaderboard.registry import Registry
from leaderboard.result_files import result_path, save_result
from leaderboard.standings import compute_dataset_standings
from leaderboard.thresholds import (
    UNRESOLVED,
    Written,
    compute_claims,
    compute_floors,
    find_resolution,
    list_floor_metrics,
    plan_thresholds,
    set_thresholds,
)

F1, PRECISION = "knn1.f1_macro", "retrieval.precision_at_n"
Measure = Callable[..., Result]


@pytest.fixture
def results(measure: Measure) -> list[Result]:
    """Three models that differ."""
    return [measure("toy", 20), measure("top", 5), measure("tin", 30)]


def test_a_floor_is_the_figure_less_what_the_images_resolve(crowd: Registry, results: list[Result]) -> None:
    """The resolution is that of the table; the floor is in thousandths, below it by less than one."""
    floors = compute_floors(crowd, results, "toy")["grains"]
    assert set(floors) == {F1, PRECISION, "linear.balanced_accuracy"}
    for metric, floor in floors.items():
        resolution = compute_dataset_standings(results, metric).resolution
        assert resolution is not None
        assert find_resolution(results, "grains", metric, model="toy") == resolution
        exact = results[0].metrics[metric] - resolution
        assert 0 <= exact - floor < 0.001
        assert round(floor * 1000) == pytest.approx(floor * 1000, abs=1e-9)


def test_a_model_alone_is_held_against_its_own_interval(crowd: Registry, measure: Measure) -> None:
    """The half width of its interval times the root of two; no interval: 0.05."""
    alone = measure("toy", 20)
    half_width = compute_half_width_of(alone, METRICS[F1])
    assert half_width
    assert find_resolution([alone], "grains", F1, model="toy") == half_width * sqrt(2)
    bare = measure("toy", 20, metrics={"linear.balanced_accuracy": 0.5})  # does not follow from what is stored
    assert find_resolution([bare], "grains", "linear.balanced_accuracy", model="toy") == UNRESOLVED
    assert find_resolution([], "grains", F1, model="toy") == UNRESOLVED


def test_a_floor_is_never_below_zero(crowd: Registry, measure: Measure) -> None:
    """A model that names one image of eighty rightly: what these images resolve is more than that."""
    assert compute_floors(crowd, [measure("toy", 79)], "toy")["grains"][F1] == 0.0


@pytest.mark.parametrize("change", [{"dimension": 1}, {"metrics": {F1: 0.99}}], ids=["stale", "edited"])
def test_a_cell_that_is_not_sound_gives_no_floor(change: dict, crowd: Registry, results, measure) -> None:
    """Another dimension than the entry's; a figure that does not follow from what is stored with it."""
    assert compute_floors(crowd, [measure("toy", 20, **change), *results[1:]], "toy") == {}
    assert compute_floors(crowd, results[1:], "toy") == {}


def test_other_images_do_not_tell_what_these_resolve(crowd: Registry, results, measure) -> None:
    """A model that was tested on others stands alone."""
    apart = measure("toy", 20, specimens=list(range(80)))
    alone = compute_floors(crowd, [apart], "toy")
    assert compute_floors(crowd, [apart, *results[1:]], "toy") == alone


def test_only_what_is_better_when_higher_has_a_floor(crowd: Registry) -> None:
    """Of all columns that there are."""
    dataset = replace(crowd.dataset("grains"), columns=tuple(METRICS))
    chosen = list_floor_metrics(dataset)
    assert [metric for metric in METRICS.values() if metric.higher_is_better is True] == chosen
    assert len(chosen) < len(METRICS)
    assert list_floor_metrics(crowd.dataset("grains")) == [
        metric for metric in HEADLINES.values() if metric.higher_is_better is True
    ]


def with_reported(registry: Registry, **thresholds) -> Registry:
    """The toy with figures of others: one of a column, one that is no column, one that is no share."""
    figures = {F1: 0.78, "knn1.accuracy": 0.9, PRECISION: 44.0}
    toy = replace(registry.model("toy"), reported={"grains": Reported(figures, "a paper")}, thresholds=thresholds)
    return replace(registry, models={**registry.models, "toy": toy})


def test_a_claim_is_a_hundredth_below_what_was_reported(crowd: Registry) -> None:
    """Of columns that are shares, exact in decimals."""
    registry = with_reported(crowd)
    assert compute_claims(registry.model("toy"), registry) == {"grains": {F1: 0.77}}
    assert plan_thresholds(registry, "toy") == [Written("grains", {F1: 0.77}, is_claim=True)]
    assert plan_thresholds(registry, "toy", ["spores"]) == []


def test_measured_floors_take_the_place_of_claims(crowd: Registry, results: list[Result]) -> None:
    """Floors that somebody set for other figures than columns stay."""
    registry = with_reported(crowd, grains={F1: 0.77, "knn1.accuracy": 0.2})
    for result in results:
        save_result(registry.results_dir, result, tolerance=0.002)
    (planned,) = plan_thresholds(registry, "toy")
    assert not planned.is_claim
    assert planned.floors == compute_floors(registry, results, "toy")["grains"] | {"knn1.accuracy": 0.2}
    result_path(registry.results_dir, results[0]).unlink()
    assert plan_thresholds(registry, "toy")[0].is_claim


TEXTS = {  # what an entry says of floors -> the lines after
    "none": ("", "  thresholds:\n    grains: {knn1.f1_macro: 0.7}\n"),
    "empty": ("  thresholds: {}\n", "  thresholds:\n    grains: {knn1.f1_macro: 0.7}\n"),
    "braces": (
        "  thresholds: {spores: {m.x: 0.1}, grains: {m.x: 0.2}}  # old\n",
        "  thresholds:\n    spores: {m.x: 0.1}\n    grains: {knn1.f1_macro: 0.7}\n",
    ),
    "lines": (
        "  thresholds:  # all\n    grains: {m.x: 0.2}  # claims\n    # of spores\n    spores: {m.x: 0.1}  # kept\n",
        "  thresholds:  # all\n    grains: {knn1.f1_macro: 0.7}\n    # of spores\n    spores: {m.x: 0.1}  # kept\n",
    ),
    "others": (
        "  thresholds:\n    spores: {m.x: 0.1}  # kept\n",
        "  thresholds:\n    spores: {m.x: 0.1}  # kept\n    grains: {knn1.f1_macro: 0.7}\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), TEXTS.values(), ids=TEXTS)
def test_floors_are_written_into_the_entry(before: str, after: str, crowd: Registry) -> None:
    """Those of other data sets stay, with their comments where they stand on lines of their own."""
    around = "# head\n\ntoy:\n  title: Toy  # said\n{}\nzoo: 1\n"
    text = around.format(before)
    old = yaml.safe_load(text)["toy"].get("thresholds", {})
    spec = replace(crowd.model("toy"), thresholds=old)
    assert set_thresholds(text, spec, [Written("grains", {F1: 0.7})]) == around.format(after)


def test_many_floors_get_a_line_each_and_claims_say_so(crowd: Registry) -> None:
    """No line is longer than 120 characters."""
    floors = {f"learning_curve.lr.f{number}.top1": 0.5 for number in (10, 30, 50, 70)}
    changed = set_thresholds("toy:\n  a: b\n", crowd.model("toy"), [Written("grains", floors, is_claim=True)])
    assert max(map(len, changed.splitlines())) <= 120
    assert "    grains:  # claims: 0.01 below the reported figures\n      learning_curve.lr.f10.top1: 0.5\n" in changed
    assert yaml.safe_load(changed)["toy"]["thresholds"] == {"grains": floors}
