"""What is said above a table: what the images can resolve, and whether they tell who is best."""

from __future__ import annotations

import pytest

from leaderboard.render.cells import state_p
from leaderboard.render.findings import describe_findings, describe_resolution
from leaderboard.sections import compute_section

F1 = "knn1.f1_macro"


@pytest.fixture
def section_of(crowd):
    """The section of some results."""
    return lambda results, board=crowd: compute_section(board, board.dataset("grains"), results)


@pytest.fixture
def said(section_of):
    """What is said above their table."""
    return lambda *arguments: " ".join(describe_findings(section_of(*arguments)))


def test_the_resolution_line_names_figure_and_difference() -> None:
    """Three decimals, as the figures have; between which models where they are not all."""
    line = "**The smallest difference in NN F1 that these images can resolve is 0.034**, for "
    assert describe_resolution("NN F1", 0.0341) == line + "two of these models compared alone."
    assert describe_resolution("NN F1", 0.0341, "toy and top") == line + "toy and top."


def test_without_a_resolution_nothing_is_called_resolved() -> None:
    """Where no resample changes a difference, no number would be true."""
    line = "No resample changes a difference in NN F1, so nothing says what these images can resolve."
    assert describe_resolution("NN F1", None) == line


def test_the_best_is_named_with_its_lead(measure, section_of, said) -> None:
    """Value of both, difference with interval; and what the images can resolve, which is less."""
    results = [measure("toy", 40), measure("top", 4), measure("tin", 60)]
    section = section_of(results)
    best, second, _ = section.measured
    gap = best.metrics[F1] - second.metrics[F1]
    half = second.standings[F1].to_best.half_width
    assert section.standings.resolution < gap
    assert said(results) == (
        f"{describe_resolution('NN F1', section.standings.resolution)} "
        f"Best of the 3 compared is top ({best.metrics[F1]:.3f}), "
        f"{gap:.3f} ± {half:.3f} above toy ({second.metrics[F1]:.3f})."
    )


def test_of_two_models_the_resolution_is_half_of_their_interval(measure, section_of) -> None:
    """There is no other comparison that it could be of."""
    section = section_of([measure("toy", 30), measure("top", 8)])
    assert section.standings.resolution == section.measured[1].standings[F1].to_best.half_width


def test_two_that_cannot_be_told_apart_are_named_with_their_difference(measure, section_of, said) -> None:
    """And nobody is called the best."""
    results = [measure("toy", 5), measure("top", 4), measure("tin", 60)]
    best, tied, _ = section_of(results).measured
    gap, half = best.metrics[F1] - tied.metrics[F1], tied.standings[F1].to_best.half_width
    assert (
        f"These images cannot tell top ({best.metrics[F1]:.3f}) and toy ({tied.metrics[F1]:.3f}) apart: "
        f"the difference is {gap:.3f} ± {half:.3f}."
    ) in said(results)
    assert gap < half
    assert "tin" not in said(results)
    assert "Best of" not in said(results)


def test_a_difference_beyond_its_interval_that_may_be_chance_comes_with_its_p(measure, section_of, said) -> None:
    """Adjusted for all pairs, since the same images chose the best."""
    results = [measure("toy", 10), measure("top", 3), measure("tin", 6)]
    *_, last = section_of(results).measured
    difference = last.standings[F1].to_best
    assert abs(difference.value) > difference.half_width
    assert last.standings[F1].rank == 1
    assert said(results).endswith(
        f"apart: from the first to the last it is {abs(difference.value):.3f} ± {difference.half_width:.3f}, "
        f"which may be chance in one of 3 pairs ({state_p(difference.p)})."
    )


def test_all_of_the_first_tie_group_are_named(measure, said) -> None:
    """Best first."""
    text = said([measure("toy", 6), measure("top", 4), measure("tin", 5)])
    places = [text.index(word) for word in ("cannot tell top (", ", tin (", " and toy (", " apart: ")]
    assert places == sorted(places)


def test_a_tie_below_the_best_is_not_told(measure, said) -> None:
    """The sentence is about who is best."""
    text = said([measure("toy", 41), measure("top", 4), measure("tin", 40)])
    assert "Best of the 3 compared is top (" in text
    assert "above tin (" in text
    assert "apart" not in text


def test_without_an_interval_the_order_is_no_ranking(measure, crowd, said, with_dataset) -> None:
    """The reader is told so, and nothing else."""
    board = with_dataset(crowd, columns=("linear.log_loss", F1))
    results = [measure("toy", 4, metrics={"linear.log_loss": 0.1}), measure("top", 9, metrics={"linear.log_loss": 0.9})]
    assert said(results, board) == (
        "linear.log_loss has no interval, so the order of the rows is no ranking: it may be chance."
    )


@pytest.mark.parametrize(
    "changes",
    [{"inputs": {"dataset": "old"}}, {"metrics": {F1: 0.99}}, {"metrics": {F1: None}}],
    ids=["stale", "corrupt", "without"],
)
def test_where_nothing_can_be_compared_that_is_said(measure, said, changes) -> None:
    """Instead of a resolution."""
    expected = "No row can be compared: none is up to date and has NN F1."
    assert said([measure("toy", 4, **changes), measure("top", 9, **changes)]) == expected


def test_a_single_model_is_called_no_comparison(measure, said) -> None:
    """One that others are not comparable with is single too."""
    expected = "A single model is no comparison: this says nothing about which model is better."
    assert said([measure("toy", 4)]) == expected
    assert said([measure("toy", 4), measure("top", 9, inputs={"dataset": "old"})]) == expected


def test_nothing_is_found_in_a_smoke_test(measure, crowd, said, with_dataset) -> None:
    """Drawn images are no evidence."""
    assert said([measure("toy", 4), measure("top", 40)], with_dataset(crowd, ranked=False)) == ""
