"""What a model is shown of an image: its prepared array as a picture again, and the part of the image that it covers.

Preparing is a black box here (an entry's own figures, or an image processor of the model's repository). So it is
asked: a black and a white image tell the scale of its channels, and two ramps where its pixels come from.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

Prepare = Callable[[Image.Image], np.ndarray]  # RGB image -> (h, w, 3)
Box = tuple[float, float, float, float]  # left, top, right, bottom as shares of the image's width and height
WHOLE_BYTE = 255


def restore_pixels(prepared: np.ndarray, prepare: Prepare) -> np.ndarray:
    """A prepared array (h, w, 3) without its normalisation: uint8 RGB, as the model saw it."""
    black, white = (prepare(Image.new("RGB", (32, 32), colour)).mean(axis=(0, 1)) for colour in ("black", "white"))
    pixels = np.round((prepared - black) / (white - black) * WHOLE_BYTE)
    return np.asarray(np.clip(pixels, 0, WHOLE_BYTE).astype(np.uint8))


def find_box(size: tuple[int, int], prepare: Prepare) -> Box:
    """The part of an image of this (width, height) that the prepared array shows, to about a hundredth of a side.

    Args:
        size: width and height of the image in pixels.
        prepare: the model's way from an image to its array.
    """
    width, height = size
    ramps = np.zeros((height, width, 3), dtype=np.uint8)
    ramps[..., 0] = _ramp(width)
    ramps[..., 1] = _ramp(height)[:, None]
    seen = restore_pixels(prepare(Image.fromarray(ramps)), prepare).astype(np.float64) / WHOLE_BYTE
    left, right = _extent(seen[..., 0].mean(axis=0))
    top, bottom = _extent(seen[..., 1].mean(axis=1))
    return left, top, right, bottom


def _ramp(length: int) -> np.ndarray:
    return np.round((np.arange(length) + 0.5) / length * WHOLE_BYTE).astype(np.uint8)


def _extent(places: np.ndarray) -> tuple[float, float]:
    """Where the first pixel begins and the last one ends, as shares of a side: a line through the middle half.

    Enlarging repeats the outermost pixels, so the ramp may be flat towards its ends.
    """
    count = len(places)
    middle = np.arange(count // 4, max(count - count // 4, count // 4 + 2))[: count - count // 4]
    if len(middle) < 2 or np.ptp(places[middle]) == 0:  # a side of one pixel: it is all there is
        return 0.0, 1.0
    slope, start = np.polyfit(middle + 0.5, places[middle], 1)
    return float(np.clip(start, 0, 1)), float(np.clip(start + slope * count, 0, 1))
