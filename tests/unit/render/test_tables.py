"""The markdown tables: what is ranked, what is only shown, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from leaderboard.records import Cell, ModelSpec, Outcome, Reported, Result, Source
from leaderboard.registry import Registry
from leaderboard.render.markdown import (
    BEGIN,
    END,
    render_block,
    render_leaderboard,
    replace_block,
)
from leaderboard.render.message import describe_shortfall
from leaderboard.render.outcomes import describe_outcomes, render_outcomes
from leaderboard.render.rows import measured_rows


@pytest.fixture
def crowd(registry: Registry) -> Registry:
    """Three models on the data set."""
    toy = registry.model("toy")
    return replace(registry, models={id_: replace(toy, id=id_) for id_ in ("toy", "top", "tin")})


@pytest.fixture
def measured(make_result: Callable[..., Result]) -> Callable[..., Result]:
    """A result with all three headline metrics."""

    def make(model: str, f1: float, /, **changes) -> Result:
        metrics = {"knn1.f1_macro": f1, "retrieval.precision_at_n": 0.25, "linear.balanced_accuracy": 0.75}
        return (
            make_result(metrics=metrics, **changes)
            if model == "toy"
            else replace(make_result(metrics=metrics, **changes), model=model)
        )

    return make


def ranks(registry: Registry, results: list[Result]) -> list[tuple[str, int | None]]:
    """Model and rank, from the top of the table."""
    rows = measured_rows(registry, registry.dataset("grains"), results)
    return [(row.model.id, row.rank) for row in rows]


def test_rows_are_ranked_on_unrounded_values(crowd, measured) -> None:
    """0.50004 stands above 0.50001 although both print as 0.500; equal values share a rank."""
    results = [measured("toy", 0.50001), measured("top", 0.50004), measured("tin", 0.50001)]
    assert ranks(crowd, results) == [("top", 1), ("tin", 2), ("toy", 2)]


def test_what_cannot_be_compared_has_no_rank(crowd, measured) -> None:
    """Stale, with images left out, or of another dtype: below the others, with the reason."""
    results = [
        measured("toy", 0.9, left_out=["a/1.png"]),
        measured("top", 0.5),
        measured("tin", 0.95, inputs={"dataset": "old"}),
    ]
    assert ranks(crowd, results) == [("top", 1), ("tin", None), ("toy", None)]
    text = render_leaderboard(crowd, results)
    assert "measured; 1 unreadable images left out" in text
    assert "measured; stale: data changed" in text


def test_another_dtype_is_not_ranked(crowd, measured) -> None:
    """bfloat16 figures are not float32 figures."""
    results = [measured("toy", 0.9, model={"dtype": "bfloat16"}), measured("top", 0.5)]
    assert ranks(crowd, results) == [("top", 1), ("toy", None)]


def test_reported_rows_stand_apart_and_unranked(crowd, measured) -> None:
    """Even when the published figure is higher than every measured one."""
    figures = Reported({"knn1.f1_macro": 0.99}, "Somebody 2024", parameters=21_000_000)
    models = {**crowd.models, "tin": replace(crowd.model("tin"), reported={"grains": figures})}
    text = render_leaderboard(replace(crowd, models=models), [measured("toy", 0.5)])
    table, _, apart = text.partition("Reported by others, not measured here and not ranked:")
    assert "tin" not in table
    row = next(line for line in apart.splitlines() if "tin" in line)
    assert "0.99" in row
    assert "21M" in row
    assert "reported" in row
    assert "Source: Somebody 2024." in apart
    assert "| Rank" not in apart


def test_missing_is_shown_as_missing(crowd, measured) -> None:
    """No speed recorded: a dash, never a number."""
    line = next(line for line in render_leaderboard(crowd, [measured("toy", 0.5)]).splitlines() if "[toy]" in line)
    assert [cell.strip() for cell in line.split("|")][8] == "–"


def test_a_smoke_test_data_set_has_no_ranks(crowd, measured) -> None:
    """Its table has no such column, and says that it is no evidence."""
    grains = replace(crowd.dataset("grains"), ranked=False)
    text = render_leaderboard(replace(crowd, datasets={"grains": grains}), [measured("toy", 0.5)])
    assert "no evidence about real fossils" in text
    assert "| Rank" not in text


def test_results_of_unknown_models_are_not_shown(crowd, measured) -> None:
    """A model removed from models.yaml disappears from the table, not from results/."""
    assert ranks(crowd, [measured("gone", 0.9)]) == []


def test_the_block_replaces_what_is_between_the_markers(crowd, measured) -> None:
    """And nothing else; a text without markers stays as it is."""
    block = render_block(crowd, [measured("toy", 0.5)])
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert replace_block(text, block) == f"before\n{block}\nafter\n"
    assert replace_block(replace_block(text, block), block) == replace_block(text, block)
    assert replace_block("nothing here", block) == "nothing here"


def outcomes_of(result: Result) -> list[Outcome]:
    """One measured cell, two skipped for one reason, one failed."""
    return [
        Outcome(Cell("toy", "grains"), "ok", result=result),
        Outcome(Cell("top", "grains"), "gated", "accept its licence"),
        Outcome(Cell("tin", "grains"), "gated", "accept its licence"),
        Outcome(Cell("tan", "grains"), "error", "missing blocks.0"),
    ]


def test_the_end_of_a_run_counts_cells_and_gives_each_reason_once(crowd, measured) -> None:
    """Green by skipping must be visible, and a licence's notice stands wherever its figures are."""
    models = {**crowd.models, "toy": replace(crowd.model("toy"), notice="Built with toys")}
    text = render_outcomes(outcomes_of(measured("toy", 0.51234)), replace(crowd, models=models))
    assert "1 of 4 cells measured" in text
    assert "skipped (gated) top-grains, tin-grains: accept its licence" in text
    assert "failed (error) tan-grains: missing blocks.0" in text
    assert "0.512" in text
    assert text.endswith("toy: Built with toys")


