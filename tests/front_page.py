"""What the tests of the front page share: rows and controls as a visitor finds them, and what should be there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leaderboard.registry import load_registry
from leaderboard.result_files import load_results
from leaderboard.rows import Row
from leaderboard.sections import Section, compute_sections

ROOT = Path(__file__).parents[1]
SHOWN = "[data-set][data-shown]"
FIGURE = "knn1.f1_macro"


@dataclass(frozen=True)
class Board:
    """What the first table of the site should show."""

    section: Section

    @property
    def ids(self) -> list[str]:
        """Models of the measured rows, best first."""
        return [row.model.id for row in self.section.measured]

    def row(self, model: str) -> Row:
        """The measured row of a model."""
        return next(row for row in self.section.measured if row.model.id == model)


def read_models(page: Any, kind: str = "measured") -> list[str]:
    """Models of the rows that a visitor sees, from the top."""
    return page.locator(f'{SHOWN} tr[data-kind="{kind}"]:visible .model a').all_inner_texts()


def read_column(page: Any, title: str, kind: str = "measured") -> list[str]:
    """Cells of a column, from the top."""
    return page.locator(f'{SHOWN} tr[data-kind="{kind}"]:visible td[data-label="{title}"]').all_inner_texts()


def read_count(page: Any) -> str:
    """What is said about how many rows there are."""
    return page.locator(".count [role=status]").first.inner_text()


def read_hash(page: Any) -> str:
    return page.evaluate("decodeURIComponent(location.hash)")


def choose(page: Any, label: str) -> Any:
    """A list to choose from, by the words before it."""
    return page.get_by_role("combobox", name=re.compile(f"^{label}"))


def sort_by(page: Any, title: str) -> None:
    """Press the head of a column."""
    page.locator(f'{SHOWN} thead [data-title="{title}"] button').click()


def millions(text: str) -> float:
    """A number of parameters as the table writes it."""
    return float(text.removesuffix("M"))


def load_board() -> Board:
    """From the results of this repository, which grow: no test may know them."""
    sections = compute_sections(load_registry(ROOT), load_results(ROOT / "leaderboard" / "results"))
    return Board(sections[0])
