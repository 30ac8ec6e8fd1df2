"""The front page in a real browser: searching, filtering, sorting, the address, picking two models, the scatter."""

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
    millions,
    read_column,
    read_count,
    read_hash,
    read_models,
    sort_by,
)
from generated_results import save_generated_results

from leaderboard.__main__ import main
from leaderboard.render.cells import describe_place

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def board() -> Board:
    """What the first table should show."""
    return load_board()


@pytest.fixture(scope="module")
def sparse_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of five generated models, of which the last has no result."""
    folder = tmp_path_factory.mktemp("sparse-site")
    save_generated_results(folder / "root", models=5, datasets=2, images=90, classes=5)
    for path in (folder / "root").rglob("model-04.json"):
        path.unlink()
    assert main(["site", "--root", str(folder / "root"), "--out", str(folder / "site")]) == 0
    return folder / "site"


def test_a_search_hides_rows_as_it_is_typed_and_never_renumbers(open_page: Open, board: Board) -> None:
    """All words have to occur, in any order; the places stay those of the whole table."""
    page = open_page("index.html")
    before = read_models(page)
    assert before == board.ids
    sought = board.row("efficientnet-lite1")
    page.get_by_label("Search").press_sequentially("imagenet LITE1")
    assert read_models(page) == [sought.model.id]
    shown = page.locator(f"{SHOWN} .place:visible").first.inner_text().partition(",")[0]
    assert shown.split() == describe_place(sought.standings[FIGURE]).split()
    assert read_count(page).startswith("1 of ")
    assert read_hash(page) == "#q=imagenet+LITE1"
    page.get_by_role("button", name="Reset").click()
    assert read_models(page) == before
    assert read_hash(page) == ""


def test_filters_work_together(open_page: Open, board: Board) -> None:
    """What is left of the measured and of the reported rows; an empty part has no head."""
    page = open_page("index.html")
    choose(page, "Parameters").select_option("5")
    choose(page, "Family").select_option("EfficientNet-Lite")
    rows = [row for row in board.section.measured if row.model.family == "EfficientNet-Lite"]
    small = [row.model.id for row in rows if (row.parameters or 0) <= 5e6]
    assert len(small) >= 3
    assert read_models(page) == small
    assert read_models(page, "reported") == []
    assert page.get_by_text("Reported by others, not ranked").first.is_hidden()


@pytest.mark.parametrize("sought", ["model-04", "Generated 0 transformer model-04"])
def test_whoever_searches_for_a_model_that_nobody_has_measured_is_told_so(
    open_page: Open, sparse_site: Path, sought: str
) -> None:
    """By name, family or tag; the command measures it there, and no other model."""
    page = open_page("index.html#set=generated-2", of=sparse_site)
    page.get_by_label("Search").fill(sought)
    assert read_models(page) == []
    told = page.locator(f"{SHOWN} .nothing").inner_text()
    command = 'pytest -k "model-04 and generated-2"'
    assert f"No model of this table fits. Not measured on these images yet: model-04. {command}" in told


def test_a_licence_group_holds_only_what_it_says(open_page: Open) -> None:
    """Every row's own licence stands beside it."""
    page = open_page("index.html#licence=unstated")
    assert set(read_column(page, "Licence", "reported")) == {"not stated"}
    assert read_models(page) == []


def test_a_head_sorts_both_ways_and_measured_rows_never_mix_with_reported(open_page: Open) -> None:
    """A first press brings the best ones up; tie groups are shaded only in the order of places."""
    page = open_page("index.html")
    by_place, reported = read_models(page), read_models(page, "reported")
    board = page.locator(f"{SHOWN} .board")
    assert "by-place" in board.get_attribute("class")
    sort_by(page, "Parameters")
    assert page.locator(f'{SHOWN} [data-key="parameters"]').get_attribute("aria-sort") == "ascending"
    sizes = [millions(text) for text in read_column(page, "Parameters")]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]
    assert "by-place" not in board.get_attribute("class")
    sort_by(page, "Parameters")
    assert [millions(text) for text in read_column(page, "Parameters")] == sizes[::-1]
    assert set(read_models(page)) == set(by_place)
    assert set(read_models(page, "reported")) == set(reported)
    assert read_column(page, "Parameters", "reported")[-1] == "–"
    assert read_hash(page) == "#sort=-parameters"
    sort_by(page, "Place")
    assert read_models(page) == by_place
    assert read_hash(page) == ""


def test_figures_are_sorted_as_numbers_from_high_to_low(open_page: Open) -> None:
    """Speeds of different lengths, too; whoever has none comes last."""
    page = open_page("index.html")
    sort_by(page, "Images/s")
    column = read_column(page, "Images/s")
    speeds = [float(text.replace(",", "")) for text in column if text != "–"]
    assert speeds == sorted(speeds, reverse=True)
    assert len(speeds) > 1
    assert set(column[len(speeds) :]) <= {"–"}


def test_heads_are_used_by_keyboard(open_page: Open, board: Board) -> None:
    """With the focus on one, Enter sorts."""
    page = open_page("index.html")
    page.locator(f'{SHOWN} thead [data-title="Model"] button').focus()
    page.keyboard.press("Enter")
    assert read_models(page) == sorted(board.ids)


