"""What ``_ranks`` does for a query, for many of them in machine code: needs numba (extra ``large``).

The same bins, each looked at once: images in bins that hold a relevant one are sorted, all others only counted. Queries
whose keys leave an order open are not answered; their distances have to be measured.
"""

from __future__ import annotations

import numpy as np
from numba import njit

BINS = 1 << 15
MOST_IN_BIN = 512  # to be sorted by insertion
HIGHEST = 2**31 - 1  # of a key


@njit(nogil=True, cache=True)
def rank_rows(
    keys: np.ndarray,
    rows: np.ndarray,
    queries: np.ndarray,
    members: np.ndarray,
    is_relevant: np.ndarray,
    ranks: np.ndarray,
    nearest: np.ndarray,
    near_keys: np.ndarray,
) -> np.ndarray:
    """Rank all images for each query of a class; says which answers are sure, the others are of no use.

    Args:
        keys: (r, n) int32, of some images with all; with itself an image has the highest.
        rows: (b,) which of them are the queries' keys.
        queries: (b,) their indices.
        members: (N + 1,) indices of the class, the queries among them; N > 0.
        is_relevant: (n,) whether an image is of the class.
        ranks: (b, N) int32, written: from 1, ascending, of the relevant images among all others.
        nearest: (b, k) int32, written: the nearest others, nearest first.
        near_keys: (b, k) int32, written: their keys.

    Returns:
        (b,) bool.
    """
    images, count = keys.shape[1], nearest.shape[1]
    bins, near = np.empty(images, np.uint32), np.empty(images + 1, np.int32)
    sizes, starts, stops = np.empty(BINS, np.int32), np.empty(BINS, np.int32), np.empty(BINS, np.int32)
    is_marked = np.empty(BINS, np.uint8)
    ordered, flags = np.empty(images, np.int32), np.empty(images, np.bool_)
    first_keys, first = np.empty(count + 1, np.int32), np.empty(count + 1, np.int32)
    is_sure = np.empty(len(queries), np.bool_)
    for row in range(len(rows)):
        own = keys[rows[row]]
        base, top, shift = _span(own, queries[row], members)
        used = ((top - base) >> shift) + 1
        _mark(own, queries[row], members, base, shift, is_marked[:used])
        _fill(own, base, top, shift, bins)
        found = _look_at_all(own, bins, is_marked, sizes[:used], near, first_keys, first)
        crowd = _lay_out(is_marked, sizes[:used], starts, stops)
        is_sure[row] = crowd <= MOST_IN_BIN and _are_apart(first_keys)
        if is_sure[row]:
            for image in near[:found]:
                place = bins[image]
                _insert(ordered, flags, starts[place], stops[place], own[image], is_relevant[image])
                stops[place] += 1
            is_sure[row] = _write_ranks(is_marked, sizes[:used], starts, stops, ordered, flags, ranks[row])
            nearest[row], near_keys[row] = first[:count], first_keys[:count]
    return is_sure


@njit(nogil=True, cache=True)
def _span(own: np.ndarray, query: int, members: np.ndarray) -> tuple[int, int, int]:
    """Lowest and highest key that bins tell apart, a bin's width beyond those of the relevant images, and the width."""
    low, high = HIGHEST, 0
    for image in members:
        if image != query:
            low, high = min(low, int(own[image])), max(high, int(own[image]))
    shift = 0
    while (high - low + 4) >> shift >= BINS - 4:
        shift += 1
    width = 1 << shift
    return low - 1 - width, min(high + 1 + width, HIGHEST), shift


@njit(nogil=True, cache=True)
def _mark(own: np.ndarray, query: int, members: np.ndarray, base: int, shift: int, is_marked: np.ndarray) -> None:
    """Bins with a relevant image, or with keys too close to one's to tell."""
    is_marked[:] = 0
    for image in members:
        if image != query:
            key = own[image] - base
            is_marked[(key - 1) >> shift] = is_marked[key >> shift] = is_marked[(key + 1) >> shift] = 1


@njit(nogil=True, cache=True)
def _fill(own: np.ndarray, base: int, top: int, shift: int, bins: np.ndarray) -> None:
    """Which bin each image is in; in 32 bits, so that sixteen of them are done at once."""
    lowest, highest, width = np.int32(base), np.int32(top), np.uint32(shift)
    for image in range(len(own)):
        key = min(max(own[image], lowest), highest)
        bins[image] = np.uint32(np.uint32(key) - np.uint32(lowest)) >> width  # the lowest may be below zero


@njit(nogil=True, cache=True)
def _look_at_all(
    own: np.ndarray,
    bins: np.ndarray,
    is_marked: np.ndarray,
    sizes: np.ndarray,
    near: np.ndarray,
    first_keys: np.ndarray,
    first: np.ndarray,
) -> int:
    """Count each bin, list the images in marked ones, keep the first few of all; the number of those listed."""
    sizes[:], first_keys[:], found = 0, HIGHEST, 0
    last = len(first) - 1
    for image in range(len(own)):
        place = bins[image]
        sizes[place] += 1
        near[found] = image  # overwritten by the next one, unless this one counts
        found += is_marked[place]
        if own[image] < first_keys[last]:
            _insert(first_keys, first, 0, last, own[image], image)
    return found


@njit(nogil=True, cache=True)
def _lay_out(is_marked: np.ndarray, sizes: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> int:
    """Where the images of each marked bin will stand; the size of the largest."""
    place, largest = 0, 0
    for number in range(len(sizes)):
        starts[number] = stops[number] = place
        if is_marked[number]:
            place += sizes[number]
            largest = max(largest, sizes[number])
    return largest


@njit(nogil=True, cache=True)
def _insert(values: np.ndarray, others: np.ndarray, start: int, stop: int, value: int, other: int) -> None:
    """A value, and what belongs to it, into values[start:stop] that ascend, behind those that equal it."""
    place = stop
    while place > start and values[place - 1] > value:
        values[place], others[place] = values[place - 1], others[place - 1]
        place -= 1
    values[place], others[place] = value, other


@njit(nogil=True, cache=True)
def _write_ranks(
    is_marked: np.ndarray,
    sizes: np.ndarray,
    starts: np.ndarray,
    stops: np.ndarray,
    ordered: np.ndarray,
    flags: np.ndarray,
    ranks: np.ndarray,
) -> bool:
    """Of the relevant images; whether each is certain."""
    before, seen = 0, 0
    for number in range(len(sizes)):
        if not is_marked[number]:
            before += sizes[number]
            continue
        for place in range(starts[number], stops[number]):
            if place > 0 and ordered[place] - ordered[place - 1] <= 1 and flags[place] != flags[place - 1]:
                return False
            if flags[place] and seen < len(ranks):  # behind the last one is the query itself
                ranks[seen] = before + place + 1
                seen += 1
    return True


@njit(nogil=True, cache=True)
def _are_apart(keys: np.ndarray) -> bool:
    """Whether these ascending keys tell the order, and none is the lowest, of which the distance is not known."""
    for place in range(len(keys) - 1):
        if keys[place + 1] - keys[place] <= 1:
            return False
    return bool(keys[0] > 0)
