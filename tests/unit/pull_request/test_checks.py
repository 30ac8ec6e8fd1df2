"""What a pull request lacks: each thing once, with its place and what mends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from leaderboard.pull_request.checks import (
    Finding,
    find_in_entries,
    find_orphans,
    find_removed,
    find_strange_files,
)
from leaderboard.pull_request.sides import Side
from leaderboard.records import Reported, Result, Source
from leaderboard.registry import Registry
from leaderboard.thresholds import compute_floors

F1, HITS = "knn1.f1_macro", "retrieval.precision_at_n"
TOY = "leaderboard/results/grains/toy.json"
RUN = "pytest -k toy"
THRESHOLDS = "python -m leaderboard thresholds toy"
CHECK = "python -m leaderboard check"


@pytest.fixture
def complete(crowd: Registry, measure) -> tuple[Registry, list[Result]]:
    """Three models with results and the floors that these give."""
    results = [measure("tin", 30), measure("top", 8), measure("toy", 16)]
    floors = {id_: compute_floors(crowd, results, id_) for id_ in crowd.models}
    models = {id_: replace(crowd.models[id_], thresholds=floors[id_]) for id_ in sorted(crowd.models)}
    return replace(crowd, models=models), results


def find(registry: Registry, results: Sequence[Result], *models: str) -> list[Finding]:
    """In these entries, of which the first stands on line 10, the next on line 20."""
    lines = {id_: 10 * number for number, id_ in enumerate(registry.models, 1)}
    wanted = models or ["toy"]
    return list(find_in_entries(Side(None, registry, results), wanted, lines.__getitem__, measured=wanted))


def with_floors(registry: Registry, **floors: float) -> Registry:
    """With these floors of toy on grains, named by their protocol."""
    names = {"knn1": F1, "retrieval": HITS, "knn3": "knn3.accuracy"}
    thresholds = {"grains": {names[name]: value for name, value in floors.items()}}
    return replace(registry, models={**registry.models, "toy": replace(registry.models["toy"], thresholds=thresholds)})


def test_a_complete_entry_has_no_finding(complete) -> None:
    """Neither in the entry, nor in its result, nor in its floors."""
    registry, results = complete
    assert find(registry, results, *registry.models) == []
    assert list(find_orphans(Side(None, registry, results))) == []


def test_an_entry_out_of_order_is_named_with_the_one_before_it(complete) -> None:
    """Once for each that stands too late; whichever models the pull request concerns."""
    registry, results = complete
    models = {id_: registry.models[id_] for id_ in ("toy", "tin", "top")}
    (finding,) = find(replace(registry, models=models), results, "top")
    assert finding.place == "models.yaml:20"
    assert finding.problem.startswith("'tin' stands behind 'toy'; entries are sorted by id")
    assert finding.repair == f"{CHECK} --repair"


def test_a_licence_that_nobody_declared_is_a_question_to_a_person(complete) -> None:
    """No command knows it, and none is to be invented."""
    registry, results = complete
    toy = replace(registry.models["toy"], licence=None)
    (finding,) = find(replace(registry, models={**registry.models, "toy": toy}), results)
    assert finding.place == "models.yaml:30"
    assert "model 'toy': no licence" in finding.problem
    assert "`licence: not stated` once you have looked" in finding.repair
    assert finding.repair.endswith(f"; then `{CHECK}`")
    declared = replace(toy, licence="not stated")
    assert find(replace(registry, models={**registry.models, "toy": declared}), results) == []


def test_each_unpinned_source_is_a_finding(complete) -> None:
    """With the command that pins them all."""
    registry, _ = complete
    sources = (Source("hub", "acme/toy"), Source("hub", "acme/copy", revision="1" * 40), Source("url", "http://a/b"))
    toy = replace(registry.models["toy"], sources=sources)
    found = [one for one in find(replace(registry, models={**registry.models, "toy": toy}), []) if "unp" in one.problem]
    assert [one.problem.partition(": ")[2] for one in found] == [
        "hub:acme/toy is unpinned; tomorrow it may be another model",
        "url:http://a/b is unpinned; tomorrow it may be another model",
    ]
    assert {one.repair for one in found} == {"python -m leaderboard pin toy"}


def test_a_model_without_a_result_is_measured_where_everybody_can(complete) -> None:
    """On every ranked data set that is fetched by itself; one that only the user can place is not asked for."""
    registry, _ = complete
    (finding,) = find(registry, [])
    assert (finding.place, finding.repair) == ("models.yaml:30", RUN)
    assert finding.problem == "model 'toy': not measured on any data set"
    fetched = {
        name: replace(registry.datasets["grains"], id=name, kind="archive", ranked=name != "smoke")
        for name in ("spores", "pollen", "smoke")
    }
    more = replace(registry, datasets={**registry.datasets, **fetched})
    (finding,) = find(more, [])
    assert finding.problem == "model 'toy': not measured on spores, pollen"


def test_a_gated_model_is_measured_by_maintainers(complete) -> None:
    """Its contributor cannot."""
    registry, _ = complete
    gate = (Source("hub", "acme/toy", revision="1" * 40, gated=True),)
    toy = replace(registry.models["toy"], sources=gate, thresholds={})
    assert find(replace(registry, models={**registry.models, "toy": toy}), []) == []


def test_a_stale_result_names_what_differs_and_nothing_else(complete, measure) -> None:
    """Figures of another entry say nothing about its floors."""
    registry, results = complete
    stale = measure("toy", 79, inputs={"extraction": 0, "dataset": "e" * 64})
    (finding,) = find(registry, [*results[:2], stale])
    assert (finding.place, finding.repair) == (TOY, RUN)
    assert finding.problem == "not of this entry: data, extraction differ"


def test_a_figure_that_its_outcomes_do_not_give_is_contradicted(complete, measure) -> None:
    """Edited by hand, it is found without measuring; floors are not looked at."""
    registry, results = complete
    edited = measure("toy", 16, metrics={F1: 0.81})
    (finding,) = find(registry, [*results[:2], edited])
    assert (finding.place, finding.repair) == (TOY, RUN)
    assert finding.problem.startswith(f"{F1} is 0.81, but its stored outcomes give 0.79")


def test_a_missing_floor_of_the_ranking_figure(complete) -> None:
    """Only of that one, and only where the data set ranks."""
    registry, results = complete
    (finding,) = find(with_floors(registry), results)
    assert finding == Finding("toy on grains", f"no threshold for {F1}, by which it ranks", THRESHOLDS)
    grains = replace(registry.datasets["grains"], ranked=False)
    assert find(replace(with_floors(registry), datasets={"grains": grains}), results) == []


def test_a_floor_above_the_measured_figure(complete) -> None:
    """It fails its own test; and the exact figure is none."""
    registry, results = complete
    value = results[2].metrics[F1]
    assert find(with_floors(registry, knn1=value), results) == []
    (finding,) = find(with_floors(registry, knn1=0.99), results)
    assert finding == Finding("toy on grains", f"threshold of {F1} 0.99 is above the measured {value:.3f}", THRESHOLDS)


def test_a_floor_that_would_notice_nothing(complete) -> None:
    """More than three resolutions below the figure; what the command writes is one below."""
    registry, results = complete
    value, honest = results[2].metrics[F1], registry.models["toy"].thresholds["grains"][F1]
    resolution = value - honest
    assert 0.01 < resolution < 0.2
    assert find(with_floors(registry, knn1=value - 2.9 * resolution), results) == []
    (finding,) = find(with_floors(registry, knn1=value - 3.1 * resolution), results)
    assert finding.repair == THRESHOLDS
    assert f"would notice nothing: measured is {value:.3f}, at least {value - 3 * resolution:.3f} is expected" in (
        finding.problem
    )


def test_each_floor_is_judged_by_itself(complete) -> None:
    """Of the table's other columns too."""
    registry, results = complete
    found = find(with_floors(registry, knn1=0.99, retrieval=0.01), results)
    assert [one.problem.split(" ")[2] for one in found] == [F1, HITS]


