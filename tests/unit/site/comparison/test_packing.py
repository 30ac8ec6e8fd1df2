"""Numbers as short text, and scripts that no text in them can leave."""

from __future__ import annotations

import json

import numpy as np
import pytest

from leaderboard.site.comparison.packing import pack_counts, pack_flags, pack_thousandths, write_script


def test_thousandths_are_two_digits_of_base_36() -> None:
    """Rounded to the nearest; the sign of NaN is no digit."""
    assert pack_thousandths(np.array([[0, 0.0524], [0.0526, 1]])) == "001g1hrs"
    assert pack_thousandths(np.array([np.nan, 0.035])) == "--0z"


def test_what_two_digits_cannot_say_is_the_largest_they_can() -> None:
    """As an interval that wide, or infinite, holds every figure between 0 and 1 anyway."""
    assert pack_thousandths(np.array([1.295, 1.296, np.inf])) == "zzzzzz"


@pytest.mark.parametrize(("counts", "digits", "text"), [([0, 10, 35], 1, "0az"), ([36, 0], 2, "1000"), ([40], 1, "z")])
def test_counts_have_as_many_digits_as_asked_for(counts: list[int], digits: int, text: str) -> None:
    """And none is cut off at its high end."""
    assert pack_counts(counts, digits) == text


def test_flags_stand_four_to_a_digit_and_every_row_begins_anew() -> None:
    """The first flag is the lowest bit."""
    flags = np.array([[True, False, False, False, True], [False, True, True, True, False]])
    assert pack_flags(flags) == "11e0"


def test_a_script_sets_one_entry_and_nothing_else() -> None:
    """Names with markup, quotes, line ends and bytes that are no text stay text; NaN is null."""
    names = ["</script><script>alert(1)", "<!--", 'a"b\\', "line\u2028end", "no text \udcff"]
    script = write_script("figures", "grains", {"names": names, "values": [float("nan"), 0.5]}).decode("ascii")
    assert "<" not in script
    assert script.count("\n") == 1
    stored = json.loads(script.removeprefix('figures["grains"] = ').removesuffix(";\n"))
    assert stored == {"names": [*names[:4], "no text \\udcff"], "values": [None, 0.5]}
