"""Loading libraries, one file each: ``load(spec, source, options) -> Backbone``.

The name of the file is the ``library`` of models.yaml. Nothing here imports torch until a model is loaded.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.records import DEFAULT_OPTIONS, ModelSpec, RunOptions, Source

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

LIBRARIES = tuple(name for _, name, _ in pkgutil.iter_modules(__path__) if not name.startswith("_"))
CHECKPOINTS = ("model.safetensors", "pytorch_model.bin")  # their usual names, safetensors first
EXTRAS = {"open_clip": "open-clip"}  # libraries that are not in the extra "networks"


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
    """Load a model from the first of its sources that can be had.

    Raises:
        Unavailable: none can, or its library is not here; with the reason of each.
        LeaderboardError: the weights are not the ones that the entry declares.
    """
    reasons: list[Unavailable] = []
    for source in spec.sources or (None,):
        try:
            return _load(spec.via(source) if source else spec, source, options)
        except Unavailable as error:
            reasons.append(error)
        except LeaderboardError as error:
            earlier = "".join(f" (before that: {reason})" for reason in reasons)
            raise type(error)(f"model {spec.id!r}: {error}{earlier}") from None
    raise Unavailable(f"model {spec.id}: {'; '.join(map(str, reasons))}", reasons[0].status)


def _load(spec: ModelSpec, source: Source | None, options: RunOptions) -> Backbone:
    try:
        backbone: Backbone = import_module(f"{__name__}.{spec.library}").load(spec, source, options)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(spec.library, "networks")
        raise Unavailable(
            f"it needs {error.name}, which is not installed; `pip install 'fossil-leaderboard[{extra}]'`", "not found"
        ) from None
    return backbone
