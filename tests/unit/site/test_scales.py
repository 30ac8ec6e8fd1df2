"""Where figures are drawn."""

from __future__ import annotations

from math import inf, nan

import pytest

from leaderboard.site.scales import Scale, span


def test_a_value_stands_at_its_share_of_the_width() -> None:
    """In percent."""
    assert Scale(0.2, 0.8).place(0.5) == 50
    assert Scale(-1, 1).place(-0.5) == 25


@pytest.mark.parametrize(("value", "place"), [(-0.4, 0), (1.7, 100)])
def test_what_is_beyond_an_end_stands_at_that_end(value: float, place: float) -> None:
    """A track is never left."""
    assert Scale(0, 1).place(value) == place


def test_an_interval_is_drawn_around_its_value_and_cut_at_the_ends() -> None:
    """As custom properties of the style sheet."""
    assert Scale(0, 1).track(0.5, 0.1) == "--at:50.0%;--low:40.0%;--high:60.0%"
    assert Scale(0, 1).track(0.95, 0.1) == "--at:95.0%;--low:85.0%;--high:100.0%"


def test_the_ticks_are_the_ends_and_the_middle() -> None:
    """Written as short as they are."""
    assert Scale(0.1, 0.8).ticks == [0.1, 0.45, 0.8]


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        ([(0.72, 0.05), (0.19, 0.03)], Scale(0.1, 0.8)),
        ([(0.3, 0.0), (0.6, 0.0)], Scale(0.3, 0.6)),  # on the ticks: no tenth is added
        ([(0.4, 0.1), (0.5, 0.1)], Scale(0.3, 0.6)),
        ([(0.98, 0.05)], Scale(0.9, 1.0)),  # a share is never more than 1
        ([(0.5, 0.0)], Scale(0.5, 0.6)),
        ([(1.0, 0.0)], Scale(0.9, 1.0)),
        ([(0.0, 0.0)], Scale(0.0, 0.1)),
        ([(2.4, 0.3)], Scale(0.9, 1.0)),  # wholly beyond an end
        ([(-2.4, 0.3)], Scale(0.0, 0.1)),
    ],
)
def test_a_scale_is_the_whole_tenths_that_hold_all_intervals(
    intervals: list[tuple[float, float]], expected: Scale
) -> None:
    """Within 0 and 1, and at least a tenth wide."""
    assert span(intervals) == expected


def test_differences_have_a_scale_around_zero() -> None:
    """Within other ends."""
    assert span([(-0.13, 0.05), (0.02, 0.0)], most=(-1.0, 1.0)) == Scale(-0.2, 0.1)


def test_what_is_no_figure_takes_no_part() -> None:
    """Nor does a half-width that is none."""
    assert span([(nan, 0.1), (inf, 0.1), (0.35, nan)]) == Scale(0.3, 0.4)
    assert span([(nan, nan)]) == span([]) == Scale(0.0, 1.0)
