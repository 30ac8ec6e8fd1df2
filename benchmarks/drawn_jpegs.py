"""Small JPEGs of blots, drawn from their number alone: as many as a benchmark of size needs, none like another."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

SIDE = 128  # pixels
COARSE = 12  # of the random field that is enlarged to it
PER_FOLDER = 1000


def draw_jpeg(number: int, side: int = SIDE) -> bytes:
    """A dark blot with a smooth random texture on a bright field, as JPEG: about 3 kB."""
    draws = np.random.default_rng(number)
    field = draws.uniform(0, 1, (COARSE, COARSE, 3))
    radius = np.hypot(*np.meshgrid(*2 * [np.linspace(-1, 1, COARSE)]))
    blot = np.clip(1.4 - 1.6 * radius / draws.uniform(0.6, 1.1), 0, 1)[..., None]
    values = 235 - 150 * blot * (0.4 + 0.6 * field)
    small = Image.fromarray(values.astype(np.uint8))
    stream = BytesIO()
    small.resize((side, side), Image.Resampling.BICUBIC).save(stream, "JPEG", quality=85)
    return stream.getvalue()


def draw_folder(folder: Path, count: int) -> Path:
    """The first ``count`` of them, a thousand per subfolder; those that are there stay."""
    chunks = [range(start, min(start + PER_FOLDER, count)) for start in range(0, count, PER_FOLDER)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        drawn = pool.map(partial(_draw_chunk, folder), chunks)
        list(tqdm(drawn, total=len(chunks), desc=f"draw {count}", unit="thousand", disable=None))
    return folder


def _draw_chunk(folder: Path, numbers: range) -> None:
    below = folder / f"{numbers.start // PER_FOLDER:05d}"
    below.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        path = below / f"{number:08d}.jpg"
        if not path.exists():
            path.write_bytes(draw_jpeg(number))
