"""Analyses of made-up embeddings: real protocols where they are quick, given figures where they are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from leaderboard.errors import LeaderboardError
from leaderboard.protocols import PROTOCOLS
from leaderboard.records import Embeddings, Provenance, Scores
from leaderboard.report.analysis import Analysis

QUICK = ("knn", "linear", "retrieval", "disparity")


def _embed(counts: Sequence[int], names: Sequence[str] | None, seed: int) -> Embeddings:
    """Overlapping Gaussian classes in eight dimensions."""
    draws = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    vectors = draws.normal(size=(len(counts), 8))[labels] + draws.normal(size=(len(labels), 8))
    classes = tuple(names or (f"genus-{number}" for number in range(len(counts))))
    files = tuple(f"{number:03d}.png" for number in range(len(labels)))
    return Embeddings(vectors.astype(np.float32), labels, files, classes, Provenance({}, {}))


@pytest.fixture(scope="session")
def make_analysis() -> Callable[..., Analysis]:
    """Makes one of images of ``counts`` per class: with every quick protocol that they allow, maps, outlier scores."""

    def make(
        counts: Sequence[int] = (12, 10, 8),
        *,
        names: Sequence[str] | None = None,
        model: str = "toy",
        seed: int = 0,
        scores: Mapping[str, Scores] | None = None,
        protocols: Sequence[str] = QUICK,
    ) -> Analysis:
        embeddings = _embed(counts, names, seed)
        computed, skipped = dict(scores or {}), {}
        for name in protocols:
            try:
                computed[name] = PROTOCOLS[name].compute(embeddings)
            except LeaderboardError as error:
                skipped[name] = str(error)
        maps = {"PCA": embeddings.vectors[:, :2], "UMAP": embeddings.vectors[:, 2:4]}
        outliers = np.random.default_rng(seed).random(len(embeddings.vectors))
        return Analysis(model, embeddings, computed, skipped, maps, outliers)

    return make


@pytest.fixture(scope="session")
def curve_scores() -> dict[str, Scores]:
    """A learning curve without its smallest fraction, and a few-shot curve, of round numbers."""
    learning = {"learning_curve.f30.folds": 41.0, "learning_curve.f100.folds": 50.0}
    learning |= {f"learning_curve.lr.f{x}.top1": x / 200 + 0.4 for x in (100, 30)}
    learning |= {f"learning_curve.lr.f{x}.top1_std": 0.1 - x / 2000 for x in (100, 30)}
    learning |= {f"learning_curve.knn.f{x}.top1": x / 300 + 0.3 for x in (100, 30)}
    few = {f"few_shot.{kind}.k{k}.top1": k / 25 for kind in ("lr", "knn") for k in (1, 2, 3, 5, 10, 20)}
    few |= {f"few_shot.lr.k{k}.top1_std": 0.02 for k in (1, 2, 3, 5, 10, 20)}
    return {"learning_curve": Scores(learning), "few_shot": Scores(few)}


@pytest.fixture(scope="session")
def cluster_scores() -> Callable[..., Scores]:
    """Makes clusters of n images: three by k-means, and two of HDBSCAN with every fifth image noise."""

    def make(n: int, *, labelled: bool = True) -> Scores:
        noisy = [-1 if index % 5 == 0 else index % 2 for index in range(n)]
        outcomes = {"pca.hdbscan": noisy, "pca.kmeans_auto_k": [index % 3 for index in range(n)]}
        metrics = {"clustering.pca.hdbscan.clusters": 2.0, "clustering.pca.hdbscan.noise_fraction": 0.2}
        metrics |= {"clustering.pca.kmeans_auto_k.clusters": 3.0, "clustering.pca.kmeans_auto_k.silhouette": 0.25}
        if labelled:
            metrics |= {"clustering.pca.hdbscan.ari": 0.31, "clustering.pca.hdbscan.ami": 0.42}
        return Scores(metrics, outcomes=outcomes)

    return make


@pytest.fixture(scope="session")
def make_thumbnails() -> Callable[[int], dict[int, bytes]]:
    """Makes n pictures of as many greys, a little wider each time."""

    def make(n: int) -> dict[int, bytes]:
        pictures = {}
        for index in range(n):
            stream = BytesIO()
            Image.new("RGB", (16 + index % 80, 40), (index % 256,) * 3).save(stream, "PNG")
            pictures[index] = stream.getvalue()
        return pictures

    return make
