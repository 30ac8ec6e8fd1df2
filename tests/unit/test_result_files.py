"""Result files: bytes that stay, measurements that agree, inputs that have changed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from leaderboard.errors import LeaderboardError
from leaderboard.records import Result
from leaderboard.result_files import format_result, load_result, load_results, save_result, tidy

COMMITTED = Path(__file__).parents[2] / "leaderboard" / "results"


def test_a_result_round_trips_to_the_last_digit(tmp_path: Path, make_result: Callable[..., Result]) -> None:
    """Floats keep their digits, NaN survives as null."""
    result = make_result(metrics={"knn1.f1_macro": 0.1 + 0.2}, per_class={"knn1.f1": [1 / 3, math.nan]})
    save_result(tmp_path, result, tolerance=0)
    path = tmp_path / "grains" / "toy.json"
    again = load_result(path)
    assert again.metrics["knn1.f1_macro"] == 0.1 + 0.2
    assert again.per_class["knn1.f1"][0] == 1 / 3
    assert math.isnan(again.per_class["knn1.f1"][1])
    assert format_result(again) == path.read_text() == format_result(result)


def test_every_committed_file_is_the_same_text_when_loaded_and_formatted_again() -> None:
    """Whatever version wrote it: measuring a cell again as it was leaves `git status` clean."""
    paths = sorted(COMMITTED.glob("*/*.json"))
    assert {path.parent.name for path in paths} >= {"palynomorphs-20", "synthetic-palynomorphs"}
    changed = [str(path) for path in paths if format_result(load_result(path)) != path.read_text(encoding="utf-8")]
    assert changed == []


def test_a_figure_that_is_undefined_is_stored_as_null(tmp_path, make_result) -> None:
    """It comes back as NaN, and whole numbers as whole numbers."""
    result = make_result(metrics={"knn1.f1_macro": math.nan, "clustering.pca.hdbscan.clusters": 7})
    save_result(tmp_path, result, tolerance=0)
    path = tmp_path / "grains" / "toy.json"
    again = load_result(path)
    assert '"knn1.f1_macro": null' in path.read_text()
    assert math.isnan(again.metrics["knn1.f1_macro"])
    assert isinstance(again.metrics["clustering.pca.hdbscan.clusters"], int)
    assert format_result(again) == path.read_text()


def test_specimens_are_written_where_there_are_some(make_result) -> None:
    """Files of data sets that know none do not change."""
    assert "specimens" not in json.loads(format_result(make_result()))
    assert json.loads(format_result(make_result(specimens=[0, 0, 1, 1])))["specimens"] == [0, 0, 1, 1]


def test_specimens_round_trip(tmp_path, make_result) -> None:
    """None and those that there are."""
    for specimens in (None, [0, 0, 1, 1]):
        save_result(tmp_path, make_result(specimens=specimens, dataset=f"set-{specimens is None}"), tolerance=0)
    assert [result.specimens for result in load_results(tmp_path)] == [[0, 0, 1, 1], None]


def test_lists_of_numbers_take_one_line(make_result) -> None:
    """So that git shows which split changed, and files stay small."""
    text = format_result(make_result(outcomes={"knn": {"test": [[1, 2], [3, 4]]}}))
    assert "[1,2],\n" in text
    assert json.loads(text)["outcomes"]["knn"]["test"] == [[1, 2], [3, 4]]


def test_the_same_measurement_changes_no_byte(tmp_path, make_result) -> None:
    """Neither does one within the tolerance on another machine: the file is not even touched."""
    save_result(tmp_path, make_result(), tolerance=0.002)
    path = tmp_path / "grains" / "toy.json"
    before, touched = path.read_bytes(), path.stat().st_mtime_ns
    near = make_result(metrics={"knn1.f1_macro": 0.5019}, environment={"device": "cuda"})
    kept = save_result(tmp_path, near, tolerance=0.002)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, touched)
    assert kept.metrics["knn1.f1_macro"] == 0.5


@pytest.mark.parametrize(
    "change",
    [
        {"metrics": {"knn1.f1_macro": 0.5021}},
        {"metrics": {"knn1.f1_macro": 0.5, "knn3.f1_macro": 0.5}},
        {"inputs": {"dataset": "other"}},
        {"left_out": ["a/1.png"]},
        {"labels": [0, 1, 1, 1]},
        {"dimension": 191},
        {"outcomes": {"knn": {"test": [[0, 2]]}}},
        {"outcomes": {"knn": {"test": [[0, 1, 2]]}}},
        {"per_class": {"knn1.f1": [0.5, 0.9]}},
        {"model": {"weights": {"source": "none", "config.json": "other"}}},
    ],
)
def test_a_different_measurement_replaces_the_stored_one(tmp_path, make_result, change) -> None:
    """Beyond the tolerance, with other metrics, other inputs or fewer images."""
    known = {"outcomes": {"knn": {"test": [[0, 1]]}}, "per_class": {"knn1.f1": [0.5, 0.5]}}
    save_result(tmp_path, make_result(**known), tolerance=0.002)
    new = make_result(**(known | change))
    save_result(tmp_path, new, tolerance=0.002)
    assert (tmp_path / "grains" / "toy.json").read_text() == format_result(new)


def test_speed_is_kept_while_the_inputs_are_the_same(tmp_path, make_result) -> None:
    """A run that does not record speed leaves it; another revision drops it."""
    timed = replace(make_result(), speed={"images_per_second": 50.0})
    save_result(tmp_path, timed, tolerance=0.002)
    assert save_result(tmp_path, make_result(), tolerance=0.002).speed == timed.speed
    moved = make_result(metrics={"knn1.f1_macro": 0.9})
    assert save_result(tmp_path, moved, tolerance=0.002).speed == timed.speed
    assert save_result(tmp_path, make_result(inputs={"dataset": "new"}), tolerance=0.002).speed is None


def test_a_result_under_another_name_is_refused(tmp_path, make_result) -> None:
    """A copied file must not become another model's row."""
    save_result(tmp_path, make_result(), tolerance=0)
    path = tmp_path / "grains" / "toy.json"
    path.rename(path.with_name("top.json"))
    with pytest.raises(LeaderboardError, match=r"top.json is no result file \(it is of toy on grains\)"):
        load_results(tmp_path)


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"format": 2}', '{"format": 1, "model": "x"}', "\x00"])
def test_a_file_that_is_no_result_is_named(tmp_path, text: str) -> None:
    """With what to do about it."""
    path = tmp_path / "grains" / "toy.json"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(LeaderboardError, match=r"toy.json is no result file .* measure the cell again"):
        load_results(tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"metrics": {"knn1.f1_macro": "0.5"}}, "knn1.f1_macro is '0.5', no number"),
        ({"metrics": {"knn1.f1_macro": True}}, "knn1.f1_macro is True, no number"),
        ({"metrics": {"knn1.f1_macro": [0.5]}}, r"knn1.f1_macro is \[0.5\], no number"),
        ({"metrics": [0.5]}, "'list'"),
        ({"metrics": None}, "'NoneType'"),
        ({"per_class": {"knn1.f1": [0.5, "0.5"]}}, "knn1.f1 is '0.5', no number"),
        ({"per_class": {"knn1.f1": 0.5}}, "'float'"),
        ({"outcomes": {"knn": None}}, "outcomes of knn are no mapping"),
        ({"outcomes": {"knn": 3}}, "outcomes of knn are no mapping"),
        ({"outcomes": {"knn": [0, 1]}}, ""),
        ({"outcomes": {"knn": "none"}}, ""),
        ({"outcomes": [{"knn": {}}]}, "'list'"),
    ],
)
def test_a_file_with_damaged_contents_is_named(tmp_path, make_result, change, reason: str) -> None:
    """When it is read, in one line: nothing behind it has to expect text for a figure."""
    path = tmp_path / "grains" / "toy.json"
    path.parent.mkdir()
    path.write_text(json.dumps(json.loads(format_result(make_result())) | change))
    with pytest.raises(
        LeaderboardError, match=rf"toy\.json is no result file \(.*{reason}.*measure the cell again$"
    ) as raised:
        load_result(path)
    assert len(str(raised.value).splitlines()) == 1


