"""Copies in a collection of any size: with the same pixels, or lying as near to each other as copies do.

Exact copies share the SHA-256 of their decoded pixels, which the shards have. Candidates for near copies are vectors
that are close together. How close is told in *units*, the median distance between any two images: it depends on the
model, not on how many images there are, nor on how many of them are copies. What ``RADIUS`` units find was
measured: docs/large-collections.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from leaderboard.reading_ahead import group
from leaderboard.shards.reading import Collection, Shard
from leaderboard.vector_index.exact import search_block
from leaderboard.vector_index.nearest import Nearest, compute_distances
from leaderboard.vector_index.opening import Searchable

NEAREST = 10  # candidates per image
RADIUS = 0.5  # units
KEY_BYTES = 1 << 31  # of digests' keys in memory at once
MEASURED = 1 << 16  # pairs whose vectors are in memory at once
TOGETHER = 8  # shards that meet the others at once
SAMPLE_SHARDS, SAMPLE_ROWS = 32, 64  # rows of each, that the unit is measured on


@dataclass(frozen=True)
class Member:
    """An image of a group of copies."""

    row: int
    path: str


@dataclass(frozen=True)
class Pair:
    """Two images whose vectors are close together."""

    first: int  # rows, the lower one first
    second: int
    distance: float  # Euclidean


def find_exact(collection: Collection) -> list[tuple[Member, ...]]:
    """Groups of images with the same pixels, by their first member.

    Eight bytes of every digest are in memory, twice while they are put together: 1.6 GB for 10^8 images. Of more, the
    digests are read several times, each time for a part of all keys. Then the paths of copies are in memory.
    """
    passes = -(-16 * collection.images // KEY_BYTES)
    repeated = np.concatenate([_find_repeated(collection, part, passes) for part in range(passes)])
    groups: dict[str, list[Member]] = defaultdict(list)
    for shard in _watched(collection, ("path", "sha256"), "read copies") if len(repeated) else ():
        keys = _keys(shard)
        places = np.searchsorted(repeated, keys).clip(max=len(repeated) - 1)
        for place in np.flatnonzero(repeated[places] == keys).tolist():
            groups[shard.sha256[place]].append(Member(shard.first + place, shard.paths[place]))
    return sorted((tuple(group) for group in groups.values() if len(group) > 1), key=lambda group: group[0].row)


def _find_repeated(collection: Collection, part: int, parts: int) -> np.ndarray:
    """Keys that come twice or more, sorted, of those that this pass looks at: an interval of all keys."""
    low, high = (np.uint64(min((1 << 64) * edge // parts, (1 << 64) - 1)) for edge in (part, part + 1))
    last = part == parts - 1
    found = [
        keys[(keys >= low) & ((keys < high) | last)]
        for keys in map(_keys, _watched(collection, ("sha256",), "digests"))
    ]
    keys = np.concatenate(found)
    del found
    keys.sort()
    return np.unique(keys[1:][keys[1:] == keys[:-1]])


def _keys(shard: Shard) -> np.ndarray:
    """The first eight bytes of each digest (n,), as one number."""
    return np.fromiter((int(digest[:16], 16) for digest in shard.sha256), np.uint64, len(shard.sha256))


def _watched(collection: Collection, columns: tuple[str, ...], what: str) -> Iterator[Shard]:
    with tqdm(total=collection.images, desc=what, unit="image", disable=None, leave=False) as bar:
        yield from collection.iterate(columns, advance=bar.update)


def measure_unit(collection: Collection) -> float:
    """The median distance between two images, on some rows of some shards; 0 where there is one image only."""
    draws = np.random.default_rng(0)
    numbers = [number for number, shard in enumerate(collection.manifest["shards"]) if shard["rows"]]
    chosen = draws.permutation(numbers)[:SAMPLE_SHARDS]
    each = max(SAMPLE_ROWS, SAMPLE_ROWS * SAMPLE_SHARDS // len(chosen))
    shards = (collection.read(int(number), ("embedding",)).vectors for number in np.sort(chosen))
    return compute_unit(np.concatenate([vectors[draws.permutation(len(vectors))[:each]] for vectors in shards]))


def compute_unit(vectors: np.ndarray) -> float:
    """The median distance between any two of some vectors (n, d)."""
    from scipy.spatial.distance import pdist

    return float(np.median(pdist(vectors.astype(np.float64)))) if len(vectors) > 1 else 0.0


def find_close(searchable: Searchable, radius: float, *, most: int, without: np.ndarray) -> tuple[list[Pair], bool]:
    """The nearest pairs of rows at most ``radius`` apart, nearest first, and whether there were more than ``most``.

    Of an image's partners only the nearest ``NEAREST`` count. With an index, those that it finds. Exactly, every shard
    meets every later one: time grows with the square of the collection. Memory holds a few shards and ``most`` pairs.

    Args:
        searchable: the collection, or an index of it.
        radius: Euclidean distance.
        most: pairs that are wanted; with an index the farthest of them are chosen by its distances, a little off.
        without: (c,) sorted rows that are left out: exact copies of others.
    """
    if searchable.quick is None:
        kept, is_cut = _keep_nearest(_join(searchable.collection, radius, without), most)
    else:
        quick, is_cut = _keep_nearest(_ask(searchable, radius, without), most)
        kept = _measure(searchable.collection, quick, radius)
    columns = (kept.first.tolist(), kept.second.tolist(), kept.distance.tolist())
    return [Pair(*row) for row in zip(*columns, strict=True)], is_cut


@dataclass(frozen=True)
class _Pairs:
    """Many pairs, as columns (p,)."""

    first: np.ndarray
    second: np.ndarray
    distance: np.ndarray

    def at(self, places: np.ndarray) -> _Pairs:
        """Some of them."""
        return _Pairs(self.first[places], self.second[places], self.distance[places])

    def and_those(self, others: _Pairs) -> _Pairs:
        """Both together."""
        columns = ((self.first, others.first), (self.second, others.second), (self.distance, others.distance))
        return _Pairs(*(np.concatenate(column) for column in columns))

    def sorted(self) -> _Pairs:
        """Nearest first, each once: of one that is there twice the smaller distance."""
        grouped = self.at(np.lexsort((self.distance, self.second, self.first)))
        is_new = np.ones(len(grouped.first), bool)
        is_new[1:] = (np.diff(grouped.first) != 0) | (np.diff(grouped.second) != 0)
        kept = grouped.at(np.flatnonzero(is_new))
        return kept.at(np.argsort(kept.distance, kind="stable"))


def _keep_nearest(blocks: Iterable[_Pairs], most: int) -> tuple[_Pairs, bool]:
    """So many of the nearest pairs; and whether there were more. No more are in memory."""
    kept, is_cut = _Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)), False
    for block in blocks:
        near = block.at(np.flatnonzero(block.distance <= kept.distance[-1])) if is_cut else block
        joined = kept.and_those(near).sorted()
        is_cut |= len(joined.first) > most
        kept = joined.at(np.arange(min(most, len(joined.first))))
    return kept, is_cut


def _list_pairs(rows: np.ndarray, nearest: Nearest, radius: float) -> _Pairs:
    """Of each row (m,) and its nearest ones (m, k), those within the radius; a row makes no pair with itself."""
    query, place = np.nonzero((nearest.rows >= 0) & (nearest.distances <= radius) & (nearest.rows != rows[:, None]))
    one, other = rows[query], nearest.rows[query, place]
    return _Pairs(np.minimum(one, other), np.maximum(one, other), nearest.distances[query, place])


def _measure(collection: Collection, pairs: _Pairs, radius: float) -> _Pairs:
    """The same pairs at their true distances, those that are within the radius."""
    distances = np.empty(len(pairs.first))
    for start in range(0, len(distances), MEASURED):
        part = pairs.at(np.arange(start, min(start + MEASURED, len(distances))))
        rows, places = np.unique(np.concatenate([part.first, part.second]), return_inverse=True)
        vectors, count = collection.read_vectors(rows), len(part.first)
        distances[start : start + count] = compute_distances(vectors, vectors, places[:count], places[count:])
    near = np.flatnonzero(distances <= radius)
    return _Pairs(pairs.first[near], pairs.second[near], distances[near]).sorted()


def _join(collection: Collection, radius: float, without: np.ndarray) -> Iterator[_Pairs]:
    """Some rows at a time, each with its nearest later ones within the radius."""
    numbers = [number for number, shard in enumerate(collection.manifest["shards"]) if shard["rows"]]
    blocks = list(group(numbers, TOGETHER))
    limit = np.nextafter(radius, np.inf)  # the empty places lie just outside
    with tqdm(total=sum(range(len(blocks) + 1)), desc="compare", unit="block", disable=None, leave=False) as bar:
        for first in range(len(blocks)):
            rows, vectors = _load(collection, blocks[first], without)
            best = Nearest(np.full((len(rows), NEAREST), -1), np.full((len(rows), NEAREST), limit))
            for block in blocks[first:]:
                for number in block:
                    others, theirs = _load(collection, [number], without)
                    if len(others) and len(rows):
                        best = search_block(vectors, theirs, others, best, vectors.mean(axis=0), after=rows)
                bar.update()
            yield _list_pairs(rows, best, radius)


def _load(collection: Collection, numbers: list[int], without: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and vectors of some shards, but those left out."""
    shards = [collection.read(number, ("embedding",)) for number in numbers]
    rows = np.concatenate([shard.first + np.arange(len(shard.vectors)) for shard in shards])
    kept = ~np.isin(rows, without)
    return rows[kept], np.concatenate([shard.vectors for shard in shards])[kept]


def _ask(searchable: Searchable, radius: float, without: np.ndarray) -> Iterator[_Pairs]:
    """What an index finds for each row by the distances of its codes, and a little more than is wanted.

    A row's distance to itself is what its code is off by. That is the most by which another row's distance to it is.
    """
    assert searchable.quick is not None
    for shard in _watched(searchable.collection, ("embedding",), "compare"):
        rows = shard.first + np.arange(len(shard.vectors))
        kept = ~np.isin(rows, without)
        nearest = searchable.quick(shard.vectors[kept], NEAREST + 1)  # the first one is the row itself
        own = nearest.rows == rows[kept, None]
        slack = nearest.distances[own].max() if own.any() else 0.0  # what the codes of these rows are off by, at most
        found = np.where(np.isin(nearest.rows, without), -1, nearest.rows)
        yield _list_pairs(rows[kept], Nearest(found, nearest.distances), radius + slack)
