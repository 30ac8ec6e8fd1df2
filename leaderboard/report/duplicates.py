"""Copies of one photograph: with the same pixels, or nearly so. A copy in both training and test set flatters a model.

Exact copies share the SHA-256 of their decoded pixels. Near copies (resized, recompressed, brighter, cropped by a few
pixels, turned by 90 degrees, mirrored) are found in two steps on grey pictures of 32 x 32, stretched to a square:

1. The cosine c_0 of the 77 lowest cosine coefficients, the best over the eight symmetries of the square, selects
   candidates (`CANDIDATE`). Coefficient (u, v) is weighted by its frequency sqrt(u^2 + v^2), so that outline and
   ornament count and the bright field does not; (0, 0), the brightness, has weight 0.
2. A small crop moves the picture: to first order, A(x, y) = a B + (p + q x) dB/dx + (r + s y) dB/dy. B is moved by what
   least squares make of p, q, r, s, and the regression is repeated: one step of Lucas and Kanade's registration (1981).
   The similarity is its multiple correlation on 299 weighted coefficients, of A on B or of B on A: the larger.

Measured on the 697 photographs of palynomorphs-20 (20 genera on a bright field) and on made copies of each. The closest
of the 242,556 pairs of originals, two different specimens, reaches 0.82. At ``SIMILAR = 0.93`` no pair of originals is
reported, and of the copies: all of those recompressed at quality 50, resized to 0.7 or 0.25, 10 % brighter or darker,
turned or mirrored; at least 99.4 % of those cropped by 3 %. docs/near-duplicates.md has the table, and what is missed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from PIL import Image
from tqdm import tqdm

SIDE = 32  # pixels of the grey picture
COARSE, FINE = 12, 24  # cosine coefficients (u, v) with u + v below this
CANDIDATE = 0.8  # cosine of the coarse coefficients
SIMILAR = 0.93  # multiple correlation
PROMISING = 0.5  # before the second picture is moved: below, moving it is not worth the time
FARTHEST = 3.0  # pixels of the grey picture that an edge may move
NEIGHBOURS = 32  # candidates per image at most: the coarsely most similar ones, so that the work stays bounded
SMALLEST = 16  # pixels of the shorter side; below, and for a blank image, there is nothing to compare
BLANK = 1.0  # standard deviation of the grey picture, grey levels
ROWS, PAIRS = 256, 2048  # at once
RIDGE = 1e-5  # a derivative may vanish

Pair = tuple[int, int, float]


def shrink_to_grey(image: Image.Image) -> np.ndarray:
    """An RGB image as (32, 32) float16 grey levels, each the mean of its area; NaN where it is too small to compare."""
    if min(image.size) < SMALLEST:
        return np.full((SIDE, SIDE), np.nan, np.float16)
    grey = image.convert("L").convert("F").resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(grey).astype(np.float16)


def group_equal(digests: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Indices with the same digest, groups of two and more, in order of their first member."""
    places: dict[str, list[int]] = defaultdict(list)
    for index, digest in enumerate(digests):
        places[digest].append(index)
    return tuple(tuple(group) for group in places.values() if len(group) > 1)


def group_linked(links: Iterable[tuple[int, int]]) -> tuple[tuple[int, ...], ...]:
    """Connected components, each sorted, in order of their first member."""
    member_of: dict[int, list[int]] = {}
    for one, other in links:
        first, second = (member_of.setdefault(index, [index]) for index in (one, other))
        if first is second:
            continue
        small, large = sorted((first, second), key=len)
        large += small
        member_of.update(dict.fromkeys(small, large))
    unique = {id(group): tuple(sorted(group)) for group in member_of.values()}
    return tuple(sorted(unique.values()))


