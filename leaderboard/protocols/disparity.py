"""Disparity: how much morphological variety the vectors of a collection span. Needs no labels.

Source: "morphological diversity" of N. Rodgers, "Complexity Begets Simplicity"; docs/protocols.md, section 7.
"""

from __future__ import annotations

import numpy as np

from leaderboard.errors import LeaderboardError
from leaderboard.protocols._votes import normalise
from leaderboard.records import Embeddings, Metric, Protocol, Scores


def compute_disparity(embeddings: Embeddings) -> Scores:
    """Cosine distances of all pairs and to the centroid (mean, population std), total variance, effective rank.

    Raises:
        LeaderboardError: fewer than two images.
    """
    if len(embeddings.vectors) < 2:
        raise LeaderboardError("disparity is about pairs of images, and there is one; add images")
    unit = normalise(embeddings.vectors)
    pairs = _compute_pairs(unit)
    to_centroid = 1 - unit @ normalise(unit.mean(axis=0, dtype=np.float64)[None])[0]
    metrics = {
        "mean_pairwise_distance": pairs[0],
        "std_pairwise_distance": pairs[1],
        "mean_centroid_distance": float(to_centroid.mean(dtype=np.float64)),
        "std_centroid_distance": float(to_centroid.std(dtype=np.float64)),
        "total_variance": float(unit.var(axis=0, ddof=1, dtype=np.float64).sum()),
        "effective_rank": compute_effective_rank(unit),
    }
    return Scores(metrics={f"disparity.{name}": value for name, value in metrics.items()})


def _compute_pairs(unit: np.ndarray) -> tuple[float, float]:
    """Mean and population std of 1 - cosine over all pairs i < j of (n, d) unit vectors, in float64.

    No distance matrix is needed: the cosines of all ordered pairs add up to |sum of the vectors|^2, their squares to
    the squared Frobenius norm of the d x d (or n x n) matrix of products; each image with itself is taken off.
    """
    exact = unit.astype(np.float64)
    n, own = len(exact), (exact**2).sum(axis=1)
    total = (exact.sum(axis=0) ** 2).sum() - own.sum()
    products = exact.T @ exact if exact.shape[1] < n else exact @ exact.T
    squares = (products**2).sum() - (own**2).sum()
    mean, mean_square = total / (n * (n - 1)), squares / (n * (n - 1))
    return float(1 - mean), float(np.sqrt(max(0.0, mean_square - mean**2)))


def compute_effective_rank(vectors: np.ndarray) -> float:
    """exp(entropy) of the spectrum of the Ledoit-Wolf covariance of (n, d) vectors, normalised to sum 1.

    Shrinking adds the same to every eigenvalue of the empirical covariance; those of the smaller product are enough.
    Source: O. Roy and M. Vetterli, The effective rank (2007); O. Ledoit and M. Wolf (2004).
    """
    n, d = vectors.shape
    centred = vectors - vectors.mean(axis=0, dtype=np.float64)
    product = centred.T @ centred if d < n else centred @ centred.T
    spectrum = np.zeros(d)
    spectrum[: min(n, d)] = np.clip(np.linalg.eigvalsh(product / n), 0, None)
    shrinkage = _compute_shrinkage(np.einsum("ij,ij->i", centred, centred), float((product**2).sum()), d)
    spectrum = (1 - shrinkage) * spectrum + shrinkage * spectrum.mean()
    share = spectrum[spectrum > 0] / spectrum.sum()
    return float(np.exp(-(share * np.log(share)).sum())) if len(share) else 1.0


def _compute_shrinkage(squares: np.ndarray, norm: float, d: int) -> float:
    """Ledoit and Wolf's share of the identity; scikit-learn's ``ledoit_wolf_shrinkage`` without its two more products.

    What it sums over a d x d matrix of products of squares is the sum of the squared lengths' squares.

    Args:
        squares: (n,) squared lengths of the centred vectors.
        norm: squared Frobenius norm of their product.
        d: dimensions.
    """
    n, variance = len(squares), squares.mean()
    spread = norm / n**2 - variance**2 / d
    noise = min(((squares**2).mean() - norm / n**2) / n, spread)
    return float(noise / spread) if d > 1 and noise != 0 else 0.0


TITLES = {
    "mean_pairwise_distance": "Mean pairwise distance",
    "std_pairwise_distance": "Std of pairwise distances",
    "mean_centroid_distance": "Mean distance to centroid",
    "std_centroid_distance": "Std of distances to centroid",
    "total_variance": "Total variance",
    "effective_rank": "Effective rank",
}
PROTOCOL = Protocol(
    name="disparity",
    version=1,
    metrics=tuple(Metric(f"disparity.{name}", title, higher_is_better=None) for name, title in TITLES.items()),
    compute=compute_disparity,
)
