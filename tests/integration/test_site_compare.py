"""The compare page in a browser: Python's verdicts, whoever is chosen, by mouse, keyboard or address.

On the generated leaderboard, so that no measurement can change what is tested.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from compare_page import DATASET, DRAWN, FIGURE, FIRST, OTHER, SECOND, THIRD, address, describe, read, read_rows

from leaderboard.__main__ import main
from leaderboard.ranking import Pairs
from leaderboard.records import Result
from leaderboard.render.cells import describe_p
from leaderboard.result_files import load_results
from leaderboard.standings import Standings, compute_all_standings
from leaderboard.statistics import LEVEL, Difference

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


@pytest.fixture(scope="module")
def standings(results: dict[str, Result]) -> dict[str, Standings]:
    """Of two of its figures, straight from the statistics."""
    return compute_all_standings({name: list(results.values()) for name in (FIGURE, OTHER)})


@pytest.fixture(scope="module")
def best(standings: dict[str, Standings]) -> list[str]:
    """The models as the page lists them, best first; tie groups stay together."""
    places = standings[FIGURE].of
    return sorted(places, key=lambda model: (places[model].rank, -places[model].value, model))


@pytest.fixture(scope="module")
def subtract(standings: dict[str, Standings]) -> Callable[[str, str, str], Difference]:
    """One model's figure minus another's, with p adjusted for all pairs."""

    def find(metric: str, one: str, other: str) -> Difference:
        order = list(standings[metric].of)
        return pairs_of(standings[metric]).subtract(order.index(one), order.index(other))

    return find


def pairs_of(standings: Standings) -> Pairs:
    """Those of a data set's figure."""
    assert standings.pairs is not None
    return standings.pairs


def test_two_that_the_images_cannot_tell_apart(open_page: OpenPage, subtract: Callable[..., Difference]) -> None:
    """The sentence says so, with the difference, its interval and p as the statistics have them."""
    difference = subtract(FIGURE, FIRST, SECOND)
    assert not difference.is_resolved
    verdict = read(open_page(address(FIRST, SECOND)), "#verdict")
    assert f"A {FIRST} (" in verdict
    assert f"B {SECOND} (" in verdict
    assert f"the difference in NN F1 is {describe(difference)}, which these images cannot tell from nothing" in verdict
    assert f"(p = {describe_p(difference.p)})" in verdict


@pytest.mark.parametrize("is_turned", [False, True])
def test_the_better_one_comes_first_whichever_side_it_is_on(
    open_page: OpenPage, subtract: Callable[..., Difference], is_turned: bool
) -> None:
    """And the table gives every headline figure's difference to the side that has it."""
    difference, other = (subtract(metric, FIRST, THIRD) for metric in (FIGURE, OTHER))
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


def test_a_p_never_contradicts_its_verdict(open_page: OpenPage) -> None:
    """It is written as Python writes it, from thousandths and what is told apart."""
    page = open_page(address(FIRST, SECOND))
    read(page, "#verdict")
    for p in (0.0004, 0.0494, 0.0496, 0.05, 0.0504, 0.77):
        packed = 0 if p < 0.001 else round(p, 3)
        shown = page.evaluate("given => comparison.chance(given)", {"p": packed, "told": p < LEVEL})
        assert shown.replace("\xa0", " ") == describe_p(p)


