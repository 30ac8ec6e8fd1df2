"""Which metrics a table shows, how they rank, and with how many digits figures of others are shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from leaderboard.records import Cell, DatasetSpec, Literature, Metric, ModelSpec, Outcome, Reported, Result
from leaderboard.registry import Registry
from leaderboard.render.markdown import render_leaderboard, render_tables
from leaderboard.render.outcomes import render_outcomes
from leaderboard.render.rows import columns_of, count_decimals, measured_rows, reported_rows, score_of, title_of

LOSS, ACCURACY = "linear.log_loss", "knn1.accuracy"
TOP1, AMI = "learning_curve.lr.f100.top1", "clustering.umap.kmeans_known_k.ami"


@pytest.fixture
def board(registry: Registry) -> Registry:
    """Two models on a data set whose table is of a loss and an accuracy."""
    toy, grains = registry.model("toy"), registry.dataset("grains")
    models = {id_: replace(toy, id=id_) for id_ in ("toy", "top")}
    return replace(registry, models=models, datasets={"grains": replace(grains, columns=(LOSS, ACCURACY))})


@pytest.fixture
def measured(make_result: Callable[..., Result]) -> Callable[..., Result]:
    """A result with these metrics."""

    def make(model: str, metrics: Mapping[str, float]) -> Result:
        return replace(make_result(metrics=metrics), model=model)

    return make


def with_reported(board: Registry, figures: Mapping[str, tuple[Mapping[str, float], str]]) -> Registry:
    """Models that have figures of others on the data set, with the source of each."""
    toy: ModelSpec = board.model("toy")
    models = {
        id_: replace(toy, id=id_, reported={"grains": Reported(metrics, source)})
        for id_, (metrics, source) in figures.items()
    }
    return replace(board, models=models)


def with_dataset(board: Registry, **changes: object) -> Registry:
    grains: DatasetSpec = replace(board.dataset("grains"), **changes)
    return replace(board, datasets={"grains": grains})


def ranks(board: Registry, results: list[Result]) -> list[tuple[str, int | None]]:
    rows = measured_rows(board, board.dataset("grains"), results)
    return [(row.model.id, row.rank) for row in rows]


def line_of(text: str, model: str) -> list[str]:
    """The cells of a model's row."""
    row = next(line for line in text.splitlines() if line.startswith("|") and model in line)
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_a_data_set_without_columns_shows_the_headlines(registry: Registry) -> None:
    """In their order."""
    names = [metric.name for metric in columns_of(registry.dataset("grains"))]
    assert names == ["knn1.f1_macro", "retrieval.precision_at_n", "linear.balanced_accuracy"]


def test_a_column_without_a_title_is_called_by_its_name() -> None:
    """Every metric can be a column."""
    assert title_of(Metric("a.b")) == "a.b"
    assert title_of(Metric("a.b", title="A")) == "A"


def test_a_loss_ranks_the_smaller_value_first(board: Registry, measured: Callable[..., Result]) -> None:
    """A metric knows which way is better."""
    results = [measured("toy", {LOSS: 0.9, ACCURACY: 0.9}), measured("top", {LOSS: 0.2, ACCURACY: 0.1})]
    assert ranks(board, results) == [("top", 1), ("toy", 2)]
    assert ranks(with_dataset(board, columns=(ACCURACY,)), results) == [("toy", 1), ("top", 2)]


@pytest.mark.parametrize("absent", [{}, {LOSS: float("nan")}], ids=["without", "undefined"])
def test_a_result_without_the_first_column_is_not_ranked(
    board: Registry, measured: Callable[..., Result], absent: dict[str, float]
) -> None:
    """It stands below, with a sign in the figure's place."""
    results = [measured("toy", {ACCURACY: 0.9} | absent), measured("top", {LOSS: 5.0})]
    assert ranks(board, results) == [("top", 1), ("toy", None)]
    text = render_leaderboard(board, results)
    assert line_of(text, "[toy]")[:1] + line_of(text, "[toy]")[2:4] == ["–", "–", "0.900"]
    assert line_of(text, "[top]")[:1] + line_of(text, "[top]")[2:4] == ["1", "5.000", "–"]


def test_the_head_of_the_table_names_the_columns(board: Registry, measured: Callable[..., Result]) -> None:
    """And no others."""
    head = line_of(render_leaderboard(board, [measured("toy", {LOSS: 1.0})]), "Model")
    assert head[:5] == ["Rank", "Model", LOSS, ACCURACY, "Parameters"]


def test_a_score_is_better_when_higher() -> None:
    """Whatever the metric; nothing is worse than no figure."""
    loss, share = Metric("a", higher_is_better=False), Metric("a")
    assert score_of({"a": 0.25}, share) == 0.25
    assert score_of({"a": 0.25}, loss) == -0.25
    assert score_of({}, share) == score_of({}, loss) == score_of({"a": float("nan")}, loss) == float("-inf")


@pytest.mark.parametrize(
    ("values", "expected"), [([0.711, 0.8104], 4), ([35.0, 2.0], 0), ([100.0], 0), ([76.301], 3), ([0.6, 0.44], 2)]
)
def test_decimals_are_counted_as_written(values: list[float], expected: int) -> None:
    """Zeros at the end are not written."""
    assert count_decimals(values) == expected


