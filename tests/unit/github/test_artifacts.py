"""Artifacts that a pull request's own code has made: what is sound is read, everything else is one line."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaderboard.changes import compute_changes
from leaderboard.errors import LeaderboardError
from leaderboard.github.artifacts import LIMITS, LONGEST_REASON, Measured, parse_name, read_artifact
from leaderboard.github.measurement import LONGEST, RANGES, check_measurement, range_of
from leaderboard.github.members import Forged, Limits, read_members
from leaderboard.protocols import METRICS
from leaderboard.records import Cell, Result
from leaderboard.registry import Registry, load_registry
from leaderboard.render.changes import render_changes
from leaderboard.result_files import format_result, load_results
from leaderboard.rows import measured_row

ROOT = Path(__file__).parents[3]
PLACE = "results/grains/toy.json"
FRACTION = Limits(packed=1000, member=2000, total=3000, members=3)
Change = Callable[[dict[str, Any]], Any]


def pack(members: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip file of these."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return written.getvalue()


def report(*cells: Mapping[str, Any]) -> str:
    """A run report."""
    return json.dumps({"cells": cells})


def cell(**changes: Any) -> dict[str, Any]:
    """One cell of it."""
    return {"model": "toy", "dataset": "grains", "status": "ok", "reason": "", "shown": "ok"} | changes


@pytest.fixture
def text(measure: Callable[..., Result]) -> str:
    """A result file whose figures follow from its outcomes."""
    return format_result(measure("toy", 20))


@pytest.fixture
def read(crowd: Registry) -> Callable[..., Measured]:
    """Reads an artifact of these members, or these bytes."""

    def call(members: Mapping[str, str | bytes] | bytes, name: str = "measured-toy") -> Measured:
        content = members if isinstance(members, bytes) else pack(members)
        return read_artifact(name, content, datasets=crowd.datasets)

    return call


def refuse(read: Callable[..., Measured], *arguments: Any) -> str:
    """Why it is refused: one line that begins with the artifact's name."""
    with pytest.raises(Forged) as caught:
        read(*arguments)
    message = str(caught.value)
    assert message.startswith("artifact '")
    assert message.isprintable()
    assert len(message) < 400
    return message


def test_a_sound_artifact_gives_results_and_outcomes(read, text: str, tmp_path: Path, monkeypatch) -> None:
    """The result to the last digit, the run's word on each cell, no note; and no file is written anywhere."""
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    found = read({PLACE: text, "run-report.json": report(cell()), "junit.xml": "<hm", "README.md": "<script>"})
    assert (found.model, found.notes) == ("toy", ())
    assert [format_result(result) for result in found.results] == [text]
    assert found.outcomes == {Cell("toy", "grains"): ("ok", "")}
    assert sorted(tmp_path.rglob("*")) == before


def test_what_this_repository_has_measured_would_be_taken() -> None:
    """Every committed result is in form and in range, and gives no note; the longest reading takes no second."""
    registry, results = load_registry(ROOT), load_results(ROOT / "leaderboard" / "results")
    assert len(results) > 10
    for model in {result.model for result in results}:
        own = {f"results/{r.dataset}/{model}.json": format_result(r) for r in results if r.model == model}
        found = read_artifact(
            f"measured-{model}", pack(own | {"run-report.json": report()}), datasets=registry.datasets
        )
        assert len(found.results) == len(own)
        assert found.notes == ()


def test_a_run_that_ended_early_is_noted(read, text: str) -> None:
    """Without a report nothing is known of the cells; what was measured is there all the same."""
    found = read({PLACE: text})
    assert found.notes == ("no run-report.json: the run did not end",)
    assert found.outcomes == {}
    assert len(found.results) == 1


def test_an_edited_figure_is_noted_and_not_refused(read, text: str) -> None:
    """It is in form; what it is worth is said beside it."""
    fields = json.loads(text)
    fields["metrics"]["knn1.accuracy"] += 0.01
    (note,) = read({PLACE: json.dumps(fields), "run-report.json": report(cell())}).notes
    assert note.startswith("grains: knn1.accuracy is ")
    assert "stored outcomes give" in note


def test_a_long_reason_is_cut(read) -> None:
    """A skipped cell's reason is text of a stranger."""
    told = read({"run-report.json": report(cell(status="gated", reason="x" * 10_000))})
    assert told.outcomes[Cell("toy", "grains")] == ("gated", "x" * LONGEST_REASON)


@pytest.mark.parametrize(
    "name", ["toy", "measured-", "measured-../toy", "measured-Toy", "measured-a b", "Measured-toy"]
)
def test_an_artifact_is_named_after_a_model(name: str) -> None:
    """Other names are none of ours."""
    with pytest.raises(Forged, match="not named as expected, measured-<model id>"):
        parse_name(name)


