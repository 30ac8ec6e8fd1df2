"""What a protocol gives changes with its version only: the records in tests/golden/versions/."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from record_versions import (
    TOLERANCE,
    VERSIONS,
    check_record,
    compute_record,
    find_changes,
    load_sets,
    main,
    record_path,
    save_record,
)

from leaderboard.errors import LeaderboardError
from leaderboard.protocols import PROTOCOLS
from leaderboard.records import Embeddings, Scores
from leaderboard.staleness import why_stale

FIRST = replace(PROTOCOLS["knn"], version=1)
COMMAND = "python tests/record_versions.py"


@pytest.fixture(scope="module")
def sets() -> Mapping[str, Embeddings]:
    """105 images of six genera, 32 of two."""
    return load_sets()


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[..., None]:
    """Stores a record of ``FIRST`` in a folder of the test's own, with metrics given by hand."""

    def make(**metrics: float) -> None:
        save_record(FIRST, {"libraries": {"numpy": "2.4.6"}, "sets": {"grains": {"metrics": metrics}}}, tmp_path)

    return make


@pytest.mark.parametrize("name", PROTOCOLS)
def test_figures_are_those_recorded_for_the_version(name: str, sets) -> None:
    """If this fails, the message says which figure changed and what to do."""
    check_record(PROTOCOLS[name], compute_record(PROTOCOLS[name], sets))


def test_every_version_up_to_the_current_one_has_its_record() -> None:
    """Older ones stay, for what has changed since; a lowered version or a record of no protocol is noticed."""
    expected = {f"{name}-{v}.json" for name, protocol in PROTOCOLS.items() for v in range(1, protocol.version + 1)}
    assert {path.name for path in VERSIONS.glob("*.json")} == expected


@pytest.mark.parametrize("name", PROTOCOLS)
def test_last_digits_of_the_vectors_change_no_record(name: str, sets) -> None:
    """So neither does another BLAS: no decision among these images is so narrow."""
    draws = np.random.default_rng(0)
    moved = {of: replace(found, vectors=_move(found.vectors, draws)) for of, found in sets.items()}
    check_record(PROTOCOLS[name], compute_record(PROTOCOLS[name], moved))


