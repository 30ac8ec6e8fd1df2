"""The pages of models and data sets in a real browser: what a reader sees and can use."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODEL, DATASET, DRAWN = "models/efficientnet-lite1.html", "datasets/palynomorphs-20.html", "synthetic-palynomorphs"
ONE = "pixels"  # needs no network: measured anywhere
BOX = "node => { const box = node.getBoundingClientRect(); return [box.left, box.right, box.width]; }"
PLACE = """node => { const line = node.closest('.track').getBoundingClientRect(), own = node.getBoundingClientRect();
  return (own.left + own.width / 2 - line.left) / line.width; }"""


def test_a_mark_stands_where_the_other_page_draws_that_model(open_page):
    """The figures of its rival's classes: the diamonds on one page are the dots of the rival's own page."""
    page = open_page(MODEL)
    link = page.get_by_role("link", name=re.compile("^Compare it with")).first.get_attribute("href")
    rival = open_page(f"models/{link.partition('&b=')[2]}.html")
    marks = {}
    for row in page.locator("table.genera").first.locator("tbody tr").all():
        marks[row.locator("th").inner_text()] = row.locator(".mark").evaluate(PLACE)
    figures = {}
    for row in rival.locator("table.genera").first.locator("tbody tr").all():
        figures[row.locator("th").inner_text()] = float(row.locator("td.number").nth(1).inner_text().split("\xa0")[0])

    assert marks
    assert marks == pytest.approx(figures, abs=0.015)  # written with two decimals, drawn on whole pixels


def test_on_a_phone_every_genus_has_its_line_below_its_name(open_page):
    """Nothing is cut off or beside the screen: name, figure, drawing and difference of a row are all within it."""
    page = open_page(MODEL, width=375)
    for row in page.locator("table.genera").first.locator("tbody tr").all():
        parts = [cell.evaluate(BOX) for cell in row.locator("th, td:not(:empty)").all()]
        assert all(left >= 0 and right <= 375 for left, right, _ in parts)
        assert row.locator(".track").evaluate(BOX)[2] > 300
        name, line = (row.locator(part).bounding_box() for part in ("th", ".track"))
        assert line["y"] >= name["y"] + name["height"] - 2


@pytest.mark.parametrize(
    "address",
    [MODEL, DATASET, "", f"datasets/{DRAWN}.html"],
    ids=["measured", "ranked", "reported", "smoke-test"],  # -k with a model's name selects models
)
def test_a_page_keeps_within_a_phone_with_everything_opened(open_page, address):
    """Wide tables of every metric scroll within themselves."""
    if not address:  # of a model with figures of others
        reported = open_page(DATASET).locator("table.reported tbody a").first.get_attribute("href")
        address = reported.removeprefix("../")
    page = open_page(address, width=375)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")

    assert page.evaluate("document.scrollingElement.scrollWidth") <= 375


def test_every_metric_is_reached_and_read_by_keyboard(open_page):
    """Enter opens the list; a table that is wider than the screen takes the focus and moves with the arrow keys."""
    page = open_page(MODEL, width=375)
    page.get_by_text("Every metric on palynomorphs-20").focus()
    page.keyboard.press("Enter")
    wide = page.get_by_role("region", name="few_shot.lr.ROW.COLUMN on palynomorphs-20")
    wide.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")

    assert wide.evaluate("node => document.activeElement === node")
    page.wait_for_function("document.activeElement.scrollLeft > 0")
    assert wide.get_by_role("row", name="k20").is_visible()


def test_right_and_wrong_finds_differ_in_sign_border_and_name(open_page):
    """No colour is needed to tell them apart, and every picture is there."""
    page = open_page("models/pixels.html")
    pictures = page.locator(f'.example img[src*="{DRAWN}"]')
    pictures.evaluate_all("nodes => nodes.forEach(node => { node.loading = 'eager'; })")
    page.wait_for_function(
        f"[...document.querySelectorAll('img[src*=\"{DRAWN}\"]')].every(one => one.naturalWidth > 0)"
    )
    style = "node => getComputedStyle(node).outlineStyle"
    for kind, word, sign, border in (("right", "right: ", "✓", "solid"), ("wrong", "wrong: ", "✗", "dashed")):
        figure = page.locator(f'figure.{kind}:has(img[src*="{DRAWN}"])').first
        assert figure.locator("img").get_attribute("alt").startswith(word)
        assert figure.locator("figcaption").inner_text().startswith(sign)
        assert figure.locator("img").evaluate(style) == border
    assert pictures.count() == 5 * 11


def test_pages_lead_to_one_another_without_scripts(open_page):
    """From a model to its data set, to the best model there, and down to how to cite it."""
    page = open_page(MODEL, scripts=False)
    page.get_by_role("heading", name="On palynomorphs-20").get_by_role("link").click()
    assert page.locator("h1").inner_text() == "palynomorphs-20"
    first = page.locator("table.hardest caption a")
    name = first.inner_text()
    first.click()
    assert page.locator("h1").inner_text() == name
    page.get_by_role("navigation", name="On this page").get_by_role("link", name="How to cite").click()
    assert page.locator("#cite").bounding_box()["y"] < 900
    assert "@software{fossil-leaderboard" in page.locator("#cite ~ pre").filter(has_text="@software").inner_text()


@pytest.mark.parametrize("address", [MODEL, DATASET], ids=["measured", "ranked"])
def test_what_is_to_be_cited_is_as_wide_as_the_text(open_page, address):
    """A wide screen does not stretch it."""
    page = open_page(address)
    widths = [page.locator(part).evaluate_all(f"nodes => nodes.map({BOX})") for part in ("#cite ~ pre", "p.lead")]
    (of_citations, of_text) = ([width for _, _, width in boxes] for boxes in widths)

    assert of_citations
    assert max(of_citations) <= max(of_text) + 0.5


def test_names_of_files_stay_on_one_line(open_page):
    """Below the query of a search and below the images that all good models confuse, on a phone, too."""
    height = "node => node.getBoundingClientRect().height / parseFloat(getComputedStyle(node).lineHeight)"
    for address, part in ((f"models/{ONE}.html", ".query figcaption"), (f"datasets/{DRAWN}.html", ".pairs figcaption")):
        page = open_page(address, width=375)
        lines = page.locator(part).evaluate_all(f"nodes => nodes.map({height})")
        assert lines
        assert max(lines) < 1.5


def test_every_class_has_a_verdict(open_page):
    """In words also where the images do not tell; a cell is never left empty."""
    cells = open_page(MODEL).locator("table.genera td.verdict").all_inner_texts()

    assert cells
    assert set(cells) <= {"told apart", "not told apart"}


def test_a_figure_with_its_place_is_the_first_thing_said_of_a_measured_model(open_page):
    """The sentence holds the numbers of the committed result and stands above all tables."""
    page = open_page(MODEL)
    verdict = page.locator(".verdicts li").first

    stored = json.loads((ROOT / "leaderboard/results/palynomorphs-20/efficientnet-lite1.json").read_text())
    said = verdict.inner_text().replace("\xa0", " ")
    assert f"on palynomorphs-20 (NN F1 {stored['metrics']['knn1.f1_macro']:.3f} ±" in said
    assert said.startswith("Place ")
    assert verdict.bounding_box()["y"] < page.locator("table").first.bounding_box()["y"]
