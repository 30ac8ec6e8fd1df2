"""Prepared images -> vectors, in as large batches as memory allows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leaderboard.backbones import Backbone
from leaderboard.download import announce
from leaderboard.errors import LeaderboardError, Unavailable


class Embedder:
    """Runs batches through a backbone; once memory has run out, in batches of half the size."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone, self.most = backbone, backbone.batch_size

    def __call__(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        """Prepared images -> (b, d) float32.

        Raises:
            Unavailable: memory runs out with a single image.
            LeaderboardError: vectors of another dimension than the entry declares.
        """
        waiting = list(batch)
        done = [np.empty((0, self.backbone.spec.dimension), np.float32)]
        while waiting:
            piece = waiting[: self.most]
            vectors = self._try(piece)
            if vectors is not None:
                done.append(vectors)
                waiting = waiting[len(piece) :]
        return np.concatenate(done)

    def _try(self, batch: Sequence[np.ndarray]) -> np.ndarray | None:
        """The vectors, or None when memory ran out and the next try is to be a smaller one."""
        model = self.backbone.spec
        try:
            vectors = self.backbone.embed(batch)
        except MemoryError as error:
            if len(batch) == 1:
                reason = f"out of memory with a single image ({error}); try another --device"
                raise Unavailable(f"model {model.id}: {reason}", "out of memory") from None
            self.most = len(batch) // 2
            announce(f"{model.id}: out of memory with {len(batch)} images at once, trying {self.most}")
            return None
        if vectors.shape[1] != model.dimension:
            raise LeaderboardError(
                f"model {model.id!r} gives {vectors.shape[1]} dimensions, models.yaml declares {model.dimension}; "
                "correct the entry or its pooling"
            )
        return vectors