def test_a_name_of_any_length_is_refused_in_one_short_line() -> None:
    """Control signs included."""
    with pytest.raises(Forged) as caught:
        parse_name("measured-\n" + "a" * 10_000)
    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


# ---- the zip file


@pytest.mark.parametrize(
    "name",
    [
        "/run-report.json",
        "../run-report.json",
        "results/../run-report.json",
        "results/grains/../../toy.json",
        "results\\grains\\toy.json",
        "C:/results/grains/toy.json",
        "results//toy.json",
        "Results/grains/toy.json",
        "results/grains/toy.JSON",
        "results/grains/",
        "results/grains/toy.json/more",
        "results/grains/toy.json ",
        "models.yaml",
        ".github/workflows/ci.yml",
        "run-report.json\0.png",
        "results/grains/\N{RIGHT-TO-LEFT OVERRIDE}yot.json",
        "x" * 5000,
    ],
)
def test_another_name_condemns_the_file(read, name: str) -> None:
    """Whatever it would mean on a disk; also beside what is sound."""
    content = pack({"junit.xml": "", name.replace("\0", "Z"): "{}"})
    message = refuse(read, content.replace(b"jsonZ.png", b"json\0.png"))
    assert "is unexpected; expected results/<data set>/<model>.json" in message


def test_a_member_may_be_there_once(read) -> None:
    """Two readers of a zip file need not agree on which one counts."""
    content = pack({"run-report.json": report(), "run-report.jsoM": report(cell())})
    message = refuse(read, content.replace(b"run-report.jsoM", b"run-report.json"))
    assert "'run-report.json' is there twice, expected once" in message


def test_a_link_is_refused(read) -> None:
    """Its content would be a path."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        link = zipfile.ZipInfo("run-report.json")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert "'run-report.json' is a link or a device, expected a file" in refuse(read, written.getvalue())


def test_an_encrypted_member_is_refused(read) -> None:
    """By its flag, whatever the content is."""
    content = bytearray(pack({"run-report.json": report()}))
    for header, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(header) + offset] |= 1
    assert "is encrypted, expected plain" in refuse(read, bytes(content))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_packings_are_refused(read, method: int) -> None:
    """GitHub's own are stored or deflated; others can take any amount of memory."""
    assert "expected 0 or 8" in refuse(read, pack({"run-report.json": report()}, method))


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18) + b"more", b"PK\x03\x04" * 50])
def test_what_is_no_zip_file_is_refused(read, content: bytes) -> None:
    """An empty archive is one without anything in it, which is no harm."""
    if content.startswith(b"PK\x05\x06"):
        assert read(content).results == ()
    else:
        assert "no sound zip file" in refuse(read, content)


def test_a_bomb_is_refused_before_it_is_unpacked(read) -> None:
    """A hundred megabytes of nothing take a hundred kilobytes."""
    bomb = pack({PLACE: bytes(LIMITS.member + 1)})
    assert len(bomb) < LIMITS.packed / 100
    assert f"has {LIMITS.member + 1:,} bytes, expected at most {LIMITS.member:,}" in refuse(read, bomb)


def test_a_bomb_that_lies_about_its_size_gives_no_more_than_it_declared(read) -> None:
    """Ten megabytes declared as ten bytes: what comes out does not fit its checksum."""
    content = bytearray(pack({PLACE: bytes(10_000_000)}))
    for header, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.index(header) + offset, 10)
    assert "no sound zip file (Bad CRC-32" in refuse(read, bytes(content))


def test_a_member_shorter_than_declared_is_refused(read) -> None:
    """Its end is missing."""
    content = bytearray(pack({PLACE: bytes(100)}))
    for header, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.index(header) + offset, 1000)
    refuse(read, bytes(content))


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"a": bytes(2001)}, "has 2,001 bytes, expected at most 2,000"),
        ({name: bytes(1900) for name in "ab"}, "unpacks to 3,800 bytes, expected at most 3,000"),
        (dict.fromkeys("abcd", b""), "has 4 members, expected at most 3"),
        ({"a": bytes(range(256)) * 4 + bytes(1)}, "bytes, expected at most 1,000"),
    ],
)
def test_every_limit_holds(members: dict[str, bytes], words: str) -> None:
    """Of the whole as it came, of its members, of their sum and their number."""
    method = zipfile.ZIP_STORED if words.endswith("at most 1,000") else zipfile.ZIP_DEFLATED
    with pytest.raises(Forged, match=words):
        read_members(pack(members, method), FRACTION, is_expected=lambda _: True, is_wanted=lambda _: True)