def test_the_data_frame_has_a_row_per_metric_and_class(make_result) -> None:
    """Whole-set metrics have an empty class."""
    frame = tidy([make_result(per_class={"knn1.f1": [0.25, 0.75]})])
    assert list(frame.columns) == ["dataset", "model", "metric", "class", "value"]
    assert frame[frame["class"] == "b"]["value"].tolist() == [0.75]
    assert frame[frame["class"] == ""]["metric"].tolist() == list(make_result().metrics)


def test_the_same_tensors_from_another_source_keep_the_stored_bytes(tmp_path, make_result) -> None:
    """The digest decides what the model is; where it was fetched does not."""
    package = {"source": "package:p", "digest": "e" * 64}
    save_result(tmp_path, make_result(model={"weights": package}), tolerance=0)
    before = (tmp_path / "grains" / "toy.json").read_bytes()
    hub = make_result(model={"weights": {"source": "hub:a/b", "revision": "1" * 40, "digest": "e" * 64}})
    save_result(tmp_path, hub, tolerance=0)
    assert (tmp_path / "grains" / "toy.json").read_bytes() == before


@pytest.mark.parametrize(
    "canary",
    [{}, {"norms": [1.0, None], "cosines": [0.5]}, {"norms": [1.0, 2.0], "cosines": [0.5, 0.5]}],
    ids=["empty", "null", "too-many-pairs"],
)
def test_a_canary_that_is_none_is_named(tmp_path, make_result, canary) -> None:
    """Nothing could be compared with it: the file is refused, in one line."""
    path = tmp_path / "grains" / "toy.json"
    path.parent.mkdir()
    path.write_text(format_result(make_result(canary=canary)))
    with pytest.raises(LeaderboardError, match=r"toy\.json is no result file \(.*measure the cell again"):
        load_result(path)


