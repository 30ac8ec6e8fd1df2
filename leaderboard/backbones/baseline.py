"""Baselines without weights: what pixels, colours and edges alone can tell. No torch."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version

import numpy as np
from PIL import Image

from leaderboard.backbones import Backbone
from leaderboard.errors import LeaderboardError
from leaderboard.images import prepare_image
from leaderboard.records import ModelSpec, Preprocessing, RunOptions, Source

VERSION = 1  # raise it when this file changes the numbers
BINS = 8  # per colour channel


def compute_pixels(image: np.ndarray) -> np.ndarray:
    """(h, w, 3) -> (3hw,): the small image itself."""
    return image.ravel()


def compute_color_histogram(image: np.ndarray) -> np.ndarray:
    """(h, w, 3) in [0, 1] -> (512,): square roots of the shares of 8 x 8 x 8 joint colour bins.

    Euclidean distance between square roots is the Hellinger distance between the histograms.
    """
    bins = np.minimum((image * BINS).astype(int), BINS - 1).reshape(-1, 3)
    counts = np.bincount(bins @ [BINS**2, BINS, 1], minlength=BINS**3)
    return np.asarray(np.sqrt(counts / counts.sum()))


def compute_hog(image: np.ndarray) -> np.ndarray:
    """(128, 128, 3) -> (1764,): histograms of oriented gradients of the grey image.

    Source: Dalal and Triggs 2005, by scikit-image: 9 orientations, cells of 16 x 16 pixels, blocks of 2 x 2 cells.
    """
    from skimage.feature import hog

    grey = image @ np.array([0.299, 0.587, 0.114], np.float32)
    return np.asarray(hog(grey, orientations=9, pixels_per_cell=(16, 16), cells_per_block=(2, 2)))


FEATURES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "pixels": compute_pixels,
    "color-histogram": compute_color_histogram,
    "hog": compute_hog,
}


@dataclass
class Baseline:
    """A function of the image's values."""

    spec: ModelSpec
    preprocessing: Preprocessing
    features: Callable[[np.ndarray], np.ndarray]
    inputs: Mapping[str, object]
    environment: Mapping[str, object] = field(
        default_factory=lambda: {
            "numpy": version("numpy"),
            "pillow": version("pillow"),
            "scikit-image": version("scikit-image"),
            "device": "cpu",
            "hardware": platform.machine(),
            "python": platform.python_version(),
        }
    )
    parameters: int = 0
    batch_size: int = 32

    def prepare(self, image: Image.Image) -> np.ndarray:
        """The features are computed here, in the worker threads: they are the work."""
        return np.asarray(self.features(prepare_image(image, self.preprocessing)), dtype=np.float32)

    def embed(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        """(b, d) float32."""
        return np.stack(batch)


def load(spec: ModelSpec, source: Source | None, options: RunOptions) -> Backbone:
    """The function that the entry's architecture names."""
    if spec.architecture not in FEATURES or not isinstance(spec.preprocessing, Preprocessing):
        raise LeaderboardError(
            f"a baseline needs an explicit preprocessing and as architecture one of "
            f"{', '.join(FEATURES)}, not {spec.architecture!r}"
        )
    inputs = {
        "library": spec.library,
        "loader": VERSION,
        "architecture": spec.architecture,
        "pooling": spec.pooling,
        "seed": spec.seed,
        "preprocessing": asdict(spec.preprocessing),
        "preprocessing_of": "entry",
        "dtype": "float32",
        "weights": {"source": "none"},
    }
    return Baseline(spec, spec.preprocessing, FEATURES[spec.architecture], inputs)
