"""Where the relevant images of a query stand, from the keys of its distances; without sorting all others.

Keys fall into 32,768 bins. What lies in a bin without a relevant image is only counted; the rest, some thousands of
60,000, is sorted. Images whose keys are too close to tell are measured (see ``_keys``).
"""

from __future__ import annotations

import numpy as np

BIN_BITS = 15
CHUNK = 4096  # vectors that are measured at once
SPREAD = 64  # one image in so many tells about where the nearest ones end
END = 2**31 - 2  # below a query's key with itself


class Ranker:
    """Ranks all images for one query after the other; for one thread, whose memory it uses again."""

    def __init__(self, vectors: np.ndarray) -> None:
        n = len(vectors)
        self.vectors = vectors
        self.narrow, self.bins, self.is_near = np.empty(n, np.int32), np.empty(n, np.int64), np.empty(n, bool)
        self.marked, self.before = np.zeros((1 << BIN_BITS) + 8, bool), np.empty((1 << BIN_BITS) + 8, np.int64)

    def rank(self, query: int, keys: np.ndarray, relevant: np.ndarray, is_relevant: np.ndarray) -> np.ndarray:
        """Ranks (N,) from 1, ascending, of the relevant images among all others.

        Args:
            query: its index.
            keys: (n,) of the query with all images.
            relevant: (N,) indices; the query is not among them.
            is_relevant: (n,) whether an image is one of them; what it says of the query does not matter.
        """
        wanted = keys[relevant]
        shift, base = self._fill_bins(keys, int(wanted.min()), int(wanted.max()))
        counts = np.bincount(self.bins)
        wanted -= base
        places = np.concatenate([wanted >> shift, (wanted - 1) >> shift, (wanted + 1) >> shift])  # beside its own too
        self.marked[places] = True
        self.marked.take(self.bins, out=self.is_near, mode="clip")
        self.is_near[query] = False  # it shares the last bin with whoever is as far as keys reach
        counts[self.marked[: len(counts)]] = 0
        self.marked[places] = False
        ordered, flags = self._sort(query, keys, np.flatnonzero(self.is_near), is_relevant)
        found = np.flatnonzero(flags)
        before = np.cumsum(counts, out=self.before[: len(counts)])
        return np.asarray(found + before[(ordered[found] - base) >> shift] + 1)

    def _fill_bins(self, keys: np.ndarray, low: int, high: int) -> tuple[int, int]:
        """Bins of keys from low to high; those before share the first one, those behind the last."""
        shift = max(0, (high - low + 4).bit_length() - BIN_BITS)
        base = max(low - 1 - (1 << shift), -1)
        np.clip(keys, base, min(high + 1 + (1 << shift), END), out=self.narrow)  # less the base: still 31 bits
        self.narrow -= base
        self.narrow >>= shift
        self.bins[:] = self.narrow
        return shift, base

    def _sort(
        self, query: int, keys: np.ndarray, images: np.ndarray, is_relevant: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Keys (m,) of some images, ascending, and whether the image at each place is relevant."""
        chosen = keys[images]
        flagged = chosen.view(np.uint32) << 1
        flagged |= is_relevant[images]
        flagged.sort()
        flags, ordered = (flagged & 1).view(np.int32) != 0, (flagged >> 1).view(np.int32)
        close = (ordered[1:] - ordered[:-1]) <= 1
        unsure = np.flatnonzero(close & (flags[1:] != flags[:-1]))
        if len(unsure):
            breaks = np.concatenate([[-1], np.flatnonzero(~close), [len(close)]])
            for place in np.unique(np.searchsorted(breaks, unsure)):
                start, stop = breaks[place - 1] + 1, breaks[place] + 1
                members = images[(chosen >= ordered[start]) & (chosen <= ordered[stop - 1])]
                flags[start:stop] = is_relevant[self._order(query, members)]
        return ordered, flags

    def find_nearest(self, query: int, keys: np.ndarray, count: int) -> np.ndarray:
        """Indices (count,) of the nearest others, nearest first, ties by lower index; count is below n."""
        near = self._list_near(keys, count)
        chosen = keys[near]
        order = np.argsort(chosen, kind="stable")
        ordered = chosen[order]
        if (ordered[1 : count + 1] - ordered[:count][: len(ordered) - 1] > 1).all():
            return np.asarray(near[order[:count]])
        return self._order(query, near[chosen <= min(END, int(ordered[count - 1]) + 1)])[:count]

    def _list_near(self, keys: np.ndarray, count: int) -> np.ndarray:
        """Indices of a few hundred images, among which are the nearest ones and those too close to tell from them."""
        some, place = keys[::SPREAD], 4 + 2 * count // SPREAD
        if len(some) > place:
            limit = np.partition(some, place)[place]
            near = np.flatnonzero(np.less(keys, limit, out=self.is_near))
            if len(near) > count and int(np.partition(keys[near], count - 1)[count - 1]) + 1 < limit:
                return near
        limit = np.partition(keys, count - 1)[count - 1]
        return np.flatnonzero(keys <= min(END, int(limit) + 1))

    def _order(self, query: int, images: np.ndarray) -> np.ndarray:
        """Images (m,), given by index, by their distance from the query."""
        return np.asarray(images[np.argsort(measure(self.vectors, query, images), kind="stable")])


def measure(vectors: np.ndarray, query: int, images: np.ndarray) -> np.ndarray:
    """Euclidean distances (m,) of images from a query, as scipy's ``cdist`` has them in float64."""
    from scipy.spatial.distance import cdist

    own = vectors[query : query + 1].astype(np.float64)
    parts = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
    return np.concatenate([cdist(own, vectors[part].astype(np.float64))[0] for part in parts])
