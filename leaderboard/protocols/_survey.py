"""What the distances of all pairs of a set say, from one pass over them: for retrieval and for nearest neighbours."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from threading import Lock, local

import numpy as np

from leaderboard.protocols._keys import Keys, bound_rounding, choose_keys
from leaderboard.protocols._panels import Panels
from leaderboard.protocols._parallel import count_cores
from leaderboard.protocols._queries import choose_queries
from leaderboard.protocols._ranks import Ranker, measure

FEWEST_IMAGES = 4096  # for fewer a pass of one's own is as quick, and keeps the last digit of older figures
CUTOFFS = (1, *range(10, 200, 10), 500)
NEAREST = 32  # of each query: of ten splits' training images hardly ever fewer than sixteen are among them


@dataclass(frozen=True)
class Tally:
    """What each of m queries found. One without relevant images counts nowhere."""

    queries: np.ndarray  # (m,) image indices, ascending
    relevant: np.ndarray  # (m,) N_i: other images of its class
    hits_at: dict[int, np.ndarray]  # cut-off -> (m,) relevant among the first so many
    hits_at_n: np.ndarray  # (m,) relevant among the first N_i
    average_precision: np.ndarray  # (m,)
    neighbours: np.ndarray  # (m, k) the nearest images, nearest first


@dataclass(frozen=True)
class Survey(Tally):
    """And how far its neighbours are."""

    near: np.ndarray  # (m, k) bounds of their squared distances: from
    far: np.ndarray  # (m, k) to


def survey(vectors: np.ndarray, labels: np.ndarray) -> Survey:
    """Ask the queries of a set; the answer for the last set is kept, because two protocols ask for it.

    Args:
        vectors: (n, d) float32; two images at least.
        labels: (n,) class indices.
    """
    name = _digest(vectors, labels)
    with _LOCK:
        if name not in _LAST:
            found = compute_survey(vectors, labels)
            _LAST.clear()
            _LAST[name] = found
        return _LAST[name]


def compute_survey(vectors: np.ndarray, labels: np.ndarray) -> Survey:
    """Ask the queries of a set; arguments as ``survey``."""
    from threadpoolctl import ThreadpoolController

    keys = choose_keys(vectors)
    tally = _Tallying(keys, labels, choose_queries(labels))
    with ThreadpoolController().limit(limits=1, user_api="blas"):
        Panels(keys, tally.found.queries).run(tally.count, count_cores())
    return tally.found


class _Tallying:
    """A survey while it is filled, by several threads, each of which has queries of its own."""

    def __init__(self, keys: Keys, labels: np.ndarray, queries: np.ndarray) -> None:
        self.keys, self.labels, self.own = keys, labels, local()
        m, nearest = len(queries), min(NEAREST, len(labels) - 1)
        self.cutoffs = np.array([k for k in CUTOFFS if k < len(labels)], np.int64)
        self.hits = np.zeros((m, len(self.cutoffs)), np.int64)
        self.found = Survey(
            queries=queries,
            relevant=(np.bincount(labels) - 1)[labels[queries]],
            hits_at=dict(zip(self.cutoffs.tolist(), self.hits.T, strict=True)),
            hits_at_n=np.zeros(m, np.int64),
            average_precision=np.zeros(m),
            neighbours=np.zeros((m, nearest), np.int32),
            near=np.zeros((m, nearest)),
            far=np.zeros((m, nearest)),
        )

    def count(self, queries: np.ndarray, keys: np.ndarray) -> None:
        """Of some queries, with their keys (b, n)."""
        if not hasattr(self.own, "ranker"):
            self.own.ranker = Ranker(self.keys.vectors)
        places = np.searchsorted(self.found.queries, queries)
        for label in np.unique(self.labels[queries]):
            is_relevant = self.labels == label
            members, rows = np.flatnonzero(is_relevant), np.flatnonzero(self.labels[queries] == label)
            for row in rows:
                self._count_one(int(places[row]), keys[row], members, is_relevant)

    def _count_one(self, place: int, keys: np.ndarray, members: np.ndarray, is_relevant: np.ndarray) -> None:
        found, ranker = self.found, self.own.ranker
        query = int(found.queries[place])
        nearest = ranker.find_nearest(query, keys, found.neighbours.shape[1])
        found.neighbours[place] = nearest
        found.near[place], found.far[place] = self._bound(query, nearest, keys[nearest])
        if len(members) < 2:
            return
        self._write_counts(place, ranker.rank(query, keys, members[members != query], is_relevant))

    def _write_counts(self, place: int, ranks: np.ndarray) -> None:
        """Of the relevant images of a query, ascending."""
        self.hits[place] = np.searchsorted(ranks, self.cutoffs, side="right")
        self.found.hits_at_n[place] = np.searchsorted(ranks, len(ranks), side="right")
        self.found.average_precision[place] = (np.arange(1, len(ranks) + 1) / ranks).sum() / len(ranks)

    def _bound(self, query: int, images: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the squared distances: from the keys, or from the images where these are too near for keys to tell."""
        if keys.min() > 0:
            return self.keys.read(keys)
        squares, vectors = measure(self.keys.vectors, query, images) ** 2, self.keys.vectors
        return squares * (1 - bound_rounding(vectors.shape[1])), squares * (1 + bound_rounding(vectors.shape[1]))


def _digest(vectors: np.ndarray, labels: np.ndarray) -> str:
    digest = hashlib.sha256(f"{vectors.shape}{vectors.dtype}{labels.dtype}".encode())
    for values in (vectors, labels):
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


_LAST: dict[str, Survey] = {}
_LOCK = Lock()
