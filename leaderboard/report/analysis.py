"""What a report is made of: records between the computing and the drawing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from leaderboard.records import Embeddings, Scores


@dataclass(frozen=True)
class Analysis:
    """One model on one collection of images."""

    model: str
    embeddings: Embeddings
    scores: Mapping[str, Scores]  # protocol -> its figures
    skipped: Mapping[str, str]  # protocol -> why these images do not allow it
    maps: Mapping[str, np.ndarray] = field(default_factory=dict)  # "PCA", "t-SNE", "UMAP" -> (n, 2)
    outlier_scores: np.ndarray | None = None  # (n,) GLOSH, 0 to 1

    @property
    def metrics(self) -> dict[str, float]:
        """All figures of all protocols."""
        return {name: value for part in self.scores.values() for name, value in part.metrics.items()}

    @property
    def is_labelled(self) -> bool:
        """Whether the images have classes."""
        return len(self.embeddings.labels) > 0
