"""history.jsonl: lines that stay, lines that are damaged, and what the table shows of them."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from leaderboard.errors import LeaderboardError
from leaderboard.history import HISTORY, Published, append_history, latest_changes, load_history
from leaderboard.records import Cell

OLD, NEW = "1" * 40, "2" * 40
LINE = Published(
    commit=OLD,
    dataset="grains",
    model="toy",
    values={"knn1.f1_macro": 0.1 + 0.2},
    half_widths={"knn1.f1_macro": 0.046},
    changes={"knn1.f1_macro": "improved"},
)


def test_nothing_was_published_where_there_is_no_file(tmp_path: Path) -> None:
    """A first publication needs no preparation."""
    assert load_history(tmp_path) == []


def test_lines_round_trip_and_older_bytes_stay(tmp_path) -> None:
    """One JSON mapping per line, appended at the end."""
    append_history(tmp_path, [LINE])
    first = (tmp_path / HISTORY).read_bytes()
    more = [replace(LINE, commit=NEW, model="Ünï\u2028code"), replace(LINE, commit=NEW, values={})]
    append_history(tmp_path, more)
    text = (tmp_path / HISTORY).read_bytes()
    assert text.startswith(first)
    assert text.count(b"\n") == 3
    assert load_history(tmp_path) == [LINE, *more]
    assert json.loads(first)["values"]["knn1.f1_macro"] == 0.1 + 0.2


def test_a_file_without_a_last_newline_is_continued_on_a_new_line(tmp_path) -> None:
    """As an editor may leave it; so are the line ends of Windows."""
    (tmp_path / HISTORY).write_bytes(json.dumps(asdict(LINE)).encode() + b"\r\n" + json.dumps(asdict(LINE)).encode())
    append_history(tmp_path, [LINE])
    assert load_history(tmp_path) == [LINE] * 3


def test_a_line_that_cannot_be_written_leaves_the_file_alone(tmp_path) -> None:
    """Neither half a line nor a temporary file is left."""
    append_history(tmp_path, [LINE])
    before = (tmp_path / HISTORY).read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        append_history(tmp_path, [LINE, replace(LINE, values={"knn1.f1_macro": float("nan")})])
    assert (tmp_path / HISTORY).read_bytes() == before
    assert [path.name for path in tmp_path.glob("*history*")] == [HISTORY]


@pytest.mark.parametrize(
    "change",
    [
        {"commit": "f8a1b77"},
        {"commit": None},
        {"dataset": 3},
        {"model": ""},
        {"values": [0.5]},
        {"values": None},
        {"values": {"knn1.f1_macro": "0.5"}},
        {"values": {"knn1.f1_macro": None}},
        {"values": {"knn1.f1_macro": float("nan")}},
        {"half_widths": {"knn1.f1_macro": True}},
        {"changes": {"knn1.f1_macro": "better"}},
        {"changes": {"knn1.f1_macro": ["improved"]}},
        {"note": "by hand"},
    ],
)
def test_a_line_that_publishing_would_not_write_is_named(tmp_path, change) -> None:
    """File, line, and what to do."""
    append_history(tmp_path, [LINE])
    with (tmp_path / HISTORY).open("a") as file:
        file.write(json.dumps(asdict(LINE) | change) + "\n")
    expected = rf"^{re.escape(str(tmp_path / HISTORY))}:2: not a line .* restore the file with git$"
    with pytest.raises(LeaderboardError, match=expected):
        load_history(tmp_path)


@pytest.mark.parametrize("damaged", [b"", b"{", b"<<<<<<< HEAD", b"null", b"[]", b"{}", b"\xff", b"\x00"])
def test_a_line_that_is_no_line_is_named(tmp_path, damaged: bytes) -> None:
    """Cut short, empty, left by a merge: one line of error, no traceback."""
    good = json.dumps(asdict(LINE)).encode()
    (tmp_path / HISTORY).write_bytes(good + b"\n" + damaged + b"\n" + good + b"\n")
    with pytest.raises(LeaderboardError, match=rf"{HISTORY}:2: not a line") as raised:
        load_history(tmp_path)
    assert len(str(raised.value).splitlines()) == 1


def test_the_table_shows_what_the_last_publication_resolved(make_result) -> None:
    """Improved and worse; what is unresolved has no arrow."""
    values = {"knn1.f1_macro": 0.5, "retrieval.precision_at_n": 0.4, "linear.balanced_accuracy": 0.3}
    changes = dict(zip(values, ("improved", "worse", "unresolved"), strict=True))
    shown = latest_changes([replace(LINE, values=values, changes=changes)], [make_result(metrics=values)])
    assert shown == {Cell("toy", "grains"): {"knn1.f1_macro": "improved", "retrieval.precision_at_n": "worse"}}


def test_changes_of_earlier_publications_are_not_shown(make_result) -> None:
    """An arrow means since the last published state."""
    result = make_result(metrics=LINE.values)
    assert latest_changes([LINE, replace(LINE, commit=NEW, model="other")], [result]) == {}
    assert latest_changes([replace(LINE, commit=NEW, model="other"), LINE], [result]) != {}
    assert latest_changes([], [result]) == {}


@pytest.mark.parametrize("metrics", [{}, {"knn1.f1_macro": 0.3}, {"knn3.accuracy": 0.1 + 0.2}])
def test_a_cell_measured_again_since_has_no_arrow(make_result, metrics) -> None:
    """What was published is about other figures."""
    assert latest_changes([LINE], [make_result(metrics=metrics)]) == {}


def test_figures_that_are_not_published_do_not_matter(make_result) -> None:
    """A line holds what the table shows, a result far more."""
    assert latest_changes([LINE], [make_result(metrics=LINE.values | {"knn9.accuracy": 0.2})])


def test_a_removed_cell_has_no_arrow(make_result) -> None:
    """Neither while it is away nor when it is measured again and not yet published."""
    removed = replace(LINE, values={}, half_widths={}, changes={})
    assert latest_changes([removed], []) == {}
    assert latest_changes([removed], [make_result()]) == {}
