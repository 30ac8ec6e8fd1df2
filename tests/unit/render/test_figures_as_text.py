"""What stands in a cell of a table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leaderboard.ranking import Standing
from leaderboard.records import Metric
from leaderboard.render.cells import (
    JOINED,
    describe_figure,
    describe_input,
    describe_millions,
    describe_number,
    describe_p,
    describe_place,
    describe_rank,
    describe_ranks,
    describe_status,
    escape,
    state_p,
)
from leaderboard.rows import Row, missing_row
from leaderboard.statistics import LEVEL, Difference

SHARE = Metric("a")
STANDING = Standing(0.7182, 0.0464, 1, 2, (1, 2), Difference(0.0, 0.0, 1.0))


@pytest.fixture
def row(registry) -> Row:
    """Of one figure."""
    return replace(missing_row(registry.model("toy"), "ok", ""), metrics={"a": 0.7182})


def test_a_figure_has_half_of_its_interval_where_it_has_one(row) -> None:
    """As many decimals in both, and nothing at which a narrow screen could break the line."""
    assert describe_figure(replace(row, standings={"a": STANDING}), SHARE) == f"0.718{JOINED}±{JOINED}0.046"
    assert describe_figure(row, SHARE) == "0.718"
    assert describe_figure(replace(row, standings={"b": STANDING}), SHARE) == "0.718"


@pytest.mark.parametrize(
    ("change", "shown"),
    [("improved", f"0.718{JOINED}↑"), ("worse", f"0.718{JOINED}↓"), ("unresolved", "0.718"), ("new", "0.718")],
)
def test_only_a_real_change_has_an_arrow(row, change: str, shown: str) -> None:
    """Whatever else is known of the state before."""
    assert describe_figure(replace(row, arrows={"a": change}), SHARE) == shown
    assert describe_figure(replace(row, arrows={"b": change}), SHARE) == "0.718"


def test_missing_is_shown_as_missing(row) -> None:
    """A dash, never a number."""
    assert describe_figure(row, Metric("b")) == "–"
    assert describe_figure(replace(row, metrics={"a": float("nan")}), SHARE) == "–"
    assert describe_number(None, 1) == describe_number(float("inf"), 1) == describe_millions(None) == "–"
    assert describe_rank(None) == describe_ranks(None) == describe_place(None) == "–"


def test_a_figure_that_does_not_follow_from_its_outcomes_is_not_shown(row) -> None:
    """Nor is an arrow or an interval of it; that of an outdated row is."""
    edited = replace(row, status="corrupt", standings={"a": STANDING}, arrows={"a": "improved"})
    assert describe_figure(edited, SHARE) == "–"
    assert describe_figure(replace(row, status="stale"), SHARE) == "0.718"


def test_a_shared_rank_has_a_sign() -> None:
    """And one that nobody shares has none."""
    assert describe_rank(STANDING) == "1="
    assert describe_rank(replace(STANDING, tied=1)) == "1"


def test_the_ranks_that_are_left_open_are_a_span_or_one() -> None:
    """Best to worst."""
    assert describe_ranks(STANDING) == "1–2"
    assert describe_ranks(replace(STANDING, ranks=(3, 3))) == "3"


@pytest.mark.parametrize(
    ("tied", "ranks", "shown"),
    [(2, (1, 2), f"1={JOINED}(1–2)"), (1, (1, 3), f"1{JOINED}(1–3)"), (1, (1, 1), "1"), (2, (1, 1), "1=")],
)
def test_a_place_is_the_rank_with_those_that_are_open(tied: int, ranks: tuple[int, int], shown: str) -> None:
    """In one cell; a single one is not said twice."""
    assert describe_place(replace(STANDING, tied=tied, ranks=ranks)) == shown


@pytest.mark.parametrize(
    ("status", "notes", "last_run", "shown", "remarks"),
    [
        ("ok", (), None, "ok", ""),
        ("ok", ("other images",), None, f"ok{JOINED}†", "other images"),
        ("stale", ("data changed", "bfloat16"), None, f"stale{JOINED}†", "data changed; bfloat16"),
        ("ok", (), "unreachable", f"ok{JOINED}†", "unreachable in this run"),
        ("stale", ("data changed",), "out of memory", f"stale{JOINED}†", "data changed; out of memory in this run"),
        (None, (), None, "–", ""),
    ],
)
def test_a_status_is_a_word_with_a_sign_where_there_is_a_remark(
    row, status, notes, last_run, shown: str, remarks: str
) -> None:
    """The remark is for below the table, in the words of a run's report."""
    row = replace(row, status=status, notes=notes, last_run=last_run)
    assert (describe_status(row), row.remarks) == (shown, remarks)


@pytest.mark.parametrize(
    ("preprocessing", "pooling", "shown"),
    [
        ({"resize": 256, "crop": 224, "interpolation": "bicubic"}, "cls", "shorter side 256, crop 224, bicubic, cls"),
        ({"resize": (8, 9), "crop": None, "interpolation": "bilinear"}, None, "8×9, bilinear"),
        ({"resize": [8, 9], "crop": None, "interpolation": "bilinear"}, "mean", "8×9, bilinear, mean"),
        ("model", "pooler", "its own, pooler"),
        ("model", None, "its own"),
    ],
)
def test_the_input_is_told_in_a_few_words(preprocessing, pooling, shown: str) -> None:
    """From an entry and from a result file."""
    assert describe_input(pooling, preprocessing) == shown


def test_text_of_a_cell_ends_neither_cell_nor_row() -> None:
    """A pipe gets a backslash, a line break becomes a space."""
    assert escape("a | b\n\n c\r\nd") == "a \\| b c d"


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0"), (3_370_000, "3.37M"), (21_000_000, "21M"), (304_300_000, "304M")]
)
def test_parameters_are_told_in_millions(count: int, shown: str) -> None:
    """Three digits; a baseline has none."""
    assert describe_millions(count) == shown


@pytest.mark.parametrize(
    ("p", "shown"),
    [
        (0.0009, "< 0.001"),
        (0.001, "0.001"),
        (0.0494, "0.049"),
        (0.0496, "< 0.05"),
        (0.04999999, "< 0.05"),
        (0.05, "0.050"),
        (0.0504, "0.050"),
        (1.0, "1.000"),
    ],
)
def test_a_p_never_stands_on_the_other_side_of_its_verdict(p: float, shown: str) -> None:
    """Below 0.05 two models are told apart, by the unrounded p: what is shown says the same."""
    assert describe_p(p) == shown
    is_below = shown.startswith("<") or float(shown) < LEVEL
    assert is_below == Difference(0.1, 0.1, p).is_resolved


def test_a_p_in_a_sentence_does_not_break() -> None:
    """An equation, or what it is less than."""
    assert state_p(0.07) == f"p{JOINED}={JOINED}0.070"
    assert state_p(0.0001) == f"p{JOINED}<{JOINED}0.001"
