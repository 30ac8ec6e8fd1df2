"""The site's pages in a real browser, from disk and from a server: accessible, never too wide, linked."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from front_page import load_board
from site_links import list_broken, list_pages, read_links
from take_screenshots import PAGES

WIDTHS = (320, 375, 640, 660, 720, 768, 1024)  # CSS pixels: phones, tablets, each side of where pages change form
FARTHEST = """[...document.querySelectorAll('main *')].filter(one => !one.closest('.scroll'))
  .reduce((far, one) => one.getBoundingClientRect().right > far.getBoundingClientRect().right ? one : far)
  .outerHTML.slice(0, 120)"""


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize("width", [1440, 375])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_page_has_no_serious_finding_and_is_never_wider_than_its_window(
    open_page, axe, kind: str, width: int, dark: bool
) -> None:
    """By axe-core, WCAG 2.1 AA and its best practices; in both themes, on a desk and on a phone."""
    page = open_page(PAGES[kind], width=width, dark=dark)
    assert axe(page) == []
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width


def list_too_wide(page: Any) -> list[str]:
    """At which widths a page has to be scrolled sideways, and what reaches farthest; the page is closed."""
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        wide = page.evaluate("document.scrollingElement.scrollWidth")
        if wide > width:
            found.append(f"{page.url.rpartition('site/')[2]} at {width}: {wide}, {page.evaluate(FARTHEST)}")
    page.close()
    return found


def test_no_page_is_wider_than_its_window(open_page, site) -> None:
    """Every page of the site, and the comparison, at widths between those of phones and desks."""
    addresses = [*list_pages(site), PAGES["comparison"]]
    assert [one for address in addresses for one in list_too_wide(open_page(address))] == []


@pytest.mark.parametrize("kind", ["index.html", "models/*.html", "datasets/generated-1.html"])
def test_no_page_with_long_names_is_wider_than_its_window(open_page, large_site, kind: str) -> None:
    """Of generated models, among them ids of sixty letters and notices."""
    pages = sorted(path.relative_to(large_site).as_posix() for path in large_site.glob(kind))[:10]
    assert [one for address in pages for one in list_too_wide(open_page(address, of=large_site))] == []


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("index.html", ["stale", "corrupt"]),
        ("models/model-00.html", ["extraction changed"]),
        ("models/model-01.html", ["contradicts itself, so its figures are not shown", "extraction changed"]),
    ],
)
def test_stale_and_corrupt_cells_are_called_so(open_page, axe, spoilt_site, address: str, words: list[str]) -> None:
    """On the table and on the page of each such model, which has no serious finding either."""
    page = open_page(address, of=spoilt_site)
    said = page.inner_text("main")
    assert [one for one in words if one not in said] == []
    assert axe(page) == []


def test_bars_are_there_in_a_system_that_chooses_the_colours(open_page) -> None:
    """Forced colours take backgrounds away; a bar is one, and the strokes of other models have no other colour."""
    page = open_page(PAGES["model-measured"])
    page.emulate_media(forced_colors="active")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert page.evaluate("getComputedStyle(document.querySelector('.share')).backgroundColor") != paper
    assert page.evaluate("getComputedStyle(document.querySelector('.field path')).stroke") != paper


def test_axe_would_find_what_is_wrong(open_page, axe, tmp_path) -> None:
    """A picture without a text, a grey word on grey: the check checks."""
    (tmp_path / "bad.html").write_text(
        '<!DOCTYPE html><html lang="en"><title>Bad</title><main><h1>Bad</h1>'
        '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><p style="color: #bbb">grey</p></main></html>'
    )
    found = " ".join(axe(open_page("bad.html", of=tmp_path)))
    assert "image-alt" in found
    assert "color-contrast" in found


def count_headings(page: Any) -> int:
    """Of the first level; the page is closed."""
    count: int = page.locator("h1").count()
    page.close()
    return count


def test_every_page_opens_from_disk(open_page, site) -> None:
    """With a heading, and without any error or request to elsewhere, which ``open_page`` listens for."""
    for address in list_pages(site):
        assert count_headings(open_page(address)) == 1, address


def test_every_page_opens_below_a_subpath_of_a_server(open_page, site, serve) -> None:
    """As on GitHub Pages: nothing outside of the subpath is asked for."""
    start = serve(site)
    for address in list_pages(site):
        assert count_headings(open_page(address, of=start)) == 1, address
    page = open_page(PAGES["comparison"], of=start)
    assert "0.509" in page.inner_text("main")  # its data came, too


@pytest.mark.parametrize(
    ("kind", "figure"),
    [("table", "0.718"), ("model-measured", "0.718"), ("model-reported", "0.91")],
)
def test_figures_are_there_without_scripts(open_page, kind: str, figure: str) -> None:
    """Scripts sort, filter and compare; they bring no figure."""
    assert figure in open_page(PAGES[kind], scripts=False).inner_text("main")


def test_what_the_images_resolve_is_there_without_scripts(open_page) -> None:
    """By the results as they are now."""
    standings = load_board().section.standings
    assert 0 < standings.resolution < 0.1
    page = open_page(PAGES["dataset-ranked"], scripts=False)
    assert f"{standings.resolution:.3f}" in page.inner_text("main")


def test_the_theme_is_chosen_with_a_button_and_kept(open_page) -> None:
    """Across pages, on this computer only; the keyboard does."""
    page = open_page("index.html")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Switch between light and dark").focus()
    page.keyboard.press("Enter")
    dark = page.evaluate(paper)
    assert dark != light
    page.get_by_role("link", name="How to read it").first.click()
    page.wait_for_url("**/reading.html")
    assert page.evaluate(paper) == dark


def test_the_first_tab_leads_past_the_header(open_page) -> None:
    """A link that shows when it has the focus."""
    page = open_page("index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


# ---- links


def test_every_link_leads_to_something(site) -> None:
    """Pages, pictures, files to download, and places within pages."""
    assert list(list_broken(site)) == []


def test_the_links_are_relative_or_lead_out_securely(site) -> None:
    """No path of a machine, no root of a server."""
    schemes = Counter()
    for address in list_pages(site):
        for target in read_links(site / address).targets:
            assert not target.startswith("/"), f"{address}: {target}"
            schemes[urlsplit(target).scheme] += 1
    assert set(schemes) <= {"", "https"}
    assert schemes["https"] > 0


def test_no_two_elements_of_a_page_share_an_id(site) -> None:
    """A link to it would be ambiguous."""
    for address in list_pages(site):
        counts = Counter(read_links(site / address).anchors)
        assert [name for name, count in counts.items() if count > 1] == [], address


def test_every_page_can_be_reached_from_the_first(site) -> None:
    """By links alone."""
    reached, waiting = set(), ["index.html"]
    while waiting:
        address = waiting.pop()
        if address not in reached and address.endswith(".html"):
            reached.add(address)
            paths = [urlsplit(target).path for target in read_links(site / address).targets if "://" not in target]
            near = [os.path.normpath(Path(address).parent / unquote(path)) for path in paths if path]
            waiting += [Path(path).as_posix() for path in near]
    assert sorted(reached) == list_pages(site)
