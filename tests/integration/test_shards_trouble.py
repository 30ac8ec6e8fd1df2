"""A run of one process in trouble: one seed of each; ``python benchmarks/trouble.py`` does twenty."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from shard_trouble import LOCAL, disk_full, why_no_disk

SEED = 1


@pytest.mark.parametrize("trouble", LOCAL.values(), ids=lambda trouble: trouble.__name__)
def test_a_run_in_trouble_ends_as_described(trouble: Callable[[int], int]) -> None:
    """Each function brings its trouble about and says what has to come of it; whole again, the bytes are the same."""
    if trouble is disk_full and (reason := why_no_disk()):
        pytest.skip(f"a small disk cannot be made here: {reason}")
    assert trouble(SEED) >= 1
