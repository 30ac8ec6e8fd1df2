"""The metadata of a model card: which figures may stand there, and what the Hub's own reader makes of it."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest

from leaderboard.card import choose_cells, describe_card
from leaderboard.errors import Unavailable
from leaderboard.records import Reported, Result, Source
from leaderboard.registry import Registry
from leaderboard.sections import compute_sections

hub = pytest.importorskip("huggingface_hub", reason="needs the networks extra")
F1, SHARE, BALANCED = "knn1.f1_macro", "retrieval.precision_at_n", "linear.balanced_accuracy"
SHA = "a" * 40


def describe(registry: Registry, results: Sequence[Result], model: str = "toy", **options) -> str:
    """The block of a model."""
    cells, _ = choose_cells(registry.model(model), results, compute_sections(registry, results))
    return describe_card(registry.model(model), cells, **options)


def load(block: str) -> hub.ModelCardData:
    """What the Hub's reader makes of a card with that block on top."""
    return hub.ModelCard(f"---\n{block}---\n# A model\n").data


def refuse(registry: Registry, results: Sequence[Result], model: str = "toy") -> list[str]:
    """Why nothing of a model may stand in a card."""
    cells, reasons = choose_cells(registry.model(model), results, compute_sections(registry, results))
    assert cells == []
    return reasons


def test_the_hubs_reader_finds_every_headline_figure(measure, crowd) -> None:
    """Under the model's title, with all digits, by the Hub's names of tasks and metrics."""
    result = measure("toy", 8)
    data = load(describe(crowd, [result, measure("top", 30)]))
    found = {one.metric_name: one for one in data.eval_results}
    assert data.model_name == "Toy"
    assert {name: one.metric_value for name, one in found.items()} == {
        "NN F1 (knn1.f1_macro)": result.metrics[F1],
        "P@N (retrieval.precision_at_n)": result.metrics[SHARE],
        "Linear bal. acc. (linear.balanced_accuracy)": result.metrics[BALANCED],
    }
    assert {name.partition(" (")[0]: (one.task_type, one.metric_type) for name, one in found.items()} == {
        "NN F1": ("image-classification", "f1"),
        "P@N": ("image-feature-extraction", "precision"),
        "Linear bal. acc.": ("image-classification", "recall"),
    }
    assert found["Linear bal. acc. (linear.balanced_accuracy)"].metric_args["average"] == "macro"


def test_a_figure_says_on_what_it_rests(measure, crowd, with_model) -> None:
    """Data set and the digest of its images, protocol and its version, weights, half of its interval."""
    weights = {"source": "hub:me/mine", "revision": SHA}
    board = with_model(crowd, "toy", sources=(Source("hub", "me/mine", revision=SHA),))
    one = load(describe(board, [measure("toy", 8, model={"weights": weights})])).eval_results[0]
    assert (one.dataset_type, one.dataset_name, one.dataset_revision) == ("grains", "Grains", None)
    assert one.metric_config == "knn, version 1"
    arguments = dict(one.metric_args)
    assert 0 < arguments.pop("half_width_95") < 0.2
    assert arguments == {
        "average": "macro",
        "suite": "fossil-leaderboard",
        "dataset_digest": "d" * 64,
        "model": "toy",
        "weights": "hub:me/mine",
        "weights_revision": SHA,
    }


def test_what_is_read_back_gives_the_same_block(measure, crowd) -> None:
    """Nothing is lost on the way."""
    block = describe(crowd, [measure("toy", 8)], url="https://example.org/board")
    data = load(block)
    again = hub.ModelCardData(model_name=data.model_name, eval_results=data.eval_results)
    assert f"{again.to_yaml()}\n" == block


def test_there_is_a_source_only_with_an_address(measure, crowd) -> None:
    """The Hub's form has none without; no address is made up."""
    assert {one.source_name for one in load(describe(crowd, [measure("toy", 8)])).eval_results} == {None}
    address = "https://example.org/board"
    sources = load(describe(crowd, [measure("toy", 8)], url=address)).eval_results
    assert {(one.source_name, one.source_url) for one in sources} == {("fossil-leaderboard", address)}


