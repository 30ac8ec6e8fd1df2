"""Text that a spreadsheet takes for text: file and class names are whatever a user's disk has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for the beginning of a formula


def guard_path(file: str) -> str:
    """A relative path that cannot begin a formula: one that would gets ``./`` in front, which names the same file."""
    return f"./{file}" if file.startswith(FORMULA) else file


def guard_text(text: str) -> str:
    """Any other text that cannot begin a formula: one that would gets an apostrophe in front."""
    return f"'{text}" if text.startswith(FORMULA) else text


@contextmanager
def keep_text() -> Iterator[None]:
    """Data frames made in the block hold any text: beside pyarrow, pandas would refuse names that are no UTF-8."""
    import pandas as pd

    with pd.option_context("mode.string_storage", "python"):
        yield