@pytest.mark.parametrize("value", [None, float("nan"), 0.5])
def test_a_floor_of_a_figure_that_no_table_shows_is_judged_too(complete, measure, value: float | None) -> None:
    """It fails where the figure is missing, undefined or lower; a person decides, since the command leaves it alone."""
    registry, results = complete
    floors = registry.models["toy"].thresholds["grains"]
    judged = with_floors(registry, knn1=floors[F1], knn3=0.6)
    (finding,) = find(judged, [*results[:2], measure("toy", 16, metrics={"knn3.accuracy": value})])
    assert finding.problem.startswith("threshold of knn3.accuracy 0.6 is above the measured ")
    assert finding.repair == f"correct it in models.yaml, or take it out; then `{CHECK}`"
    assert find(judged, [*results[:2], measure("toy", 16, metrics={"knn3.accuracy": 0.7})]) == []


@pytest.mark.parametrize("gated", [False, True])
def test_a_floor_without_a_result_rests_on_a_reported_figure(complete, gated: bool) -> None:
    """It is not above that; where there is neither, it is taken out or measured. A gated model's no less."""
    registry, results = complete
    gate = (Source("hub", "acme/toy", revision="1" * 40, gated=gated),)

    def judge(**reported: Reported) -> list[Finding]:
        floors = {"grains": {F1: 0.6, "knn3.accuracy": 0.4}}
        toy = replace(registry.models["toy"], sources=gate, thresholds=floors, reported=reported)
        proposed = replace(registry, models={**registry.models, "toy": toy})
        side = Side(None, proposed, results[:2])
        return list(find_in_entries(side, ["toy"], lambda _: 30, measured=["toy"] if gated else []))

    assert judge(grains=Reported({F1: 0.6, "knn3.accuracy": 0.4}, "A paper.")) == []
    above, missing = judge(grains=Reported({F1: 0.59}, "A paper."))
    assert above == Finding("toy on grains", f"threshold of {F1} 0.6 is above the reported 0.59", THRESHOLDS)
    assert missing.problem == "threshold of knn3.accuracy without a measured or reported figure"
    assert missing.repair == "take it out of models.yaml:30, or `pytest --model toy`"
    assert [one.problem.split(" ")[2:4] for one in judge()] == [[F1, "without"], ["knn3.accuracy", "without"]]