def test_a_data_set_of_the_hub_has_its_name_there(measure, crowd, with_dataset) -> None:
    """Not the one of datasets.yaml; its revision is the commit, which a digest of images or a branch is not."""
    for revision, shown in ((SHA, SHA), ("main", None), (None, None)):
        board = with_dataset(crowd, hub="me/grains", revision=revision)
        found = load(describe(board, [measure("toy", 8)])).eval_results
        assert {(one.dataset_type, one.dataset_revision) for one in found} == {("me/grains", shown)}


def test_a_data_set_of_another_place_has_no_revision(measure, crowd, with_dataset) -> None:
    """And a type that is no repository: a plain word."""
    board = with_dataset(crowd, revision=SHA)
    found = load(describe(board, [measure("toy", 8)])).eval_results
    assert {(one.dataset_type, one.dataset_revision) for one in found} == {("grains", None)}


def test_a_licences_notice_stands_in_the_block(measure, crowd, with_model) -> None:
    """As a comment on one line, which the reader passes over."""
    block = describe(with_model(crowd, "toy", notice="Built\nwith toys"), [measure("toy", 8)])
    assert block.startswith("# Built with toys\nmodel-index:\n")
    assert len(load(block).eval_results) == 3


def test_a_figure_that_is_undefined_is_left_out(measure, crowd) -> None:
    """The others stay; a cell without any has no place in a card."""
    block = describe(crowd, [measure("toy", 8, metrics={SHARE: None, BALANCED: None})])
    assert [one.metric_type for one in load(block).eval_results] == ["f1"]
    nothing = measure("toy", 8, metrics={F1: None, SHARE: None, BALANCED: None})
    assert refuse(crowd, [nothing])[0].startswith("grains is left out: it has no figure of the table; measure")


def test_a_stale_cell_is_refused(measure, crowd, with_dataset) -> None:
    """With what changed and what to do."""
    assert refuse(with_dataset(crowd, digest="e" * 64), [measure("toy", 8)]) == [
        'grains is left out: its cell is stale (data changed); measure the cell: pytest -k "toy and grains"'
    ]


def test_a_corrupt_cell_is_refused(measure, crowd) -> None:
    """Its figures do not follow from its outcomes."""
    [reason] = refuse(crowd, [measure("toy", 8, metrics={F1: 0.99})])
    assert "its cell is corrupt (knn1.f1_macro is 0.99," in reason


def test_a_cell_that_is_not_compared_is_refused(measure, crowd) -> None:
    """Measured in another precision, say."""
    [reason] = refuse(crowd, [measure("toy", 8, model={"dtype": "bfloat16"})])
    assert "its cell is ok (bfloat16)" in reason


def test_reported_figures_are_refused(crowd, with_model) -> None:
    """They are their authors' to publish."""
    board = with_model(crowd, "toy", reported={"grains": Reported({F1: 0.99}, "Somebody")})
    [reason] = refuse(board, [])
    assert reason.startswith("grains is left out: its figures are reported by Somebody and not measured here; cite")


def test_a_measured_cell_counts_where_others_report_too(measure, crowd, with_model) -> None:
    """The card has our value."""
    board = with_model(crowd, "toy", reported={"grains": Reported({F1: 0.99}, "Somebody")})
    values = [one.metric_value for one in load(describe(board, [measure("toy", 8)])).eval_results]
    assert 0.99 not in values
    assert len(values) == 3


def test_drawn_images_are_refused(measure, crowd, with_dataset) -> None:
    """A smoke test says nothing about fossils."""
    [reason] = refuse(with_dataset(crowd, ranked=False), [measure("toy", 8)])
    assert "smoke test" in reason


def test_one_data_set_may_stand_and_another_not(measure, two_sets, crowd) -> None:
    """Each is judged by itself."""
    spores = replace(measure("toy", 8), dataset="spores", metrics={F1: math.nan})
    results = [measure("toy", 8), spores]
    cells, reasons = choose_cells(two_sets.model("toy"), results, compute_sections(two_sets, results))
    assert [cell.dataset.id for cell in cells] == ["grains"]
    assert [reason.partition(" ")[0] for reason in reasons] == ["spores"]


def test_without_the_hubs_library_the_error_says_what_to_install(measure, crowd, monkeypatch) -> None:
    """One line."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(Unavailable, match=r"needs huggingface_hub, .*pip install 'fossil-leaderboard\[networks\]'"):
        describe(crowd, [measure("toy", 8)])
