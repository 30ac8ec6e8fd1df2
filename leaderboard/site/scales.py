"""Where a figure is drawn: values to percentages of a track's width. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil, floor, isfinite

STEP = 0.1


@dataclass(frozen=True)
class Scale:
    """A linear scale from ``low`` to ``high``."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """Percent of the width at which a value stands; what is beyond an end stands at that end."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(max(share, 0.0), 1.0), 2)

    def track(self, value: float, half_width: float = 0.0) -> str:
        """The style of a ``.track``: a value with its interval."""
        at, low, high = (self.place(part) for part in (value, value - half_width, value + half_width))
        return f"--at:{at}%;--low:{low}%;--high:{high}%"

    @property
    def ticks(self) -> list[float]:
        """Values to write at it: its ends and the middle."""
        return [self.low, round((self.low + self.high) / 2, 3), self.high]


def span(intervals: Iterable[tuple[float, float]], *, most: tuple[float, float] = (0.0, 1.0)) -> Scale:
    """The scale in whole tenths that holds values with their half-widths, as far as ``most`` does; all of it for none.

    Args:
        intervals: values and half-widths; values that are no figures are passed over, such half-widths count as none.
        most: the ends that it may have, in whole tenths.
    """
    known = [(value, half if isfinite(half) else 0.0) for value, half in intervals if isfinite(value)]
    if not known:
        return Scale(*most)
    lowest, highest = min(value - half for value, half in known), max(value + half for value, half in known)
    low = min(max(_tenths(lowest, floor), most[0]), most[1] - STEP)  # one tenth wide at least
    high = max(min(_tenths(highest, ceil), most[1]), low + STEP)
    return Scale(round(low, 3), round(high, 3))


def _tenths(value: float, rounded: Callable[[float], int]) -> float:
    return rounded(round(value / STEP, 6)) * STEP  # 0.3 / 0.1 is a little less than 3
