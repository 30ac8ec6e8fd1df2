"""Draws of a stratified bootstrap: how often each image is there in each resample. Seeded by the caller."""

from __future__ import annotations

import numpy as np


def draw_weights(
    labels: np.ndarray,
    resamples: int,
    generator: np.random.Generator,
    *,
    specimens: np.ndarray | None = None,
    ratio: float = 1,
) -> np.ndarray:
    """How often each image is drawn when every class is drawn from anew, with replacement: float32 (n, resamples).

    Args:
        labels: (n,) class indices.
        resamples: how many.
        generator: of the draws.
        specimens: (n,) where known: specimens are drawn, each with all of its images of the class.
        ratio: how many times as many are drawn as there are.
    """
    weights = np.empty((len(labels), resamples), np.float32)
    units = np.arange(len(labels)) if specimens is None else specimens
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        present, place = np.unique(units[members], return_inverse=True)
        weights[members] = _count_draws(len(present), resamples, generator, ratio)[place]
    return weights


def _count_draws(units: int, resamples: int, generator: np.random.Generator, ratio: float) -> np.ndarray:
    """How often each of so many units is drawn: (units, resamples).

    As many as there are, the draws are those of ``scipy.stats.bootstrap``; more of them, only their counts are drawn.
    """
    if ratio != 1:
        return generator.multinomial(max(1, round(ratio * units)), np.full(units, 1 / units), resamples).T
    drawn = generator.integers(0, units, (resamples, units)) + units * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=drawn.size).reshape(resamples, units).T
