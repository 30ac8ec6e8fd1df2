"""What became of each cell between two states, and whether its images can tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import nan
from typing import Any

import pytest
from paired import measured

from leaderboard.changes import Change, FigureChange, compute_changes, compute_half_width_of
from leaderboard.protocols import METRICS
from leaderboard.records import Cell, Result
from leaderboard.registry import Registry
from leaderboard.standings import resample_results
from leaderboard.statistics import adjust_holm, compare

F1, PRECISION = "knn1.f1_macro", "retrieval.precision_at_n"
CURVE = "learning_curve.lr.f100.top1"
Measure = Callable[..., Result]


@pytest.fixture
def measure(make_result: Callable[..., Result]) -> Measure:
    """Measures the cell toy on grains: ``wrong`` images of 200 are named wrongly."""
    return partial(measured, make_result)


def only(changes: Sequence[Change]) -> Change:
    """The one change."""
    (change,) = changes
    return change


def of(change: Change, metric: str) -> FigureChange:
    """What became of one figure."""
    return {figure.metric.name: figure for figure in change.figures}[metric]


def verdicts(change: Change) -> dict[str, str]:
    """Metric -> verdict."""
    return {figure.metric.name: figure.verdict for figure in change.figures}


def test_a_large_difference_is_an_improvement_one_way_and_worse_the_other(registry: Registry, measure: Measure) -> None:
    """The figure after minus the one before, the same in both directions but for the sign."""
    good, bad = measure(wrong=20), measure(wrong=60)
    up, down = only(compute_changes([bad], [good], registry)), only(compute_changes([good], [bad], registry))
    assert (up.kind, up.cell) == ("changed", Cell("toy", "grains"))
    assert verdicts(up) == {F1: "improved", PRECISION: "improved"}
    assert verdicts(down) == {F1: "worse", PRECISION: "worse"}
    assert of(up, F1).before == of(down, F1).after == bad.metrics[F1]
    assert of(up, F1).difference.value == pytest.approx(good.metrics[F1] - bad.metrics[F1], abs=1e-12)
    assert of(up, F1).difference.value == -of(down, F1).difference.value


def test_two_images_more_are_unresolved(registry, measure) -> None:
    """The interval of the difference holds zero, though figures differ."""
    figure = of(only(compute_changes([measure(wrong=22)], [measure(wrong=20)], registry)), F1)
    assert figure.verdict == "unresolved"
    assert 0 < figure.difference.value < figure.difference.half_width
    assert figure.half_width == compute_half_width_of(measure(wrong=20), METRICS[F1])


def test_the_comparison_is_paired(registry, measure) -> None:
    """The interval of a difference between versions that err on the same images is narrower than either's own."""
    figure = of(only(compute_changes([measure(wrong=66)], [measure(wrong=60)], registry)), F1)
    assert figure.difference.half_width < figure.half_width / 2


def test_less_is_an_improvement_where_the_metric_says_so(registry, measure, monkeypatch) -> None:
    """The direction is the metric's."""
    monkeypatch.setitem(METRICS, F1, replace(METRICS[F1], higher_is_better=False))
    change = only(compute_changes([measure(wrong=60)], [measure(wrong=20)], registry))
    assert verdicts(change) == {F1: "worse", PRECISION: "improved"}


def test_p_is_adjusted_for_every_comparison_of_the_two_states(registry, measure) -> None:
    """Over cells and metrics together, as Holm's method does it."""
    before = [measure(wrong=20), measure(wrong=20, model="other"), measure(wrong=20, model="same")]
    after = [measure(wrong=27), measure(wrong=22, model="other"), measure(wrong=20, model="same")]
    changes = compute_changes(before, after, registry)
    alone = [
        compare(resample_results([one, other], metric), 0, [1])[0].p
        for one, other in sorted(zip(before[:2], after[:2], strict=True), key=lambda pair: pair[0].model)
        for metric in (F1, PRECISION)
    ]
    shown = [figure.difference.p for change in changes for figure in change.figures]
    assert len(shown) == 4
    assert shown == adjust_holm(alone).tolist()
    assert shown != alone


