"""How figures grow with the images to learn from, as small line drawings. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log

from leaderboard.protocols._trials import CLASSIFIERS
from leaderboard.render.cells import MEASURED_DECIMALS
from leaderboard.site.words import Words

WIDTH, HEIGHT = 350, 190
LEFT, RIGHT, TOP, BOTTOM = 34, 76, 12, 32  # margins around the plot
LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
SETTING = re.compile(r"[a-z]+(\d+)")


@dataclass(frozen=True)
class Kind:
    """A protocol with settings along an axis."""

    protocol: str
    title: str  # {} is the word for a class
    axis: str  # likewise
    unit: str


@dataclass(frozen=True)
class Line:
    """One classifier's figures."""

    name: str  # as in the metrics
    label: str
    points: str  # of a polyline
    spreads: str  # path: a standard deviation up and down at each point
    dots: Sequence[tuple[float, float, str]]  # place, and what stands there
    end: tuple[float, float]  # where the label stands


@dataclass(frozen=True)
class Curve:
    """A drawing of ``WIDTH`` x ``HEIGHT``."""

    title: str
    axis: str
    lines: Sequence[Line]
    ticks: Sequence[tuple[float, str]]  # along the axis
    levels: Sequence[tuple[float, str]]  # upwards
    said: str  # all of it in words
    size: tuple[int, int] = (WIDTH, HEIGHT)
    across: tuple[int, int] = (LEFT, WIDTH - RIGHT)  # where the plot begins and ends


KINDS = (
    Kind("learning_curve", "With a share of the images", "images used, %", "%"),
    Kind("few_shot", "With a few images of each {}", "images of each {} to learn from", "shots"),
)


def draw_curves(metrics: Mapping[str, float], words: Words) -> list[Curve]:
    """Share named right (top-1) by both classifiers; one drawing per protocol that is stored."""
    kinds = [replace(kind, title=kind.title.format(words.one), axis=kind.axis.format(words.one)) for kind in KINDS]
    return [curve for kind in kinds if (curve := _draw(metrics, kind)) is not None]


def _draw(metrics: Mapping[str, float], kind: Kind) -> Curve | None:
    settings = _find_settings(metrics, kind.protocol)
    if len(settings) < 2:
        return None
    places = _place_settings(settings.values(), is_log=kind.protocol == "few_shot")
    across = dict(zip(settings, places, strict=True))
    found = {name: _collect(metrics, f"{kind.protocol}.{name}", settings) for name in CLASSIFIERS}
    shown = {name: values for name, values in found.items() if values}
    lines = [_draw_line(name, values, across) for name, values in shown.items()]
    ticks = [(across[setting], str(number)) for setting, number in settings.items()]
    levels = [(_up(level), f"{level:g}") for level in LEVELS]
    said = "; ".join(_tell(name, values, settings, kind) for name, values in shown.items())
    return Curve(kind.title, kind.axis, _keep_apart(lines), ticks, levels, said)


def _find_settings(metrics: Mapping[str, float], protocol: str) -> dict[str, int]:
    """Setting -> its number, ascending."""
    parts = [name.split(".") for name in metrics if name.startswith(f"{protocol}.") and name.endswith(".top1")]
    numbers = {part[2]: int(found[1]) for part in parts if (found := SETTING.fullmatch(part[2]))}
    return dict(sorted(numbers.items(), key=lambda item: item[1]))


def _place_settings(numbers: Iterable[int], *, is_log: bool) -> list[float]:
    values = [log(number) if is_log else float(number) for number in numbers]
    low, high = (values[0], values[-1]) if is_log else (0.0, values[-1])
    width = WIDTH - LEFT - RIGHT
    return [round(LEFT + width * (value - low) / (high - low), 1) for value in values]


def _up(value: float) -> float:
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - value), 1)


def _collect(metrics: Mapping[str, float], path: str, settings: Iterable[str]) -> dict[str, tuple[float, float]]:
    """Setting -> figure and standard deviation, where there is one."""
    names = {setting: f"{path}.{setting}.top1" for setting in settings}
    return {s: (metrics[name], metrics.get(f"{name}_std", 0.0)) for s, name in names.items() if name in metrics}


def _draw_line(name: str, values: Mapping[str, tuple[float, float]], across: Mapping[str, float]) -> Line:
    at = [(across[setting], value, spread) for setting, (value, spread) in values.items()]
    return Line(
        name=name,
        label=f"{CLASSIFIERS[name]} {at[-1][1]:.{MEASURED_DECIMALS}f}",
        points=" ".join(f"{x:g},{_up(value):g}" for x, value, _ in at),
        spreads="".join(f"M{x:g} {_up(value - spread):g}V{_up(value + spread):g}" for x, value, spread in at),
        dots=[(x, _up(value), f"{value:.{MEASURED_DECIMALS}f}") for x, value, _ in at],
        end=(at[-1][0] + 6, _up(at[-1][1])),
    )


def _keep_apart(lines: Sequence[Line], least: float = 14) -> list[Line]:
    """Labels at the ends do not touch: the lower one gives way."""
    placed: list[Line] = []
    for line in sorted(lines, key=lambda line: line.end[1]):
        low = placed[-1].end[1] + least if placed else 0.0
        placed.append(replace(line, end=(line.end[0], max(line.end[1], low))))
    return placed


def _tell(name: str, values: Mapping[str, tuple[float, float]], settings: Mapping[str, int], kind: Kind) -> str:
    told = [
        f"{value:.{MEASURED_DECIMALS}f} at {settings[setting]} {kind.unit}" for setting, (value, _) in values.items()
    ]
    return f"{CLASSIFIERS[name]}: {', '.join(told)}"
