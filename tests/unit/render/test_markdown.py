"""The leaderboard's page and the block of the top README: what they hold, and what they say besides tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from leaderboard.records import Cell, Literature, Reported, Result
from leaderboard.registry import Registry
from leaderboard.render.markdown import BEGIN, END, INTRODUCTION, render_block, render_leaderboard, replace_block
from leaderboard.render.tables import REPORTED
from leaderboard.sections import News, compute_sections

F1 = "knn1.f1_macro"
NOTHING = "Nothing is measured here yet."
SPEED = {"images_per_second": 47.93, "batch_size": 8, "device": "cpu", "dtype": "float32", "hardware": "x86_64"}


@pytest.fixture
def reported(crowd, with_model) -> Registry:
    """Of the third model there are figures of others, better than all measured ones."""
    figures = Reported({F1: 0.99}, "Somebody 2024", parameters=21_000_000)
    return with_model(crowd, "tin", reported={"grains": figures})


def test_the_page_has_a_section_per_data_set_one_for_efficiency_and_one_for_models(measure, crowd) -> None:
    """Overview first, the smoke test behind what is ranked."""
    grains = crowd.dataset("grains")
    datasets = {"drawn": replace(grains, id="drawn", ranked=False), "grains": grains}
    board = replace(crowd, datasets={**datasets, "spores": replace(grains, id="spores")})
    results = [replace(measure("toy", 8, speed=SPEED), dataset=dataset) for dataset in board.datasets]
    text = render_leaderboard(compute_sections(board, results))
    heads = [line for line in text.splitlines() if line.startswith("#")]
    expected = ["# Leaderboard", "## Overview", "## grains", "## spores", "## drawn", "## Efficiency", "## Models"]
    assert heads == expected


def test_one_ranked_data_set_needs_no_overview_and_no_speed_no_section(measure, crowd) -> None:
    """A second one that is a smoke test, has only reported rows, or no row that is compared does not count."""
    grains = crowd.dataset("grains")
    results = [measure("toy", 8), replace(measure("toy", 8), dataset="second")]
    figures = {"second": Reported({F1: 0.5}, "x")}
    models = {**crowd.models, "top": replace(crowd.model("top"), reported=figures)}
    second = replace(grains, id="second")
    for board, some in (
        (replace(crowd, datasets={"grains": grains, "second": replace(second, ranked=False)}), results),
        (replace(crowd, models=models, datasets={"grains": grains, "second": second}), results[:1]),
        (replace(crowd, datasets={"grains": grains, "second": replace(second, digest="e" * 64)}), results),
    ):
        text = render_leaderboard(compute_sections(board, some))
        assert "## second" in text
        assert "## Overview" not in text
        assert "## Efficiency" not in text


def test_a_page_without_results_is_its_introduction(crowd) -> None:
    """No heading without a table."""
    assert render_leaderboard(compute_sections(crowd, [])) == INTRODUCTION


def test_the_introduction_explains_every_word_of_the_table() -> None:
    """Signs, ranks and the statuses that a published page shows; folded, so that the first table is near."""
    before, _, folded = INTRODUCTION.partition("<details><summary>How to read it</summary>\n\n")
    words = ("±", "`1=`", "`1= (1–3)`", "*Smallest difference*", "↑", "↓", "†", "*Unpinned*")
    for word in (*words, "`ok`", "`stale`", "`corrupt`", "`reported`"):
        assert word in folded
    assert folded.endswith("\n\n</details>\n")
    assert before.startswith("<!-- generated from results/ by `python -m leaderboard render`: do not edit -->\n# ")
    for heading in ("efficiency", "models"):
        assert f"(#{heading})" in before


def test_the_resolution_line_stands_above_the_table_on_both_pages(measure, crowd) -> None:
    """Once per data set."""
    results = [measure("toy", 8), measure("top", 40)]
    for text in (render_leaderboard(compute_sections(crowd, results)), render_block(compute_sections(crowd, results))):
        assert text.count("The smallest difference in NN F1 that these images can resolve is 0.") == 1
        assert text.index("The smallest difference in NN F1") < text.index(" Rank |")


def test_reported_rows_stand_apart_and_unranked(measure, reported, find_row) -> None:
    """Even when the published figure is higher than every measured one."""
    text = render_leaderboard(compute_sections(reported, [measure("toy", 8)]))
    table, _, apart = text.partition(f"\n{REPORTED}\n\n|")
    assert "tin" not in table
    assert find_row(f"|{apart}", "tin") == {"Model": "tin", "NN F1": "0.99", "Status": "reported"}
    assert "Source: Somebody 2024." in apart
    assert find_row(apart.partition("## Models")[2], "tin")["Parameters"] == "21M"


def test_models_are_described_on_the_page_only(measure, crowd) -> None:
    """The block is for whoever opens the repository: no speeds, no weights."""
    results = [measure("toy", 8, speed=SPEED)]
    page, block = render_leaderboard(compute_sections(crowd, results)), render_block(compute_sections(crowd, results))
    assert "Weights" in page
    assert "47.9" in page
    assert "Weights" not in block
    assert "47.9" not in block


def test_what_is_missing_is_listed_folded(measure, crowd, reported) -> None:
    """Below the tables of both pages; neither measured nor reported models are among them."""
    for render in (render_leaderboard, render_block):
        text = render(compute_sections(crowd, [measure("toy", 8)]))
        assert "<summary>Missing: 2 models, not measured on these images</summary>top, tin</details>" in text
        assert "Missing: 1 model, not measured on these images</summary>top<" in render(
            compute_sections(reported, [measure("toy", 8)])
        )
        results = [measure(model, 8) for model in crowd.models]
        assert "Missing" not in render(compute_sections(crowd, results))


def test_where_only_others_have_measured_that_is_said(measure, reported, with_dataset) -> None:
    """Above their table; not of drawn images, and no longer once a run has tried."""
    text = render_leaderboard(compute_sections(reported, []))
    assert text.count(NOTHING) == 1
    assert text.index(NOTHING) < text.index(REPORTED)
    assert NOTHING not in render_leaderboard(compute_sections(reported, [measure("toy", 8)]))
    assert NOTHING not in render_leaderboard(compute_sections(with_dataset(reported, ranked=False), []))
    news = News(statuses={Cell("top", "grains"): ("gated", "no token")})
    assert NOTHING not in render_leaderboard(compute_sections(reported, [], news))


def test_nothing_is_called_missing_where_nothing_is_measured(measure, reported, crowd, with_dataset) -> None:
    """Nor on drawn images."""
    assert "Missing" not in render_leaderboard(compute_sections(reported, []))
    assert "Missing" not in render_leaderboard(compute_sections(with_dataset(crowd, ranked=False), [measure("toy", 8)]))


def test_a_smoke_test_says_that_it_is_no_evidence(measure, crowd, with_dataset) -> None:
    """And neither ranks nor resolves anything."""
    board = with_dataset(crowd, ranked=False)
    sections = compute_sections(board, [measure("toy", 8), measure("top", 40)])
    text = render_leaderboard(sections).partition("## grains")[2]
    assert "no evidence about real fossils" in text
    assert "Rank" not in text
    assert "resolve" not in text
    assert "no evidence" not in render_leaderboard(compute_sections(crowd, [measure("toy", 8)]))


def notices(text: str) -> Iterator[str]:
    """Lines that show what a licence asks for."""
    return (line for line in text.splitlines() if line.endswith(": Built with toys."))


def test_a_licences_notice_stands_with_the_figures_on_both_pages(measure, reported, with_model) -> None:
    """Of measured and of reported ones, and with the licence."""
    board = with_model(with_model(reported, "toy", notice="Built with toys"), "tin", notice="Built with toys")
    results = [measure("toy", 8), measure("top", 8)]
    for text in (render_leaderboard(compute_sections(board, results)), render_block(compute_sections(board, results))):
        assert list(notices(text)) == ["toy: Built with toys.", "tin: Built with toys."]
    assert "MIT; Built with toys" in render_leaderboard(compute_sections(board, results))


def test_a_notice_of_a_model_without_figures_is_not_shown(measure, crowd, with_model) -> None:
    """A gated row has none."""
    news = News(statuses={Cell("top", "grains"): ("gated", "no token")})
    board = with_model(crowd, "top", notice="Built with toys")
    assert list(notices(render_leaderboard(compute_sections(board, [measure("toy", 8)], news)))) == []


def test_the_block_holds_measured_and_ranked_data_sets(measure, crowd) -> None:
    """None that is drawn, only reported, or in which a run measured nothing."""
    grains = crowd.dataset("grains")
    names = ("spores", "drawn", "tracks", "grains")
    datasets = {name: replace(grains, id=name, ranked=name != "drawn") for name in names}
    models = {**crowd.models, "tin": replace(crowd.model("tin"), reported={"spores": Reported({F1: 0.9}, "x")})}
    board = replace(crowd, models=models, datasets=datasets)
    results = [measure("toy", 8), replace(measure("toy", 8), dataset="drawn")]
    news = News(statuses={Cell("top", "tracks"): ("gated", "no token")})
    heads = [line for line in render_block(compute_sections(board, results, news)).splitlines() if line.startswith("#")]
    assert heads == ["### grains"]
    page = render_leaderboard(compute_sections(board, results, news))
    assert [name for name in names if f"## {name}\n" in page] == list(names)


def test_the_pages_link_to_the_results_from_where_they_stand(measure, crowd) -> None:
    """One beside results/, one at the top."""
    results = [measure("toy", 8)]
    assert "[toy](results/grains/toy.json)" in render_leaderboard(compute_sections(crowd, results))
    assert "[toy](leaderboard/results/grains/toy.json)" in render_block(compute_sections(crowd, results))


def test_the_block_replaces_what_is_between_the_markers(measure, crowd) -> None:
    """And nothing else; a text without markers stays as it is."""
    block = render_block(compute_sections(crowd, [measure("toy", 8)]))
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert replace_block(text, block) == f"before\n{block}\nafter\n"
    assert replace_block(replace_block(text, block), block) == replace_block(text, block)
    assert replace_block("nothing here", block) == "nothing here"


def test_the_pages_are_the_same_bytes_whatever_the_order_of_results(measure, reported) -> None:
    """Rendered twice, and from files read in another order: equal figures, two machines, one model stale."""
    datasets = {name: replace(reported.dataset("grains"), id=name) for name in ("grains", "spores")}
    board = replace(reported, datasets=datasets)
    results: list[Result] = [
        measure("toy", 8, speed=SPEED),
        measure("top", 8, 40, speed=SPEED | {"device": "cuda"}),
        measure("tin", 40, inputs={"dataset": "old"}),
        replace(measure("toy", 8), dataset="spores"),
    ]
    orders = [results, results, results[::-1], results[2:] + results[:2]]
    drawn = [compute_sections(board, some) for some in orders]
    pages = {render_leaderboard(sections) + render_block(sections) for sections in drawn}
    assert len(pages) == 1


def test_what_other_methods_reach_stands_above_the_table(reported, with_dataset) -> None:
    """Each with what it is, metric by metric, with as many digits as the most exact."""
    top1 = "learning_curve.lr.f100.top1"
    lines = (
        Literature(top1, 0.874, "by hand"),
        Literature(F1, 0.5, "by guessing"),
        Literature(top1, 0.92, "by a machine"),
    )
    text = render_leaderboard(compute_sections(with_dataset(reported, literature=lines), []))
    above = text.partition(REPORTED)[0]
    assert "Other methods, to compare with LR top-1: 0.874, by hand; 0.920, by a machine.\n" in above
    assert "Other methods, to compare with NN F1: 0.5, by guessing.\n" in above


def test_where_images_are_from_and_what_is_not_verified_is_said(reported, with_dataset) -> None:
    """A licence that nobody has looked up is neither stated nor absent."""
    assert "80 images, 2 classes, licence not stated." in render_leaderboard(compute_sections(reported, []))
    board = with_dataset(reported, origin="a museum", paper="10.1234/abc", unverified=("licence",))
    text = render_leaderboard(compute_sections(board, []))
    assert "80 images, 2 classes, licence not verified." in text
    assert "Images: a museum ([doi 10.1234/abc](https://doi.org/10.1234/abc))." in text


def test_weights_are_linked_once(crowd, with_model) -> None:
    """However many data sets a model has figures on."""
    figures = Reported({F1: 0.5}, "x")
    reported = {"grains": figures, "spores": figures}
    board = with_model(crowd, "toy", links={"weights": "https://a.org/b"}, reported=reported)
    datasets = {**board.datasets, "spores": replace(board.dataset("grains"), id="spores")}
    text = render_leaderboard(compute_sections(replace(board, datasets=datasets), []))
    assert text.count("| toy ") == 3
    assert text.count("https://a.org/b") == 1


def test_a_reason_with_markup_breaks_no_row(measure, crowd, find_row) -> None:
    """A server's words are text."""
    news = News(statuses={Cell("top", "grains"): ("error", "a | b\n| c")})
    text = render_leaderboard(compute_sections(crowd, [measure("toy", 8)], news))
    assert find_row(text, "top")["Status"] == "error †"
    assert "\n\n† top: a \\| b \\| c.\n" in text
