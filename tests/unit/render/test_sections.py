"""Rows of a data set against one another: ranks, tie groups, what is set apart and what is not there."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from leaderboard.records import Cell, Reported
from leaderboard.sections import News, compute_section, compute_sections

F1, LOSS, ACCURACY = "knn1.f1_macro", "linear.log_loss", "knn1.accuracy"


@pytest.fixture
def ranks(crowd):
    """Model, rank and how many share it, from the top of the table; None, 0 for what is not compared."""

    def compute(results, board=crowd):
        section = compute_section(board, board.dataset("grains"), results)
        first = section.columns[0].name
        placed = [(row.model.id, row.standings.get(first)) for row in section.measured]
        return [(model, own.rank if own else None, own.tied if own else 0) for model, own in placed]

    return compute


def test_a_clear_leader_is_first_alone(measure, ranks) -> None:
    """Whoever comes next is second."""
    assert ranks([measure("toy", 40), measure("top", 4)]) == [("top", 1, 1), ("toy", 2, 1)]


def test_models_that_the_images_cannot_tell_apart_share_a_rank(measure, ranks) -> None:
    """Two that differ in one image; the third, which differs in many, has the rank after both."""
    results = [measure("toy", 40), measure("top", 4), measure("tin", 5)]
    assert ranks(results) == [("top", 1, 2), ("tin", 1, 2), ("toy", 3, 1)]


def test_a_tie_group_may_stand_below_a_leader(measure, ranks) -> None:
    """Its rank is that of its first."""
    results = [measure("toy", 40), measure("top", 4), measure("tin", 41)]
    assert ranks(results) == [("top", 1, 1), ("toy", 2, 2), ("tin", 2, 2)]


def test_ties_rest_on_the_same_images_not_on_intervals_that_overlap(measure, crowd) -> None:
    """Eight more mistakes on top of the same 30 are told apart, whereas each model's own interval holds the other."""
    results = [measure("toy", 30), measure("top", 38)]
    best, second = compute_section(crowd, crowd.dataset("grains"), results).measured
    assert best.metrics[F1] - second.metrics[F1] < min(row.standings[F1].half_width for row in (best, second))
    assert [row.standings[F1].rank for row in (best, second)] == [1, 2]


def test_equal_figures_are_tied(measure, ranks) -> None:
    """Also when they rest on different images; the names give the order."""
    assert ranks([measure("toy", 8), measure("top", 8)]) == [("top", 1, 2), ("toy", 1, 2)]
    assert ranks([measure("toy", 8), measure("top", 8, 40)]) == [("top", 1, 2), ("toy", 1, 2)]


def test_a_tie_group_stands_together(measure, ranks) -> None:
    """The second is told from the leader and the third, on whom it errs alike, is not: the third stands above it."""
    results = [measure("toy", 10), measure("top", 21), measure("tin", 22, 40)]
    assert ranks(results) == [("toy", 1, 2), ("tin", 1, 2), ("top", 3, 1)]


def test_other_test_sets_are_set_apart(measure, ranks) -> None:
    """As when a library splits otherwise: one odd cell does not stop the table."""
    odd = measure("tin", 4)
    tests = [test[::-1] for test in odd.outcomes["knn"]["test"]]
    named = [said[::-1] for said in odd.outcomes["knn"]["predicted_k1"]]
    odd = replace(odd, outcomes=odd.outcomes | {"knn": {"test": tests, "predicted_k1": named}})
    results = [measure("toy", 40), measure("top", 8), odd]
    assert ranks(results) == [("top", 1, 1), ("toy", 2, 1), ("tin", None, 0)]


def test_rows_are_sorted_on_unrounded_values(measure, ranks, crowd, with_dataset) -> None:
    """0.50004 stands above 0.50001 although both print as 0.500."""
    board = with_dataset(crowd, columns=("retrieval.map",))
    figures = {"toy": 0.50001, "top": 0.50004, "tin": 0.50001}
    results = [measure(model, 8, metrics={"retrieval.map": value}) for model, value in figures.items()]
    assert [model for model, *_ in ranks(results, board)] == ["top", "tin", "toy"]


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": {"dataset": "old"}},
        {"metrics": {F1: 0.99}},
        {"left_out": ["a/1.png"]},
        {"model": {"dtype": "bfloat16"}},
    ],
    ids=["stale", "corrupt", "left out", "dtype"],
)
def test_what_cannot_be_compared_has_neither_rank_nor_interval(measure, crowd, ranks, changes) -> None:
    """It stands below the others, better or not, and they are compared without it."""
    results = [measure("toy", 1, **changes), measure("top", 8), measure("tin", 40)]
    assert ranks(results) == [("top", 1, 1), ("tin", 2, 1), ("toy", None, 0)]
    section = compute_section(crowd, crowd.dataset("grains"), results)
    assert section.measured[-1].standings == {}
    assert section.standings == compute_section(crowd, crowd.dataset("grains"), results[1:]).standings


