"""Fixtures of the tables' tests: a reader of markdown tables."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from leaderboard.render.cells import JOINED


@pytest.fixture
def read_tables() -> Callable[[str], list[list[dict[str, str]]]]:
    """The pipe tables of a text, each a list of rows: title of a column -> cell."""

    def read(text: str) -> list[list[dict[str, str]]]:
        blocks = [block.splitlines() for block in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE)]
        tables = []
        for head, _, *body in ([_split(line) for line in block] for block in blocks):
            tables.append([dict(zip(head, cells, strict=True)) for cells in body])
        return tables

    return read


def _split(line: str) -> list[str]:
    """The cells of a line, as they look on a screen; a pipe behind a backslash ends none."""
    return [cell.strip().replace(JOINED, " ") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


@pytest.fixture
def find_row(read_tables) -> Callable[[str, str], dict[str, str]]:
    """The first row of a model in a text."""

    def find(text: str, model: str) -> dict[str, str]:
        rows = [row for table in read_tables(text) for row in table]
        return next(row for row in rows if row["Model"] == model or row["Model"].startswith(f"[{model}]("))

    return find
