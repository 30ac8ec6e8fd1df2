"""Preprocessing written out with Pillow and numpy: one RGB image -> (224, 224, 3) float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image
from PIL.Image import Resampling

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALVES = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
OPENAI = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
Prepare = Callable[[Image.Image], np.ndarray]
Moments = tuple[tuple[float, ...], tuple[float, ...]]


def normalised(image: Image.Image, moments: Moments) -> np.ndarray:
    """(h, w, 3) float64."""
    mean, std = moments
    return (np.asarray(image, dtype=np.float64) / 255 - np.array(mean)) / np.array(std)


def exact(side: int, resample: Resampling, moments: Moments) -> Prepare:
    """Resized to a square, whatever the aspect ratio."""
    return lambda image: normalised(image.resize((side, side), resample), moments)


def cropped(image: Image.Image, left: int, top: int) -> Image.Image:
    return image.crop((left, top, left + 224, top + 224))


def scampi(image: Image.Image) -> np.ndarray:
    """Exactly 256 x 256, bicubic; 16 pixels off every edge."""
    return normalised(image.resize((256, 256), Resampling.BICUBIC).crop((16, 16, 240, 240)), IMAGENET)


def shorter_side(side: int, resample: Resampling, moments: Moments, halve: Callable[[int], int]) -> Prepare:
    """The shorter side resized, the longer one cut to whole pixels; of the centre 224 x 224, by ``halve``."""

    def prepare(image: Image.Image) -> np.ndarray:
        width, height = image.size
        if width < height:
            width, height = side, side * height // width
        else:
            width, height = side * width // height, side
        image = image.resize((width, height), resample)
        return normalised(cropped(image, halve(width - 224), halve(height - 224)), moments)

    return prepare


def half_as_torchvision(rest: int) -> int:
    """To the nearest, and from the middle to the even one."""
    return rest // 2 + (1 if rest % 4 == 3 else 0)


def half_as_transformers(rest: int) -> int:
    """Always down."""
    return rest // 2


def float_bilinear(image: Image.Image) -> np.ndarray:
    """DINOv3's processor: scaled to [0, 1] first, so that resizing does not round to 1 / 255."""
    channels = [Image.fromarray(np.asarray(part, np.float32) / np.float32(255)) for part in image.split()]
    resized = [np.asarray(part.resize((224, 224), Resampling.BILINEAR), np.float64) for part in channels]
    return (np.stack(resized, axis=-1) - np.array(IMAGENET[0])) / np.array(IMAGENET[1])