def test_an_edited_figure_does_not_touch_the_other_rows(measure, crowd) -> None:
    """They are as they would be without that file."""
    others = [measure("top", 8), measure("tin", 40)]
    alone = compute_section(crowd, crowd.dataset("grains"), others)
    beside = compute_section(crowd, crowd.dataset("grains"), [measure("toy", 8, metrics={F1: 0.5}), *others])
    assert beside.measured[:2] == alone.measured


def test_where_no_digest_is_declared_other_images_are_set_apart(measure, crowd, ranks, with_dataset) -> None:
    """Those that most models were measured on count."""
    board = with_dataset(crowd, digest=None)
    results = [measure("toy", 1, inputs={"dataset": "other"}), measure("top", 8), measure("tin", 40)]
    assert ranks(results, board) == [("top", 1, 1), ("tin", 2, 1), ("toy", None, 0)]
    section = compute_section(board, board.dataset("grains"), results)
    assert [row.notes for row in section.measured] == [(), (), ("other images or test sets",)]
    assert section.measured[-1].status == "ok"


def test_one_against_one_the_same_images_count_in_every_order(measure, crowd, ranks, with_dataset) -> None:
    """Not those of the file that was read first."""
    board = with_dataset(crowd, digest=None)
    results = [measure("toy", 1, inputs={"dataset": "other"}), measure("top", 8)]
    assert ranks(results, board) == ranks(results[::-1], board)
    assert [rank for _, rank, _ in ranks(results, board)] == [1, None]


def test_a_stale_row_does_not_choose_the_images(measure, crowd, ranks, with_dataset) -> None:
    """Two old results of other images against one that is up to date."""
    old = {"inputs": {"dataset": "other", "extraction": 0}}
    results = [measure("toy", 1, **old), measure("tin", 2, **old), measure("top", 8)]
    assert ranks(results, with_dataset(crowd, digest=None))[0] == ("top", 1, 1)


def test_a_metric_without_evidence_ranks_nothing(measure, crowd, ranks, with_dataset) -> None:
    """Rows stand in its order, the smaller loss first; other columns keep their intervals."""
    board = with_dataset(crowd, columns=(LOSS, ACCURACY))
    results = [measure("toy", 4, metrics={LOSS: 0.9}), measure("top", 40, metrics={LOSS: 0.2})]
    assert ranks(results, board) == [("top", None, 0), ("toy", None, 0)]
    assert ranks(results, with_dataset(crowd, columns=(ACCURACY,))) == [("toy", 1, 1), ("top", 2, 1)]
    section = compute_section(board, board.dataset("grains"), results)
    assert section.standings is None
    assert not section.is_ranked
    assert [list(row.standings) for row in section.measured] == [[ACCURACY], [ACCURACY]]


def test_a_result_without_the_first_column_is_not_ranked(measure, crowd, ranks) -> None:
    """It stands below the others, and its other figures are compared."""
    results = [measure("toy", 1, metrics={F1: None}), measure("top", 40)]
    assert ranks(results) == [("top", 1, 1), ("toy", None, 0)]
    row = compute_section(crowd, crowd.dataset("grains"), results).measured[1]
    assert set(row.standings) == {"retrieval.precision_at_n", "linear.balanced_accuracy"}


def test_an_undefined_figure_whose_outcomes_define_it_is_corrupt(measure, crowd, ranks) -> None:
    """Null in the file is an edit as any other: nothing of the row is compared."""
    results = [measure("toy", 1, metrics={F1: float("nan")}), measure("top", 40)]
    assert ranks(results) == [("top", 1, 1), ("toy", None, 0)]
    row = compute_section(crowd, crowd.dataset("grains"), results).measured[1]
    assert (row.status, row.standings) == ("corrupt", {})
    assert row.notes[0].startswith(f"{F1} is nan, but its stored outcomes give 0.9")


def test_a_single_model_is_first_of_one(measure, crowd, ranks) -> None:
    """Without anything that its images could resolve."""
    assert ranks([measure("toy", 8)]) == [("toy", 1, 1)]
    assert compute_section(crowd, crowd.dataset("grains"), [measure("toy", 8)]).standings.resolution is None