def test_figures_of_others_have_the_digits_of_their_source(board: Registry) -> None:
    """0.8000 of a work that gives four, 0.60 of one that gives two; a count has none, wherever it stands."""
    clusters = "clustering.pca.hdbscan.clusters"
    fine = {TOP1: 0.8, AMI: 0.5, clusters: 35.0, "learning_curve.knn.f100.top1": 0.1234}
    figures = {"toy": (fine, "fine"), "tan": ({TOP1: 0.6, AMI: 0.25}, "coarse"), "tin": ({TOP1: 0.55}, "coarse")}
    board = with_dataset(with_reported(board, figures), columns=(TOP1, AMI, clusters))
    text = render_leaderboard(board, [])
    assert line_of(text, "toy")[1:4] == ["0.8000", "0.5", "35"]
    assert line_of(text, "tan")[1:4] == ["0.60", "0.25", "–"]
    assert "Sources: fine (toy); coarse (tan, tin)." in text


def test_only_figures_of_the_columns_are_reported(board: Registry) -> None:
    """A row of nothing but signs is left out."""
    board = with_reported(board, {"toy": ({LOSS: 0.5}, "x"), "top": ({TOP1: 0.5}, "x")})
    assert [row.model.id for row in reported_rows(board, board.dataset("grains"))] == ["toy"]


def test_weights_of_reported_models_are_linked_once(board: Registry) -> None:
    """A later table of the same models is narrower."""
    toy = replace(board.model("toy"), links={"weights": "https://a.org/b"})
    figures = Reported({LOSS: 0.5}, "x")
    toy = replace(toy, reported={"grains": figures, "spores": figures})
    datasets = {"grains": board.dataset("grains"), "spores": replace(board.dataset("grains"), id="spores")}
    text = render_leaderboard(replace(board, models={"toy": toy}, datasets=datasets), [])
    first, _, second = text.partition("## spores")
    assert first.count("https://a.org/b") == 1
    assert "Weights" not in second
    assert line_of(second, "toy")[1] == "0.5"


def test_what_other_methods_reach_stands_above_the_table(board: Registry) -> None:
    """Each with what it is."""
    lines = (Literature(TOP1, 0.874, "by hand"), Literature(TOP1, 0.92, "by a machine"))
    board = with_dataset(with_reported(board, {"toy": ({LOSS: 0.5}, "x")}), literature=lines)
    expected = "Other methods, to compare with LR top-1: 0.874, by hand; 0.920, by a machine."
    assert expected in render_leaderboard(board, [])


def test_where_images_are_from_and_what_is_not_verified_is_said(board: Registry) -> None:
    """A licence that nobody has looked up is neither stated nor absent."""
    board = with_reported(board, {"toy": ({LOSS: 0.5}, "x")})
    assert "4 images, 2 classes, licence not stated." in render_leaderboard(board, [])
    board = with_dataset(board, origin="a museum", paper="10.1234/abc", unverified=("licence",))
    text = render_leaderboard(board, [])
    assert "4 images, 2 classes, licence not verified." in text
    assert "Images: a museum ([doi 10.1234/abc](https://doi.org/10.1234/abc))." in text


def test_tables_can_be_had_with_any_columns(board: Registry, measured: Callable[..., Result]) -> None:
    """Those given rank and stand in the place of the data set's own."""
    results = [measured("toy", {LOSS: 0.9, ACCURACY: 0.9}), measured("top", {LOSS: 0.2, ACCURACY: 0.1})]
    text = render_tables(board, results, columns=[ACCURACY])
    assert line_of(text, "Model")[:4] == ["Rank", "Model", ACCURACY, "Parameters"]
    assert line_of(text, "[toy]")[0] == "1"
    assert render_tables(board, results, columns=[ACCURACY], datasets=["other"]) == ""
    assert render_tables(board, results, columns=[ACCURACY], datasets=["grains"]) == text


def test_the_end_of_a_run_has_a_table_for_each_choice_of_columns(
    board: Registry, measured: Callable[..., Result]
) -> None:
    """Best first by the data set's own first column; a figure that is not there is a sign."""
    grains = board.dataset("grains")
    board = replace(board, datasets={"grains": grains, "spores": replace(grains, id="spores", columns=())})
    results = [measured("toy", {LOSS: 0.9}), measured("top", {LOSS: 0.2, ACCURACY: 0.5})]
    results += [replace(measured("toy", {"knn1.f1_macro": 0.5}), dataset="spores")]
    text = render_outcomes([Outcome(Cell(r.model, r.dataset), "ok", result=r) for r in results], board)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    assert [row for row in rows if "--" not in row[0]] == [
        ["data set", "model", LOSS, ACCURACY, "dimension"],
        ["grains", "top", "0.200", "0.500", "192"],
        ["grains", "toy", "0.900", "–", "192"],
        ["data set", "model", "NN F1", "P@N", "Linear bal. acc.", "dimension"],
        ["spores", "toy", "0.500", "–", "–", "192"],
    ]
