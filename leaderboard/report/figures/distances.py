"""How far apart images are: the histogram of the cosine distances of pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from leaderboard.report.analysis import Analysis
from leaderboard.report.figures._style import COLOURS, WIDTH, new_figure, plain, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_PAIRS = 500_000  # more are sampled: the histogram's bars then move by less than a line's width
BINS = 80
BLOCK = 8192  # pairs whose vectors are in memory at once


@styled()
def draw_distances(analysis: Analysis) -> Figure | None:
    """Cosine distances within a class and between classes, each of area one; a single one without labels.

    At most MAX_PAIRS pairs, drawn at random with a fixed seed when there are more; the title says so. None for
    fewer than two images.
    """
    n = len(analysis.embeddings.vectors)
    if n < 2:
        return None
    first, second = choose_pairs(n)
    distances = compute_distances(analysis.embeddings.vectors, first, second)
    figure = new_figure(WIDTH, 3.4)
    axes = figure.add_subplot()
    edges = np.linspace(min(0.0, float(distances.min())), float(distances.max()) + 1e-9, BINS + 1).tolist()
    for number, (name, chosen) in enumerate(_split(analysis, first, second).items()):
        color, line = COLOURS[1 - number], ("-", "--")[number]
        values = distances[chosen]
        axes.hist(values, edges, density=True, histtype="stepfilled", color=color, alpha=0.25)
        label = f"{name}: {len(values):,} pairs, median {np.median(values):.2f}"
        axes.hist(values, edges, density=True, histtype="step", color=color, linestyle=line, linewidth=1.4, label=label)
        axes.axvline(float(np.median(values)), color=color, linestyle=line, linewidth=0.8)
    total = n * (n - 1) // 2
    sampled = f"{len(first):,} of {total:,} pairs, drawn at random" if len(first) < total else "all pairs"
    axes.set_title(f"Distances between images, {plain(analysis.model, 40)} ({sampled})")
    axes.set(xlabel="cosine distance", ylabel="density", xlim=(edges[0], edges[-1]))
    figure.legend(loc="outside lower left", ncols=2)
    return figure


def choose_pairs(n: int, limit: int = MAX_PAIRS) -> tuple[np.ndarray, np.ndarray]:
    """Indices (first, second) of all pairs of n images, or of ``limit`` drawn at random, the same ones every time."""
    if n * (n - 1) // 2 <= limit:
        first, second = np.triu_indices(n, 1)
        return first, second
    draws = np.random.default_rng(0)
    first = draws.integers(0, n, limit)
    return first, (first + draws.integers(1, n, limit)) % n  # never itself; every pair equally likely


def compute_distances(vectors: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Cosine distance of each pair, (pairs,) float32, 0 to 2; a block at a time.

    Args:
        vectors: (n, d).
        first: (pairs,) indices.
        second: (pairs,) indices.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    found = np.empty(len(first), np.float32)
    for start in range(0, len(first), BLOCK):
        block = slice(start, start + BLOCK)
        found[block] = 1 - np.einsum("ij,ij->i", unit[first[block]], unit[second[block]])
    return found


def _split(analysis: Analysis, first: np.ndarray, second: np.ndarray) -> dict[str, np.ndarray]:
    """Name -> mask over the pairs; groups without pairs are left out."""
    if not analysis.is_labelled:
        return {"all images": np.ones(len(first), bool)}
    labels = analysis.embeddings.labels
    same = labels[first] == labels[second]
    return {name: mask for name, mask in (("within a class", same), ("between classes", ~same)) if mask.any()}
