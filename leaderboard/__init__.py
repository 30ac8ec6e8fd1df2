"""Fossil leaderboard: image encoders measured on microfossils.

Three lines embed a folder or a list of images::

    import leaderboard
    model = leaderboard.load_model("efficientnet-lite0")
    vectors = leaderboard.embed(model, "slides/")
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # nothing heavy until it is used
    import numpy as np
    import pandas as pd

    from leaderboard.backbones import Backbone

__all__ = ["embed", "load_model", "results"]
__version__ = "0.1.0"


def load_model(model_id: str, *, device: str | None = None, root: Path | None = None) -> Backbone:
    """Load a model of models.yaml, fetching its weights when they are not here, and hold it against its results.

    Raises:
        leaderboard.errors.Unavailable: the weights cannot be had.
        leaderboard.errors.LeaderboardError: unknown id, or weights that are not the declared ones.
    """
    from leaderboard.records import RunOptions
    from leaderboard.registry import load_registry
    from leaderboard.result_files import load_results_of
    from leaderboard.verification import load_verified

    registry = load_registry(root)
    stored = load_results_of(registry.results_dir, model_id)
    return load_verified(registry.model(model_id), stored, RunOptions(device=device))[0]


def embed(model: Backbone, images: str | Path | Iterable[str | Path]) -> np.ndarray:
    """Vectors (n, d) float32 of a folder's images, in its listing's order, or of a list of files.

    Raises:
        leaderboard.errors.LeaderboardError: no images, or unreadable ones, all of them listed.
    """
    from leaderboard.datasets import list_dataset
    from leaderboard.errors import LeaderboardError
    from leaderboard.extract import embed_images

    if isinstance(images, (str, Path)):
        folder = list_dataset("images", Path(images))
        paths = [folder.root / name for name in folder.files]
    else:
        paths = [Path(image) for image in images]
    if not paths:
        raise LeaderboardError("no images to embed; give a folder, or a list of at least one file")
    return embed_images(model, paths, progress="embed")


def results(root: Path | None = None) -> pd.DataFrame:
    """Every stored metric as a row: dataset, model, metric, class (empty for the whole set), value."""
    from leaderboard.registry import load_registry
    from leaderboard.result_files import load_results, tidy

    return tidy(load_results(load_registry(root).results_dir))
