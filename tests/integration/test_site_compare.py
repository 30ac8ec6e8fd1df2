"""The compare page in a browser: Python's verdicts, whoever is chosen, by mouse, keyboard or address."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leaderboard.genera import compute_genus_standings
from leaderboard.mistakes import tally_names
from leaderboard.records import Result
from leaderboard.result_files import load_results
from leaderboard.statistics import Difference

ROOT = Path(__file__).parents[2]
DATASET, FIGURE = "palynomorphs-20", "knn1.f1_macro"
FIRST, SECOND, THIRD = "efficientnet-lite0", "efficientnet-lite1", "color-histogram"  # the third is told from both
OpenPage = Callable[..., Any]


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    """The stored cells of the data set."""
    stored = load_results(ROOT / "leaderboard" / "results")
    return {result.model: result for result in stored if result.dataset == DATASET}


@pytest.fixture(scope="module")
def subtract(results: dict[str, Result]) -> Callable[[str, str, str], Difference]:
    """One model's figure minus another's, with p adjusted for all pairs, straight from the statistics."""
    from leaderboard.standings import compute_all_standings

    standings = compute_all_standings({name: list(results.values()) for name in (FIGURE, "retrieval.precision_at_n")})

    def find(metric: str, one: str, other: str) -> Difference:
        pairs, order = standings[metric].pairs, list(standings[metric].of)
        assert pairs is not None
        return pairs.subtract(order.index(one), order.index(other))

    return find


def address(one: str, other: str, dataset: str = DATASET) -> str:
    """Of a comparison."""
    return f"compare.html#set={dataset}&a={one}&b={other}"


def read(page: Any, place: str) -> str:
    """The text of an element as one line with plain blanks, once the comparison is there."""
    page.wait_for_selector("#comparison:not([hidden])")
    return " ".join(page.locator(place).inner_text().split())


def read_rows(page: Any, place: str) -> list[list[str]]:
    """The cells of a table's body."""
    page.wait_for_selector("#comparison:not([hidden])")
    rows = page.locator(f"{place} tbody tr").all()
    return [[" ".join(cell.split()) for cell in row.locator("th, td").all_inner_texts()] for row in rows]


def describe(difference: Difference) -> str:
    """As the page writes it."""
    return f"{abs(difference.value):.3f} ± {difference.half_width:.3f}"


def test_two_that_the_images_cannot_tell_apart(open_page: OpenPage, subtract: Callable[..., Difference]) -> None:
    """The sentence says so, with the difference, its interval and p as the statistics have them."""
    difference = subtract(FIGURE, FIRST, SECOND)
    assert not difference.is_resolved
    verdict = read(open_page(address(FIRST, SECOND)), "#verdict")
    assert f"A {FIRST} (" in verdict
    assert f"B {SECOND} (" in verdict
    assert f"the difference in NN F1 is {describe(difference)}, which these images cannot tell from nothing" in verdict
    assert f"(p = {difference.p:.3f})" in verdict


@pytest.mark.parametrize("is_turned", [False, True])
def test_the_better_one_comes_first_whichever_side_it_is_on(
    open_page: OpenPage, subtract: Callable[..., Difference], is_turned: bool
) -> None:
    """And the table gives every headline figure's difference to the side that has it."""
    difference, other = (subtract(metric, FIRST, THIRD) for metric in (FIGURE, "retrieval.precision_at_n"))
    assert difference.is_resolved
    page = open_page(address(THIRD, FIRST) if is_turned else address(FIRST, THIRD))
    winner, loser = ("B", "A") if is_turned else ("A", "B")
    verdict = read(page, "#verdict")
    assert re.match(rf"{winner} {FIRST} \(.*\) is better than {loser} {THIRD} \(", verdict)
    assert verdict.endswith(f"in NN F1: the difference is {describe(difference)} (p < 0.001).")
    ranking, retrieval, _ = read_rows(page, "#figures")
    assert ranking[3:] == [f"{winner} +{describe(difference)}", "< 0.001", f"{winner} is better"]
    assert retrieval[3] == f"{winner} +{describe(other)}"


def test_swapping_turns_everything_round(open_page: OpenPage) -> None:
    """Figures, genera and lists; and the address with them."""
    page = open_page(address(FIRST, THIRD))
    before, alone = read_rows(page, "#genera"), read(page, "#only-a-title")
    page.get_by_role("button", name="Swap A and B").click()
    page.wait_for_url(f"**{address(THIRD, FIRST)}")
    after = read_rows(page, "#genera")
    turned = {name: (second, first) for name, _, first, second, *_ in before}
    assert {name: (first, second) for name, _, first, second, *_ in after} == turned
    assert read(page, "#only-b-title") == alone.replace("Only A", "Only B")