def test_among_many_comparisons_a_small_difference_is_no_longer_resolved(registry, measure) -> None:
    """What is real by itself may be chance among twenty."""
    before, after = measure(wrong=20), measure(wrong=28)
    assert verdicts(only(compute_changes([before], [after], registry)))[F1] == "worse"
    more = [(measure(wrong=20, model=f"m{n}"), measure(wrong=21, model=f"m{n}")) for n in range(20)]
    changes = compute_changes([before, *(old for old, _ in more)], [after, *(new for _, new in more)], registry)
    among = next(change for change in changes if change.cell.model == "toy")
    assert of(among, F1).verdict == "unresolved"


def test_a_cell_of_one_state_only_is_new_or_removed(registry, measure) -> None:
    """With its figures, and an interval where it is shown as it is now."""
    cell = measure(wrong=20)
    new, removed = only(compute_changes([], [cell], registry)), only(compute_changes([cell], [], registry))
    assert (new.kind, set(verdicts(new).values())) == ("new", {"new"})
    assert (of(new, F1).before, of(new, F1).after) == (None, cell.metrics[F1])
    assert of(new, F1).half_width > 0
    assert (removed.kind, set(verdicts(removed).values())) == ("removed", {"removed"})
    assert (of(removed, F1).before, of(removed, F1).after) == (cell.metrics[F1], None)


def test_cells_come_sorted_and_unchanged_ones_without_figures(registry, measure) -> None:
    """By data set and model; speed is no figure."""
    cells = [measure(wrong=1, model=name, dataset=data) for data in ("b", "a") for name in ("two", "one")]
    timed = [replace(cell, speed={"images_per_second": 1.0}) for cell in cells]
    changes = compute_changes(cells, timed, registry)
    assert [str(change.cell) for change in changes] == ["one-a", "two-a", "one-b", "two-b"]
    assert {(change.kind, change.figures, change.elsewhere) for change in changes} == {("unchanged", (), ())}


def test_a_change_outside_the_table_is_told_from_none(registry, measure) -> None:
    """The cell counts as unchanged, and names the figures: other ones, new ones, those that are gone."""
    old = {"knn9.accuracy": 0.1, "knn5.accuracy": 0.4, "knn3.accuracy": 0.5, "retrieval.map": nan}
    new = {"knn7.accuracy": 0.2, "knn5.accuracy": 0.4, "knn3.accuracy": 0.6, "retrieval.map": nan}
    before, after = measure(wrong=20, metrics=old), measure(wrong=20, metrics=new)
    change = only(compute_changes([before], [after], registry))
    assert (change.kind, change.elsewhere) == ("unchanged", ("knn3.accuracy", "knn7.accuracy", "knn9.accuracy"))


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"classes": ["a", "c"]}, "classes"),
        ({"labels": [0, 1] * 99 + [0, 0]}, "labels"),
        ({"specimens": [0] * 200}, "specimens"),
        ({"left_out": ["a/1.png"]}, "left_out"),
        ({"outcomes": {}}, "outcomes"),
        ({"inputs": {"dataset": "other"}}, "inputs"),
    ],
)
def test_a_part_of_the_file_that_changed_is_named_where_no_figure_did(registry, measure, change, part: str) -> None:
    """A file must not be edited unseen."""
    before = measure(wrong=20)
    parts = {name: value for name, value in change.items() if name != "inputs"}
    inputs = before.provenance.inputs | change.get("inputs", {})
    after = replace(before, provenance=replace(before.provenance, inputs=inputs), **parts)
    found = only(compute_changes([before], [after], registry))
    assert (found.kind, found.elsewhere) == ("unchanged", (part,))


def test_a_changed_cell_names_its_other_figures_too(registry, measure) -> None:
    """And what its figures rest on; those of the table are not among them. A new or removed cell has none."""
    before, after = measure(wrong=20, metrics={"knn3.accuracy": 0.5}), measure(wrong=60, metrics={"knn3.accuracy": 0.4})
    change = only(compute_changes([before], [after], registry))
    assert (change.kind, set(verdicts(change))) == ("changed", {F1, PRECISION})
    assert change.elsewhere == ("outcomes", "knn3.accuracy")
    assert only(compute_changes([], [after], registry)).elsewhere == ()
    assert only(compute_changes([before], [], registry)).elsewhere == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"inputs": {"dataset": "other"}}, "other images"),
        ({"left_out": ["a/1.png"]}, "other images left out"),
        ({"labels": [0] * 100 + [1] * 100}, "other labels"),
        ({"specimens": [0] * 200}, "images of other specimens"),
    ],
)
def test_figures_on_other_images_are_not_compared(registry, measure, change: dict[str, Any], reason: str) -> None:
    """Whatever the model did, the difference would be that of the images."""
    after = measure(wrong=60, **change)
    found = only(compute_changes([measure(wrong=20)], [after], registry))
    assert verdicts(found) == {F1: "not comparable", PRECISION: "not comparable"}
    assert {figure.reason for figure in found.figures} == {reason}
    assert of(found, F1).difference is None


