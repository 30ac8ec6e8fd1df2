"""What measuring again says of a pull request: agreement, forgery, what is missing, and what the table would be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from leaderboard.pull_request.changed import compute_changed
from leaderboard.pull_request.review import Measured, Review, compute_review, narrow, narrow_measured
from leaderboard.records import Cell, Result

F1, HITS = "knn1.f1_macro", "retrieval.precision_at_n"
TOY = Cell("toy", "grains")
FILE = "leaderboard/results/grains/{}.json"


@pytest.fixture
def review(project, propose):
    """Reviews a pull request that carries results, of which others were measured again."""

    def make(
        *measured: Result,
        carried: tuple[Result, ...] = (),
        published: tuple[Result, ...] = (),
        outcomes: Mapping[Cell, tuple[str, str]] | None = None,
        files: tuple[str, ...] = (FILE.format("toy"),),
        registry=project,
        notes: tuple[str, ...] = (),
    ) -> Review:
        sides = propose(registry, *files, before=project, results=carried, older=published)
        told = dict.fromkeys((Cell(one.model, one.dataset) for one in measured), ("ok", ""))
        run = Measured(measured, told if outcomes is None else outcomes, notes)
        return compute_review(sides, compute_changed(sides), run, published, "main")

    return make


def test_what_agrees_is_no_problem(review, measure) -> None:
    """The same figures, or nearly: another machine measured."""
    one = measure("toy", 3)
    near = replace(one, metrics={**one.metrics, "knn3.accuracy": 0.7000})
    other = replace(one, metrics={**one.metrics, "knn3.accuracy": 0.7019})
    for carried, measured in ((one, one), (near, other)):
        found = review(measured, carried=(carried,))
        assert found.problems == []
        assert found.cells[0].status == "ok"
        assert (found.cells[0].disagreement, found.cells[0].is_carried) == ("", True)


def test_a_figure_that_measuring_does_not_give_is_told_with_both_values(review, measure) -> None:
    """Whatever else of the file was edited to suit it."""
    found = review(measure("toy", 20), carried=(measure("toy", 3),))
    ((problem,), (cell,)) = found.problems, found.cells
    assert cell.disagreement.startswith(f"{F1} is stored as 0.96")
    assert "measured as 0.7484" in cell.disagreement
    assert problem == f"toy-grains: {cell.disagreement}"


def test_a_figure_edited_within_the_tolerance_contradicts_its_own_outcomes(review, measure) -> None:
    """Measuring alone would not notice 0.001 more."""
    one = measure("toy", 3)
    edited = replace(one, metrics={**one.metrics, F1: one.metrics[F1] + 0.001})
    found = review(one, carried=(edited,))
    assert len(found.problems) == 1
    assert "but its stored outcomes give 0.96" in found.cells[0].disagreement


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": [1] * 40 + [0] * 40}, "other labels"),
        ({"parameters": 7}, "other parameters"),
        ({"left_out": ["a/1.png"]}, "other left_out"),
        ({"inputs": {"dataset": "e" * 64}}, "other inputs: dataset"),
        ({"model": {"preprocessing_of": "model"}}, "other inputs: model preprocessing_of"),
    ],
)
def test_a_result_of_something_else_is_not_this_one(review, make_result, measure, change, said: str) -> None:
    """Other data, another entry: whatever its figures."""
    one = measure("toy", 3)
    if "labels" in change:
        carried = replace(one, metrics={}, outcomes={}, **change)
    else:
        changed = make_result(**change)
        carried = replace(changed, metrics=one.metrics, outcomes=one.outcomes, labels=one.labels)
    assert review(one, carried=(carried,)).cells[0].disagreement == said


def test_a_cell_that_no_file_carries_is_told_and_is_no_forgery(review, measure) -> None:
    """The contributor has not committed it."""
    found = review(measure("toy", 3), files=("conftest.py",))
    assert (found.cells[0].is_carried, found.problems) == (False, [])


def test_a_model_of_which_no_run_says_anything(review, project) -> None:
    """Its job was killed; gated ones are not expected."""
    found = review(files=("conftest.py", FILE.format("top"), FILE.format("tin")))
    assert (found.unmeasured, list(found.changed.gated)) == (["tin", "toy"], ["top"])
    assert found.problems == ["tin: not measured", "toy: not measured"]


@pytest.mark.parametrize("status", ["gated", "unreachable", "not found", "out of memory", "error"])
def test_a_cell_that_could_not_be_measured_has_its_reason(review, measure, status: str) -> None:
    """It is a problem: nobody knows whether the carried figures are right."""
    found = review(carried=(measure("toy", 3),), outcomes={TOY: (status, "because")})
    assert found.problems == [f"toy-grains: {status}: because"]
    assert (found.unmeasured, found.unchecked) == ([], [])


def test_a_report_of_success_without_a_result_is_no_success(review, measure) -> None:
    """Somebody has taken the file out."""
    found = review(carried=(measure("toy", 3),), outcomes={TOY: ("ok", "")})
    assert found.problems == ["toy-grains: error: no result file of it came along"]


@pytest.mark.parametrize(
    ("value", "missed"), [(0.6, []), (0.5, []), (0.49, [HITS]), (None, [HITS]), (float("nan"), [HITS])]
)
def test_a_missed_threshold_is_a_problem(review, measure, project, value: float | None, missed: list[str]) -> None:
    """Also one of a figure that is not there or is undefined."""
    floors = {"grains": {HITS: 0.5}}
    registry = replace(project, models={**project.models, "toy": replace(project.models["toy"], thresholds=floors)})
    found = review(measure("toy", 3, metrics={HITS: value}), registry=registry)
    assert [text.partition(" is ")[0] for text in found.cells[0].missed] == missed
    assert len(found.problems) == len(missed)


def test_what_a_reader_found_strange_is_a_problem(review, measure) -> None:
    """Such as figures that do not follow from their outcomes."""
    assert review(measure("toy", 3), carried=(measure("toy", 3),), notes=("grains: strange",)).problems == [
        "grains: strange"
    ]


def test_the_published_bytes_stay_where_measuring_says_the_same(review, measure) -> None:
    """The diff has no noise of another machine; what really changed is in it."""
    older = measure("toy", 16)
    near = replace(older, metrics={**older.metrics, "knn3.accuracy": 0.5})
    nearer = replace(older, metrics={**older.metrics, "knn3.accuracy": 0.5009})
    (change,) = review(nearer, carried=(near,), published=(near,), files=("conftest.py",)).changes
    assert (change.kind, change.elsewhere) == ("unchanged", ())
    (change,) = review(measure("toy", 40), carried=(older,), published=(older,), files=("conftest.py",)).changes
    assert (change.kind, change.figures[0].verdict) == ("changed", "worse")


def test_a_forged_figure_is_shown_as_a_merge_would_bring_it(review, measure) -> None:
    """The change is that of the file, and beside it stands that measuring gives something else."""
    published, forged = measure("toy", 16), measure("toy", 0)
    found = review(published, carried=(forged,), published=(published,))
    assert [change.kind for change in found.changes] == ["changed"]
    assert len(found.problems) == 1


def test_a_removed_model_leaves_the_table_and_a_renamed_one_comes_back(review, measure, project) -> None:
    """Both are in the diff."""
    models = {**project.models, "troy": replace(project.models["toy"], id="troy")}
    renamed = replace(project, models={id_: spec for id_, spec in models.items() if id_ != "toy"})
    older, newer = measure("toy", 16), measure("troy", 16)
    files = (FILE.format("toy"), FILE.format("troy"))
    found = review(newer, carried=(newer,), published=(older,), files=files, registry=renamed)
    assert [(change.cell.model, change.kind) for change in found.changes] == [("toy", "removed"), ("troy", "new")]
    assert found.problems == []


def test_carried_figures_that_nothing_measures_again_are_named(review, measure, two_sets, project) -> None:
    """Of data that only the contributor has, or of a gated model: nobody has seen them confirmed."""
    registry = replace(project, datasets=two_sets.datasets)
    spores, gated = measure("toy", 0, dataset="spores"), measure("top", 0)
    files = ("leaderboard/results/spores/toy.json", FILE.format("toy"), FILE.format("top"))
    found = review(measure("toy", 3), carried=(measure("toy", 3), spores, gated), files=files, registry=registry)
    assert list(found.unchecked) == [Cell("toy", "spores"), Cell("top", "grains")]
    assert {(change.cell, change.kind) for change in found.changes} == {
        (TOY, "new"),
        (Cell("toy", "spores"), "new"),
        (Cell("top", "grains"), "new"),
    }


def test_a_result_that_is_taken_away_leaves_the_table(review, measure) -> None:
    """Unless it is measured again: then it is what it was."""
    older = measure("toy", 16)
    assert [change.kind for change in review(published=(older,), outcomes={}).changes] == ["removed"]
    assert [change.kind for change in review(older, published=(older,)).changes] == ["unchanged"]


def test_cells_of_unknown_models_and_data_sets_are_passed_over(review, measure) -> None:
    """What lies in the folder of an older run concerns nobody."""
    strange = (measure("tuk", 3), measure("toy", 3, dataset="nowhere"))
    found = review(measure("toy", 3), *strange, carried=(measure("toy", 3),))
    assert [one.cell for one in found.cells] == [TOY]


def test_one_model_can_be_reviewed_by_itself(project, propose, measure) -> None:
    """As each job does: what another one is to measure is not missing."""
    results = [measure("tin", 5), measure("toy", 3)]
    changed = compute_changed(propose(project, "conftest.py", FILE.format("tin"), FILE.format("top"), results=results))
    own = narrow(changed, "toy")
    assert (list(own.reasons), own.open, list(own.gated)) == (["toy"], ["toy"], [])
    assert narrow(changed, "top").open == []
    outcomes = {Cell("tin", "grains"): ("error", "x"), TOY: ("ok", "")}
    measured = narrow_measured(Measured(results, outcomes), "toy")
    assert ([one.model for one in measured.results], list(measured.outcomes)) == (["toy"], [TOY])
