"""Tables with other columns: those that an entry chooses, and those that a user asks for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leaderboard.columns import title_of
from leaderboard.protocols import METRICS
from leaderboard.records import Cell, Reported
from leaderboard.registry import Registry
from leaderboard.render.markdown import render_leaderboard, render_tables
from leaderboard.sections import News, compute_sections

LOSS, ACCURACY, F1 = "linear.log_loss", "knn1.accuracy", "knn1.f1_macro"


@pytest.fixture
def board(crowd, with_dataset) -> Registry:
    """A data set whose table is of a loss and an accuracy."""
    return with_dataset(crowd, columns=(LOSS, ACCURACY))


@pytest.fixture
def results(measure):
    """One of less loss, one of more accuracy."""
    return [measure("toy", 4, metrics={LOSS: 0.9}), measure("top", 40, metrics={LOSS: 0.2})]


def test_a_table_has_the_columns_of_its_entry(board, results, read_tables) -> None:
    """And no ranks where the first of them has no interval."""
    table = read_tables(render_leaderboard(compute_sections(board, results)))[0]
    assert list(table[0]) == ["Model", LOSS, ACCURACY, "Status"]
    assert [row["Model"].partition("]")[0] for row in table] == ["[top", "[toy"]
    assert [row[LOSS] for row in table] == ["0.200", "0.900"]
    assert all(" ± " in row[ACCURACY] for row in table)


def test_tables_can_be_had_with_any_columns(board, results, read_tables) -> None:
    """Those given rank and stand in the place of the data set's own."""
    text = render_tables(board, results, columns=[ACCURACY])
    (table,) = read_tables(text)
    assert list(table[0]) == ["Rank", "Model", ACCURACY, "Status"]
    assert [(row["Rank"], row["Model"].partition("]")[0]) for row in table] == [("1", "[toy"), ("2", "[top")]
    assert f"The smallest difference in {ACCURACY} that these images can resolve is" in text
    assert render_tables(board, results, columns=[ACCURACY], datasets=["other"]) == ""
    assert render_tables(board, results, columns=[ACCURACY], datasets=["grains"]) == text


def test_without_columns_the_tables_are_those_of_the_data_set(board, results, read_tables) -> None:
    """Of every one that has rows, or of those named."""
    board = replace(board, datasets=board.datasets | {"spores": replace(board.dataset("grains"), id="spores")})
    results = [*results, replace(results[0], dataset="spores")]
    assert [list(table[0]) for table in read_tables(render_tables(board, results))] == [
        ["Model", LOSS, ACCURACY, "Status"]
    ] * 2
    assert render_tables(board, results, datasets=["spores"]).startswith("## spores\n")


def test_printed_tables_tell_what_a_run_made_of_the_cells(board, results, find_row) -> None:
    """Also of a data set on which it measured nothing."""
    news = News(statuses={Cell("tin", "grains"): ("out of memory", "give --batch-size")})
    for text in (render_tables(board, results, news), render_tables(board, [], news)):
        assert find_row(text, "tin")["Status"] == "out of memory †"
        assert "\n† tin: give --batch-size.\n" in text


@pytest.mark.parametrize("absent", [None, float("nan")], ids=["without", "undefined"])
def test_a_figure_that_is_not_there_is_a_sign_in_its_place(board, measure, find_row, absent) -> None:
    """The others of its row are shown."""
    results = [measure("toy", 8, metrics={LOSS: absent}), measure("top", 40, metrics={LOSS: 5.0, ACCURACY: None})]
    text = render_tables(board, results)
    assert find_row(text, "toy")[LOSS] == "–"
    assert find_row(text, "toy")[ACCURACY].startswith("0.900 ± ")
    assert (find_row(text, "top")[LOSS], find_row(text, "top")[ACCURACY]) == ("5.000", "–")


def test_an_edit_shows_where_its_column_is_shown(board, measure, find_row) -> None:
    """Every choice of columns checks its own."""
    results = [measure("toy", 8, metrics={F1: 0.99, LOSS: 0.5})]
    assert find_row(render_tables(board, results), "toy")["Status"] == "ok"
    text = render_tables(board, results, columns=[F1])
    assert find_row(text, "toy")["Status"] == "corrupt †"
    true = measure("toy", 8).metrics[F1]
    assert f"\n† toy: {F1} is 0.99, but its stored outcomes give {true:.9g}; measure it again.\n" in text


def test_no_two_metrics_share_a_title() -> None:
    """Above a column it is all that a reader has, and `compare --metric` finds a metric by it in any case."""
    titles = [title_of(metric).lower() for metric in METRICS.values()]
    assert len(set(titles)) == len(titles) > 400


def test_reported_figures_are_chosen_by_the_columns_too(board, with_model, find_row) -> None:
    """Where none of a model's is asked for, it has no row."""
    board = with_model(board, "toy", reported={"grains": Reported({LOSS: 0.5, F1: 0.25}, "x")})
    assert find_row(render_tables(board, []), "toy")[LOSS] == "0.5"
    assert find_row(render_tables(board, [], columns=[F1]), "toy")["NN F1"] == "0.25"
    assert render_tables(board, [], columns=["retrieval.map"]) == ""