def test_an_address_brings_back_the_view(open_page: Open) -> None:
    """Data set, filter, order and what the scatter is drawn against."""
    page = open_page("index.html#set=synthetic-palynomorphs&q=lite&sort=-linear.balanced_accuracy&x=parameters")
    linear = [float(text.split()[0]) for text in read_column(page, "Linear bal. acc.")]
    assert linear == sorted(linear, reverse=True)
    assert len(linear) >= 3
    assert "no evidence about real fossils" in page.locator(SHOWN).inner_text()
    assert page.get_by_label("Search").input_value() == "lite"
    assert choose(page, "Against").input_value() == "parameters"
    page.locator(".canvas svg").wait_for()
    assert page.locator(".canvas svg").get_attribute("aria-label").endswith("against parameters, a point per model")


def test_what_an_address_says_and_nobody_knows_is_ignored(open_page: Open, board: Board) -> None:
    """The defaults stand in its place."""
    page = open_page("index.html#set=nowhere&sort=-beauty&licence=%00&size=9&x=y&more=1")
    assert read_models(page) == board.ids
    assert re.fullmatch(r"(\d+) of \1 models shown", read_count(page))


def test_the_skip_link_does_not_change_the_view(open_page: Open) -> None:
    """It has an address, too."""
    page = open_page("index.html#q=hog")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"
    assert read_models(page) == ["hog"]


def test_an_address_that_changes_is_followed(open_page: Open) -> None:
    """As when somebody goes back, or follows a link to another view."""
    page = open_page("index.html#q=hog")
    page.evaluate("location.hash = '#q=pixels'")
    page.wait_for_function("document.querySelector('[data-state=q]').value === 'pixels'")
    assert read_models(page) == ["pixels"]


def test_the_way_back_leads_to_the_data_set_before(open_page: Open) -> None:
    """Choosing one is a step; typing is none."""
    page = open_page("index.html")
    first = choose(page, "Data set").input_value()
    choose(page, "Data set").select_option("synthetic-palynomorphs")
    page.get_by_label("Search").press_sequentially("lite")
    page.go_back()
    page.wait_for_function("id => document.querySelector('[data-state=set]').value === id", arg=first)
    assert page.locator(SHOWN).get_attribute("data-set") == first
    assert read_hash(page) == ""


def test_the_overview_leads_to_a_table_in_this_or_in_a_new_window(open_page: Open, large_site: Path) -> None:
    """Its address chooses the data set wherever it is opened; so does the one for browsers without scripts."""
    page = open_page("index.html", of=large_site)
    link = page.locator(".overview [data-go=generated-2]")
    assert link.get_attribute("href").endswith("#set=generated-2")
    link.click()
    assert page.locator(SHOWN).get_attribute("data-set") == "generated-2"
    for address in ("index.html#set=generated-2", "index.html#in-generated-2"):
        opened = open_page(address, of=large_site)
        assert opened.locator(SHOWN).get_attribute("data-set") == "generated-2"


def test_filters_that_an_address_sets_are_in_sight(open_page: Open) -> None:
    """On a phone they are folded, until one of them hides rows."""
    page = open_page("index.html", width=375)
    assert not choose(page, "Family").is_visible()
    page.evaluate("location.hash = '#kind=measured'")
    page.wait_for_function("document.querySelector('[data-state=kind]').value === 'measured'")
    assert choose(page, "Figures").is_visible()


@pytest.mark.parametrize("is_allowed", [True, False])
def test_copying_the_link_says_whether_it_worked(open_page: Open, serve: Callable[..., str], site, is_allowed) -> None:
    """A browser may refuse."""
    page = open_page("index.html#q=hog", of=serve(site))
    answer = "Promise.resolve()" if is_allowed else "Promise.reject(new Error('no'))"
    page.evaluate(f"void (navigator.clipboard.writeText = (text) => {{ window.copied = text; return {answer}; }})")
    page.get_by_role("button", name="Copy link to this view").click()
    said = page.locator(".copied")
    page.wait_for_function("document.querySelector('.copied').textContent")
    assert page.evaluate("window.copied").endswith("index.html#q=hog")
    assert said.inner_text().startswith("Copied." if is_allowed else "The browser does not allow it")


def test_two_models_are_picked_and_lead_to_their_comparison(open_page: Open) -> None:
    """A third one cannot be picked; the link has the data set and both."""
    page = open_page("index.html")
    page.get_by_role("checkbox", name="Compare efficientnet-lite0").check()
    page.get_by_role("checkbox", name="Compare hog").check()
    assert page.get_by_role("checkbox", name="Compare pixels").is_disabled()
    link = page.get_by_role("link", name="Compare efficientnet-lite0 with hog")
    assert link.get_attribute("href") == "compare.html#set=palynomorphs-20&a=efficientnet-lite0&b=hog"
    page.get_by_role("button", name="Clear").click()
    assert link.is_hidden()
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Compare ")
    assert not page.get_by_role("checkbox", name="Compare hog").is_checked()
