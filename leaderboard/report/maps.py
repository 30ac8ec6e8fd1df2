"""Two-dimensional maps of vectors, and which images fit no cluster; kept in the cache, since they take a while."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from leaderboard.paths import cache_dir, replacing
from leaderboard.protocols._votes import normalise
from leaderboard.protocols.clustering import FEWEST_IMAGES, compute_pca_space, compute_umap, fit_hdbscan
from leaderboard.scores import describe_packages

VERSION = 1  # raise it when this file draws other maps
SEED = 42
OUTLIERS = "outliers"


def compute_pca_map(vectors: np.ndarray) -> np.ndarray:
    """(n, d) -> (n, 2): the first two principal components of the normalised vectors."""
    from sklearn.decomposition import PCA

    unit = normalise(vectors)
    count = min(2, *unit.shape)
    points = PCA(count, random_state=SEED).fit_transform(unit)
    return np.pad(points, ((0, 0), (0, 2 - count)))


def compute_tsne_map(vectors: np.ndarray) -> np.ndarray:
    """(n, d) -> (n, 2) by t-SNE with cosine distance, started from the principal components."""
    from sklearn.manifold import TSNE

    unit = normalise(vectors)
    drawing = TSNE(2, perplexity=min(30.0, (len(unit) - 1) / 3), metric="cosine", init="pca", random_state=SEED)
    return np.asarray(drawing.fit_transform(unit))


def compute_umap_map(vectors: np.ndarray) -> np.ndarray:
    """(n, d) -> (n, 2) by UMAP with cosine distance, 15 neighbours, min_dist 0.1: its authors' defaults."""
    return compute_umap(vectors, components=2, neighbours=15, min_dist=0.1)


def compute_outlier_scores(vectors: np.ndarray) -> np.ndarray:
    """(n, d) -> (n,) from 0 to 1: how far an image lies outside the clusters of HDBSCAN (GLOSH), in PCA space."""
    scores = fit_hdbscan(compute_pca_space(vectors)).outlier_scores_
    return np.asarray(np.nan_to_num(scores), dtype=np.float32)


MAPS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "PCA": compute_pca_map,
    "t-SNE": compute_tsne_map,
    "UMAP": compute_umap_map,
}
STEPS = {**MAPS, OUTLIERS: compute_outlier_scores}


def cached_step(name: str, vectors: np.ndarray, *, refresh: bool = False) -> np.ndarray | None:
    """A map or the outlier scores, computed once; None where there are too few images.

    Raises:
        Unavailable: a library of the extra is not installed.
    """
    if len(vectors) < (2 if name == "PCA" else FEWEST_IMAGES):
        return None
    path = cache_dir() / "maps" / f"{name}.{_digest(vectors)}.safetensors"
    stored = None if refresh else _load(path)
    if stored is not None:
        return stored
    values = np.ascontiguousarray(STEPS[name](vectors), dtype=np.float32)
    with replacing(path) as temporary:
        save_file({"values": values}, temporary)
    return values


def _load(path: Path) -> np.ndarray | None:
    """What was kept; a damaged file is as good as none."""
    try:
        return np.asarray(load_file(path)["values"])
    except (FileNotFoundError, SafetensorError, KeyError):
        return None


def _digest(vectors: np.ndarray) -> str:
    digest = hashlib.sha256(f"{VERSION} {describe_packages(['clustering'])} {vectors.shape}".encode())
    digest.update(np.ascontiguousarray(vectors).tobytes())
    return digest.hexdigest()[:20]
