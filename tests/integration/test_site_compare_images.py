"""The compare page in a browser: class by class and image by image, as the statistics and the stored outcomes have it.

On the generated leaderboard, so that no measurement can change what is tested.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compare_page import DATASET, DRAWN, FIGURE, FIRST, SECOND, THIRD, address, read, read_rows

from leaderboard.genera import compute_genus_standings
from leaderboard.mistakes import Tally, tally_names
from leaderboard.records import Result
from leaderboard.result_files import load_results

ROOT = Path(__file__).parents[2]
OpenPage = Callable[..., Any]


@pytest.fixture
def open_page(open_page: OpenPage, large_site: Path) -> OpenPage:
    """Opens pages of the generated site, unless another one is given."""
    return partial(open_page, of=large_site)


@pytest.fixture(scope="module")
def root(large_site: Path) -> Path:
    """What the generated site is made from."""
    return large_site.parent / "root"


@pytest.fixture(scope="module")
def results(root: Path) -> dict[str, Result]:
    """The stored cells of the data set."""
    stored = load_results(root / "leaderboard" / "results")
    return {result.model: result for result in stored if result.dataset == DATASET}


def tell(tally: Tally) -> np.ndarray:
    """Of every tested image 0 where it is named right, 1 where it is undecided, 2 where it is wrong."""
    tested = tally.asked > 0
    return 1 + np.sign(tally.asked[tested] - 2 * tally.right[tested]).astype(int)


@pytest.mark.parametrize("is_real", [True, False])
def test_classes_are_called_as_the_data_set_has_them(open_page: OpenPage, site: Path, is_real: bool) -> None:
    """Genera only where its entry says so, in heads, controls and sentences."""
    page = open_page("compare.html#set=palynomorphs-20", of=site) if is_real else open_page("compare.html")
    one, many = ("genus", "genera") if is_real else ("class", "classes")
    text = read(page, "#comparison")
    for said in (f"{one.title()} by {one}", f"Order of the {many}", f"(Holm over the {many})", f"20 {many}"):
        assert said in text
    assert is_real or not re.search(r"\bgen(us|era)\b", text)


def test_genera_are_told_apart_as_the_statistics_say(open_page: OpenPage, results: dict[str, Result]) -> None:
    """In words and numbers, beside the drawing."""
    near = "model-25"  # told apart on some classes alone
    standings = compute_genus_standings([results[FIRST], results[near]], FIGURE)
    expected = dict(zip(standings.classes, standings.pair(FIRST, near), strict=True))
    page = open_page(address(FIRST, near))
    rows = {row[0]: row for row in read_rows(page, "#genera")}
    told = sum(difference.is_resolved for difference in expected.values())
    assert 0 < told < len(expected)
    assert rows.keys() == expected.keys()
    for name, difference in expected.items():
        side = "A" if difference.value > 0 else "B"
        shown, half = rows[name][5].removeprefix(f"{side} +").split(" ± ")
        assert float(shown) == pytest.approx(abs(difference.value), abs=0.0005 + 2e-5)  # of figures with five digits
        assert half == f"{difference.half_width:.3f}"
        assert rows[name][6] == (f"{side} is better" if difference.is_resolved else "not told apart")
    assert read(page, "#genera-verdict").startswith(f"These images tell the two apart on {told} of 20 classes: ")
    assert page.locator(".genera .lead-bar.told").count() == told


@pytest.mark.parametrize(("order", "column"), [("name", 0), ("images", 1), ("lead", 5), ("size", 5)])
def test_genera_are_ordered_as_chosen(open_page: OpenPage, order: str, column: int) -> None:
    """By name from a, by images and size from the largest, by difference from A's lead to B's."""
    page = open_page(address(SECOND, "model-40"))
    read(page, "#verdict")
    page.get_by_label("Order of the classes").select_option(order)
    cells = [row[column] for row in read_rows(page, "#genera")]
    signed = [
        (-1 if cell.startswith("B") else 1) * float(cell.split("+")[-1].split()[0]) for cell in cells if "±" in cell
    ]
    keys = {"name": cells, "images": [-int(cell) for cell in cells if cell.isdecimal()]}
    keys |= {"lead": [-value for value in signed], "size": [-abs(value) for value in signed]}
    assert len(keys[order]) == 20
    assert keys[order] == sorted(keys[order])


def test_another_order_of_the_classes_leaves_everything_else_alone(open_page: OpenPage) -> None:
    """What was unfolded stays so, and nothing is read out again."""
    page = open_page(address(FIRST, THIRD))
    read(page, "#verdict")
    page.locator("#only-a button").click()
    page.evaluate(
        """() => {
            window.told = 0;
            const watch = new MutationObserver(() => { window.told += 1; });
            const quiet = document.querySelectorAll("[role=status], select");
            for (const one of quiet) watch.observe(one, {childList: true});
        }"""
    )
    page.get_by_label("Order of the classes").select_option("name")
    cells = [row[0] for row in read_rows(page, "#genera")]
    assert cells == sorted(cells)
    assert page.locator("#only-a button").get_attribute("aria-expanded") == "true"
    assert page.evaluate("window.told") == 0


def test_every_tested_image_is_counted_once(open_page: OpenPage, results: dict[str, Result]) -> None:
    """As right in more than half of its tests, as wrong in less, as undecided in just half."""
    tallies = [tally_names(results[model]) for model in (FIRST, THIRD)]
    own, its = map(tell, tallies)
    page = open_page(address(FIRST, THIRD))
    counts = [[int(cell.split()[0]) for cell in cells] for _, *cells in read_rows(page, "#outcomes")]
    assert counts == [[int(sum((own == row) & (its == column))) for column in range(3)] for row in range(3)]
    assert sum(counts[1]) > 0
    assert f"{len(own)} images were tested." in read(page, "#untested")


def test_the_first_24_images_are_shown_and_all_on_demand(open_page: OpenPage, results: dict[str, Result]) -> None:
    """Each with its tests; the button works by keyboard and says what it does. None is undecided."""
    page = open_page(address(FIRST, THIRD))
    count = int(re.search(r": (\d+) images$", read(page, "#only-a-title"))[1])  # type: ignore[index]
    shown = page.locator("#only-a li")
    assert shown.count() == 24
    button = page.get_by_role("button", name=f"Show all {count}")
    button.focus()
    page.keyboard.press("Enter")
    assert shown.count() == count
    assert page.locator("#only-a button").get_attribute("aria-expanded") == "true"
    one, other = (tally_names(results[model]) for model in (FIRST, THIRD))
    right, asked, its = one.right, one.asked, other.right
    only = [image for image in range(len(right)) if 2 * right[image] > asked[image] > 2 * its[image]]
    expected = sorted((int(right[image]), int(asked[image]), int(its[image])) for image in only)
    assert sorted(hits for group in read_tests(page) for hits in group) == expected


def read_tests(page: Any) -> list[list[tuple[int, ...]]]:
    """In how many tests A was right, of how many, and B: of the images that only A has, by class."""
    found = []
    for group in page.locator("#only-a ul").all():
        texts = [" ".join(text.split()) for text in group.locator("li").all_inner_texts()]
        tests = [re.search(r"A (\d+)/(\d+) B (\d+)/\2", text) for text in texts]
        found.append([tuple(map(int, test.groups())) for test in tests if test])
    return found


def test_images_that_were_tested_and_won_most_come_first(open_page: OpenPage) -> None:
    """5 of 5 against none before 4 of 5 against none before 1 of 1; of classes those with most tests won."""
    page = open_page(address(FIRST, THIRD))
    read(page, "#verdict")
    page.locator("#only-a button").click()
    groups = read_tests(page)
    won = [[own - its for own, _, its in group] for group in groups]
    assert all(group == sorted(group, reverse=True) for group in won)
    assert [sum(group) for group in won] == sorted(map(sum, won), reverse=True)
    for group in groups:
        fewer = [(its - own, asked) for own, asked, its in group]  # as many won of fewer tests: the clearer case
        assert fewer == sorted(fewer)
    assert any(group[0] > group[-1] == 1 for group in won)


def test_pictures_belong_to_the_names_below_them(open_page: OpenPage, site: Path) -> None:
    """Every picture is a file of the site, that of the image with the name below it."""
    stored = [result for result in load_results(ROOT / "leaderboard" / "results") if result.dataset == DRAWN]
    told = {result.model: tell(tally_names(result)) for result in stored}
    one, other = max(permutations(sorted(told), 2), key=lambda pair: sum((told[pair[0]] == 0) & (told[pair[1]] == 2)))
    page = open_page(address(one, other, DRAWN), of=site)
    read(page, "#verdict")
    shown = page.locator(".only li").all()
    assert shown
    for item in shown[:5]:
        source, name = item.locator("img").get_attribute("src"), item.locator(".file").inner_text()
        assert (site / source).is_file()
        assert int(source[-9:-4]) % 30 == int(re.search(r"(\d+)\.", name)[1])  # type: ignore[index]
    assert "Apache-2.0" in read(page, "#credit")


def test_the_classes_are_readable_on_a_phone(open_page: OpenPage) -> None:
    """Name and numbers stand above a bar as wide as the page, and nothing leaves the screen."""
    page = open_page("compare.html#set=generated-2&a=model-01&b=model-44", width=375)
    read(page, "#verdict")
    row = page.locator("#genera tbody tr").first
    boxes = [row.locator(place).bounding_box() for place in ("th", ".gap", ".lead-bar")]
    assert boxes[0]["y"] < boxes[1]["y"] < boxes[2]["y"]
    assert boxes[2]["width"] > 320
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 375
