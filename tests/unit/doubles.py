"""Stand-ins for the slow parts of the house."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from leaderboard.records import ModelSpec, Preprocessing

SMALL = Preprocessing(resize=(8, 8), crop=None, interpolation="bilinear", mean=(0.0,) * 3, std=(1.0,) * 3)


def toy_spec(*, dimension: int = 8) -> ModelSpec:
    """The models.yaml entry that a toy would have."""
    return ModelSpec(
        id="toy",
        title="Toy",
        library="baseline",
        sources=(),
        architecture="toy",
        pooling=None,
        preprocessing=SMALL,
        dimension=dimension,
        licence=None,
    )


@dataclass
class ToyBackbone:
    """Mean colour, spread of colour, darkest and brightest value: 8 numbers that tell tiny images apart.

    It records how many images were prepared, which batches were embedded, and the largest number of images that
    were prepared but not embedded yet.
    """

    batch_size: int = 4
    spec: ModelSpec = field(default_factory=toy_spec)
    inputs: dict[str, object] = field(default_factory=lambda: {"weights": "toy"})
    environment: dict[str, object] = field(default_factory=lambda: {"device": "cpu"})
    parameters: int = 0
    batches: list[list[np.ndarray]] = field(default_factory=list)
    prepared: int = 0
    most_waiting: int = 0
    _counting: threading.Lock = field(default_factory=threading.Lock)

    @property
    def embedded(self) -> int:
        """Images embedded so far."""
        return sum(map(len, self.batches))

    def prepare(self, image: Image.Image) -> np.ndarray:
        """(8, 8, 3) float32 in 0..1."""
        with self._counting:
            self.prepared += 1
            self.most_waiting = max(self.most_waiting, self.prepared - self.embedded)
        return np.asarray(image.resize((8, 8)), dtype=np.float32) / 255

    def embed(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        """(b, 8) float32."""
        self.batches.append(list(batch))
        return np.stack([self.describe(image) for image in batch])

    @staticmethod
    def describe(image: np.ndarray) -> np.ndarray:
        """The vector of one prepared image."""
        parts = [image.mean((0, 1)), image.std((0, 1)), [image.min(), image.max()]]
        return np.concatenate(parts).astype(np.float32)
