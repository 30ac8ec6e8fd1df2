"""One image file -> RGB pixels -> the array a network takes."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from leaderboard.errors import first_line
from leaderboard.records import Preprocessing

SUFFIXES = frozenset([".bmp", ".gif", ".jp2", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"])
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


class BadImage(Exception):
    """A file that is not a readable image; the message says why."""


def load_image(path: Path) -> Image.Image:
    """Read a file as 8-bit RGB.

    16-bit and float greyscale are scaled from their full range, transparency is laid over white (the bright field
    of a microscope), of an animation or a multi-page TIFF the first picture is taken, EXIF orientation is ignored
    as both source papers do.

    Raises:
        BadImage: missing, empty, truncated, not an image, or too many pixels to be a photograph of one specimen.
    """
    try:
        if path.stat().st_size == 0:
            raise BadImage("the file is empty")
        return _decode(path)
    except (OSError, SyntaxError, ValueError) as error:
        reason = str(error).replace(_quoted(path), _quoted(path.name)).replace(str(path), path.name)
        raise BadImage(next(iter(reason.strip().splitlines()), type(error).__name__)) from None


def decode_image(content: bytes) -> Image.Image:
    """The bytes of an image file as 8-bit RGB, by the rules of ``load_image``.

    Raises:
        BadImage: as there.
    """
    if not content:
        raise BadImage("the file is empty")
    try:
        return _decode(BytesIO(content))
    except UnidentifiedImageError:  # whose message has the address of the bytes in memory
        raise BadImage("cannot identify image file") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise BadImage(first_line(error)) from None


def _decode(source: Path | BytesIO) -> Image.Image:
    limit = Image.MAX_IMAGE_PIXELS or float("inf")  # None: the caller wants no limit
    try:
        with Image.open(source) as image:
            if image.width * image.height > limit:
                raise _too_large(f"{image.width} x {image.height} pixels are", limit)
            image.load()
            return _to_rgb(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # Pillow does not say how large it is
        raise _too_large("its size is", limit) from None


def _too_large(what: str, limit: float) -> BadImage:
    return BadImage(f"{what} above the limit of {limit:,} pixels; an image is one specimen: cut it out of the slide")


def _quoted(path: Path | str) -> str:
    """As error messages have it: newlines and bytes that are no UTF-8 are escaped."""
    return repr(str(path))[1:-1]


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_to_bytes(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _to_bytes(values: np.ndarray) -> np.ndarray:
    """Greyscale of more than 8 bits to uint8 by its full range: 0..1 (float) or 0..65535.

    Never by the image's own minimum and maximum: that would make a vector depend on the brightest speck.
    """
    low, high = float(values.min()), float(values.max())
    full = 1.0 if values.dtype.kind == "f" and high <= 1 else 65535.0
    if not 0 <= low <= high <= full:  # NaN fails too
        raise BadImage(f"grey values from {low:g} to {high:g}, outside 0..{full:g}")
    return np.round(values.astype(np.float64) * (255 / full)).astype(np.uint8)


def digest_pixels(image: Image.Image) -> str:
    """SHA-256 over size and values of an RGB image: the same for copies that differ in format or metadata only."""
    return hashlib.sha256(f"{image.size}".encode() + image.tobytes()).hexdigest()


def prepare_image(image: Image.Image, preprocessing: Preprocessing) -> np.ndarray:
    """Resize, centre crop, scale and normalise an RGB image: (height, width, 3) float32.

    Pillow's filters are antialiased when they shrink, as the SCAMPI benchmark's preprocessing asks.

    Raises:
        BadImage: so narrow that, resized by its shorter side, it would not fit into memory.
    """
    height, width = _target_size(image, preprocessing.resize)
    if height * width > (Image.MAX_IMAGE_PIXELS or float("inf")):  # a sliver whose shorter side is made hundreds
        raise BadImage(f"{image.width} x {image.height} pixels are too narrow: resized, {width} x {height}")
    image = image.resize((width, height), FILTERS[preprocessing.interpolation])
    if preprocessing.crop is not None:
        left, top = (round((side - preprocessing.crop) / 2) for side in (width, height))
        image = image.crop((left, top, left + preprocessing.crop, top + preprocessing.crop))
    return _normalise(np.asarray(image), preprocessing)


def _normalise(pixels: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """(h, w, 3) uint8 -> (x / 255 - mean) / std in float32, row by row and in place: twice as fast as by channels."""
    height, width, _ = pixels.shape
    rows = pixels.astype(np.float32).reshape(height, -1)
    mean, std = (np.tile(np.array(values, np.float32), width) for values in (preprocessing.mean, preprocessing.std))
    rows /= np.float32(255)
    rows -= mean
    rows /= std
    return rows.reshape(height, width, 3)


def _target_size(image: Image.Image, resize: int | tuple[int, int]) -> tuple[int, int]:
    """(height, width) after resizing; one number means the shorter side, the other keeps the aspect ratio."""
    if not isinstance(resize, int):
        return resize
    short, long = sorted(image.size)
    other = int(resize * long / short)
    return (resize, other) if image.height == short else (other, resize)
