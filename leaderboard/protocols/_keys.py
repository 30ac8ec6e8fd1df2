"""Squared distances as whole numbers of 31 bits: half the memory of the distances, and nearly always their order.

Two pairs whose keys differ by two or more are in the order of their keys, whatever was lost to rounding; those whose
keys are closer are decided by the distances themselves. Keys are the leading bits of the float64: equal steps within an
octave, so that neither the unit of the vectors nor a far outlier takes the resolution away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LARGEST = 2**31 - 4  # of a key
SELF = 2**31 - 1  # of a query with itself: after all others, and next to none
INFINITE = 0x7FF0000000000000  # bits of that number
SAMPLE = 256  # images whose distances from each other tell which range the keys have to cover
MARGIN = 4.0  # beyond the range of the sample; what is outside has the lowest or the largest key
FINE = 28  # bits of a squared distance that are to tell, where rounding lets them
SPARE = 16.0  # below the median of the sample: there keys have to tell in any case
BLOCK = 4096  # vectors in float64 at once


@dataclass(frozen=True)
class Keys:
    """How (n, d) vectors become keys. Distances are translation invariant: about the centre they lose least."""

    vectors: np.ndarray  # (n, d), as they are
    centre: np.ndarray  # (d,) float64
    squares: np.ndarray  # (n,) float64, |x - centre|^2
    error: float  # of a squared distance, at most
    lowest: int  # bits of the squared distance whose key is 0
    shift: int  # bits of it that are given up

    @property
    def width(self) -> int:
        """Columns of a factor."""
        return int(self.vectors.shape[1]) + 2

    def write_left(self, rows: slice | np.ndarray, out: np.ndarray) -> None:
        """Into (b, d + 2); its product with the right factor is the squared distance."""
        self._write_centred(rows, out)
        out[:, :-2] *= -2
        out[:, -2], out[:, -1] = self.squares[rows], 1

    def write_right(self, rows: slice | np.ndarray, out: np.ndarray) -> None:
        """Into (m, d + 2)."""
        self._write_centred(rows, out)
        out[:, -2], out[:, -1] = 1, self.squares[rows]

    def _write_centred(self, rows: slice | np.ndarray, out: np.ndarray) -> None:
        out[:, :-2] = self.vectors[rows]
        out[:, :-2] -= self.centre

    def write(self, left: np.ndarray, right: np.ndarray, *, product: np.ndarray, out: np.ndarray) -> None:
        """Keys (b, m) int32 of all pairs of two factors; ``product`` (b, m) float64 is overwritten."""
        np.matmul(left, right.T, out=product)
        bits = product.view(np.int64)  # of a number below zero, which rounding makes of zero: negative
        np.clip(bits, self.lowest, min(self.lowest + (LARGEST << self.shift), INFINITE), out=bits)
        bits -= self.lowest
        bits >>= self.shift
        np.copyto(out, bits, casting="unsafe")

    def read(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Between which bounds the squared distances of pairs with these keys are."""
        bits = (keys.astype(np.int64) << self.shift) + self.lowest
        low = np.where(keys > 0, bits.view(np.float64) - self.error, 0.0)
        high = np.where(keys < LARGEST, (bits + (1 << self.shift)).view(np.float64) + self.error, np.inf)
        return low, high


def choose_keys(vectors: np.ndarray) -> Keys:
    """The finest keys for these (n, d) vectors that rounding does not reach.

    The error of a squared distance from a product of d terms in float64, in whatever order they are added, is below
    (d + 16) eps (|x| + |y|)^2, and so is that of the sum of squared differences; N. Higham, Accuracy and Stability of
    Numerical Algorithms, section 3.1. A step of the keys is twice as wide at least.
    """
    centre = vectors.mean(axis=0, dtype=np.float64)
    squares = compute_squares(vectors, centre)
    error = 4 * bound_rounding(vectors.shape[1]) * float(squares.max())
    low, high = _choose_range(vectors, error)
    shift = (max(0, _bits(high) - _bits(low)) // LARGEST).bit_length()
    while float(np.spacing(low)) * 2.0**shift < 2 * error:
        shift += 1
    return Keys(vectors, centre, squares, error, _bits(low), shift)


def compute_squares(vectors: np.ndarray, centre: np.ndarray | float = 0.0) -> np.ndarray:
    """(n,) float64: squared lengths about a centre."""
    squares = np.empty(len(vectors))
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK] - np.asarray(centre, np.float64)
        np.einsum("ij,ij->i", block, block, out=squares[start : start + BLOCK])
    return squares


def bound_rounding(dimension: int) -> float:
    """Of a squared distance, as a share of (|x| + |y|)^2."""
    return (dimension + 16) * float(np.finfo(np.float64).eps)


def _choose_range(vectors: np.ndarray, error: float) -> tuple[float, float]:
    """Squared distances that the keys have to tell apart.

    A few near duplicates are measured instead: they would take the resolution from all others.
    """
    from scipy.spatial.distance import pdist

    chosen = np.linspace(0, len(vectors) - 1, min(SAMPLE, len(vectors))).astype(np.int64)
    sample = pdist(vectors[chosen].astype(np.float64), "sqeuclidean")
    sample = sample[sample > 0] if (sample > 0).any() else np.ones(1)
    floor = min(2 * error * 2.0**FINE, float(np.median(sample)) / SPARE)
    return max(float(sample.min()) / MARGIN, floor, float(np.finfo(np.float64).tiny)), float(sample.max()) * MARGIN


def _bits(value: float) -> int:
    return int(np.float64(value).view(np.int64))
