"""Small pictures of specimens, for pages that show many."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from leaderboard.images import BadImage, digest_pixels, load_image

SIDE = 96  # pixels
QUALITY = 75
BUDGET = 20_000_000  # bytes of pictures on one page
BYTES_AT = {192: 9_000, 96: 3_300, 72: 2_300}  # side -> bytes of a micrograph in base64, rounded up from 697 of them


@dataclass(frozen=True)
class Picture:
    """What a page needs of an image file."""

    thumbnail: bytes  # JPEG
    pixels: str  # digest of the image at full size


def make_thumbnail(image: Image.Image, side: int = SIDE) -> bytes:
    """A JPEG whose longest side has ``side`` pixels, the aspect ratio kept; a smaller image is not enlarged.

    Args:
        image: RGB, as ``load_image`` gives it. It is left as it is.
        side: of the square that the picture fits into, in pixels.
    """
    scale = min(1.0, side / max(image.size))
    width, height = (max(1, round(length * scale)) for length in image.size)  # a sliver keeps one pixel
    small = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    stream = BytesIO()
    small.save(stream, "JPEG", quality=QUALITY, optimize=True)
    return stream.getvalue()


def choose_side(pictures: int) -> int:
    """The largest thumbnails, in pixels, with which so many pictures keep within ``BUDGET``, or the smallest ones."""
    return next((side for side, size in BYTES_AT.items() if pictures * size <= BUDGET), min(BYTES_AT))


def load_pictures(paths: Iterable[Path], *, side: int = SIDE) -> dict[Path, Picture]:
    """Each file once, read by threads; ``BadImage`` of any is raised."""
    wanted = list(dict.fromkeys(paths))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        made = pool.map(partial(_load_picture, side=side), wanted)
        return dict(
            zip(wanted, tqdm(made, total=len(wanted), desc="thumbnails", unit="image", disable=None), strict=True)
        )


def load_those_here(paths: Iterable[Path], *, side: int = SIDE) -> dict[Path, Picture]:
    """As ``load_pictures``, without the files that are gone or cannot be read any more."""
    wanted = list(dict.fromkeys(paths))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        made = pool.map(partial(_try_picture, side=side), wanted)
        return {path: picture for path, picture in zip(wanted, made, strict=True) if picture is not None}


def _try_picture(path: Path, *, side: int) -> Picture | None:
    try:
        return _load_picture(path, side=side)
    except BadImage:
        return None


def _load_picture(path: Path, *, side: int) -> Picture:
    image = load_image(path)
    return Picture(make_thumbnail(image, side), digest_pixels(image))