def test_models_are_chosen_by_keyboard_and_the_address_keeps_them(open_page: OpenPage) -> None:
    """Choosing the other one swaps the two; a reload and the way back show the same."""
    page = open_page(address(FIRST, SECOND))
    read(page, "#verdict")
    page.get_by_label("First model").focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_url(f"**{address(SECOND, FIRST)}")
    page.keyboard.press("ArrowDown")
    page.wait_for_url(f"**{address('efficientnet-lite2', FIRST)}")
    page.wait_for_load_state("networkidle")  # a reload would break off what is still being read
    page.reload()
    assert read(page, "#verdict").startswith(f"B {FIRST}")
    page.evaluate(f"location.hash = 'set={DATASET}&a={THIRD}&b={SECOND}'")
    page.wait_for_function("document.getElementById('verdict').textContent.includes('histogram')")
    assert page.get_by_label("First model").input_value() == THIRD


def test_another_data_set_is_loaded_when_it_is_chosen(open_page: OpenPage) -> None:
    """The two stay when they are measured there; a smoke test says what it is."""
    page = open_page(address(FIRST, THIRD))
    read(page, "#verdict")
    page.get_by_label("Data set").select_option("synthetic-palynomorphs")
    page.wait_for_url(f"**{address(FIRST, THIRD, 'synthetic-palynomorphs')}")
    assert read(page, "#warnings") == "A smoke test on drawn images: no evidence about real fossils."


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("#set=moon&a=x&b=y", "Nothing can be compared on moon. There are palynomorphs-20 and synthetic-palynomorphs."),
        (f"#set={DATASET}&a={FIRST}&b=nobody", f"nobody is not measured on {DATASET}. There are {FIRST}, {SECOND}"),
        (f"#set={DATASET}&a={FIRST}&b=dino-vits8", "cannot be compared on palynomorphs-20 (reported by others"),
        (f"#set={DATASET}&a={FIRST}&b={FIRST}", f"A and B are both {FIRST}; choose another one."),
        ("#set=__proto__&a=constructor", "Nothing can be compared on __proto__."),
        ("#a=%3Cimg src=x onerror=alert(1)%3E", "<img src=x onerror=alert(1)> is not measured on"),
    ],
    ids=["data set", "model", "reported", "twice", "prototype", "markup"],
)
def test_what_is_unknown_is_said_and_two_that_are_there_are_shown(open_page: OpenPage, wanted: str, said: str) -> None:
    """In one sentence with what there is; nothing of the address is read as markup."""
    page = open_page(f"compare.html{wanted}")
    assert read(page, "#verdict")
    assert said in read(page, "#problem")


def test_without_a_choice_the_two_best_of_the_first_data_set_are_shown(open_page: OpenPage) -> None:
    """And the link to it has the whole choice."""
    page = open_page("compare.html")
    assert f"A {FIRST}" in read(page, "#verdict")
    assert page.get_by_role("link", name="Link to this comparison").get_attribute("href") == address(FIRST, SECOND)[12:]
    assert read(page, "#problem") == ""


def test_genera_are_told_apart_as_the_statistics_say(open_page: OpenPage, results: dict[str, Result]) -> None:
    """In words and numbers, beside the drawing."""
    standings = compute_genus_standings([results[FIRST], results[THIRD]], FIGURE)
    expected = dict(zip(standings.classes, standings.pair(FIRST, THIRD), strict=True))
    page = open_page(address(FIRST, THIRD))
    rows = {row[0]: row for row in read_rows(page, "#genera")}
    told = sum(difference.is_resolved for difference in expected.values())
    assert 0 < told < len(expected)
    assert rows.keys() == expected.keys()
    for name, difference in expected.items():
        side = "A" if difference.value > 0 else "B"
        assert rows[name][5] == f"{side} +{abs(difference.value):.3f} ± {difference.half_width:.3f}"
        assert rows[name][6] == (f"{side} is better" if difference.is_resolved else "not told apart")
    assert read(page, "#genera-verdict").startswith(f"These images tell the two apart on {told} of 20 genera: ")
    assert page.locator(".genera .lead-bar.told").count() == told


@pytest.mark.parametrize(("order", "column"), [("name", 0), ("images", 1), ("lead", 5), ("size", 5)])
def test_genera_are_ordered_as_chosen(open_page: OpenPage, order: str, column: int) -> None:
    """By name from a, by images and size from the largest, by difference from A's lead to B's."""
    page = open_page(address(SECOND, "efficientnet-lite2"))
    read(page, "#verdict")
    page.get_by_label("Order of the genera").select_option(order)
    cells = [row[column] for row in read_rows(page, "#genera")]
    signed = [
        (-1 if cell.startswith("B") else 1) * float(cell.split("+")[-1].split()[0]) for cell in cells if "±" in cell
    ]
    keys = {"name": cells, "images": [-int(cell) for cell in cells if cell.isdecimal()]}
    keys |= {"lead": [-value for value in signed], "size": [-abs(value) for value in signed]}
    assert len(keys[order]) == 20
    assert keys[order] == sorted(keys[order])