def test_what_lies_just_within_the_limits_is_read() -> None:
    """So that the limits are those that they say."""
    members = {"a": bytes(2000), "b": bytes(1000), "c": b""}
    found = read_members(pack(members), FRACTION, is_expected=lambda _: True, is_wanted=lambda name: name != "b")
    assert found == {"a": members["a"], "c": b""}


# ---- the result


def put(path: str, value: Any) -> Change:
    """Sets a part of a result; the path's names have blanks between them."""

    def change(fields: dict[str, Any]) -> None:
        *way, last = path.split(" ")
        for name in way:
            fields = fields[name]
        fields[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put("format", 2), "format is not 1"),
        (put("model", "top"), "it is of top on grains"),
        (put("dataset", "spores"), "it is of toy on spores"),
        (put("more", 1), "unexpected keyword argument 'more'"),
        (put("metrics", []), "no attribute"),
        (put("metrics knn1.invented", 0.5), "metric 'knn1.invented' is unknown"),
        (put("metrics <script>", 0.5), "metric '<script>' is unknown"),
        (put("metrics knn1.f1_macro", 1.2), "knn1.f1_macro is 1.2, expected a number from 0 to 1"),
        (put("metrics knn1.f1_macro", -0.1), "expected a number from 0 to 1"),
        (put("metrics knn1.f1_macro", None), "knn1.f1_macro is nan, expected a number from 0 to 1"),
        (put("metrics knn1.f1_macro", True), "knn1.f1_macro is True, no number"),
        (put("metrics linear.log_loss", -1.0), "linear.log_loss is -1, expected a number from 0 to inf"),
        (put("metrics linear.log_loss", 10**16), "beyond 1e+15"),
        (put("metrics linear.log_loss", 10**400), "a number beyond 1e+15"),
        (put("per_class knn1.f1", [0.5]), "does not have one figure for each of 2 classes"),
        (put("per_class knn1.f1", [0.5, 7]), "knn1.f1 is 7, expected a number from 0 to 1"),
        (put("outcomes <b>", {}), "outcomes are of '<b>'; expected some of"),
        (put("outcomes knn", {"test": [[]] * 101}), "outcomes of knn have 101 test sets, expected at most 100"),
        (put("outcomes knn", {"test": [[0] * 81]}), "outcomes of knn test more than the 80 images that there are"),
        (put("outcomes knn", []), "outcomes of knn are no mapping"),
        (put("outcomes knn test", [[0, 99]]), "no whole number from 0 to 79"),
        (put("labels", [0, 1]), "expected"),
        (put("labels", list(range(80))), "no whole number from 0 to 1"),
        (put("classes", ["a", "b", "c"]), "80 images in 3 classes, expected 80 in 2"),
        (put("classes", ["a", "x" * (LONGEST + 1)]), f"a text of {LONGEST + 1:,} signs"),
        (put("classes", ["a", 1]), "classes.1: Input should be a valid string"),
        (put("left_out", ["x.png"]), "81 images in 2 classes, expected 80"),
        (put("parameters", -1), "parameters: "),
        (put("parameters", "many"), "parameters: "),
        (put("dimension", 0), "dimension: "),
        (put("dimension", 10**16), "has a number beyond"),
        (put("speed", 3), "speed: "),
        (put("canary", {"norms": [1.0], "cosines": [1.0]}), "its canary is none"),
        (put("provenance", {}), "missing 2 required"),
        (put("provenance inputs", 3), "inputs: "),
        (put("provenance inputs model weights", {}), "inputs.model.weights.source: Field required"),
        (put("provenance inputs model weights", {"source": "hub:a", "revision": 7}), "weights.revision: "),
        (put("provenance inputs model dtype", "float8"), "inputs.model.dtype: "),
        (put("provenance inputs protocols", {"knn": "one"}), "inputs.protocols.knn: "),
        (put("provenance environment", {}), "environment.device: Field required"),
        (put("provenance environment device", "x" * 2000), "a text of 2,000 signs"),
        (put("provenance environment " + "k" * 2000, "v"), "a key has a text of 2,000 signs"),
        (put("provenance environment deep", [[[[[[[[[[1]]]]]]]]]]), "nested deeper than"),
    ],
)
def test_a_result_that_no_version_of_ours_wrote_is_refused(read, text: str, change: Change, words: str) -> None:
    """Its name, what is wrong, what was expected."""
    fields = json.loads(text)
    change(fields)
    message = refuse(read, {PLACE: json.dumps(fields), "run-report.json": report(cell())})
    assert message.startswith("artifact 'measured-toy': results/grains/toy.json: ")
    assert words in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[]", "it holds no mapping"),
        ("", "Expecting value"),
        ('{"model": "toy", "model": "top"}', "'model' is given twice"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('{"parameters": ' + "9" * 1_000_000 + "}", "digits"),
        ('{"metrics": {"knn1.f1_macro": NaN}}', "NaN is no number of JSON"),
        ('{"metrics": {"knn1.f1_macro": -Infinity}}', "-Infinity is no number of JSON"),
        (b"\xff\xfe{}", "no UTF-8"),
    ],
)
def test_what_is_no_json_of_ours_is_refused(read, content: str | bytes, words: str) -> None:
    """Of a result and of a report, in the same words."""
    assert words in refuse(read, {PLACE: content})
    if words != "it holds no mapping":
        assert words in refuse(read, {"run-report.json": content})


