"""Values as JSON has them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any


def plain(value: Any) -> Any:
    """What JSON would give back: tuples as lists, numbers as Python's own, NaN as None."""
    if isinstance(value, int | str):  # most values are: asked first
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
