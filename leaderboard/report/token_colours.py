"""Patch tokens as colours: principal components as red, green and blue, for all images together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

TAILS = (1, 99)  # percentiles of a component that become 0 and 1: a few odd patches do not grey out the others
DARKEST = 0.2  # of a foreground's colours, which lie on black
FAINT = 0.25  # of the widest range of the first component: an image below it is blank
FEWEST = 4  # patches from which three components can be fitted


@dataclass(frozen=True)
class Colours:
    """The patches of several images as colours; equal colours mean alike patches, in any of the images."""

    patches: tuple[np.ndarray, ...]  # per image (h, w, 3), 0 to 1: components 1, 2, 3 of all patches
    foreground: tuple[np.ndarray, ...]  # per image (h, w, 4): components among the foreground; background has alpha 0
    explained: float  # share of the variance that the three components hold
    explained_foreground: float


def colour_patches(grids: Sequence[np.ndarray], *, blank: Sequence[bool]) -> Colours:
    """Colours of the patch tokens (h, w, d) of all images, by one principal component analysis.

    The foreground's colours come from a second analysis, of the foreground's patches alone.
    """
    joined = np.concatenate([grid.reshape(-1, grid.shape[-1]) for grid in grids])
    scores, explained = _project(joined)
    is_foreground = np.concatenate([mask.ravel() for mask in find_foreground(grids, blank=blank)])
    within, explained_within = _project(joined[is_foreground])
    painted = np.zeros((len(joined), 4))
    painted[is_foreground] = np.column_stack([DARKEST + (1 - DARKEST) * _stretch(within), np.ones(len(within))])
    return Colours(_split(_stretch(scores), grids), _split(painted, grids), explained, explained_within)


def find_foreground(grids: Sequence[np.ndarray], *, blank: Sequence[bool]) -> list[np.ndarray]:
    """A mask (h, w) per image: one side of the first component, cut in each image at Otsu's threshold.

    The component is that of the variation within images: between images, light and mounting vary most. The side is
    the same in all images, the one that holds fewer of the patches along their borders, which a photographed specimen
    seldom touches. An image that hardly varies has no foreground, nor has one that is ``blank``: patches of the same
    pixels differ by their position alone. Threshold: IEEE Trans. SMC 9 (1979), 62-66.
    """
    from skimage.filters import threshold_otsu

    centred = [grid - grid.mean(axis=(0, 1)) for grid in grids]
    scores, _ = _project(np.concatenate([grid.reshape(-1, grid.shape[-1]) for grid in centred]))
    components = [part[..., 0] for part in _split(scores, grids)]
    least = FAINT * max(map(np.ptp, components))
    is_varied = [not empty and np.ptp(part) > least for part, empty in zip(components, blank, strict=True)]
    otsu: Callable[[np.ndarray], float] = threshold_otsu
    highs = [part > otsu(part) if varied else part > np.inf for part, varied in zip(components, is_varied, strict=True)]
    borders = [high[_border(high)] for high, varied in zip(highs, is_varied, strict=True) if varied]
    if borders and np.concatenate(borders).mean() > 0.5:
        return [~high if varied else high for high, varied in zip(highs, is_varied, strict=True)]
    return highs


def _project(patches: np.ndarray) -> tuple[np.ndarray, float]:
    """(n, d) -> its three principal components (n, 3), zero where there are fewer, and their share of the variance."""
    from sklearn.decomposition import PCA

    scores = np.zeros((len(patches), 3))
    if len(patches) < FEWEST or np.allclose(patches, patches[:1], rtol=1e-4, atol=1e-6):
        return scores, 0.0
    pca = PCA(min(3, *patches.shape), random_state=0)
    found = pca.fit_transform(patches)
    scores[:, : found.shape[1]] = found
    return scores, float(pca.explained_variance_ratio_.sum())


def _border(grid: np.ndarray) -> np.ndarray:
    """(h, w) bool: the outermost patches."""
    mask = np.ones(grid.shape[:2], dtype=bool)
    mask[1:-1, 1:-1] = False
    return mask


def _stretch(scores: np.ndarray) -> np.ndarray:
    """Each column to 0..1 between its tails; a constant one to the middle."""
    if not len(scores):
        return scores
    low, high = np.percentile(scores, TAILS, axis=0)
    span = high - low
    stretched = np.where(span > 0, (scores - low) / np.where(span > 0, span, 1), 0.5)
    return np.clip(stretched, 0, 1)


def _split(colours: np.ndarray, grids: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """All patches' rows back into the images' grids."""
    ends = np.cumsum([grid.shape[0] * grid.shape[1] for grid in grids])
    parts = np.split(colours, ends[:-1])
    return tuple(part.reshape(*grid.shape[:2], -1) for part, grid in zip(parts, grids, strict=True))