def test_every_tested_image_is_counted_once(open_page: OpenPage, results: dict[str, Result]) -> None:
    """As right where it was named right in more than half of its tests."""
    tallies = [tally_names(results[model]) for model in (FIRST, THIRD)]
    tested = tallies[0].asked > 0
    own, its = (2 * tally.right[tested] > tally.asked[tested] for tally in tallies)
    page = open_page(address(FIRST, THIRD))
    (_, both, first), (_, second, neither) = read_rows(page, "#outcomes")
    counts = [int(cell.split()[0]) for cell in (both, first, second, neither)]
    assert counts == [sum(own & its), sum(own & ~its), sum(~own & its), sum(~own & ~its)]
    assert f"{sum(tested)} images were tested." in read(page, "#untested")


def test_the_first_24_images_are_shown_and_all_on_demand(open_page: OpenPage, results: dict[str, Result]) -> None:
    """Each with its file's name and its tests; the button works by keyboard and says what it does."""
    tallies = [tally_names(results[model]) for model in (FIRST, THIRD)]
    page = open_page(address(FIRST, THIRD))
    count = int(re.search(r": (\d+) images$", read(page, "#only-a-title"))[1])  # type: ignore[index]
    shown = page.locator("#only-a li")
    assert shown.count() == 24
    button = page.get_by_role("button", name=f"Show all {count}")
    button.focus()
    page.keyboard.press("Enter")
    assert shown.count() == count
    assert page.locator("#only-a button").get_attribute("aria-expanded") == "true"
    stored = json.loads((ROOT / "leaderboard" / "results" / DATASET / f"{FIRST}.json").read_text())["labels"]
    tests = [re.search(r"A (\d+)/(\d+) B (\d+)/\2", " ".join(text.split())) for text in shown.all_inner_texts()]
    hits = sorted(tuple(map(int, found.groups())) for found in tests if found)
    right, asked, other = tallies[0].right, tallies[0].asked, tallies[1].right
    only = [image for image in range(len(stored)) if 2 * right[image] > asked[image] >= 2 * other[image]]
    assert hits == sorted((int(right[image]), int(asked[image]), int(other[image])) for image in only)


def test_pictures_belong_to_the_names_below_them(open_page: OpenPage, site: Path) -> None:
    """Every picture is a file of the site, that of the image with the name below it."""
    page = open_page(address(FIRST, THIRD, "synthetic-palynomorphs"))
    read(page, "#verdict")
    shown = page.locator(".only li").all()
    assert shown
    for one in shown[:5]:
        source, name = one.locator("img").get_attribute("src"), one.locator(".file").inner_text()
        assert (site / source).is_file()
        assert int(source[-9:-4]) % 30 == int(re.search(r"(\d+)\.", name)[1])  # type: ignore[index]
    assert "Apache-2.0" in read(page, "#credit")


def test_without_scripts_the_page_says_what_to_do(open_page: OpenPage) -> None:
    """The command for a terminal, and where all figures stand."""
    page = open_page("compare.html", scripts=False)
    note = page.locator("noscript").inner_text()
    assert f"leaderboard compare {FIRST} {SECOND} --dataset {DATASET}" in note
    assert not page.locator("#comparison").is_visible()


def test_a_copy_without_its_data_says_so(open_page: OpenPage, site: Path, tmp_path: Path) -> None:
    """Instead of showing an empty page."""
    for name in ("compare.html", *(f"assets/{path.name}" for path in (site / "assets").iterdir())):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((site / name).read_bytes())
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / f"{DATASET}.js").write_text("")
    page = open_page("compare.html", of=tmp_path)
    page.wait_for_selector("#problem p")
    assert f"data/{DATASET}.js cannot be read" in page.locator("#problem").inner_text()
    assert not page.locator("#comparison").is_visible()


def test_the_genera_are_readable_on_a_phone(open_page: OpenPage, large_site: Path) -> None:
    """Name and numbers stand above a bar as wide as the page, and nothing leaves the screen."""
    page = open_page("compare.html#set=generated-2&a=model-01&b=model-44", width=375, of=large_site)
    read(page, "#verdict")
    row = page.locator("#genera tbody tr").first
    boxes = [row.locator(place).bounding_box() for place in ("th", ".gap", ".lead-bar")]
    assert boxes[0]["y"] < boxes[1]["y"] < boxes[2]["y"]
    assert boxes[2]["width"] > 320
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 375