def find_near(greys: np.ndarray, *, progress: str | None = None) -> tuple[Pair, ...]:
    """Pairs (i < j, similarity) of pictures that show the same, by i and then j.

    Distances are computed for a block of rows at a time: 60,000 pictures of noise take 52 s of one core and 0.6 GB.

    Args:
        greys: (n, 32, 32) of ``shrink_to_grey``. Blank pictures and NaN are in no pair.
        progress: what the progress bar says; None: no bar.
    """
    usable = np.flatnonzero(np.nan_to_num(greys.std(axis=(1, 2), dtype=np.float32)) >= BLANK)
    kept = greys[usable]
    found: list[Pair] = []
    for i, j in _find_candidates(_normalised(_describe_coarsely(kept)), progress):
        for start in range(0, len(i), PAIRS):
            one, other = i[start : start + PAIRS], j[start : start + PAIRS]
            similarity = compute_similarity(kept[one], kept[other])
            close = np.flatnonzero(similarity >= SIMILAR)
            columns = (usable[one[close]], usable[other[close]], similarity[close])
            found += zip(*(column.tolist() for column in columns), strict=True)
    return tuple(sorted(found))


def compute_similarity(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Multiple correlation (m,), 0 to 1, of pairs of grey pictures (m, 32, 32), the second one turned to fit."""
    first, second = (pictures.astype(np.float32) for pictures in (first, second))
    turned = _turn_to(first, second)
    return np.asarray(np.maximum(_register(first, on=turned), _register(turned, on=first)))


def _find_candidates(coarse: np.ndarray, progress: str | None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks of index pairs (i < j) whose coarse coefficients (n, 77), of unit length, are alike."""
    turned = _symmetries(coarse)
    with tqdm(total=len(coarse), desc=progress, unit="image", disable=True if progress is None else None) as bar:
        for start in range(0, len(coarse), ROWS):
            block = turned[:, start : start + ROWS]
            best = block[0] @ coarse[start:].T
            for symmetry in block[1:]:
                np.maximum(best, symmetry @ coarse[start:].T, out=best)
            rows, columns = _most_alike(best)
            yield start + rows, start + columns
            bar.update(len(best))


def _most_alike(similarity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of what is above the threshold and right of the diagonal, at most ``NEIGHBOURS`` in a row."""
    rows, columns = np.nonzero(np.triu(similarity >= CANDIDATE, 1))
    counts = np.bincount(rows, minlength=len(similarity))
    for row in np.flatnonzero(counts > NEIGHBOURS):
        own = np.flatnonzero(rows == row)
        order = np.argsort(-similarity[row, columns[own]], kind="stable")
        dropped = own[order[NEIGHBOURS:]]
        rows[dropped] = -1
    return rows[rows >= 0], columns[rows >= 0]


def _frequencies(limit: int) -> tuple[np.ndarray, np.ndarray]:
    """(u, v) of the coefficients with 0 < u + v < limit; transposing the picture reverses each diagonal."""
    u, v = np.indices((limit, limit))
    inside = (u + v > 0) & (u + v < limit)
    return u[inside], v[inside]


def _describe(pictures: np.ndarray, limit: int) -> np.ndarray:
    """Weighted cosine coefficients (..., k) float32 of pictures (..., 32, 32)."""
    from scipy.fft import dctn

    u, v = _frequencies(limit)
    coefficients = dctn(pictures, axes=(-2, -1), norm="ortho")[..., u, v]
    return np.asarray(coefficients * np.hypot(u, v).astype(np.float32), dtype=np.float32)


def _describe_coarsely(greys: np.ndarray) -> np.ndarray:
    """(n, 77) float32, a block at a time."""
    described = np.empty((len(greys), len(_frequencies(COARSE)[0])), np.float32)
    for start in range(0, len(greys), PAIRS):
        described[start : start + PAIRS] = _describe(greys[start : start + PAIRS].astype(np.float32), COARSE)
    return described


def _normalised(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, np.finfo(np.float32).tiny), dtype=np.float32)


def _symmetries(coarse: np.ndarray) -> np.ndarray:
    """(8, n, k): the coefficients of the picture mirrored and transposed, in the order of ``_turn``.

    Mirroring changes the sign of the odd frequencies, transposing swaps u and v.
    """
    u, v = _frequencies(COARSE)
    swapped = coarse[:, np.lexsort((u, v))]
    down, across = (-1.0) ** u, (-1.0) ** v
    signs = np.array([np.ones_like(down), down, across, down * across], dtype=np.float32)
    return np.concatenate([plain * signs[:, None] for plain in (coarse, swapped)])


def _turn(picture: np.ndarray, symmetry: int) -> np.ndarray:
    """One of the eight symmetries of pictures (m, 32, 32): transposed from 4 on, then mirrored."""
    turned = picture.swapaxes(-1, -2) if symmetry >= 4 else picture
    turned = turned[:, ::-1] if symmetry & 1 else turned
    return turned[:, :, ::-1] if symmetry & 2 else turned


def _turn_to(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Each second picture under the symmetry that brings it nearest to the first."""
    wanted, given = (_normalised(_describe(pictures, COARSE)) for pictures in (first, second))
    best = np.einsum("smk,mk->sm", _symmetries(given), wanted).argmax(axis=0)
    turned = np.empty_like(second)
    for symmetry in np.unique(best):
        turned[best == symmetry] = _turn(second[best == symmetry], int(symmetry))
    return turned


def _register(wanted: np.ndarray, *, on: np.ndarray) -> np.ndarray:
    """Multiple correlation (m,) of pictures with others that are moved to fit, where that brings them nearer."""
    correlation, weights = _regress(wanted, on)
    promising = np.flatnonzero(correlation >= PROMISING)
    moved = _move(on[promising], weights[promising])
    correlation[promising] = np.maximum(correlation[promising], _regress(wanted[promising], moved)[0])
    return correlation


def _regress(wanted: np.ndarray, on: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Multiple correlation (m,) of pictures with the five crop fields of others, and the weights (m, 5) of these."""
    target = _describe(wanted, FINE)
    basis = _describe(_crop_fields(on), FINE)
    gram = basis @ basis.swapaxes(1, 2)
    size = np.trace(gram, axis1=1, axis2=2) / gram.shape[1]
    gram += (RIDGE * size)[:, None, None] * np.eye(gram.shape[1], dtype=np.float32)
    weights = np.linalg.solve(gram, basis @ target[..., None])
    residual = target - (weights * basis).sum(axis=1)
    explained = 1 - (residual**2).sum(axis=1) / (target**2).sum(axis=1)
    return np.sqrt(np.clip(explained, 0, 1)), weights[..., 0]


def _move(pictures: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """B(x + (p + q x) / a, y + (r + s y) / a), interpolated linearly; at the edge the last pixel goes on."""
    contrast = np.maximum(weights[:, :1], 0.1)  # of a copy it is near 1; this keeps the quotient finite
    moves = np.clip(weights[:, 1:] / contrast, -FARTHEST, FARTHEST)
    return np.asarray(_interpolation(moves[:, 2:]) @ pictures @ _interpolation(moves[:, :2]).swapaxes(1, 2))


def _interpolation(moves: np.ndarray) -> np.ndarray:
    """Matrices (m, 32, 32) that read a line of pixels at i + shift + stretch * x_i; ``moves`` (m, 2) has these two."""
    pixels, place = np.arange(SIDE, dtype=np.float32), np.linspace(-1, 1, SIDE, dtype=np.float32)
    wanted = np.clip(pixels + moves[:, :1] + moves[:, 1:] * place, 0, SIDE - 1)
    return np.asarray(np.maximum(0, 1 - np.abs(wanted[:, :, None] - pixels)))


def _crop_fields(pictures: np.ndarray) -> np.ndarray:
    """(m, 5, 32, 32): B, then dB/dx, x dB/dx, dB/dy and y dB/dy of its low frequencies; x and y go from -1 to 1."""
    from scipy.fft import dctn, idctn

    coefficients = dctn(pictures, axes=(-2, -1), norm="ortho")
    coefficients *= np.add.outer(np.arange(SIDE), np.arange(SIDE)) < FINE
    down, across = np.gradient(idctn(coefficients, axes=(-2, -1), norm="ortho"), axis=(1, 2))
    place = np.linspace(-1, 1, SIDE, dtype=np.float32)
    return np.stack([pictures, across, across * place, down, down * place[:, None]], axis=1)