def test_a_result_that_is_taken_away_is_given_back(complete, propose) -> None:
    """Where its entry stays; with the entry, the result goes too."""
    registry, results = complete
    (finding,) = find_removed(propose(registry, TOY, results=results[:2], older=results))
    repair = f"git checkout {'0' * 12} -- {TOY}"
    assert finding == Finding(TOY, "result removed, its entry is still there", repair)
    fewer = replace(registry, models={id_: registry.models[id_] for id_ in ("tin", "top")})
    assert list(find_removed(propose(fewer, TOY, before=registry, results=results[:2], older=results))) == []
    assert list(find_removed(propose(registry, results=results))) == []


def test_results_without_an_entry_are_orphans(complete, measure) -> None:
    """Of a model or of a data set; they are removed, committed or not."""
    registry, results = complete
    elsewhere = measure("toy", 3, dataset="nowhere")
    found = list(find_orphans(Side(None, registry, [*results, measure("tuk", 3), elsewhere])))
    assert found == [
        Finding(
            "leaderboard/results/grains/tuk.json",
            "model 'tuk' has no entry (renamed or removed?)",
            "rm leaderboard/results/grains/tuk.json",
        ),
        Finding(
            "leaderboard/results/nowhere/toy.json",
            "data set 'nowhere' has no entry (renamed or removed?)",
            "rm leaderboard/results/nowhere/toy.json",
        ),
    ]
    assert find(registry, [*results, elsewhere]) == []


@pytest.mark.parametrize("name", ["notes.txt", "grains/toy.json.bak", "grains/deep/toy.json", "toy.json", "grains/.x"])
def test_a_file_that_is_no_result_is_strange(name: str) -> None:
    """Nothing reads it."""
    (finding,) = find_strange_files([f"leaderboard/results/{name}", TOY, "leaderboard/README.md", "results/x"])
    assert (finding.place, finding.repair) == (f"leaderboard/results/{name}", f"rm leaderboard/results/{name}")


def test_a_strange_name_cannot_become_a_command_of_its_own() -> None:
    """Quoted, on one line."""
    (finding,) = find_strange_files(["leaderboard/results/a; rm -rf x\n::warning::"])
    assert finding.repair == "rm 'leaderboard/results/a; rm -rf x\\n::warning::'"