def test_results_of_unknown_models_and_other_data_sets_are_not_shown(measure, crowd, ranks) -> None:
    """A model removed from models.yaml disappears from the table, not from results/."""
    assert ranks([measure("gone", 8), replace(measure("toy", 8), dataset="spores")]) == []


def test_a_smoke_test_has_intervals_and_no_ranks_and_stands_last(measure, crowd) -> None:
    """Whatever the order of datasets.yaml."""
    grains = crowd.dataset("grains")
    drawn = replace(grains, id="drawn", ranked=False)
    board = replace(crowd, datasets={"drawn": drawn, "grains": grains})
    results = [measure("toy", 8), replace(measure("toy", 8), dataset="drawn")]
    sections = compute_sections(board, results)
    assert [(section.dataset.id, section.is_ranked) for section in sections] == [("grains", True), ("drawn", False)]
    assert set(sections[1].measured[0].standings) == set(sections[0].measured[0].standings)


def test_a_data_set_without_rows_has_no_section(crowd) -> None:
    """Nothing is measured there, and nothing reported."""
    assert compute_sections(crowd, []) == []


def test_what_has_no_figure_is_missing(measure, crowd, with_model) -> None:
    """Neither measured, nor reported, nor tried in this run; in the order of models.yaml."""
    board = with_model(crowd, "top", reported={"grains": Reported({F1: 0.9}, "x")})
    board = replace(board, models={**board.models, "tan": replace(board.model("toy"), id="tan")})
    results = [measure("toy", 8)]
    assert compute_section(board, board.dataset("grains"), results).missing == ["tin", "tan"]
    news = News(statuses={Cell("tan", "grains"): ("gated", "accept its licence")})
    assert compute_section(board, board.dataset("grains"), results, news).missing == ["tin"]


def test_what_a_run_could_not_measure_has_a_row_below_all_others(measure, crowd) -> None:
    """With its status and the reason."""
    news = News(statuses={Cell("top", "grains"): ("gated", "accept its licence")})
    section = compute_section(crowd, crowd.dataset("grains"), [measure("toy", 8, inputs={"dataset": "old"})], news)
    assert [(row.model.id, row.status, row.notes) for row in section.measured] == [
        ("toy", "stale", ("data changed",)),
        ("top", "gated", ("accept its licence",)),
    ]


def test_a_measured_cell_keeps_its_figures_when_a_run_could_not_measure_it(measure, crowd) -> None:
    """What the run made of it is told beside them; of another data set's cell nothing is."""
    statuses = {Cell("toy", "grains"): ("unreachable", "no network"), Cell("top", "spores"): ("error", "")}
    section = compute_section(
        crowd, crowd.dataset("grains"), [measure("toy", 8), measure("top", 40)], News(statuses=statuses)
    )
    assert [(row.model.id, row.status, row.last_run) for row in section.measured] == [
        ("toy", "ok", "unreachable"),
        ("top", "ok", None),
    ]
    assert [row.standings[F1].rank for row in section.measured] == [1, 2]


def test_a_run_that_went_well_is_no_news(measure, crowd) -> None:
    """Neither of a measured cell nor of one whose result lies elsewhere."""
    news = News(statuses={Cell("toy", "grains"): ("ok", ""), Cell("top", "grains"): ("ok", "")})
    section = compute_section(crowd, crowd.dataset("grains"), [measure("toy", 8)], news)
    assert section == compute_section(crowd, crowd.dataset("grains"), [measure("toy", 8)])


def test_arrows_go_to_their_cell_and_metric(measure, crowd) -> None:
    """And to no other."""
    news = News(arrows={Cell("toy", "grains"): {F1: "improved"}, Cell("top", "spores"): {F1: "worse"}})
    section = compute_section(crowd, crowd.dataset("grains"), [measure("toy", 8), measure("top", 40)], news)
    assert [row.arrows for row in section.measured] == [{F1: "improved"}, {}]


@pytest.mark.parametrize("second", [5, 8], ids=["all differ", "two are equal"])
def test_the_order_of_results_decides_nothing(measure, crowd, with_dataset, second: int) -> None:
    """Also not who leads where figures are equal and the images that they rest on are not."""
    results = [measure("toy", 8), measure("top", second, 40), measure("tin", 40)]
    board = with_dataset(crowd, digest=None)
    first, *others = [compute_section(board, board.dataset("grains"), list(some)) for some in permutations(results)]
    assert all(other == first for other in others)
