"""The shapes of the synthetic palynomorphs, each as an optical thickness under transmitted light.

A drawer returns the thickness at each pixel of a `Plane`: 0 in the medium, 0.4 through a film, about 1 where
a wall is edge-on. Lengths are in specimen radii, the apex is up. Shapes are signed distances (inside: < 0).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Field = NDArray[np.float64]
Point = tuple[float, float]
TURN = 2.0 * np.pi


@dataclass(frozen=True)
class Plane:
    """Where the pixels, `pixel` apart, lie on the specimen: x to its right, y to its apex, in its radii."""

    x: Field
    y: Field
    pixel: float

    def about(self, x: float, y: float, *, angle: float = 0.0) -> Plane:
        """The same pixels as seen from (x, y) with axes turned by `angle` (radians, counter-clockwise)."""
        dx, dy, c, s = self.x - x, self.y - y, np.cos(angle), np.sin(angle)
        return Plane(x=c * dx + s * dy, y=c * dy - s * dx, pixel=self.pixel)


def ellipse(plane: Plane, width: float, height: float) -> Field:
    """First-order distance to an ellipse of these radii: the implicit function over its gradient's length."""
    x, y = plane.x / width, plane.y / height
    norm, slope = np.sqrt(x * x + y * y), np.sqrt((x / width) ** 2 + (y / height) ** 2)
    return np.asarray(norm * (norm - 1.0) / (slope + 1e-9))


def cone(plane: Plane, start: Point, end: Point, widths: Point) -> Field:
    """Distance to a round-ended cone with radius `widths[0]` at `start` and `widths[1]` at `end`."""
    dx, dy, px, py = end[0] - start[0], end[1] - start[1], plane.x - start[0], plane.y - start[1]
    along = np.clip((dx * px + dy * py) / (dx * dx + dy * dy + 1e-9), 0.0, 1.0)
    px, py = px - dx * along, py - dy * along
    return np.asarray(np.sqrt(px * px + py * py) - (widths[0] + (widths[1] - widths[0]) * along))


def polygon(plane: Plane, sides: Sequence[Point], *, rounding: float) -> Field:
    """Smooth distance to the convex polygon of `sides`, each (direction in radians, distance from origin)."""
    walls = [(plane.x * np.cos(a) + plane.y * np.sin(a) - reach) / rounding for a, reach in sides]
    return np.asarray(rounding * np.log(np.sum(np.exp(walls), axis=0)))


def horned(plane: Plane, body: Field, tips: Field, *, root: Point, widths: Point) -> Field:
    """A body drawn out into horns to `tips` (n, 2), starting at the part `root` (of x, of y) of the way."""
    for x, y in tips:
        horn = cone(plane, (root[0] * x, root[1] * y), (x, y), widths)
        fillet = np.maximum(0.15 - np.abs(body - horn), 0.0)
        body = np.minimum(body, horn) - fillet * fillet / 0.6
    return body


def star(plane: Plane, angles: Sequence[float], reach: Point, widths: Point) -> Field:
    """Distance to cones that leave the origin at `angles` (radians), each from `reach[0]` to `reach[1]`."""
    rays = [plane.about(0.0, 0.0, angle=angle) for angle in angles]
    return np.asarray(np.min([cone(ray, (0.0, reach[0]), (0.0, reach[1]), widths) for ray in rays], axis=0))


def cover(plane: Plane, distance: Field) -> Field:
    """1 inside a shape and 0 outside, over an edge of about two pixels."""
    return np.asarray(0.5 - 0.5 * np.tanh(distance / (0.7 * plane.pixel)))


def line(plane: Plane, distance: Field, width: float) -> Field:
    """A ridge of height 1 where `distance` is 0, never thinner than the pixels can show."""
    return np.asarray(np.exp(-((distance / max(width, 0.7 * plane.pixel)) ** 2)))


def shell(plane: Plane, outline: Field, *, face: Field | float, rim: float, wall: float) -> Field:
    """A hollow body: `face` where its wall is seen face-on, `rim` where it (thickness `wall`) is edge-on."""
    return face * cover(plane, outline) + rim * line(plane, outline + wall, wall)