def _move(vectors: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    """By about a millionth of each component: ten times the rounding of float32."""
    moved = (vectors * draws.normal(1, 1e-6, vectors.shape)).astype(np.float32)
    assert not np.array_equal(moved, vectors)
    return moved


# ---- a changed formula


def _average_over_absent_classes_too(confusion: np.ndarray) -> dict[str, float]:
    """F1 as it would be with classes that neither truth nor prediction has."""
    scores = dict(import_module("leaderboard.protocols._confusion").compute_scores(confusion))
    present = np.count_nonzero(confusion.sum(axis=0) + confusion.sum(axis=1))
    return scores | {"f1_macro": scores["f1_macro"] * present / len(confusion)}


CHANGES: Mapping[str, tuple[str, str, Any, str]] = {  # protocol, what is replaced, by what, what the message names
    "average of F1": ("knn", "knn.compute_scores", _average_over_absent_classes_too, "six genera, metrics, knn1.f1_m"),
    "share of test images": ("linear", "_splits.TEST_SHARE", 0.25, "six genera, metrics, linear.log_loss is "),
    "number of repeats": ("learning_curve", "learning_curve.REPEATS", 2, "six genera, metrics, learning_curve.lr.f30."),
    "number of draws": ("few_shot", "few_shot.REPEATS", 10, "six genera, metrics, few_shot.lr.k1."),
    "cut-offs": ("retrieval", "retrieval.CUTOFFS", (1, 10), "six genera, metrics, retrieval.precision_at_20 is gone, "),
    "length of vectors": ("disparity", "disparity.normalise", np.asarray, "six genera, metrics, disparity.mean_pairwi"),
    "variance kept": ("clustering", "clustering.VARIANCE", 0.94, "two genera, metrics, clustering.pca."),
    "options of UMAP": (
        "clustering",
        "clustering.UMAP_NEIGHBOURS",
        15,
        "six genera, umap[0], n_neighbors is 15, not 30",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_formula_is_refused_with_the_figure_and_the_remedy(change: str, sets, monkeypatch) -> None:
    """In the protocol's own file or in one that it shares with others."""
    name, where, new, expected = CHANGES[change]
    monkeypatch.setattr(f"leaderboard.protocols.{where}", new)
    protocol = PROTOCOLS[name]
    with pytest.raises(LeaderboardError) as refused:
        check_record(protocol, compute_record(protocol, sets))
    message = str(refused.value)
    assert message.startswith(f"protocol '{name}': {expected}")
    assert f" as version {protocol.version} was recorded" in message
    remedy = f"raise `version` to {protocol.version + 1} in leaderboard/protocols/{name}.py and run `{COMMAND} {name}`"
    assert f"; if this is meant, {remedy}, else undo the change" in message


def test_a_changed_formula_under_a_new_version_asks_for_its_record(sets, monkeypatch, tmp_path) -> None:
    """Once recorded it is the measure, and the older record is still there."""
    old = PROTOCOLS["disparity"]
    new = replace(old, version=old.version + 1)
    save_record(old, compute_record(old, sets), tmp_path)
    monkeypatch.setattr("leaderboard.protocols.disparity.normalise", np.asarray)
    record = compute_record(new, sets)
    with pytest.raises(LeaderboardError, match=rf"version {new.version} has no record; run `{COMMAND} disparity`"):
        check_record(new, record, tmp_path)
    assert save_record(new, record, tmp_path) == f"disparity-{new.version}.json recorded"
    check_record(new, record, tmp_path)
    with pytest.raises(LeaderboardError, match=r"disparity\.mean_pairwise_distance is "):
        check_record(old, record, tmp_path)


# ---- the comparison


def test_a_change_shows_both_values_and_how_many_more_there_are(recorded, tmp_path) -> None:
    """And the libraries that are others than at the time: the change may be theirs."""
    recorded(a=0.25, b=0.5, c=0.75)
    now = {"libraries": {"numpy": "3.0.0"}, "sets": {"grains": {"metrics": {"a": 0.25, "b": 0.125, "d": 1.0}}}}
    expected = (
        r"grains, metrics, b is 0\.125, not 0\.5 as version 1 was recorded \(2 more changed\) with numpy 2\.4\.6 and n"
    )
    with pytest.raises(LeaderboardError, match=expected):
        check_record(FIRST, now, tmp_path)


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        (0.5, 0.5 * (1 + 0.9 * TOLERANCE), True),
        (0.5, 0.5 * (1 + 1.1 * TOLERANCE), False),
        (0.0, 1e-12, True),
        (None, None, True),
        (None, 0.0, False),
        (3, 4, False),
        ([1, 2], [1, 3], False),
        ([1, 2], [1, 2, 3], False),
        ([1], [], False),
        (1000000, 1000001, False),
    ],
)
def test_figures_are_compared_relatively_and_whole_numbers_exactly(before: Any, after: Any, same: bool) -> None:
    """A figure that is not defined is the same as itself only."""
    assert (find_changes({"x": before}, {"x": after}, TOLERANCE) == []) is same


# ---- recording


def test_a_record_is_kept_when_it_agrees_and_never_written_over(recorded, tmp_path) -> None:
    """Figures that changed belong to a new version, not into an old file."""
    recorded(a=0.25)
    before = record_path(FIRST, tmp_path).read_bytes()
    near, far = ({"libraries": {}, "sets": {"grains": {"metrics": {"a": value}}}} for value in (0.25 + 1e-9, 0.5))
    assert save_record(FIRST, near, tmp_path) == "knn-1.json is as recorded"
    with pytest.raises(LeaderboardError, match=r"grains, metrics, a is 0\.5, not 0\.25"):
        save_record(FIRST, far, tmp_path)
    assert record_path(FIRST, tmp_path).read_bytes() == before


def test_the_command_records_what_is_asked_for(monkeypatch, capsys) -> None:
    """What it refuses it says in a line, and the shell is told."""
    done = {name: f"{record_path(PROTOCOLS[name]).name} is as recorded\n" for name in ("retrieval", "disparity")}
    assert main(["retrieval", "disparity"]) is None
    assert capsys.readouterr().out == done["retrieval"] + done["disparity"]
    assert str(main(["knnn"])).startswith("protocol 'knnn' is unknown; choose from clustering, ")
    monkeypatch.setitem(PROTOCOLS, "knn", replace(PROTOCOLS["knn"], compute=lambda _: Scores(metrics={})))
    assert str(main(["knn", "disparity"])).startswith(
        "protocol 'knn': six genera, metrics, knn1.f1_macro is gone, not 0."
    )
    assert capsys.readouterr().out == done["disparity"]


def test_records_are_json_without_what_json_has_not() -> None:
    """A figure that is not defined is null."""
    for path in VERSIONS.glob("*.json"):
        fields = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
        assert path.name == f"{fields['protocol']}-{fields['version']}.json"
        assert all(part["metrics"] for part in fields["sets"].values())


# ---- what a new version does


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_new_version_makes_stored_results_stale(name: str, registry, make_result, monkeypatch) -> None:
    """And nothing else does: neither the day nor the machine."""
    result, spec, dataset = make_result(), registry.model("toy"), registry.dataset("grains")
    assert why_stale(result, spec, dataset) == []
    monkeypatch.setitem(PROTOCOLS, name, replace(PROTOCOLS[name], version=PROTOCOLS[name].version + 1))
    assert why_stale(result, spec, dataset) == ["protocols"]
    others = tuple(other for other in PROTOCOLS if other != name)
    without = {"protocols": {other: PROTOCOLS[other].version for other in others}}
    assert why_stale(make_result(inputs=without), spec, replace(dataset, protocols=others)) == []
