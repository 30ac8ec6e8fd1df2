"""Many small numbers as short text that a script can read in place: fixed width, digits of base 36. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import product

import numpy as np

from leaderboard.report.pages import as_text

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
MISSING = "--"
PAIRS = [*map("".join, product(DIGITS, repeat=2)), MISSING]  # two digits each, and the sign of NaN

LARGEST = (len(PAIRS) - 2) / 1000


def pack_thousandths(values: np.ndarray) -> str:
    """Numbers from 0 in thousandths, two digits each: 0.052 is "1g". More than 1.295 is "zz", NaN is "--"."""
    known = np.rint(1000 * np.clip(np.nan_to_num(values), 0, LARGEST)).astype(np.int64)
    places = np.where(np.isnan(values), len(PAIRS) - 1, known)
    return "".join(map(PAIRS.__getitem__, places.ravel().tolist()))


def pack_counts(counts: Iterable[int], digits: int) -> str:
    """Whole numbers from 0, as many digits each; what needs more of them is the largest that they can say."""
    every, largest = ["".join(word) for word in product(DIGITS, repeat=digits)], len(DIGITS) ** digits - 1
    return "".join(every[min(count, largest)] for count in counts)


def pack_flags(flags: np.ndarray) -> str:
    """Rows of yes and no (rows, c), four to a digit of base 16, the first of them the lowest bit; each row anew."""
    padded = np.pad(flags, [(0, 0), (0, -flags.shape[1] % 4)]).reshape(len(flags), -1, 4)
    return "".join(DIGITS[digit] for digit in (padded @ [1, 2, 4, 8]).ravel().tolist())


def write_script(variable: str, key: str, value: object) -> bytes:
    """A script that sets one entry of an object. No text in it can end the script or be anything but text."""
    text, name = (json.dumps(part, separators=(",", ":"), allow_nan=False) for part in (_clean(value), key))
    return f"{variable}[{name}] = {text};\n".replace("<", r"\u003c").encode("ascii")


def _clean(value: object) -> object:
    """Text with what is no UTF-8 spelt out, and no number that JSON cannot write."""
    if isinstance(value, dict):
        return {name: _clean(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(part) for part in value]
    if isinstance(value, str):
        return as_text(value)
    return None if isinstance(value, float) and not np.isfinite(value) else value
