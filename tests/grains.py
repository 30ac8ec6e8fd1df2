"""A small data set of drawn images, ``grains``, and its entry: what miniature clones are measured on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from leaderboard.datasets import list_dataset

DATASETS = """\
grains:
  title: Grey, green and blue noise
  kind: folder
  protocols: [retrieval, knn, linear]
  classes: 3
  images: 30
  digest: "{digest}"
  licence: null
  attribution: Drawn by the tests.
"""


def save_grains(folder: Path) -> None:
    """Three classes of ten images whose colours differ, so that small thumbnails tell them apart."""
    draws = np.random.default_rng(7)
    for number, name in enumerate(("blue", "green", "grey")):
        (folder / name).mkdir(parents=True)
        for index in range(10):
            values = draws.integers(0, 120, size=(20, 24, 3))
            values[..., :number] += 5  # a difference that a nearest neighbour does not always see
            Image.fromarray(values.astype(np.uint8)).save(folder / name / f"{index}.png")


def describe_grains(folder: Path) -> str:
    """The text of a datasets.yaml with the images in this folder."""
    return DATASETS.format(digest=list_dataset("grains", folder).digest)
