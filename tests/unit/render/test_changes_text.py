"""The markdown of changes: a summary in words, few columns, nothing that a file's name could do to it."""

from __future__ import annotations

import pytest

from leaderboard.changes import Change, FigureChange
from leaderboard.protocols import METRICS
from leaderboard.records import Cell
from leaderboard.render.changes import escape, render_changes, summarise
from leaderboard.statistics import Difference

F1, CURVE = METRICS["knn1.f1_macro"], METRICS["learning_curve.lr.f100.top1"]
CELL = Cell("toy", "grains")
BETTER = FigureChange(F1, 0.7005, 0.7184, "improved", 0.046, Difference(0.0179, 0.012, 0.0004))
UNRESOLVED = FigureChange(F1, 0.718, 0.701, "unresolved", 0.046, Difference(-0.017, 0.052, 0.5))
NEW = FigureChange(F1, None, 0.7, "new", 0.046)
HIDDEN = Change(CELL, "unchanged", elsewhere=("knn3.accuracy",))


def render(*changes: Change) -> str:
    """Between two states."""
    return render_changes(changes, "main (f8a1b77649be)", "the work tree")


def test_the_first_line_says_what_happened_in_words() -> None:
    """Figures of changed cells are counted, then cells; nothing is counted that is not there."""
    changes = [
        Change(Cell("a", "grains"), "changed", (BETTER, UNRESOLVED)),
        Change(Cell("b", "grains"), "changed", (BETTER,)),
        Change(Cell("c", "grains"), "new", (NEW,)),
        *[Change(Cell(f"d{number}", "grains"), "unchanged") for number in range(14)],
    ]
    first = render(*changes).splitlines()[0]
    assert first == (
        "**2 figures improved, 1 unresolved; 1 cell new, 14 unchanged** — from main (f8a1b77649be) to the work tree."
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([], "no cell in either"),
        ([Change(CELL, "unchanged")], "1 cell unchanged"),
        ([Change(CELL, "removed")] * 2, "2 cells removed"),
        ([Change(CELL, "changed", (UNRESOLVED,))], "1 figure unresolved"),
        ([Change(CELL, "unchanged"), HIDDEN], "1 cell unchanged, 1 changed only in what no table shows"),
        ([HIDDEN, HIDDEN], "2 cells changed only in what no table shows"),
        ([Change(CELL, "changed", (UNRESOLVED,), ("knn3.accuracy",))], "1 figure unresolved"),
    ],
)
def test_every_count_reads_as_words(changes, words: str) -> None:
    """Singular and plural, and no cell at all."""
    assert summarise(changes) == words


def test_a_row_has_both_values_the_difference_and_the_verdict() -> None:
    """Five columns, for a phone."""
    row = [cell.strip() for cell in render(Change(CELL, "changed", (BETTER,))).splitlines()[6].split("|")[1:-1]]
    assert row == ["toy", "NN F1", "0.701 → 0.718", "+0.018 ± 0.012", "improved (p < 0.001)"]


def test_what_is_new_or_gone_has_one_value() -> None:
    """With the interval of the figure that is there now."""
    gone = FigureChange(F1, 0.7, None, "removed")
    text = render(Change(Cell("a", "x"), "new", (NEW,)), Change(Cell("b", "x"), "removed", (gone,)))
    assert "– → 0.700 ± 0.046" in text
    assert "0.700 → –" in text
    assert "interval" not in text


def test_values_that_look_the_same_get_more_digits() -> None:
    """A change that is listed is seen."""
    tiny = FigureChange(F1, 0.50001, 0.50004, "unresolved", 0.046, Difference(0.00003, 0.01, 1.0))
    text = render(Change(CELL, "changed", (tiny,)))
    assert "0.50001 → 0.50004" in text
    assert "+0.00003 ± 0.01000" in text


def test_the_urgent_comes_first_and_cells_stay_together() -> None:
    """Worse before improved before unresolved, whatever the names."""
    worse = FigureChange(F1, 0.7, 0.5, "worse", 0.05, Difference(-0.2, 0.05, 0.001))
    changes = [
        Change(Cell("a", "grains"), "changed", (UNRESOLVED,)),
        Change(Cell("b", "grains"), "changed", (BETTER,)),
        Change(Cell("c", "grains"), "changed", (UNRESOLVED, worse)),
    ]
    rows = [
        line.split("|")[1].strip() for line in render(*changes).splitlines() if line.startswith(("| a", "| b", "| c"))
    ]
    assert rows == ["c", "c", "b", "a"]


def test_only_what_is_shown_is_explained() -> None:
    """The number of comparisons is that of the p values."""
    text = render(Change(CELL, "changed", (BETTER, UNRESOLVED)))
    assert "p is adjusted (Holm) for the 2 comparisons shown" in text
    assert "Unresolved: the figure changed, but these images cannot tell" in text
    alone = render(Change(CELL, "changed", (FigureChange(CURVE, 0.5, 0.6, "no interval"),)))
    assert "No interval: " in alone
    assert "Holm" not in alone
    assert len(render(Change(CELL, "unchanged")).splitlines()) == 1


def test_what_no_table_shows_is_named_below() -> None:
    """Of changed and of otherwise unchanged cells, four each; a table is only of what it shows."""
    names = ("left_out", "outcomes", "knn3.accuracy", "knn5.accuracy", "linear.f1_macro", "retrieval.map")
    changed = Change(Cell("a", "grains"), "changed", (BETTER,), names[:4])
    hidden = Change(Cell("b", "grains"), "unchanged", elsewhere=names)
    text = render(changed, hidden, Change(Cell("c", "grains"), "unchanged"))
    assert text.endswith(
        "\nChanged besides, in what no table shows:\n\n"
        "- a on grains: left_out, outcomes, knn3.accuracy, knn5.accuracy\n"
        "- b on grains: left_out, outcomes, knn3.accuracy, knn5.accuracy and 2 more\n"
    )
    assert "| b" not in text
    assert "besides" not in render(Change(CELL, "changed", (BETTER,)), Change(CELL, "unchanged"))
    assert "|" not in render(hidden)


@pytest.mark.parametrize(
    "name",
    [
        "a|b",
        "a`b",
        "<img src=x onerror=y>",
        "[a](http://b)",
        "@somebody",
        "#12",
        "*a*",
        "_a_",
        "a_",
        "a __b",
        "a\nb",
        "a\\",
        "&lt;",
        "\x1b[2J",
    ],
)
def test_a_name_from_a_file_is_only_text(name: str) -> None:
    """Neither does it end its column, nor is it a link, a tag or a mention; a mention is none inside code."""
    reason = FigureChange(F1, 0.5, 0.6, "not comparable", reason=name)
    text = render(Change(Cell(name, "grains"), "changed", (reason,)))
    assert name not in text
    row = text.splitlines()[6]
    assert row.count("|") == 6
    assert row.count("<code>") == row.count("</code>") == 2
    inside = escape(name).removeprefix("<code>").removesuffix("</code>")
    assert not set(inside) & set("|`<>[]*_@\\\n")


def test_an_ordinary_name_is_left_alone() -> None:
    """What models.yaml allows needs no escaping."""
    for name in ("efficientnet-b0.ra-in1k", "knn1.f1_macro, retrieval.precision_at_n"):
        assert escape(name) == name
