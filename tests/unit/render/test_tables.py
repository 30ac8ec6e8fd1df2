"""The tables: measured, reported, across data sets, efficiency, models."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from leaderboard.records import Cell, Reported, Source
from leaderboard.render.cells import JOINED
from leaderboard.render.tables import (
    REPORTED,
    render_measured,
    render_models,
    render_overview,
    render_reported,
)
from leaderboard.sections import NO_NEWS, News, compute_section, compute_sections

F1 = "knn1.f1_macro"
HEADLINES = (F1, "retrieval.precision_at_n", "linear.balanced_accuracy")


@pytest.fixture
def table_of(crowd, read_tables):
    """The rows of the measured table of some results."""

    def render(results, board=crowd, news=NO_NEWS):
        section = compute_section(board, board.dataset("grains"), results, news)
        (table,) = read_tables(render_measured(section, links="results"))
        return table

    return render


def test_the_measured_table_is_narrow(measure, table_of) -> None:
    """Rank and headlines; what a model is stands elsewhere."""
    row = table_of([measure("toy", 8)])[0]
    assert list(row) == ["Rank", "Model", "NN F1", "P@N", "Linear bal. acc.", "Status"]


def test_tied_models_show_a_shared_rank_and_those_left_open(measure, table_of) -> None:
    """In one column; the clear last has its own."""
    rows = table_of([measure("toy", 60), measure("top", 4), measure("tin", 5)])
    assert [row["Rank"] for row in rows] == ["1= (1–2)", "1= (1–2)", "3"]
    assert [row["Rank"] for row in table_of([measure("toy", 60), measure("top", 4)])] == ["1", "2"]


def test_every_headline_has_its_own_interval(measure, table_of) -> None:
    """Not only the one that ranks."""
    result = measure("toy", 8)
    row = table_of([result])[0]
    figures = [row[title] for title in ("NN F1", "P@N", "Linear bal. acc.")]
    assert [figure[:8] for figure in figures] == [f"{result.metrics[name]:.3f} ± " for name in HEADLINES]
    assert len({figure[8:] for figure in figures}) == 3


def test_the_model_links_to_its_result(measure, table_of) -> None:
    """Where the provenance is; a row without a result has nothing to link to."""
    news = News(statuses={Cell("top", "grains"): ("gated", "no token")})
    rows = table_of([measure("toy", 8)], news=news)
    assert [row["Model"] for row in rows] == ["[toy](results/grains/toy.json)", "top"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"inputs": {"dataset": "old"}}, "stale †"),
        ({"left_out": ["a/1.png", "a/2.png"]}, "ok †"),
        ({"model": {"dtype": "bfloat16"}}, "ok †"),
    ],
    ids=["stale", "left out", "dtype"],
)
def test_what_is_not_compared_shows_its_figure_without_rank_and_interval(
    measure, table_of, changes, status: str
) -> None:
    """With a sign that there is a reason."""
    result = measure("toy", 8, **changes)
    row = table_of([result, measure("top", 40)])[1]
    assert row["Model"].startswith("[toy]")
    assert (row["Rank"], row["NN F1"], row["Status"]) == ("–", f"{result.metrics[F1]:.3f}", status)


def test_a_corrupt_cell_shows_no_figure(measure, table_of) -> None:
    """Not even those that do follow: the file was edited. It still links to what is stored."""
    row = table_of([measure("toy", 8, metrics={F1: 0.9875}), measure("top", 40)])[1]
    assert row.pop("Model") == "[toy](results/grains/toy.json)"
    assert row.pop("Status") == "corrupt †"
    assert set(row.values()) == {"–"}


def test_what_a_run_could_not_measure_is_a_row_of_dashes(measure, table_of) -> None:
    """But for its status."""
    news = News(statuses={Cell("top", "grains"): ("gated", "accept the licence on hf.co/a, then `hf auth login`")})
    row = table_of([measure("toy", 8)], news=news)[1]
    assert row.pop("Status") == "gated †"
    assert row.pop("Model") == "top"
    assert set(row.values()) == {"–"}


def test_a_measured_row_tells_what_this_run_made_of_it(measure, table_of) -> None:
    """It keeps rank and figures."""
    news = News(statuses={Cell("toy", "grains"): ("unreachable", "no network")})
    (row,), (before,) = table_of([measure("toy", 8)], news=news), table_of([measure("toy", 8)])
    assert row == before | {"Status": "ok †"}


def test_remarks_stand_in_lines_below_the_table(measure, crowd) -> None:
    """One per row that has any, in the order of the rows; rows without have neither line nor sign."""
    results = [measure("toy", 8, inputs={"dataset": "old"}, model={"dtype": "bfloat16"}), measure("top", 40)]
    statuses = {Cell("tin", "grains"): ("gated", "accept its\nlicence | terms"), Cell("toy", "grains"): ("error", "x")}
    section = compute_section(crowd, crowd.dataset("grains"), results, News(statuses=statuses))
    text = render_measured(section, links="results")
    assert text.partition("|\n\n")[2] == (
        "† toy: data changed; bfloat16; error in this run.\n\n† tin: accept its licence \\| terms.\n"
    )
    sound = render_measured(compute_section(crowd, crowd.dataset("grains"), results[1:]), links="results")
    assert "†" not in sound
    assert sound.endswith("|\n")


def test_a_figure_breaks_at_no_space(measure, crowd) -> None:
    """Neither before its interval nor before its arrow, nor do the ranks in brackets."""
    news = News(arrows={Cell("toy", "grains"): {F1: "improved"}})
    section = compute_section(crowd, crowd.dataset("grains"), [measure("toy", 4), measure("top", 5)], news)
    text = render_measured(section, links="results")
    assert re.search(f" 1={JOINED}\\(1–2\\) \\| .* 0\\.\\d{{3}}{JOINED}±{JOINED}0\\.\\d{{3}}{JOINED}↑ ", text)
    assert not re.search(" [±↑(]", text)


def test_real_changes_have_arrows(measure, table_of) -> None:
    """Behind the figure that changed."""
    news = News(arrows={Cell("toy", "grains"): {F1: "worse", "linear.balanced_accuracy": "improved"}})
    row = table_of([measure("toy", 8)], news=news)[0]
    assert [row[title][-1] for title in ("NN F1", "Linear bal. acc.")] == ["↓", "↑"]
    assert "↓" not in row["P@N"]
    assert "↑" not in row["P@N"]


def test_a_smoke_test_has_no_column_of_ranks(measure, crowd, table_of, with_dataset) -> None:
    """But figures with intervals, and a status."""
    row = table_of([measure("toy", 8)], with_dataset(crowd, ranked=False))[0]
    assert list(row) == ["Model", "NN F1", "P@N", "Linear bal. acc.", "Status"]
    assert "±" in row["NN F1"]


def test_reported_figures_keep_the_digits_of_their_source(crowd, with_model, with_dataset, read_tables) -> None:
    """0.8000 of a work that gives four, 0.60 of one that gives two; a count has none, wherever it stands."""
    top1, ami, clusters = "learning_curve.lr.f100.top1", "clustering.umap.kmeans_known_k.ami", "clustering.pca.hdbscan"
    clusters += ".clusters"
    fine = {top1: 0.8, ami: 0.5, clusters: 35.0, "learning_curve.knn.f100.top1": 0.1234}
    board = with_dataset(crowd, columns=(top1, ami, clusters))
    board = with_model(board, "toy", reported={"grains": Reported(fine, "fine")})
    board = with_model(board, "top", reported={"grains": Reported({top1: 0.6, ami: 0.25}, "coarse")})
    board = with_model(board, "tin", reported={"grains": Reported({top1: 0.55}, "coarse")})
    text = render_reported(compute_section(board, board.dataset("grains"), []))
    (table,) = read_tables(text)
    assert [list(row.values()) for row in table] == [
        ["toy", "0.8000", "0.5", "35", "reported"],
        ["top", "0.60", "0.25", "–", "reported"],
        ["tin", "0.55", "–", "–", "reported"],
    ]
    assert text.endswith("Sources: fine (toy); coarse (top, tin).\n")


def test_reported_rows_stand_from_the_best_to_the_worst(crowd, with_model, with_dataset, read_tables) -> None:
    """By their first column, the smaller loss first; one without it last; columns without any figure are not there."""
    loss, top1 = "linear.log_loss", "learning_curve.lr.f100.top1"
    figures = {"toy": {top1: 0.9}, "top": {loss: 0.5}, "tin": {loss: 0.25}}
    board = with_dataset(crowd, columns=(F1, loss, top1))
    for model, values in figures.items():
        board = with_model(board, model, reported={"grains": Reported(values, "x")})
    text = render_reported(compute_section(board, board.dataset("grains"), []))
    (table,) = read_tables(text)
    assert list(table[0]) == ["Model", loss, "LR top-1", "Status"]
    assert [row["Model"] for row in table] == ["tin", "top", "toy"]
    assert text.startswith(f"{REPORTED}\n\n|")


def test_the_overview_has_no_averages_and_shows_what_is_missing(measure, two_sets, read_tables) -> None:
    """Each figure with its rank on that data set; models by name, since no order holds on both."""
    results = [measure("toy", 60), measure("top", 4), measure("tin", 5)]
    results += [replace(measure("toy", 4), dataset="spores"), replace(measure("top", 60), dataset="spores")]
    (table,) = read_tables(render_overview(compute_sections(two_sets, results)))
    assert [list(row) for row in table] == [["Model", "grains: NN F1", "spores: NN F1"]] * 3
    assert [row["Model"] for row in table] == ["tin", "top", "toy"]
    assert table[0]["spores: NN F1"] == "–"
    assert [row["grains: NN F1"].partition("(")[2] for row in table] == ["1=)", "1=)", "3)"]
    assert [row["spores: NN F1"].partition("(")[2] for row in table] == ["", "2)", "1)"]


def test_what_is_not_compared_is_missing_in_the_overview(measure, two_sets, read_tables) -> None:
    """A stale, corrupt or gated cell; a model without any other is left out."""
    results = [measure("toy", 4), measure("top", 4, inputs={"dataset": "old"})]
    results += [replace(measure("toy", 4, metrics={F1: 0.2}), dataset="spores")]
    results += [replace(measure("top", 4), dataset="spores")]
    news = News(statuses={Cell("tin", "grains"): ("gated", "")})
    (table,) = read_tables(render_overview(compute_sections(two_sets, results, news)))
    assert [row["Model"] for row in table] == ["top", "toy"]
    assert table[0]["grains: NN F1"] == "–"
    assert table[1]["spores: NN F1"] == "–"


def test_a_model_is_described_once(measure, two_sets, read_tables) -> None:
    """By a measurement that is up to date rather than by a stale one, a skipped or a reported one."""
    other = {"resize": [9, 9], "crop": None, "interpolation": "nearest"}
    results = [measure("toy", 8, model={"preprocessing": other}), replace(measure("toy", 8), dataset="spores")]
    news = News(statuses={Cell("top", "grains"): ("gated", "")})
    results += [replace(measure("top", 8, parameters=7_000_000), dataset="spores")]
    reported = {"grains": Reported({F1: 0.9}, "x", parameters=21_000_000)}
    models = two_sets.models | {"tin": replace(two_sets.model("tin"), reported=reported)}
    sections = compute_sections(replace(two_sets, models=models), results, news)
    (table,) = read_tables(render_models(sections))
    assert [(row["Model"], row["Parameters"], row["Input, pooling"]) for row in table] == [
        ("tin", "21M", "8×8, bilinear"),
        ("top", "7M", "8×8, bilinear"),
        ("toy", "0", "8×8, bilinear"),
    ]


def test_a_measurement_that_is_all_there_is_describes_its_model(measure, crowd, read_tables) -> None:
    """Stale, but as it was measured."""
    other = {"resize": [9, 9], "crop": None, "interpolation": "nearest"}
    sections = compute_sections(crowd, [measure("toy", 8, model={"preprocessing": other})])
    assert sections[0].measured[0].status == "stale"
    (table,) = read_tables(render_models(sections))
    assert [row["Input, pooling"] for row in table] == ["9×9, nearest"]


@pytest.mark.parametrize(("revision", "shown"), [("main", True), ("a" * 40, False)])
def test_weights_that_may_change_are_shown_as_unpinned(crowd, with_model, revision: str, shown: bool) -> None:
    """A branch instead of a commit is said beside the weights, for reported figures too."""
    reported = {"grains": Reported({F1: 0.9}, "their paper")}
    board = with_model(crowd, "toy", sources=(Source("hub", "owner/toy", revision=revision),), reported=reported)
    text = render_models(compute_sections(board, []))
    assert f"hub:owner/toy@{revision}" in text
    assert ("(unpinned)" in text) is shown


def test_a_url_is_unpinned_until_a_run_has_recorded_its_file(measure, crowd, with_model) -> None:
    """The entry declares no sha256: unpinned while only reported, no longer once a result holds one."""
    board = with_model(crowd, "toy", sources=(Source("url", "https://example.org/a.pth"),))
    weights = {"source": "url:https://example.org/a.pth", "revision": None, "file": "a.pth"}
    for sha256, shown in ((None, True), ("0" * 64, False)):
        result = measure("toy", 8, model={"weights": weights | {"sha256": sha256}})
        assert ("(unpinned)" in render_models(compute_sections(board, [result]))) is shown


def test_markup_in_an_entry_stays_text(measure, crowd, with_model, read_tables) -> None:
    """A pipe or a line break in a licence, a notice or a link breaks neither cell nor row."""
    links = {"a|b": "https://example.org/x|y\nz"}
    board = with_model(crowd, "toy", licence="MIT | other\nor none", notice="Built\n| with", links=links)
    ((row,),) = read_tables(render_models(compute_sections(board, [measure("toy", 8)])))
    assert row["Licence"] == "MIT \\| other or none; Built \\| with"
    assert row["Weights"] == "[a\\|b](https://example.org/x\\|y z)"
