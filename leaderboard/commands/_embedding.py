"""What several commands do first: find images, load a model, embed."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from leaderboard.errors import LeaderboardError, printable
from leaderboard.records import Dataset, Embeddings, RunOptions
from leaderboard.registry import Registry

if TYPE_CHECKING:
    from leaderboard.backbones import Backbone


def load_backbone_of(registry: Registry, model_id: str, options: RunOptions) -> Backbone:
    """A model of models.yaml, held against its stored results."""
    from leaderboard.result_files import load_results_of
    from leaderboard.verification import load_verified

    spec = registry.model(model_id)
    return load_verified(spec, load_results_of(registry.results_dir, spec.id), options)[0]


def embed_dataset(backbone: Backbone, dataset: Dataset, options: RunOptions) -> Embeddings:
    """Its vectors, from the cache where they are there; a run that was interrupted goes on."""
    from leaderboard.extract import extract

    return extract(dataset, backbone, options)


def list_folder(folder: Path) -> Dataset:
    """A folder of images, best one subfolder per class."""
    from leaderboard.datasets import list_dataset

    return list_dataset(folder.resolve().name, folder)


def check_out(folder: Path) -> None:
    """Make the folder that is written to, and see that it can be: now, not after an hour.

    Raises:
        LeaderboardError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise LeaderboardError(
            f"{printable(str(folder))}: nothing can be written there ({error.strerror or error}); choose another folder"
        ) from None
