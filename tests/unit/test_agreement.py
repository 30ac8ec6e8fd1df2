"""When two measurements of a cell are the same: to the last digits of another machine, and not a digit further."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from leaderboard.agreement import find_disagreement, has_same_inputs

TOLERANCE = 0.002
UNREPEATABLE = "clustering.pca.kmeans_known_k.ami"


def say(stored, new) -> str:
    """Where they disagree."""
    return find_disagreement(stored, new, tolerance=TOLERANCE)


@pytest.mark.parametrize(
    ("stored", "new", "agrees"),
    [
        (0.5, 0.5019, True),
        (0.5, 0.4981, True),
        (0.5, 0.5021, False),
        (0.5, 0.4979, False),
        (100.0, 100.19, True),
        (100.0, 100.21, False),
        (math.nan, math.nan, True),
        (math.nan, 0.5, False),
        (0.5, math.nan, False),
    ],
)
def test_a_figure_may_differ_by_the_tolerance(make_result, stored: float, new: float, agrees: bool) -> None:
    """Above 1 by that share of itself; undefined both times is the same."""
    said = say(make_result(metrics={"knn1.accuracy": stored}), make_result(metrics={"knn1.accuracy": new}))
    assert (said == "") is agrees
    if not agrees:
        assert said == f"knn1.accuracy is stored as {stored:.4f}, measured as {new:.4f}"


@pytest.mark.parametrize(("predicted", "agrees"), [([0, 0, 1, 1], False), ([0, 0, 1, 0], True)])
def test_the_same_outcomes_give_the_same_figure(make_result, predicted: list[int], agrees: bool) -> None:
    """An edit within the tolerance is none of another machine; where outcomes differ as well, it may be."""
    others = {"test": [list(range(400))], "predicted_k1": [[0] * 396 + predicted]}
    one = {"test": [list(range(400))], "predicted_k1": [[0] * 396 + [0, 0, 1, 1]]}
    stored = make_result(metrics={"knn1.f1_macro": 0.5}, outcomes={"knn": one})
    new = make_result(metrics={"knn1.f1_macro": 0.501}, outcomes={"knn": others})
    assert (say(stored, new) == "") is agrees
    last_digit = make_result(metrics={"knn1.f1_macro": 0.5 + 1e-12}, outcomes={"knn": one})
    assert say(stored, last_digit) == ""


def test_a_figure_more_or_less_is_another_measurement(make_result) -> None:
    """In either direction, also one that nobody knows."""
    one, two = make_result(), make_result(metrics={"knn1.f1_macro": 0.5, "made.up": 1.0})
    assert say(one, two) == say(two, one) == "other metrics"


def test_figures_that_machines_disagree_on_are_left_out(make_result) -> None:
    """A cluster may fall the other way for a last digit; the others are held to the tolerance."""
    one = make_result(metrics={"knn1.f1_macro": 0.5, UNREPEATABLE: 0.9}, outcomes={"clustering": {"k": [1, 2]}})
    two = make_result(metrics={"knn1.f1_macro": 0.5, UNREPEATABLE: 0.1}, outcomes={"clustering": {"k": [3, 4]}})
    assert say(one, two) == ""


@pytest.mark.parametrize(("changed", "agrees"), [(0, True), (1, True), (2, False), (100, False)])
def test_one_outcome_in_a_hundred_may_be_another(make_result, changed: int, agrees: bool) -> None:
    """More of them is another model, whatever the figures."""
    outcomes = [{"knn": {"predicted_k1": [[1] * count + [0] * (100 - count)]}} for count in (0, changed)]
    said = say(*(make_result(outcomes=one) for one in outcomes))
    assert said == ("" if agrees else "more than 1% of the stored outcomes are others")


@pytest.mark.parametrize(
    "changes",
    [{"parameters": 1}, {"dimension": 1}, {"classes": ["a", "c"]}, {"labels": [0, 0, 0, 1]}, {"left_out": ["a/1.png"]}],
)
def test_what_machines_cannot_change_is_exact(make_result, changes) -> None:
    """And is named."""
    assert say(make_result(), make_result(**changes)) == f"other {next(iter(changes))}"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"inputs": {"dataset": "e" * 64}}, "dataset"),
        ({"inputs": {"extraction": 0, "more": 1}}, "extraction, more"),
        ({"model": {"pooling": "cls"}}, "model pooling"),
        ({"model": {"weights": {"source": "hub:acme/toy"}}}, "model weights"),
    ],
)
def test_other_inputs_are_named(make_result, changes, named: str) -> None:
    """One by one, those of the model too."""
    one, two = make_result(), make_result(**changes)
    assert not has_same_inputs(one, two)
    assert say(one, two) == f"other inputs: {named}"
    assert say(two, one).startswith("other inputs: ")


def test_the_same_tensors_may_come_from_another_place(make_result) -> None:
    """Where their digest is known; without one the place is all there is."""
    places = [{"source": f"hub:acme/{name}", "revision": name * 40} for name in "ab"]
    assert has_same_inputs(*(make_result(model={"weights": place | {"digest": "f" * 64}}) for place in places))
    assert not has_same_inputs(*(make_result(model={"weights": place}) for place in places))


def test_the_machine_is_no_input(make_result) -> None:
    """Versions and devices only document."""
    assert say(make_result(), make_result(environment={"device": "cuda", "torch": "9"})) == ""


def test_a_canary_that_only_one_has(make_result) -> None:
    """What it says is held against elsewhere."""
    canary = {"norms": [1.0, 1.0], "cosines": [0.5]}
    assert say(make_result(), make_result(canary=canary)) == "only one has a canary"
    assert say(make_result(canary=canary), make_result(canary=canary)) == ""


def test_figures_of_classes_may_differ_ten_times_as_much(make_result) -> None:
    """They rest on few images."""
    sets = [[0.5] * 10, [0.5] * 9 + [0.519], [0.5] * 9 + [0.521]]
    one, near, far = (make_result(per_class={"knn1.f1": values}) for values in sets)
    assert (say(one, near), say(one, far)) == ("", "other figures of classes")


def test_lists_and_tuples_are_the_same_as_files_have_them(make_result) -> None:
    """A result that was read is compared with one that was measured."""
    assert say(replace(make_result(), classes=("a", "b"), labels=(0, 0, 1, 1)), make_result()) == ""
