"""What a report is made of, and how it is computed: every protocol and map that the images allow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from leaderboard.records import Embeddings, Scores
from leaderboard.report.maps import MAPS, OUTLIERS, STEPS, cached_step
from leaderboard.scores import attempt_all, cached_scores, merge_metrics


@dataclass(frozen=True)
class Analysis:
    """One model on one collection of images."""

    model: str
    embeddings: Embeddings
    scores: Mapping[str, Scores]  # protocol -> its figures
    skipped: Mapping[str, str]  # protocol or map -> why these images do not allow it
    maps: Mapping[str, np.ndarray] = field(default_factory=dict)  # "PCA", "t-SNE", "UMAP" -> (n, 2)
    outlier_scores: np.ndarray | None = None  # (n,) GLOSH, 0 to 1

    @property
    def metrics(self) -> dict[str, float]:
        """All figures of all protocols."""
        return merge_metrics(self.scores)

    @property
    def is_labelled(self) -> bool:
        """Whether the images have classes."""
        return len(self.embeddings.labels) > 0


def count_steps(protocols: Sequence[str]) -> int:
    """Steps of one analysis, for a progress bar."""
    return len(protocols) + len(STEPS)


def analyse(
    model: str,
    embeddings: Embeddings,
    protocols: Sequence[str],
    *,
    refresh: bool = False,
    announce: Callable[[str], None] = lambda step: None,
) -> Analysis:
    """Compute what the images allow; what they do not allow is told in ``skipped``.

    Args:
        model: what it is called in the report.
        embeddings: with labels or without.
        protocols: names of those wanted.
        refresh: compute also what is in the cache.
        announce: is told each step when it begins.
    """

    def score(name: str) -> Scores:
        announce(name)
        return cached_scores(embeddings, name, refresh=refresh)

    def step(name: str) -> np.ndarray | None:
        announce(name)
        return cached_step(name, embeddings.vectors, refresh=refresh)

    scores, refused = attempt_all(protocols, score)
    steps, failed = attempt_all(STEPS, step)
    maps = {name: points for name, points in steps.items() if name in MAPS and points is not None}
    return Analysis(model, embeddings, scores, refused | failed, maps, steps.get(OUTLIERS))
