"""The front page in a real browser: the scatter, drawn intervals, widths, colours, paper, no scripts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from front_page import (
    FIGURE,
    SHOWN,
    Board,
    choose,
    load_board,
    read_column,
    read_models,
)

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def board() -> Board:
    """What the first table should show."""
    return load_board()


def test_the_scatter_has_a_link_per_model_and_names_those_on_the_line(open_page: Open, board: Board) -> None:
    """It shows what the table shows, and the line is of what is measured."""
    page = open_page("index.html")
    points = page.locator(".canvas a")
    front, value = max(
        (
            (row.model.id, row.standings[FIGURE].value)
            for row in board.section.measured
            if row.is_comparable and row.speed
        ),
        key=lambda item: item[1],
    )
    best = page.get_by_role("link", name=re.compile(rf"^{front}: NN F1 {value:.3f} ± 0\.\d+, .*on the front"))
    best.wait_for()
    assert points.count() == sum("–" not in text for text in read_column(page, "Images/s"))
    assert best.get_attribute("href") == f"models/{front}.html"
    assert f"{front} ({value:.3f}" in page.locator(".scatter figcaption").inner_text()


def test_a_line_is_told_of_only_where_one_is_drawn(open_page: Open) -> None:
    """It takes two points."""
    page = open_page("index.html#q=lite1")
    page.wait_for_function("document.querySelectorAll('.canvas a').length === 1")
    assert "line" not in page.locator(".scatter figcaption").inner_text()
    assert page.locator(".front-line").count() == 0


def test_reported_models_are_never_on_the_line(open_page: Open, board: Board) -> None:
    """However good their figures are: nothing says how sure those are."""
    page = open_page("index.html#x=parameters")
    page.locator(".canvas a").first.wait_for()
    names = page.locator(".canvas a").evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
    told = {name.split(":")[0] for name in names if "reported by others" in name}
    assert told == {row.model.id for row in board.section.reported if row.parameters and FIGURE in row.metrics}
    assert told
    assert not any("on the front" in name for name in names if "reported by others" in name)
    caption = page.locator(".scatter figcaption").inner_text()
    assert not any(model in caption for model in told)


def test_on_a_phone_every_figure_is_labelled_and_the_order_is_chosen_from_a_list(open_page: Open, board: Board) -> None:
    """Rows become cards, and nothing is wider than the screen."""
    page = open_page("index.html", width=375)
    choose(page, "Sort by").select_option("-linear.balanced_accuracy")
    linear = "linear.balanced_accuracy"
    assert read_models(page)[0] == max(board.section.measured, key=lambda row: row.metrics[linear]).model.id
    label = page.locator(f'{SHOWN} tbody td[data-label="P@N"]').first
    assert label.evaluate("cell => getComputedStyle(cell, '::before').content").startswith('"P@N')
    assert page.locator(f"{SHOWN} [role=row]").count() > len(board.ids)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    for row in page.locator(f"{SHOWN} tbody tr:visible").all():
        box = row.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 375


def test_without_scripts_every_table_is_there(open_page: Open) -> None:
    """And no control that would do nothing."""
    page = open_page("index.html", scripts=False)
    assert page.locator("[data-set]:visible").count() == page.locator("[data-set]").count() > 1
    assert page.locator("form, .pick:visible, .scatter:visible, thead button").locator("visible=true").count() == 0
    page.get_by_role("navigation", name="Data sets").get_by_role("link", name="synthetic-palynomorphs").click()
    assert page.url.endswith("#in-synthetic-palynomorphs")


def test_fifty_models_are_a_page_below_900_kb(large_site) -> None:
    """Two data sets of them: a page that a phone can load."""
    assert (large_site / "index.html").stat().st_size < 900_000


def test_names_on_the_line_do_not_overlap(open_page: Open, large_site) -> None:
    """Of fifty models, on a desk and on a phone."""
    for width in (1440, 375):
        page = open_page("index.html#x=parameters", of=large_site, width=width)
        page.locator(".canvas .name").first.wait_for()
        boxes = [name.bounding_box() for name in page.locator(".canvas .name").all()]
        for place, one in enumerate(boxes):
            for other in boxes[place + 1 :]:
                beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
                # the text's own box has some air above and below
                apart = one["y"] + one["height"] <= other["y"] + 3 or other["y"] + other["height"] <= one["y"] + 3
                assert beside or apart


@pytest.mark.parametrize("width", [1440, 375])
def test_every_head_has_its_words_once(open_page: Open, large_site: Path, width: int) -> None:
    """As a button where it can be pressed, else as text; on cards nothing that cannot be seen takes the focus."""
    page = open_page("index.html", of=large_site, width=width)
    for head in page.locator(f"{SHOWN} thead th").all():
        shown = [
            part.inner_text()
            for part in head.locator(".label, button").all()
            if part.evaluate("one => getComputedStyle(one).display") != "none"
        ]
        assert [text.split("\n")[0] for text in shown] == [head.get_attribute("data-title")]
    assert page.locator("thead button, thead a").locator("visible=true").count() == (
        0 if width == 375 else page.locator(f"{SHOWN} thead button, .overview thead a").count()
    )


def test_figures_stand_below_figures(open_page: Open, board: Board) -> None:
    """Those of others, which have no interval, begin where the measured ones do."""
    page = open_page("index.html")
    cells = page.locator(f'{SHOWN} td[data-label="P@N"][data-v]')
    starts = cells.evaluate_all(
        """cells => cells.map((cell) => {
            const range = document.createRange();
            range.selectNodeContents(cell);
            return [cell.closest("tr").dataset.kind, range.getBoundingClientRect().left];
        })"""
    )
    assert {kind for kind, _ in starts} == {"measured", "reported"}
    assert len({left for _, left in starts}) == 1


@pytest.mark.parametrize("place", ["index.html", "compare.html"])
def test_with_colours_of_the_readers_own_the_drawings_are_there(open_page: Open, place: str) -> None:
    """And on paper their colours are printed."""
    page = open_page(place)
    page.locator(".track:visible").first.wait_for()
    page.emulate_media(forced_colors="active")
    track = page.locator(".track:visible").first
    dot = track.evaluate("one => getComputedStyle(one, '::after').backgroundColor")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dot != paper
    assert track.evaluate("one => getComputedStyle(one).printColorAdjust") == "exact"


def test_on_paper_the_scale_stands_above_its_column(open_page: Open) -> None:
    """And not across the rows."""
    page = open_page("index.html")
    page.emulate_media(media="print")
    ticks, head = (page.locator(f"{SHOWN} {place}").bounding_box() for place in (".ticks", "th.drawn"))
    assert head["y"] <= ticks["y"]
    assert ticks["y"] + ticks["height"] <= head["y"] + head["height"]