UNSTEADY = {  # what of clustering another machine may give
    "metrics": {"knn1.f1_macro": 0.5, "clustering.pca.hdbscan.ari": 0.4, "clustering.pca.hdbscan.silhouette": 0.2},
    "outcomes": {"knn": {"test": [[0, 1]]}, "clustering": {"pca.hdbscan": [0, 0, 1, 1]}},
}


@pytest.mark.parametrize(
    "change",
    [
        {"metrics": UNSTEADY["metrics"] | {"clustering.pca.hdbscan.ari": 0.1}},
        {"metrics": {"knn1.f1_macro": 0.5, "clustering.pca.hdbscan.ari": 0.4}},
        {"outcomes": UNSTEADY["outcomes"] | {"clustering": {"pca.hdbscan": [0, 1, 2, -1]}}},
    ],
    ids=["figure", "figure-missing", "clusters"],
)
def test_other_clusters_alone_keep_the_stored_bytes(tmp_path, make_result, change) -> None:
    """Clustering is not repeatable on another machine, so that it cannot tell two measurements apart."""
    save_result(tmp_path, make_result(**UNSTEADY), tolerance=0.002)
    path = tmp_path / "grains" / "toy.json"
    before = path.read_bytes()
    save_result(tmp_path, make_result(**(UNSTEADY | change)), tolerance=0.002)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        {"metrics": UNSTEADY["metrics"] | {"knn1.f1_macro": 0.51}},
        {"outcomes": UNSTEADY["outcomes"] | {"knn": {"test": [[0, 2]]}}},
    ],
    ids=["figure", "outcome"],
)
def test_a_repeatable_figure_replaces_the_clusters_as_well(tmp_path, make_result, change) -> None:
    """A file holds one measurement, never parts of two."""
    save_result(tmp_path, make_result(**UNSTEADY), tolerance=0.002)
    clusters = {"clustering.pca.hdbscan.ari": 0.1, "clustering.pca.hdbscan.silhouette": 0.2}
    fields = UNSTEADY | change
    new = make_result(**(fields | {"metrics": fields["metrics"] | clusters}))
    save_result(tmp_path, new, tolerance=0.002)
    assert (tmp_path / "grains" / "toy.json").read_text() == format_result(new)
