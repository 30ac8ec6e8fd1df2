"""What a run says at its end, and what its report holds."""

from __future__ import annotations

from dataclasses import replace

from leaderboard.records import Cell, Outcome, Reported, Result
from leaderboard.render.message import describe_shortfall
from leaderboard.render.outcomes import describe_outcomes, render_outcomes

F1, LOSS, ACCURACY = "knn1.f1_macro", "linear.log_loss", "knn1.accuracy"


def outcomes_of(result: Result) -> list[Outcome]:
    """One measured cell, two skipped for one reason, one failed."""
    return [
        Outcome(Cell("toy", "grains"), "ok", result=result),
        Outcome(Cell("top", "grains"), "gated", "accept its licence"),
        Outcome(Cell("tin", "grains"), "gated", "accept its licence"),
        Outcome(Cell("tan", "grains"), "error", "missing blocks.0"),
    ]


def test_the_end_of_a_run_counts_cells_and_gives_each_reason_once(crowd, measure, with_model) -> None:
    """Green by skipping must be visible, and a licence's notice stands wherever its figures are."""
    board = with_model(crowd, "toy", notice="Built with toys")
    result = measure("toy", 8)
    text = render_outcomes(outcomes_of(result), board)
    assert "1 of 4 cells measured on cpu" in text
    assert "skipped (gated) top-grains, tin-grains: accept its licence" in text
    assert "failed (error) tan-grains: missing blocks.0" in text
    assert f"{result.metrics[F1]:.3f}" in text
    assert text.endswith("toy: Built with toys")


def test_the_end_of_a_run_has_a_table_for_each_choice_of_columns(crowd, make_result, with_dataset, read_tables) -> None:
    """Best first by the data set's own first column; a figure that is not there is a sign."""
    board = with_dataset(crowd, columns=(LOSS, ACCURACY))
    board = replace(board, datasets=board.datasets | {"spores": replace(crowd.dataset("grains"), id="spores")})
    figures = {"toy": {LOSS: 0.9}, "top": {LOSS: 0.2, ACCURACY: 0.5}}
    results = [replace(make_result(metrics=metrics), model=model) for model, metrics in figures.items()]
    results += [make_result(dataset="spores", metrics={F1: 0.5})]
    text = render_outcomes([Outcome(Cell(r.model, r.dataset), "ok", result=r) for r in results], board)
    first, second = read_tables(text)
    assert list(first[0]) == ["data set", "model", LOSS, ACCURACY, "dimension"]
    assert [list(row.values()) for row in first] == [
        ["grains", "top", "0.200", "0.500", "192"],
        ["grains", "toy", "0.900", "–", "192"],
    ]
    assert list(second[0]) == ["data set", "model", "NN F1", "P@N", "Linear bal. acc.", "dimension"]
    assert [list(row.values()) for row in second] == [["spores", "toy", "0.500", "–", "–", "192"]]


def test_the_run_report_says_what_became_of_a_cell_and_what_the_table_shows(crowd, measure, with_model) -> None:
    """A cell that could not be measured keeps what it had: a measurement, up to date or not, or reported figures."""
    board = with_model(crowd, "top", reported={"grains": Reported({F1: 0.9}, "their paper")})
    board = with_model(board, "tin", dimension=7)
    board = replace(board, models={**board.models, "tan": replace(crowd.model("toy"), id="tan")})
    stored = {Cell(name, "grains"): measure(name, 8) for name in ("toy", "tin")}
    cells = describe_outcomes(outcomes_of(measure("toy", 8)), board, stored)
    assert [(cell["model"], cell["status"], cell["shown"]) for cell in cells] == [
        ("toy", "ok", "ok"),
        ("top", "gated", "reported"),
        ("tin", "gated", "stale"),
        ("tan", "error", None),
    ]
    assert cells[1]["reason"] == "accept its licence"


def test_the_run_report_knows_of_an_edited_result(crowd, measure) -> None:
    """The same word as in the table."""
    stored = {Cell("tin", "grains"): measure("tin", 8, metrics={F1: 0.99})}
    cells = describe_outcomes([Outcome(Cell("tin", "grains"), "gated", "accept its licence")], crowd, stored)
    assert [(cell["status"], cell["shown"]) for cell in cells] == [("gated", "corrupt")]


def test_a_shortfall_names_value_threshold_distance_and_command(make_result) -> None:
    """Everything that a contributor needs to see it again."""
    message = describe_shortfall(make_result(metrics={F1: 0.5}), F1, 0.75)
    assert "knn1.f1_macro of toy on grains is 0.500000, 0.250000 below its threshold 0.75" in message
    assert "data digest dddddddddddd" in message
    assert message.endswith('reproduce: pytest -k "toy and grains"')
    assert "\n" not in message


def test_a_threshold_of_a_figure_that_there_is_not_says_so(make_result) -> None:
    """With too few images a protocol has fewer cut-offs."""
    message = describe_shortfall(make_result(metrics={}), "retrieval.precision_at_500", 0.5)
    expected = "retrieval.precision_at_500 does not exist for the 4 images of grains; remove its threshold"
    assert message == expected
