"""`synthetic-palynomorphs`: palynomorphs under transmitted light, drawn from a seed, nuisance factors known.

An image depends on (morphotype, seed, index, `DRAWING_VERSION`) and on nothing else. Shape, debris, noise and
factors come from separate random streams, so that the same specimen can be drawn again with one factor set.
All draws are uniform, since numpy promises less for others; the arithmetic is float64 to the last rounding.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter
from tqdm import tqdm

from leaderboard.datasets.morphotypes import DRAWERS, TURN, Field, Plane, cover, ellipse, polygon, waves

SIDE = 160  # pixels
PIECES = 7  # of debris, at most
MORPHOTYPES: tuple[str, ...] = tuple(sorted(DRAWERS))

FACTORS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "rotation": (0.0, 360.0),  # degrees, counter-clockwise
        "mirrored": (0.0, 1.0),  # seen from the other side when 0.5 or more: specimens settle on either face
        "scale": (0.52, 0.88),  # specimen radius over half the image side
        "shift_x": (-0.14, 0.14),  # of the centre, to the right, over half the image side
        "shift_y": (-0.14, 0.14),  # of the centre, upwards, over half the image side
        "distortion": (0.0, 0.11),  # amplitude of the smooth warp, specimen radii
        "blur": (0.4, 2.2),  # standard deviation of the defocus, pixels
        "stain": (0.25, 1.3),  # absorption per optical thickness
        "hue": (0.0, 1.0),  # of the organic matter: straw yellow to red brown
        "debris": (0.0, 1.0),  # amount, from none to `PIECES` pieces
        "background": (196.0, 236.0),  # grey level of the empty field
        "tint": (-1.0, 1.0),  # of the lamp: bluish to yellowish
        "vignetting": (0.0, 0.14),  # light lost in the corners
        "noise": (0.5, 3.5),  # standard deviation of the sensor noise, grey levels
    }
)

_STRAW, _BROWN = np.array([0.12, 0.36, 1.15]), np.array([0.32, 0.85, 1.75])  # absorption of red, green, blue
_SOOT = np.array([1.0, 0.95, 0.9])
_LAMP = np.array([0.02, 0.0, -0.035])


@dataclass(frozen=True)
class Specimen:
    """One image: `pixels`, uint8 RGB (SIDE, SIDE, 3), and the value of every nuisance factor of `FACTORS`."""

    pixels: NDArray[np.uint8]
    factors: dict[str, float]


def draw_specimen(
    morphotype: str, *, seed: int, index: int, fixed: Mapping[str, float] = MappingProxyType({})
) -> Specimen:
    """Draw image `index` of a morphotype; factors in `fixed` take that value, and all else stays as it was.

    Raises ValueError for a morphotype or a factor that does not exist.
    """
    _require_known("morphotype", [morphotype], MORPHOTYPES)
    _require_known("factor", fixed, FACTORS)
    sources = SeedSequence([seed, index, *morphotype.encode()]).spawn(4)
    nuisance, shape, litter, sensor = (Generator(PCG64(source)) for source in sources)
    drawn = {name: float(nuisance.uniform(low, high)) for name, (low, high) in FACTORS.items()}
    factors = {**drawn, **fixed}
    thickness = DRAWERS[morphotype](_compute_specimen_plane(factors, shape), shape)
    brown, black = _draw_debris(factors["debris"], litter)
    light = _compute_light(factors, organic=np.maximum(thickness, 0.0) + brown, opaque=black)
    return Specimen(pixels=_record(light, factors, sensor), factors=factors)


def save_synthetic(folder: Path, *, seed: int, images_per_class: int) -> None:
    """Write `<folder>/<morphotype>/<morphotype>-000.bmp` ... and `<folder>/factors.csv`.

    The table has one row per image: its path, then its factors. BMP, since it has no compressor:
    the bytes are the same whatever the version of zlib or Pillow.
    """
    wanted = [(name, index) for name in MORPHOTYPES for index in range(images_per_class)]
    rows = []
    for name, index in tqdm(wanted, desc="drawing synthetic palynomorphs", unit="image", disable=None):
        specimen = draw_specimen(name, seed=seed, index=index)
        path = Path(name) / f"{name}-{index:03d}.bmp"
        (folder / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(specimen.pixels).save(folder / path)
        rows.append([path.as_posix(), *(repr(specimen.factors[factor]) for factor in FACTORS)])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "factors.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([["path", *FACTORS], *rows])


def _require_known(kind: str, names: Iterable[str], known: Collection[str]) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(f"{kind} {unknown[0]!r} is not one of {', '.join(known)}")


def _compute_image_plane() -> Plane:
    """The image itself, with the centre at (0, 0) and the edges at -1 and 1."""
    ticks = (np.arange(SIDE) + 0.5) * (2.0 / SIDE) - 1.0
    x, y = np.meshgrid(ticks, -ticks)
    return Plane(x=x, y=y, pixel=2.0 / SIDE)


def _compute_specimen_plane(factors: Mapping[str, float], rng: Generator) -> Plane:
    """The image as the specimen lies in it: shifted, turned, mirrored, scaled and gently warped."""
    angle, scale = np.radians(factors["rotation"]), factors["scale"]
    turned = _compute_image_plane().about(factors["shift_x"], factors["shift_y"], angle=angle)
    mirror = -1.0 if factors["mirrored"] >= 0.5 else 1.0
    plane = Plane(x=mirror * turned.x / scale, y=turned.y / scale, pixel=turned.pixel / scale)
    bend_x, bend_y = (factors["distortion"] * waves(plane, rng, 2.6) for _ in range(2))
    return Plane(x=plane.x + bend_x, y=plane.y + bend_y, pixel=plane.pixel)


def _draw_debris(amount: float, rng: Generator) -> tuple[Field, Field]:
    """Optical thickness of the amorphous (brown) and the opaque (black) pieces, which lie near the edges."""
    plane = _compute_image_plane()
    ragged, clotted = waves(plane, rng, 13.0), waves(plane, rng, 38.0)
    brown, black = np.zeros_like(plane.x), np.zeros_like(plane.x)
    # Every piece takes its draws whether or not it shows, so that more debris only adds to what there was.
    for piece, (angle, reach, bulk, kind, depth, *corners) in enumerate(rng.random((PIECES, 10))):
        size = (0.06 + 0.3 * bulk * bulk) * min(max(PIECES * amount - piece, 0.0), 1.0)
        if size <= 0.0:
            break
        away, turn = 0.72 + 0.4 * reach, TURN * angle
        seat = plane.about(away * np.cos(turn), away * np.sin(turn), angle=TURN * kind)
        if kind < 0.35:
            sides = [(TURN * (k + 0.5 * c) / 5, size * (0.5 + 0.5 * c)) for k, c in enumerate(corners)]
            black += 2.5 * cover(plane, polygon(seat, sides, rounding=0.01) + 0.015 * size * clotted)
        else:
            rough = size * (0.2 * ragged + 0.08 * clotted)
            lump = ellipse(seat, size, size * (0.6 + 0.4 * corners[0])) + rough
            brown += (0.6 + 1.6 * depth) * cover(plane, lump) * np.maximum(1.0 + 0.35 * clotted, 0.2)
    return brown, black


def _compute_light(factors: Mapping[str, float], *, organic: Field, opaque: Field) -> Field:
    """Transmitted light (SIDE, SIDE, 3) in grey levels, by the law of Beer and Lambert, then out of focus."""
    # Walls also bend light: bright lines run along dark rims.
    halo = 0.35 * (organic - gaussian_filter(organic, 2.5))
    colour = _STRAW + factors["hue"] * (_BROWN - _STRAW)
    absorbed = factors["stain"] * (organic + halo)[..., None] * colour + opaque[..., None] * _SOOT
    plane = _compute_image_plane()
    lamp = factors["background"] * (1.0 - factors["vignetting"] * 0.5 * (plane.x**2 + plane.y**2))
    light = lamp[..., None] * (1.0 + factors["tint"] * _LAMP) * np.exp(-absorbed)
    return np.asarray(gaussian_filter(light, (factors["blur"], factors["blur"], 0.0)))


def _record(light: Field, factors: Mapping[str, float], rng: Generator) -> NDArray[np.uint8]:
    """What the camera makes of the light: noise (four uniforms are near to normal), then whole levels."""
    noise = np.sqrt(3.0) * (rng.random((4, *light.shape)).sum(axis=0) - 2.0)
    levels = np.clip(np.rint(light + factors["noise"] * noise), 0.0, 255.0)
    return np.asarray(levels, dtype=np.uint8)
