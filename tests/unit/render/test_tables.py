"""The markdown tables: what is ranked, what is only shown, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from leaderboard.records import Cell, ModelSpec, Outcome, Reported, Result
from leaderboard.registry import Registry
from leaderboard.render.markdown import (
    BEGIN,
    END,
    render_block,
    render_leaderboard,
    render_outcomes,
    replace_block,
)
from leaderboard.render.message import describe_shortfall
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
    assert "Somebody 2024" in row
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


def test_the_end_of_a_run_counts_cells_and_gives_each_reason_once(measured) -> None:
    """Green by skipping must be visible."""
    outcomes = [
        Outcome(Cell("toy", "grains"), "measured", result=measured("toy", 0.51234)),
        Outcome(Cell("top", "grains"), "skipped", "gated"),
        Outcome(Cell("tin", "grains"), "skipped", "gated"),
        Outcome(Cell("tan", "grains"), "failed", "corrupt"),
    ]
    text = render_outcomes(outcomes)
    assert "1 of 4 cells measured" in text
    assert "skipped top-grains, tin-grains: gated" in text
    assert "failed tan-grains: corrupt" in text
    assert "0.512" in text


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
