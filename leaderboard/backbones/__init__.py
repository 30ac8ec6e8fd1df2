"""Loading libraries, one file each: ``load(spec, options) -> Backbone``.

The name of the file is the ``library`` of models.yaml. Nothing here imports torch until a model is loaded.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from leaderboard.errors import Unavailable
from leaderboard.records import DEFAULT_OPTIONS, ModelSpec, RunOptions

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

LIBRARIES = tuple(name for _, name, _ in pkgutil.iter_modules(__path__) if not name.startswith("_"))


class Backbone(Protocol):
    """A model, loaded. ``prepare`` runs in worker threads, ``embed`` in one."""

    spec: ModelSpec
    parameters: int
    inputs: Mapping[str, Any]  # what the weights are: goes into the cache key and the provenance
    environment: Mapping[str, object]  # device, library versions: documentation
    batch_size: int

    def prepare(self, image: Image.Image) -> np.ndarray:
        """One RGB image -> the array that the network takes, always of the same shape."""

    def embed(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        """Prepared images -> (len(batch), dimension) float32."""


def loader_version(library: str) -> int:
    """The version of a library's file here: a result of an older one is stale."""
    version: int = import_module(f"{__name__}.{library}").VERSION
    return version


def load_backbone(spec: ModelSpec, options: RunOptions = DEFAULT_OPTIONS) -> Backbone:
    """Load a model by the library of its entry.

    Raises:
        Unavailable: its weights or its library cannot be had here.
        LeaderboardError: the weights are not the ones that the entry declares.
    """
    try:
        backbone: Backbone = import_module(f"{__name__}.{spec.library}").load(spec, options)
    except ModuleNotFoundError as error:
        raise Unavailable(
            f"model {spec.id} needs {error.name}, which is not installed; `pip install 'fossil-leaderboard[networks]'`"
        ) from None
    return backbone
