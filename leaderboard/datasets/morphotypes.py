"""The shapes of the synthetic palynomorphs, each as an optical thickness under transmitted light.

A drawer takes a `Plane` and a random generator, and returns the optical thickness of one specimen, an array of the
plane's shape: 0 in the mounting medium, about 0.4 through a thin film of organic wall, above 1 where a wall is seen
edge-on or folded. Lengths are in specimen radii, with the apex up; all that is random is variation within the class.
Shapes are signed distances (negative inside), so that edges come out smooth without supersampling.
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
    """Where each pixel lies on the specimen: x to the right, y to the apex, `pixel` the pitch (specimen radii)."""

    x: Field
    y: Field
    pixel: float

    def about(self, x: float, y: float, *, angle: float = 0.0) -> Plane:
        """The same pixels seen from (x, y), with the y axis turned by `angle` (radians, counter-clockwise)."""
        dx, dy, c, s = self.x - x, self.y - y, np.cos(angle), np.sin(angle)
        return Plane(x=c * dx + s * dy, y=c * dy - s * dx, pixel=self.pixel)


Drawer = Callable[[Plane, Generator], Field]


def ellipse(plane: Plane, width: float, height: float) -> Field:
    """First-order distance to an ellipse of these radii: the implicit function over the length of its gradient."""
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
    """Smooth distance to the convex polygon of `sides`, each (direction in radians, distance from the origin)."""
    walls = [plane.x * np.cos(angle) + plane.y * np.sin(angle) - reach for angle, reach in sides]
    nearest = np.max(walls, axis=0)  # taken out of the exponent, which would overflow far from the polygon
    excess = np.sum([np.exp((wall - nearest) / rounding) for wall in walls], axis=0)
    return np.asarray(nearest + rounding * np.log(excess))


def horned(plane: Plane, body: Field, tips: Sequence[Point], *, root: Point, widths: Point) -> Field:
    """A body drawn out, with fillets, into horns to `tips`, which start at the part `root` (of x, of y) of the way."""
    for tip in tips:
        horn = cone(plane, (root[0] * tip[0], root[1] * tip[1]), tip, widths)
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


def shell(
    plane: Plane, outline: Field, *, film: float, rim: float, wall: float, inside: Field | float = 0.0
) -> Field:
    """A hollow body: `film` and what is `inside` face-on, `rim` where its wall (thickness `wall`) is edge-on."""
    return (film + inside) * cover(plane, outline) + rim * line(plane, outline + wall, wall)


def waves(plane: Plane, rng: Generator, frequency: float) -> Field:
    """An irregular texture of mean 0 and variance 1, of `frequency` radians per specimen radius."""
    total = np.zeros_like(plane.x)
    for step, (jitter, phase, pitch) in enumerate(rng.random((7, 3))):
        angle, f = np.pi * (step + jitter) / 7.0, frequency * (0.7 + 0.6 * pitch)
        total += np.cos((f * np.cos(angle)) * plane.x + (f * np.sin(angle)) * plane.y + TURN * phase)
    return np.asarray(total * np.sqrt(2.0 / 7.0))


def folds(plane: Plane, rng: Generator, *, most: int, reach: float, length: float) -> Field:
    """Up to `most` creases of the wall within `reach` of the origin, each sharp on one side and fading on the other."""
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
    """`count` unit vectors (count, 3) spread evenly over the sphere: a jittered Fibonacci lattice."""
    step = np.arange(count)
    z = 1.0 - 2.0 * (step + rng.uniform(0.15, 0.85, count)) / count
    angle = np.pi * (3.0 - np.sqrt(5.0)) * step + rng.uniform(-0.25, 0.25, count) + rng.uniform(0.0, TURN)
    return np.stack([np.sqrt(1.0 - z * z) * np.cos(angle), np.sqrt(1.0 - z * z) * np.sin(angle), z], axis=1)


def draw_proximate(plane: Plane, rng: Generator) -> Field:
    """A thick-walled granulate sphere with faint plate boundaries and an angular opening (archeopyle) at the apex."""
    outline = ellipse(plane, *rng.uniform(0.68, 0.86, 2))
    sides = [(TURN * k / 5 + rng.uniform(-0.2, 0.2), rng.uniform(0.17, 0.28)) for k in range(5)]
    hole = polygon(plane.about(rng.uniform(-0.2, 0.2), rng.uniform(0.3, 0.48)), sides, rounding=0.03)
    gaps = np.sort([np.hypot(plane.x - x, plane.y - y) for x, y, _ in 0.8 * directions(rng, 18)[:9]], axis=0)
    plates = rng.uniform(0.1, 0.4) * line(plane, gaps[1] - gaps[0], 0.04)
    grain = rng.uniform(0.06, 0.2) * waves(plane, rng, rng.uniform(22.0, 40.0))
    lost = rng.uniform(0.25, 0.65) * cover(plane, hole)
    face = (0.7 + grain + plates) * (1.0 - lost) + 0.5 * line(plane, hole, 0.025)
    rim, wall = rng.uniform(0.7, 1.3), rng.uniform(0.03, 0.06)
    return shell(plane, outline, film=0.0, rim=rim, wall=wall, inside=face)


def draw_chorate(plane: Plane, rng: Generator) -> Field:
    """A thin-walled body that bristles with many simple, pointed spines, on all sides (also towards the viewer)."""
    body, reach = rng.uniform(0.5, 0.62), rng.uniform(0.2, 0.36)
    outline = ellipse(plane, body * rng.uniform(0.88, 1.0), body)
    creases = folds(plane, rng, most=4, reach=0.4, length=0.3)
    total = shell(plane, outline, film=rng.uniform(0.4, 0.7), rim=0.8, wall=0.03, inside=creases)
    for x, y, _ in directions(rng, int(rng.integers(24, 56))):
        base, tip = 0.94 * body, body + reach * rng.uniform(0.8, 1.2)
        total += 0.55 * cover(plane, cone(plane, (base * x, base * y), (tip * x, tip * y), (0.03, 0.006)))
    return total


def draw_skolochorate(plane: Plane, rng: Generator) -> Field:
    """A body with a few long, stout processes that fork at their tips."""
    body, reach = rng.uniform(0.42, 0.56), rng.uniform(0.3, 0.46)
    outline = ellipse(plane, body * rng.uniform(0.85, 1.0), body)
    creases = folds(plane, rng, most=4, reach=0.4, length=0.3)
    total = shell(plane, outline, film=rng.uniform(0.4, 0.7), rim=0.8, wall=0.03, inside=creases)
    for x, y, _ in directions(rng, int(rng.integers(13, 27))):
        base, tip, spread = 0.9 * body, body + reach, rng.uniform(0.08, 0.16)
        process = cone(plane, (base * x, base * y), (tip * x, tip * y), (0.055, 0.028))
        for side in (-spread, spread):
            fork = ((tip + 0.5 * spread) * x - side * y, (tip + 0.5 * spread) * y + side * x)
            process = np.minimum(process, cone(plane, (tip * x, tip * y), fork, (0.022, 0.012)))
        total += shell(plane, process, film=0.3, rim=0.3, wall=0.018)
    return total


def draw_cavate(plane: Plane, rng: Generator) -> Field:
    """A dense inner body in a wide, pale pericyst drawn out into an apical, two lateral and two antapical points."""
    reach = rng.uniform(0.82, 1.02, 5)
    angles = np.radians(np.array([90.0, 165.0, 15.0, 235.0, 305.0]) + rng.uniform(-9.0, 9.0, 5))
    tips = list(zip(reach * np.cos(angles), reach * np.sin(angles), strict=True))
    pericyst = ellipse(plane, rng.uniform(0.6, 0.72), rng.uniform(0.62, 0.75))
    pericyst = horned(plane, pericyst, tips, root=(0.0, 0.0), widths=(0.3, 0.01))
    inner = ellipse(plane.about(0.0, rng.uniform(-0.06, 0.06)), *rng.uniform(0.42, 0.58, 2))
    grain, creases = 0.08 * waves(plane, rng, 25.0), 0.6 * folds(plane, rng, most=5, reach=0.6, length=0.3)
    dense = shell(
        plane, inner, film=rng.uniform(0.25, 0.7), rim=rng.uniform(0.3, 0.7), wall=0.03, inside=grain
    )
    pale = rng.uniform(0.16, 0.34)
    return dense + shell(plane, pericyst, film=pale, rim=0.4, wall=0.018, inside=creases)


def draw_ceratioid(plane: Plane, rng: Generator) -> Field:
    """A pale, flattened body with one long apical, one antapical and one lateral horn, and a girdle."""
    outline = ellipse(plane, rng.uniform(0.26, 0.34), rng.uniform(0.3, 0.38))
    apex, antapex, side = (
        rng.uniform((-0.12, 0.95), (0.12, 1.1)),
        rng.uniform(0.75, 1.0),
        rng.uniform(0.5, 0.75),
    )
    tips = [(apex[0], apex[1]), (rng.uniform(-0.3, 0.0), -antapex), (side, rng.uniform(-0.5, -0.2))]
    outline = horned(plane, outline, tips, root=(0.2, 0.1), widths=(0.21, rng.uniform(0.01, 0.035)))
    girdle = rng.uniform(0.4, 0.7) * line(plane, plane.y + 0.02 - 0.3 * plane.x * plane.x, 0.022)
    creases = folds(plane, rng, most=3, reach=0.3, length=0.3) + 0.08 * waves(plane, rng, 20.0)
    return shell(plane, outline, film=rng.uniform(0.3, 0.5), rim=0.5, wall=0.022, inside=girdle + creases)


def draw_peridinioid(plane: Plane, rng: Generator) -> Field:
    """A folded pentagon with an apical and two antapical horns, girdled by two parallel ridges (the cingulum)."""
    slant, reach, spread = rng.uniform(32.0, 46.0), rng.uniform(0.56, 0.64), rng.uniform(0.28, 0.42)
    sides = [(np.radians(a), reach) for a in (slant, 180 - slant, 180 + 0.3 * slant, -0.3 * slant, -90.0)]
    tips = [(0.0, rng.uniform(0.86, 1.0)), *((x, -rng.uniform(0.72, 0.92)) for x in (-spread, spread))]
    outline = polygon(plane, sides, rounding=0.05)
    outline = horned(plane, outline, tips, root=(0.6, 0.4), widths=(0.18, 0.03))
    middle = plane.y - rng.uniform(-0.12, 0.12) * plane.x * plane.x + 0.05
    girdle = rng.uniform(0.3, 0.8) * line(plane, np.abs(middle) - rng.uniform(0.05, 0.08), 0.02)
    creases = folds(plane, rng, most=6, reach=0.5, length=0.35)
    return shell(plane, outline, film=rng.uniform(0.35, 0.6), rim=0.6, wall=0.025, inside=girdle + creases)


def draw_bisaccate(plane: Plane, rng: Generator) -> Field:
    """A pollen grain with two air sacs: a central corpus, and a reticulate saccus on either side of it."""
    corpus = ellipse(plane, rng.uniform(0.46, 0.56), rng.uniform(0.36, 0.46))
    total = shell(plane, corpus, film=0.5, rim=0.5, wall=0.035) * (1.0 + 0.15 * waves(plane, rng, 30.0))
    offset, tilt = rng.uniform(0.42, 0.56), rng.uniform(0.1, 0.5)
    for side in (-1.0, 1.0):
        seat = plane.about(side * offset, -rng.uniform(0.05, 0.3), angle=side * tilt)
        saccus = ellipse(seat, rng.uniform(0.32, 0.4), rng.uniform(0.42, 0.52))
        net = 0.3 * line(plane, waves(plane, rng, rng.uniform(16.0, 26.0)), 0.35)
        total += shell(plane, saccus, film=0.3, rim=0.5, wall=0.025, inside=net)
    return total


def draw_tricolpate(plane: Plane, rng: Generator) -> Field:
    """A round pollen grain in polar view, its two-layered wall cut by three furrows (colpi) that point to the pole."""
    outline = ellipse(plane, *rng.uniform(0.7, 0.85, 2))
    angles = [TURN * third / 3 + rng.uniform(-0.12, 0.12) for third in range(3)]
    furrows = star(plane, angles, (rng.uniform(0.16, 0.42), 0.95), (0.02, rng.uniform(0.08, 0.2)))
    net = rng.uniform(0.1, 0.35) * line(plane, waves(plane, rng, rng.uniform(20.0, 32.0)), 0.35)
    lobes, floor = np.maximum(outline, -furrows), rng.uniform(0.15, 0.5) * cover(plane, outline)
    net += 0.4 * line(plane, lobes + 0.13, 0.025)
    return floor + shell(plane, lobes, film=0.4, rim=0.9, wall=0.035, inside=net)


def draw_trilete(plane: Plane, rng: Generator) -> Field:
    """A rounded triangular spore with a Y-shaped scar (laesura): pale slits between dark lips, towards the corners."""
    side, corner = rng.uniform(0.56, 0.68), rng.uniform(0.74, 0.92)
    sides = [(TURN * (k / 6 + 0.25), side if k % 2 else corner) for k in range(6)]
    outline = polygon(plane, sides, rounding=rng.uniform(0.07, 0.11))
    angles = [TURN * third / 3 + rng.uniform(-0.1, 0.1) for third in range(3)]
    scar = star(plane, angles, (0.0, rng.uniform(0.4, 0.68)), (0.02, 0.0))
    grain = rng.uniform(0.02, 0.16) * waves(plane, rng, rng.uniform(15.0, 35.0))
    lips = rng.uniform(0.5, 0.9) * line(plane, scar - 0.045, 0.03) - 0.5 * line(plane, scar, 0.02)
    grain += lips + folds(plane, rng, most=3, reach=0.5, length=0.25)
    film, wall = rng.uniform(0.5, 0.8), rng.uniform(0.03, 0.055)
    return shell(plane, outline, film=film, rim=0.9, wall=wall, inside=grain)


def draw_foraminiferal_lining(plane: Plane, rng: Generator) -> Field:
    """The organic lining of a foraminifer: chambers that grow along a spiral, darkest at the first ones."""
    count, step, growth = int(rng.integers(7, 12)), rng.uniform(0.85, 1.05), rng.uniform(1.14, 1.22)
    total = np.zeros_like(plane.x)
    for age in range(count):
        size, angle = 0.36 * growth ** (age - count + 1), step * age + rng.uniform(-0.06, 0.06)
        away = 1.35 * size * min(1.0, age / 2)
        seat = plane.about(away * np.cos(angle), away * np.sin(angle), angle=angle)
        outline = ellipse(seat, size * rng.uniform(0.85, 1.0), size * rng.uniform(0.9, 1.1))
        total += shell(plane, outline, film=0.3 + 0.5 * (1.0 - age / count), rim=0.6, wall=0.028)
    return total


DRAWERS: Mapping[str, Drawer] = {
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