def test_a_number_beyond_all_is_refused(read, text: str) -> None:
    """JSON may write infinity as a large number."""
    content = text.replace('"linear.balanced_accuracy": ', '"linear.log_loss": 1e999, "linear.balanced_accuracy": ')
    assert "beyond 1e+15" in refuse(read, {PLACE: content})


def test_results_are_of_the_model_and_of_known_data(read, text: str) -> None:
    """An artifact speaks for one model, about data sets that the trusted side knows."""
    assert "is of another model, expected toy" in refuse(read, {"results/grains/top.json": text})
    assert "is of no data set of datasets.yaml here" in refuse(read, {"results/spores/toy.json": text})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (report(cell(model="top")), "is about 'top-grains', expected toy"),
        (report(cell(dataset="spores")), "is about 'toy-spores', expected toy"),
        (report(cell(), cell()), "a cell is there twice"),
        (report(cell(status="splendid")), "status 'splendid'"),
        (report(cell(status=["ok"])), "its form is another"),
        (report(cell(reason=None)), "reason None"),
        (report({"model": "toy"}), "it has no 'dataset'"),
        ('{"cells": 3}', "its form is another"),
        ("{}", "it has no 'cells'"),
        ("[]", "its form is another"),
    ],
)
def test_a_report_that_no_run_wrote_is_refused(read, content: str, words: str) -> None:
    """It says of which file that is."""
    message = refuse(read, {"run-report.json": content})
    assert "run-report.json" in message
    assert words in message


def test_every_range_is_that_of_some_figure() -> None:
    """No entry of the list is left over from a figure that was renamed; most figures are shares."""
    ends = {part for name in METRICS for part in (name.split(".")[0], name.split(".")[-1])}
    assert ends >= RANGES.keys()
    assert range_of("clustering.pca.hdbscan.ari") == (-1, 1)
    assert range_of("disparity.effective_rank")[1] == float("inf")
    assert range_of("learning_curve.lr.f100.top1") == (0, 1)


def test_an_undefined_figure_is_taken_where_figures_may_be_undefined(measure, crowd) -> None:
    """Top-3 of two classes; a class that no test set has."""
    result = measure(
        "toy", 20, metrics={"few_shot.lr.k1.top3": float("nan")}, per_class={"knn1.f1": [0.5, float("nan")]}
    )
    check_measurement(result, crowd.dataset("grains"))


# ---- anything at all

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["\ud800", "<script>", "\n# x", "@all", "float16"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def find_places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path in nested JSON; of a list the first two entries."""
    found = [way] if way else []
    if isinstance(value, dict):
        for name, item in value.items():
            found += find_places(item, (*way, name))
    elif isinstance(value, list):
        for index, item in enumerate(value[:2]):
            found += find_places(item, (*way, index))
    return found


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_changed_is_refused_or_can_be_shown(data, measure, crowd: Registry, read) -> None:
    """A part of a sound result replaced by anything, or taken out: nothing that is taken breaks what shows it."""
    sound = measure("toy", 20)
    fields = json.loads(format_result(sound))
    *way, last = data.draw(st.sampled_from(find_places(fields)))
    part = fields
    for name in way:
        part = part[name]
    if isinstance(part, dict) and data.draw(st.booleans()):
        del part[last]
    else:
        part[last] = data.draw(JSON)
    try:
        (found,) = read({PLACE: json.dumps(fields)}).results
    except Forged:
        return
    show(sound, found, crowd)
    show(found, replace(sound, metrics={}), crowd)


def show(before: Result, after: Result, registry: Registry) -> None:
    """All that a comment does with a result."""
    spec, dataset = registry.model("toy"), registry.dataset("grains")
    assert render_changes(compute_changes([before], [after], registry), "a", "b").encode()
    with suppress(LeaderboardError):  # the word for everything that is told in one line
        measured_row(spec, dataset, after)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_byte_is_changed_there_is_a_result_or_one_line(data, text: str, read) -> None:
    """Of the zip file's own structure as well."""
    content = bytearray(pack({PLACE: text, "run-report.json": report(cell())}))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    with suppress(Forged):
        assert read(bytes(content)).model == "toy"
