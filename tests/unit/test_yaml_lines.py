"""YAML that a stranger may have written: read in milliseconds, or refused."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from leaderboard.errors import LeaderboardError
from leaderboard.yaml_lines import MOST_BYTES, load_yaml

LEVELS = "abcdefghij"
BOMB = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in pairwise(LEVELS)
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BOMB, "more than 200,000 values with its aliases written out"),
        ("a: &a [*a]", "nested deeper than 100"),
        ("[" * 102 + "]" * 102, "nested deeper than 100"),
        ("# " + "x" * MOST_BYTES, "more than 5,000,000 bytes"),
    ],
    ids=["aliases", "itself", "deep", "large"],
)
def test_a_file_that_would_take_all_day_is_refused_at_once(tmp_path, text: str, reason: str) -> None:
    """In one line, before any value of it is made."""
    path = tmp_path / "models.yaml"
    path.write_text(text)
    start = time.perf_counter()
    with pytest.raises(LeaderboardError, match=reason) as raised:
        load_yaml(path)
    assert time.perf_counter() - start < 2  # seconds; written out it takes hours
    assert len(str(raised.value).splitlines()) == 1


def test_an_anchor_that_two_entries_share_is_fine(tmp_path) -> None:
    """As models.yaml uses them."""
    path = tmp_path / "models.yaml"
    path.write_text("a: &a {x: [1, 2]}\nb: *a\n")
    document = load_yaml(path)
    assert document.data == {"a": {"x": [1, 2]}, "b": {"x": [1, 2]}}
    assert document.lines["b", "x", 1] == 1
