"""Stored outcomes held against the images and classes of their result: what points to none of them is refused. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any


def check_outcomes(outcomes: Mapping[str, Mapping[str, Any]], *, images: int, classes: int) -> None:
    """Make sure that every image and class that outcomes name exists: all that reads them may count on it.

    Args:
        outcomes: protocol -> its outcomes.
        images: how many the result has.
        classes: how many the result has.

    Raises:
        ValueError: an index is out of range, or a list does not have as many as it is for.
    """
    for protocol, part in outcomes.items():
        tests = part.get("test", [])
        for name, values in part.items():
            path = f"outcomes of {protocol}: {name}"
            if name == "test":
                _check_rows(path, values, limit=images)
            elif name.startswith("predicted"):
                _check_rows(path, values, limit=classes, lengths=[len(test) for test in tests])
            elif name == "neighbours":
                _check_rows(path, values, limit=images)
                _check_count(path, values, images)
            elif name == "hits_at_n":
                _check_rows(path, [values], limit=images, lengths=[images])


def check_leaves(value: Any, path: str = "outcomes") -> None:
    """Make sure that outcomes are mappings and lists of numbers, and nothing else: they are compared as numbers.

    Raises:
        ValueError: where something else is.
    """
    if isinstance(value, Mapping):
        for name, item in value.items():
            check_leaves(item, f"{path}.{name}"[:100])
    elif isinstance(value, list):
        if not set(map(type, value)) <= {int, float}:  # 10,000 numbers in a file, at once
            for item in value:
                check_leaves(item, path)
    elif isinstance(value, bool) or not isinstance(value, int | float | None):
        raise ValueError(f"{path} has {str(value)[:20]!r}, no number")


def _check_rows(path: str, rows: Any, *, limit: int, lengths: Sequence[int] | None = None) -> None:
    """Whole numbers from 0 below the limit; in rows of these lengths, where they are given."""
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ValueError(f"{path} is no list of lists")
    values = list(chain.from_iterable(rows))
    if set(map(type, values)) - {int} or (values and not 0 <= min(values) <= max(values) < limit):  # a file has 10,000
        wrong = next(value for value in values if type(value) is not int or not 0 <= value < limit)
        raise ValueError(f"{path} has {str(wrong)[:20]!r}, no whole number from 0 to {limit - 1}")
    if lengths is not None and [len(row) for row in rows] != list(lengths):
        raise ValueError(f"{path} does not have one for each image that is tested")


def _check_count(path: str, rows: Sequence[Any], count: int) -> None:
    if len(rows) != count:
        raise ValueError(f"{path} are of {len(rows)} images, not of {count}")
