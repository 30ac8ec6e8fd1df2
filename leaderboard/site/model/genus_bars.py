"""The figure of each class, drawn: a model against another one, and a data set's models together. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan
from statistics import median
from typing import TYPE_CHECKING

from leaderboard.columns import title_of
from leaderboard.protocols import METRICS
from leaderboard.records import Result
from leaderboard.render.cells import JOINED, MISSING, describe_number
from leaderboard.site.model.fields import Rival, sign_number
from leaderboard.site.scales import Scale
from leaderboard.site.words import Words

if TYPE_CHECKING:
    from leaderboard.genera import GenusDifference, GenusStandings

SCALE = Scale(0.0, 1.0)
STORED = "knn1.f1"  # per class, in every result file that has the protocol
AVERAGED = "knn1.f1_macro"  # its mean over the classes
ROUGH = "Intervals are not calibrated for a single {}: take them for a guide."
FEW = "* So few images that the interval is too narrow."
RIGID = "± 0.00 is no certainty: the images fared alike, so nothing could vary by chance."
TOLD, OPEN = "told apart", "not told apart"
DIGITS = 2  # of a single class: its interval is wider than a hundredth


@dataclass(frozen=True)
class GenusBar:
    """A class on one line."""

    name: str
    images: int
    text: str  # F1 with its half interval
    track: str  # style of a .track; empty: it was never tested
    mark: str  # style of the mark of what it is held against; empty: there is none
    against: str  # the difference, or what the mark stands for
    verdict: str = ""  # whether the images tell the two apart; empty: it was never tested, or there is nobody else
    is_rough: bool = False  # so few images that the interval is too narrow

    @property
    def is_told(self) -> bool:
        """Whether the images tell the two apart."""
        return self.verdict == TOLD


@dataclass(frozen=True)
class GenusChart:
    """All classes of a data set for one model."""

    title: str  # of the figure
    rival: Rival | None
    bars: Sequence[GenusBar]
    doubts: Sequence[str]  # why its intervals may say less than they seem to

    @property
    def told(self) -> int:
        """Classes in which the two are told apart."""
        return sum(bar.is_told for bar in self.bars)

    @property
    def has_intervals(self) -> bool:
        """Whether there are any."""
        return any("±" in bar.text for bar in self.bars)


def list_doubts(bars: Sequence[GenusBar], words: Words) -> list[str]:
    """What is to be said of intervals of single classes; nothing where none are shown."""
    doubts = {
        ROUGH.format(words.one): any("±" in bar.text for bar in bars),
        FEW: any(bar.is_rough for bar in bars),
        RIGID: any(bar.text.endswith(f"{0:.{DIGITS}f}") and "±" in bar.text for bar in bars),
    }
    return [doubt for doubt, applies in doubts.items() if applies]


def describe_genera(
    standings: GenusStandings, result: Result, rival: Rival | None, title: str, words: Words
) -> GenusChart:
    """A model's classes, from those in which it is furthest above its rival to those in which it is furthest below."""
    own = standings.models.index(result.model)
    other = None if rival is None else standings.models.index(rival.id)
    differences = [None] * len(standings.classes) if rival is None else standings.pair(result.model, rival.id)
    counts = Counter(result.labels)
    bars = [
        (_sort_key(difference, name), _describe(standings, own, other, place, counts[place], difference))
        for place, (name, difference) in enumerate(zip(standings.classes, differences, strict=True))
    ]
    ordered = [bar for _, bar in sorted(bars, key=lambda pair: pair[0])]
    return GenusChart(title, rival, ordered, list_doubts(ordered, words))


def describe_stored(result: Result) -> GenusChart | None:
    """A model's classes as its file has them, by name, held against nothing; None where it has none.

    Stored is one figure of them, whichever ranks the data set's table.
    """
    values, counts = result.per_class.get(STORED), Counter(result.labels)
    if values is None:
        return None
    bars = [
        _draw_stored(name, counts[place], value)
        for place, (name, value) in enumerate(zip(result.classes, values, strict=True))
    ]
    return GenusChart(title_of(METRICS[AVERAGED]), None, bars, [])


def describe_hardest(standings: GenusStandings, first: Result, middle: Sequence[str]) -> list[GenusBar]:
    """A data set's classes by the figure of its first model, the hardest first.

    Args:
        standings: of the compared models.
        first: the model.
        middle: ids of models whose median is the mark; none: there is no mark.
    """
    own, counts = standings.models.index(first.model), Counter(first.labels)
    others = [standings.models.index(model) for model in middle]
    rows = list(enumerate(standings.classes))
    order = sorted(rows, key=lambda row: (_known_or_last(float(standings.values[own, row[0]])), row[1]))
    return [_describe_middle(standings, own, place, counts[place], others) for place, _ in order]


def _describe(
    standings: GenusStandings, own: int, other: int | None, place: int, images: int, difference: GenusDifference | None
) -> GenusBar:
    mark = nan if other is None else float(standings.values[other, place])
    return _draw(standings, own, place, images, mark, against=_write(difference), verdict=_judge(difference))


def _describe_middle(standings: GenusStandings, own: int, place: int, images: int, others: Sequence[int]) -> GenusBar:
    known = [float(standings.values[other, place]) for other in others if isfinite(standings.values[other, place])]
    middle = median(known) if known else nan
    return _draw(standings, own, place, images, middle, against=describe_number(middle, DIGITS))


def _draw(
    standings: GenusStandings,
    own: int,
    place: int,
    images: int,
    mark: float,
    *,
    against: str,
    verdict: str = "",
) -> GenusBar:
    value, half = (float(table[own, place]) for table in (standings.values, standings.half_widths))
    return GenusBar(
        name=standings.classes[place],
        images=images,
        text=f"{value:.{DIGITS}f}{JOINED}±{JOINED}{half:.{DIGITS}f}" if isfinite(value) else MISSING,
        track=SCALE.track(value, half) if isfinite(value) else "",
        mark=f"--to:{SCALE.place(mark)}%" if isfinite(mark) else "",
        against=against,
        verdict=verdict,
        is_rough=bool(standings.is_rough[place]),
    )


def _draw_stored(name: str, images: int, value: float) -> GenusBar:
    track = SCALE.track(value) if isfinite(value) else ""
    return GenusBar(name, images, describe_number(value, DIGITS), track, mark="", against="")


def _judge(difference: GenusDifference | None) -> str:
    if difference is None or not isfinite(difference.value):
        return ""
    return TOLD if difference.is_resolved else OPEN


def _write(difference: GenusDifference | None) -> str:
    if difference is None or not isfinite(difference.value):
        return MISSING
    return f"{sign_number(difference.value, DIGITS)}{JOINED}±{JOINED}{difference.half_width:.{DIGITS}f}"


def _sort_key(difference: GenusDifference | None, name: str) -> tuple[float, str]:
    return -difference.value if difference is not None and isfinite(difference.value) else 9.0, name


def _known_or_last(value: float) -> float:
    return value if isfinite(value) else 9.0