def test_another_version_of_a_protocol_concerns_its_figures_only(registry, measure) -> None:
    """And both versions are named."""
    versions = {"knn": 1, "retrieval": 1}
    before = measure(wrong=20, inputs={"protocols": versions})
    after = measure(wrong=60, inputs={"protocols": versions | {"knn": 2}})
    change = only(compute_changes([before], [after], registry))
    assert verdicts(change) == {F1: "not comparable", PRECISION: "worse"}
    assert of(change, F1).reason == "protocol knn was version 1, is 2"


def test_a_figure_without_evidence_has_both_values_and_no_interval(registry, make_result) -> None:
    """As the learning curve, of which no image's outcome is stored."""
    dataset = replace(registry.datasets["grains"], columns=(CURVE, F1))
    curves = replace(registry, datasets={"grains": dataset})
    states = [[make_result(metrics={CURVE: value})] for value in (0.5, 0.6)]
    (figure,) = only(compute_changes(*states, curves)).figures
    assert (figure.verdict, figure.before, figure.after, figure.difference) == ("no interval", 0.5, 0.6, None)


@pytest.mark.parametrize("nothing", [{}, {PRECISION: nan}, {PRECISION: None}])
def test_a_figure_that_one_state_lacks_is_new_or_removed(registry, measure, nothing) -> None:
    """Missing, not a number and null are the same: nothing to compare with."""
    full = measure(wrong=20)
    part = replace(full, metrics={F1: full.metrics[F1]} | nothing)
    assert verdicts(only(compute_changes([part], [full], registry))) == {PRECISION: "new"}
    assert verdicts(only(compute_changes([full], [part], registry))) == {PRECISION: "removed"}
    assert only(compute_changes([part], [part], registry)).kind == "unchanged"


def test_an_edited_figure_is_not_compared(registry, measure) -> None:
    """Its outcomes do not give it, so that they say nothing about it."""
    honest = measure(wrong=20)
    edited = replace(honest, metrics=honest.metrics | {F1: 0.99})
    (figure,) = only(compute_changes([honest], [edited], registry)).figures
    assert (figure.verdict, figure.half_width) == ("not comparable", None)
    assert figure.reason == "a stored figure does not follow from its stored outcomes"
    assert of(only(compute_changes([], [edited], registry)), F1).half_width is None


@pytest.mark.parametrize(
    "outcomes",
    [
        {},
        {"knn": None},
        {"knn": {"test": [], "predicted_k1": []}},
        {"knn": {"test": [[0, 1]], "predicted_k1": [[0]]}},
        {"knn": {"test": [["a", "b"]], "predicted_k1": [["a", "b"]]}},
        {"knn": {"test": 1, "predicted_k1": 1}},
        {"knn": {"test": [[0, 1]], "predicted_k1": [[0, 99]]}},
    ],
)
def test_damaged_outcomes_are_a_reason_and_no_traceback(registry, measure, outcomes) -> None:
    """The other cells are compared all the same."""
    damaged = replace(measure(wrong=30), outcomes=outcomes)
    before = [measure(wrong=20), measure(wrong=20, model="other")]
    sound, broken = compute_changes(before, [damaged, measure(wrong=60, model="other")], registry)
    assert verdicts(sound)[F1] == "worse"
    assert verdicts(broken)[F1] == "not comparable"
    assert F1 in of(broken, F1).reason


def test_neither_model_nor_data_set_needs_an_entry(registry, measure) -> None:
    """A removed entry leaves results behind: they are compared by the headline metrics."""
    empty = replace(registry, models={}, datasets={})
    before, after = measure(wrong=60, dataset="gone"), measure(wrong=20, dataset="gone")
    assert verdicts(only(compute_changes([before], [after], empty))) == {F1: "improved", PRECISION: "improved"}