def test_what_a_terminal_says_otherwise_is_explained(
    open_page: OpenPage, standings: dict[str, Standings], root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table adjusts p for all pairs, the command for the two that it compares: one may tell them apart alone."""
    ranked, order = pairs_of(standings[FIGURE]), list(standings[FIGURE].of)
    every = [(*pair, ranked.subtract(*pair)) for pair in permutations(range(len(order)), 2)]
    one, other = next(
        (order[a], order[b]) for a, b, gap in every if not gap.is_resolved and gap.value > 1.2 * gap.half_width
    )
    page = open_page(address(one, other))
    ranking, *_ = read_rows(page, "#figures")
    command = read(page, "#command")
    capsys.readouterr()
    assert main([*command.split()[1:], "--root", str(root)]) == 0
    told = next(line for line in capsys.readouterr().out.splitlines() if f" {other} " in line and "±" in line)
    assert ranking[5] == "not told apart"
    assert told.split("|")[-2].strip() == "worse"
    pairs = len(order) * (len(order) - 1) // 2
    assert f"compares the two alone. Its p is not adjusted for the other {pairs - 1} pairs" in read(page, "#settle")


def test_models_are_chosen_by_keyboard_and_the_address_keeps_them(open_page: OpenPage, best: list[str]) -> None:
    """Choosing the other one swaps the two; a reload and the way back show the same."""
    first, second, third, *_ = best
    page = open_page(address(first, second))
    read(page, "#verdict")
    page.get_by_label("First model").focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_url(f"**{address(second, first)}")
    page.keyboard.press("ArrowDown")
    page.wait_for_url(f"**{address(third, first)}")
    page.wait_for_load_state("networkidle")  # a reload would break off what is still being read
    page.reload()
    assert {f"A {third}", f"B {first}"} == set(re.findall(r"[AB] model-\S+", read(page, "#verdict")))
    page.go_back()
    page.wait_for_url(f"**{address(second, first)}")
    page.wait_for_function("id => document.querySelector('[name=a]').value === id", arg=second)
    page.go_back()
    page.wait_for_function("id => document.querySelector('[name=a]').value === id", arg=first)
    page.evaluate(f"location.hash = 'set={DATASET}&a={THIRD}&b={SECOND}'")
    page.wait_for_function("id => document.getElementById('verdict').textContent.includes(id)", arg=THIRD)
    assert page.get_by_label("First model").input_value() == THIRD


def test_another_data_set_is_loaded_when_it_is_chosen(open_page: OpenPage) -> None:
    """The two stay when they are measured there."""
    page = open_page(address(FIRST, THIRD))
    read(page, "#verdict")
    page.get_by_label("Data set").select_option("generated-2")
    page.wait_for_url(f"**{address(FIRST, THIRD, 'generated-2')}")
    assert FIRST in read(page, "#verdict")


def test_a_smoke_test_says_what_it_is(open_page: OpenPage, site: Path) -> None:
    """Above the verdict."""
    page = open_page(f"compare.html#set={DRAWN}", of=site)
    assert read(page, "#warnings") == "A smoke test on drawn images: no evidence about real fossils."


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("#set=moon&a=x&b=y", "Nothing can be compared on moon. Offered: generated-1 and generated-2."),
        (
            f"#set={DATASET}&a={FIRST}&b=nobody",
            f"nobody is not measured on {DATASET}. Those that can be compared: the 50",
        ),
        (f"#set={DATASET}&a={FIRST}&b=model-50", f"cannot be compared on {DATASET} (reported by others"),
        (f"#set={DATASET}&a={FIRST}&b={'x' * 999}", f" {'x' * 60}… is not measured on {DATASET}."),
        (f"#set={DATASET}&a={FIRST}&b={FIRST}", f"A and B are both {FIRST}; choose another one."),
        ("#set=__proto__&a=constructor", "Nothing can be compared on __proto__."),
        ("#a=%3Cimg src=x onerror=alert(1)%3E", "<img src=x onerror=alert(1)> is not measured on"),
    ],
    ids=["data set", "model", "reported", "long", "twice", "prototype", "markup"],
)
def test_what_is_unknown_is_said_and_two_that_are_there_are_shown(open_page: OpenPage, wanted: str, said: str) -> None:
    """In one sentence with what there is; nothing of the address is read as markup."""
    page = open_page(f"compare.html{wanted}")
    assert read(page, "#verdict")
    assert said in f" {read(page, '#problem')}"


def test_without_a_choice_the_two_best_of_the_first_data_set_are_shown(open_page: OpenPage, best: list[str]) -> None:
    """And the link to it has the whole choice."""
    page = open_page("compare.html")
    assert f"A {best[0]}" in read(page, "#verdict")
    assert page.get_by_role("link", name="Link to this comparison").get_attribute("href") == address(*best[:2])[12:]
    assert read(page, "#problem") == ""


def test_without_scripts_the_page_says_what_to_do(open_page: OpenPage, best: list[str]) -> None:
    """The command for a terminal, and where all figures stand."""
    page = open_page("compare.html", scripts=False)
    note = page.locator("noscript").inner_text()
    assert f"leaderboard compare {best[0]} {best[1]} --dataset {DATASET}" in note
    assert "compares two alone, without an adjustment for other pairs" in note
    assert not page.locator("#comparison").is_visible()


def test_a_copy_without_its_data_says_so(open_page: OpenPage, large_site: Path, tmp_path: Path) -> None:
    """Instead of showing an empty page."""
    for name in ("compare.html", *(f"assets/{path.name}" for path in (large_site / "assets").iterdir())):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((large_site / name).read_bytes())
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / f"{DATASET}.js").write_text("")
    page = open_page("compare.html", of=tmp_path)
    page.wait_for_selector("#problem p")
    assert f"data/{DATASET}.js cannot be read" in page.locator("#problem").inner_text()
    assert not page.locator("#comparison").is_visible()