def test_the_run_report_says_what_became_of_a_cell_and_what_the_table_shows(crowd, measured) -> None:
    """A cell that could not be measured keeps what it had: a measurement, up to date or not, or reported figures."""
    top = replace(crowd.model("top"), reported={"grains": Reported({"knn1.f1_macro": 0.9}, "their paper")})
    tin = replace(crowd.model("tin"), dimension=7)
    registry = replace(crowd, models={**crowd.models, "top": top, "tin": tin, "tan": crowd.model("toy")})
    stored = {Cell(name, "grains"): measured(name, 0.5) for name in ("toy", "tin")}
    cells = describe_outcomes(outcomes_of(measured("toy", 0.5)), registry, stored)
    assert [(cell["model"], cell["status"], cell["shown"]) for cell in cells] == [
        ("toy", "ok", "ok"),
        ("top", "gated", "reported"),
        ("tin", "gated", "stale"),
        ("tan", "error", None),
    ]
    assert cells[1]["reason"] == "accept its licence"


@pytest.mark.parametrize(("revision", "shown"), [("main", True), ("a" * 40, False)])
def test_weights_that_may_change_are_shown_as_unpinned(crowd, measured, revision: str, shown: bool) -> None:
    """A branch instead of a commit is said beside the weights, for reported figures too."""
    reported = {"grains": Reported({"knn1.f1_macro": 0.9}, "their paper")}
    toy = replace(crowd.model("toy"), sources=(Source("hub", "owner/toy", revision=revision),), reported=reported)
    text = render_leaderboard(replace(crowd, models={"toy": toy}), [])
    assert ("(unpinned)" in text) is shown


def test_a_url_is_unpinned_until_a_run_has_recorded_its_file(crowd, measured) -> None:
    """The entry declares no sha256: unpinned while only reported, no longer once a result holds one."""
    toy = replace(crowd.model("toy"), sources=(Source("url", "https://example.org/a.pth"),))
    registry = replace(crowd, models={"toy": toy})
    weights = {"source": "url:https://example.org/a.pth", "revision": None, "file": "a.pth"}
    for sha256, shown in ((None, True), ("0" * 64, False)):
        result = measured("toy", 0.5, model={"weights": weights | {"sha256": sha256}})
        assert ("(unpinned)" in render_leaderboard(registry, [result])) is shown


def test_a_licences_notice_stands_beside_the_figures(crowd, measured) -> None:
    """In the licence's cell of the row."""
    toy = replace(crowd.model("toy"), notice="Built with toys")
    assert "MIT; Built with toys" in render_leaderboard(replace(crowd, models={"toy": toy}), [measured("toy", 0.5)])


def test_a_shortfall_names_value_threshold_distance_and_command(measured) -> None:
    """Everything that a contributor needs to see it again."""
    message = describe_shortfall(measured("toy", 0.5), "knn1.f1_macro", 0.75)
    assert "knn1.f1_macro of toy on grains is 0.500000, 0.250000 below its threshold 0.75" in message
    assert "data digest dddddddddddd" in message
    assert message.endswith('reproduce: pytest -k "toy and grains"')
    assert "\n" not in message


def test_markup_in_an_entry_stays_text(crowd, measured) -> None:
    """A pipe in a licence does not break the table."""
    toy: ModelSpec = replace(crowd.model("toy"), licence="MIT | other")
    text = render_leaderboard(replace(crowd, models={"toy": toy}), [measured("toy", 0.5)])
    assert "MIT \\| other" in text
