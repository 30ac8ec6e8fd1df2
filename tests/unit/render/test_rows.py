"""A result or a published figure becomes a row: its status, and what sets it apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leaderboard.columns import columns_of, score_of, title_of
from leaderboard.records import Metric, Reported
from leaderboard.rows import count_decimals, measured_row, missing_row, reported_rows

HEADLINES = ["knn1.f1_macro", "retrieval.precision_at_n", "linear.balanced_accuracy"]


@pytest.fixture
def row_of(crowd):
    """The row of a result."""
    return lambda result, board=crowd: measured_row(board.model(result.model), board.dataset("grains"), result)


def test_the_results_of_these_tests_say_how_many_images_are_wrong(measure) -> None:
    """8 of 80 in equal parts: all else here rests on it."""
    result = measure("toy", 8)
    assert result.metrics["knn1.accuracy"] == pytest.approx(0.9)
    assert result.metrics["linear.balanced_accuracy"] == pytest.approx(0.9)
    assert result.metrics["retrieval.precision_at_n"] == pytest.approx((72 * 39 + 8 * 19) / (80 * 39))


def test_a_data_set_without_columns_shows_the_headlines(registry) -> None:
    """In their order."""
    assert [metric.name for metric in columns_of(registry.dataset("grains"))] == HEADLINES


def test_a_column_without_a_title_is_called_by_its_name() -> None:
    """Every metric can be a column."""
    assert title_of(Metric("a.b")) == "a.b"
    assert title_of(Metric("a.b", title="A")) == "A"


def test_a_score_is_better_when_higher() -> None:
    """Whatever the metric; nothing is worse than no figure, and what has no better way has no score."""
    loss, share, count = Metric("a", higher_is_better=False), Metric("a"), Metric("a", higher_is_better=None)
    assert score_of({"a": 0.25}, share) == 0.25
    assert score_of({"a": 0.25}, loss) == -0.25
    assert score_of({}, share) == score_of({}, loss) == score_of({"a": float("nan")}, loss) == float("-inf")
    assert score_of({"a": 12.0}, count) == float("-inf")


@pytest.mark.parametrize(
    ("values", "expected"), [([0.711, 0.8104], 4), ([35.0, 2.0], 0), ([100.0], 0), ([76.301], 3), ([0.6, 0.44], 2)]
)
def test_decimals_are_counted_as_written(values: list[float], expected: int) -> None:
    """Zeros at the end are not written."""
    assert count_decimals(values) == expected


def test_a_result_that_is_up_to_date_may_be_compared(measure, row_of) -> None:
    """Its figures are the stored ones, whether or not they are columns."""
    result = measure("toy", 8)
    row = row_of(result)
    assert (row.status, row.notes, row.is_comparable) == ("ok", (), True)
    assert row.metrics == result.metrics


@pytest.mark.parametrize(
    ("changes", "status", "notes"),
    [
        ({"inputs": {"dataset": "old"}}, "stale", ("data changed",)),
        ({"inputs": {"extraction": 0}, "model": {"pooling": "cls"}}, "stale", ("extraction, pooling changed",)),
        ({"left_out": ["a/1.png"]}, "ok", ("1 unreadable image left out",)),
        ({"model": {"dtype": "bfloat16"}}, "ok", ("bfloat16",)),
        ({"inputs": {"dataset": "old"}, "left_out": ["a/1.png"]}, "stale", ("data changed", "1 unreadable image")),
    ],
    ids=["stale", "twice stale", "left out", "dtype", "both"],
)
def test_what_sets_a_result_apart_is_told(measure, row_of, changes, status: str, notes: tuple[str, ...]) -> None:
    """Such a row is not compared with others, whatever its status."""
    row = row_of(measure("toy", 8, **changes))
    assert row.status == status
    assert [note[: len(start)] for note, start in zip(row.notes, notes, strict=True)] == list(notes)
    assert not row.is_comparable


@pytest.mark.parametrize("metric", HEADLINES)
def test_a_figure_edited_by_hand_is_corrupt(measure, row_of, metric: str) -> None:
    """The row says which one it is, what is stored and what its own outcomes give."""
    true = measure("toy", 8).metrics[metric]
    row = row_of(measure("toy", 8, metrics={metric: 0.9871}))
    assert row.status == "corrupt"
    assert row.notes == (f"{metric} is 0.9871, but its stored outcomes give {true:.9g}; measure it again",)
    assert not row.is_comparable


def test_edited_outcomes_are_corrupt_too(measure, row_of) -> None:
    """One image named otherwise is enough."""
    result = measure("toy", 8)
    said = [list(part) for part in result.outcomes["knn"]["predicted_k1"]]
    said[0][0] = 1 - said[0][0]
    row = row_of(replace(result, outcomes={**result.outcomes, "knn": {**result.outcomes["knn"], "predicted_k1": said}}))
    assert row.status == "corrupt"
    assert row.notes[0].startswith("knn1.f1_macro is ")


@pytest.mark.parametrize(
    "outcomes",
    [{}, {"test": [[0, 1]], "predicted_k1": [[0, 7]]}, {"test": [[0, 99]], "predicted_k1": [[0, 0]]}],
    ids=["none", "a class that there is not", "an image that there is not"],
)
def test_a_figure_without_its_outcomes_is_corrupt(measure, row_of, outcomes) -> None:
    """What cannot be followed is no measurement."""
    result = measure("toy", 8)
    row = row_of(replace(result, outcomes={**result.outcomes, "knn": outcomes}))
    assert row.status == "corrupt"
    assert row.notes[0].startswith("knn1.f1_macro: its stored outcomes are incomplete")
    assert row.notes[0].endswith("measure it again")


def test_rounding_is_no_edit(measure, row_of) -> None:
    """The last digits of a sum differ between machines."""
    true = measure("toy", 8).metrics["knn1.f1_macro"]
    assert row_of(measure("toy", 8, metrics={"knn1.f1_macro": true + 1e-12})).status == "ok"
    row = row_of(measure("toy", 8, metrics={"knn1.f1_macro": true + 1e-6}))
    assert row.status == "corrupt"
    assert f"is {true + 1e-6:.9g}, but" in row.notes[0]
    assert f"give {true:.9g};" in row.notes[0]


def test_only_what_is_shown_is_checked(measure, row_of, crowd, with_dataset) -> None:
    """A figure that is no column does not take the row of the others, and one that no outcome gives cannot be."""
    result = measure("toy", 8, metrics={"knn1.accuracy": 0.5, "linear.log_loss": 0.25})
    assert row_of(result).status == "ok"
    assert row_of(result, with_dataset(crowd, columns=("linear.log_loss",))).status == "ok"
    assert row_of(result, with_dataset(crowd, columns=("knn1.accuracy",))).status == "corrupt"


def test_what_is_out_of_date_is_not_called_corrupt(measure, row_of) -> None:
    """Outcomes of an older protocol may mean something else."""
    row = row_of(measure("toy", 8, metrics={"knn1.f1_macro": 0.99}, inputs={"protocols": {"knn": 0}}))
    assert (row.status, row.notes) == ("stale", ("protocols changed",))


def test_a_cell_that_a_run_could_not_measure_has_no_figures(crowd) -> None:
    """But what its entry says."""
    row = missing_row(crowd.model("toy"), "gated", "accept its licence")
    assert (row.status, row.notes, row.metrics, row.parameters) == ("gated", ("accept its licence",), {}, None)
    assert row.dimension == 192
    assert missing_row(crowd.model("toy"), None, "").notes == ()


def test_only_figures_of_the_columns_are_reported(crowd, with_model) -> None:
    """A row of nothing but signs is left out."""
    board = with_model(crowd, "toy", reported={"grains": Reported({"knn1.f1_macro": 0.5}, "x")})
    board = with_model(board, "top", reported={"grains": Reported({"retrieval.map": 0.5}, "x")})
    rows = reported_rows(board, board.dataset("grains"))
    assert [(row.model.id, row.status) for row in rows] == [("toy", "reported")]