def waves(plane: Plane, rng: Generator, frequency: float) -> Field:
    """An irregular texture of mean 0 and variance 1, of `frequency` radians per specimen radius."""
    total = np.zeros_like(plane.x)
    for step, (jitter, phase, pitch) in enumerate(rng.random((7, 3))):
        angle, f = np.pi * (step + jitter) / 7.0, frequency / TURN * (0.7 + 0.6 * pitch)
        turns = (f * np.cos(angle)) * plane.x + ((f * np.sin(angle)) * plane.y + phase)
        ramp = 4.0 * np.abs(turns - np.rint(turns)) - 1.0
        total += ramp * (3.0 - ramp * ramp)  # a cubic that is twice a cosine within 2 %, at half the time
    return np.asarray(total / np.sqrt(14.0))


def folds(plane: Plane, rng: Generator, *, most: int, reach: float, length: float) -> Field:
    """Up to `most` creases within `reach` of the origin, each sharp on one side and fading on the other."""
    total = np.zeros_like(plane.x)
    for _ in range(int(rng.integers(most // 2, most + 1))):
        (x, y), angle, bend = rng.uniform(-reach, reach, 2), rng.uniform(0.0, TURN), rng.uniform(-0.9, 0.9)
        width, span = rng.uniform(0.018, 0.035), length * rng.uniform(0.6, 1.3)
        crease = plane.about(x, y, angle=angle)
        across, along = crease.x - bend * crease.y**2, (crease.y / span) ** 2
        across /= np.where(across < 0.0, width, 4.0 * width)
        total += rng.uniform(0.3, 0.9) * np.exp(-across * across - along * along)
    return total


def directions(rng: Generator, count: int) -> Field:
    """X and y (count, 2) of unit vectors spread evenly over the sphere: a jittered Fibonacci lattice."""
    z = 1.0 - 2.0 * (np.arange(count) + rng.uniform(0.15, 0.85, count)) / count
    angle = rng.uniform(0.0, TURN) + 2.4 * np.arange(count) + rng.uniform(-0.25, 0.25, count)  # golden angle
    return np.asarray(np.sqrt(1.0 - z * z) * (np.cos(angle), np.sin(angle))).T


def draw_proximate(plane: Plane, rng: Generator) -> Field:
    """A thick-walled granulate sphere with faint plates and an angular opening (archeopyle) near the apex."""
    outline = ellipse(plane, *rng.uniform(0.68, 0.86, 2))
    sides = [(TURN * k / 5 + rng.uniform(-0.2, 0.2), rng.uniform(0.17, 0.28)) for k in range(5)]
    hole = polygon(plane.about(rng.uniform(-0.2, 0.2), rng.uniform(0.3, 0.48)), sides, rounding=0.03)
    gaps = np.sort([np.hypot(plane.x - x, plane.y - y) for x, y in 0.8 * directions(rng, 18)[:9]], axis=0)
    plates = rng.uniform(0.1, 0.4) * line(plane, gaps[1] - gaps[0], 0.04)
    grain = rng.uniform(0.06, 0.2) * waves(plane, rng, rng.uniform(22.0, 40.0))
    lost = rng.uniform(0.25, 0.65) * cover(plane, hole)
    face = (0.7 + grain + plates) * (1.0 - lost) + 0.5 * line(plane, hole, 0.025)
    return shell(plane, outline, face=face, rim=rng.uniform(0.7, 1.3), wall=rng.uniform(0.03, 0.06))


def draw_chorate(plane: Plane, rng: Generator) -> Field:
    """A thin-walled body that bristles with many simple, pointed spines, also towards the viewer."""
    body, reach = rng.uniform(0.5, 0.62), rng.uniform(0.2, 0.36)
    face = rng.uniform(0.4, 0.7) + folds(plane, rng, most=4, reach=0.4, length=0.3)
    total = shell(plane, ellipse(plane, body * rng.uniform(0.88, 1.0), body), face=face, rim=0.8, wall=0.03)
    for x, y in directions(rng, int(rng.integers(24, 56))):
        base, tip = 0.94 * body, body + reach * rng.uniform(0.8, 1.2)
        total += 0.55 * cover(plane, cone(plane, (base * x, base * y), (tip * x, tip * y), (0.03, 0.006)))
    return total


def draw_skolochorate(plane: Plane, rng: Generator) -> Field:
    """A body with a few long, stout processes that fork at their tips."""
    body, reach = rng.uniform(0.42, 0.56), rng.uniform(0.3, 0.46)
    face = rng.uniform(0.4, 0.7) + folds(plane, rng, most=4, reach=0.4, length=0.3)
    total = shell(plane, ellipse(plane, body * rng.uniform(0.85, 1.0), body), face=face, rim=0.8, wall=0.03)
    for x, y in directions(rng, int(rng.integers(13, 27))):
        start, end = (0.9 * body * x, 0.9 * body * y), ((body + reach) * x, (body + reach) * y)
        seat = plane.about(*end, angle=np.arctan2(-x, y))
        fork = star(seat, (-1.1, 1.1), (0.0, rng.uniform(0.08, 0.17)), (0.022, 0.012))
        process = np.minimum(cone(plane, start, end, (0.055, 0.028)), fork)
        total += shell(plane, process, face=0.3, rim=0.3, wall=0.018)
    return total


def draw_cavate(plane: Plane, rng: Generator) -> Field:
    """A dense inner body in a wide, pale pericyst with one apical, two lateral and two antapical points."""
    angles = np.radians(np.array([90.0, 165.0, 15.0, 235.0, 305.0]) + rng.uniform(-9.0, 9.0, 5))
    tips = (rng.uniform(0.82, 1.02, 5) * (np.cos(angles), np.sin(angles))).T
    outer = horned(plane, ellipse(plane, *rng.uniform(0.6, 0.75, 2)), tips, root=(0, 0), widths=(0.3, 0.01))
    inner = ellipse(plane.about(0.0, rng.uniform(-0.06, 0.06)), *rng.uniform(0.42, 0.58, 2))
    dense = rng.uniform(0.25, 0.7) + 0.08 * waves(plane, rng, 25.0)
    pale = rng.uniform(0.16, 0.34) + 0.6 * folds(plane, rng, most=5, reach=0.6, length=0.3)
    inside = shell(plane, inner, face=dense, rim=rng.uniform(0.3, 0.7), wall=0.03)
    return inside + shell(plane, outer, face=pale, rim=0.4, wall=0.018)


def draw_ceratioid(plane: Plane, rng: Generator) -> Field:
    """A pale, flattened body with one long apical, one antapical and one lateral horn, and a girdle."""
    outline = ellipse(plane, rng.uniform(0.26, 0.34), rng.uniform(0.3, 0.38))
    tips = rng.uniform([(-0.12, 0.95), (-0.3, -1.0), (0.5, -0.5)], [(0.12, 1.1), (0.0, -0.75), (0.75, -0.2)])
    outline = horned(plane, outline, tips, root=(0.2, 0.1), widths=(0.21, rng.uniform(0.01, 0.035)))
    face = rng.uniform(0.4, 0.7) * line(plane, plane.y + 0.02 - 0.3 * plane.x * plane.x, 0.022)
    face += folds(plane, rng, most=3, reach=0.3, length=0.3) + 0.08 * waves(plane, rng, 20.0)
    return shell(plane, outline, face=face + rng.uniform(0.3, 0.5), rim=0.5, wall=0.022)


def draw_peridinioid(plane: Plane, rng: Generator) -> Field:
    """A folded pentagon with one apical and two antapical horns, girdled by two ridges (the cingulum)."""
    slant, reach, spread = rng.uniform(0.56, 0.8), rng.uniform(0.56, 0.64), rng.uniform(0.28, 0.42)
    turns = (slant, np.pi - slant, np.pi + 0.3 * slant, -0.3 * slant, -0.5 * np.pi)
    outline = polygon(plane, [(turn, reach) for turn in turns], rounding=0.05)
    tips = np.stack([(0.0, -spread, spread), rng.uniform((0.86, -0.92, -0.92), (1.0, -0.72, -0.72))], axis=1)
    outline = horned(plane, outline, tips, root=(0.6, 0.4), widths=(0.18, 0.03))
    middle = plane.y - rng.uniform(-0.12, 0.12) * plane.x * plane.x + 0.05
    face = rng.uniform(0.3, 0.8) * line(plane, np.abs(middle) - rng.uniform(0.05, 0.08), 0.02)
    face += rng.uniform(0.35, 0.6) + folds(plane, rng, most=6, reach=0.5, length=0.35)
    return shell(plane, outline, face=face, rim=0.6, wall=0.025)


def draw_bisaccate(plane: Plane, rng: Generator) -> Field:
    """A pollen grain with two air sacs: a central corpus, and a reticulate saccus on either side of it."""
    corpus = ellipse(plane, rng.uniform(0.46, 0.56), rng.uniform(0.36, 0.46))
    total = shell(plane, corpus, face=0.5 + 0.1 * waves(plane, rng, 30.0), rim=0.5, wall=0.035)
    offset, tilt = rng.uniform(0.42, 0.56), rng.uniform(0.1, 0.5)
    for side in (-1.0, 1.0):
        seat = plane.about(side * offset, -rng.uniform(0.05, 0.3), angle=side * tilt)
        saccus = ellipse(seat, rng.uniform(0.32, 0.4), rng.uniform(0.42, 0.52))
        net = line(plane, waves(plane, rng, rng.uniform(16.0, 26.0)), 0.35)
        total += shell(plane, saccus, face=0.3 + 0.3 * net, rim=0.5, wall=0.025)
    return total


def draw_tricolpate(plane: Plane, rng: Generator) -> Field:
    """A round pollen grain in polar view, its two-layered wall cut by three furrows (colpi)."""
    disc, gape = ellipse(plane, *rng.uniform(0.7, 0.85, 2)), (0.02, rng.uniform(0.08, 0.2))
    angles = [TURN * third / 3 + rng.uniform(-0.12, 0.12) for third in range(3)]
    lobes = np.maximum(disc, -star(plane, angles, (rng.uniform(0.16, 0.42), 0.95), gape))
    face = rng.uniform(0.1, 0.35) * line(plane, waves(plane, rng, rng.uniform(20.0, 32.0)), 0.35)
    face += 0.4 + 0.4 * line(plane, lobes + 0.13, 0.025)
    return rng.uniform(0.15, 0.5) * cover(plane, disc) + shell(plane, lobes, face=face, rim=0.9, wall=0.035)


def draw_trilete(plane: Plane, rng: Generator) -> Field:
    """A rounded triangular spore with a Y-shaped scar (laesura), pale between dark lips, to the corners."""
    side, corner = rng.uniform(0.56, 0.68), rng.uniform(0.74, 0.92)
    sides = [(TURN * (k / 6 + 0.25), side if k % 2 else corner) for k in range(6)]
    outline = polygon(plane, sides, rounding=rng.uniform(0.07, 0.11))
    angles = [TURN * third / 3 + rng.uniform(-0.1, 0.1) for third in range(3)]
    scar = star(plane, angles, (0.0, rng.uniform(0.4, 0.68)), (0.02, 0.0))
    face = rng.uniform(0.5, 0.8) + rng.uniform(0.02, 0.16) * waves(plane, rng, rng.uniform(15.0, 35.0))
    face += rng.uniform(0.5, 0.9) * line(plane, scar - 0.045, 0.03) - 0.5 * line(plane, scar, 0.02)
    face += folds(plane, rng, most=3, reach=0.5, length=0.25)
    return shell(plane, outline, face=face, rim=0.9, wall=rng.uniform(0.03, 0.055))


def draw_foraminiferal_lining(plane: Plane, rng: Generator) -> Field:
    """The organic lining of a foraminifer: chambers that grow along a spiral, darkest at the first ones."""
    count, step, growth = int(rng.integers(7, 12)), rng.uniform(0.85, 1.05), rng.uniform(1.14, 1.22)
    total = np.zeros_like(plane.x)
    for age in range(count):
        size, angle = 0.36 * growth ** (age - count + 1), step * age + rng.uniform(-0.06, 0.06)
        seat = plane.about(0.0, 0.0, angle=angle).about(0.0, 1.35 * size * min(1.0, age / 2))
        outline = ellipse(seat, *(size * rng.uniform((0.85, 0.9), (1.0, 1.1))))
        total += shell(plane, outline, face=0.8 - 0.5 * age / count, rim=0.6, wall=0.028)
    return total


DRAWERS: Mapping[str, Callable[[Plane, Generator], Field]] = {
    "bisaccate-pollen": draw_bisaccate,
    "cavate-cyst": draw_cavate,
    "ceratioid-cyst": draw_ceratioid,
    "chorate-cyst": draw_chorate,
    "foraminiferal-lining": draw_foraminiferal_lining,
    "peridinioid-cyst": draw_peridinioid,
    "proximate-cyst": draw_proximate,
    "skolochorate-cyst": draw_skolochorate,
    "tricolpate-pollen": draw_tricolpate,
    "trilete-spore": draw_trilete,
}
