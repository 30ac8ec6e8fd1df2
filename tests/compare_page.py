"""What the tests of the compare page share: its address, and its text as a reader sees it."""

from __future__ import annotations

from typing import Any

from leaderboard.statistics import Difference

DATASET, FIGURE, OTHER = "generated-1", "knn1.f1_macro", "retrieval.precision_at_n"
FIRST, SECOND, THIRD = "model-49", "model-48", "model-00"  # the third is far below both
DRAWN = "synthetic-palynomorphs"  # whose pictures every copy of the repository has


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
