"""Content-based retrieval on an own collection: embeddings in, the nearest images out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leaderboard.labelling import Neighbour
from leaderboard.neighbours import find_nearest
from leaderboard.records import Embeddings

SPARE = 16  # candidates beyond the k wanted: the query itself and its copies take the first places


@dataclass(frozen=True)
class Found:
    """What was found for one image."""

    query: Path
    neighbours: tuple[Neighbour, ...]  # nearest first; genus is empty in a collection without classes
    own: tuple[str, ...]  # the query itself and its copies in the collection, which are no answers


def find_images(
    query: Path, vector: np.ndarray, collection: Embeddings, k: int, *, is_own: Callable[[str], bool]
) -> Found:
    """The k nearest images of a collection, by Euclidean distance; at equal distance the earlier file.

    Not all distances are sorted, only those of k and some more, twice as many each time that copies use these up. (Of
    a crowd of equal vectors at the border any may be given, as in ``find_nearest``.)

    Args:
        query: file of the image asked for.
        vector: (d,) its embedding, of the same model.
        collection: (n, d); where it has fewer than k answers, all of them are given.
        k: at least 1.
        is_own: whether a file of the collection is the query itself, or a copy of it.
    """
    count = min(k + SPARE, len(collection.files))
    while True:
        order, distances = find_nearest(vector[None], collection.vectors, count)
        found = _sort_out(query, zip(order[0], distances[0], strict=True), collection, k, is_own)
        if len(found.neighbours) == k or count == len(collection.files):
            return found
        count = min(2 * count, len(collection.files))  # copies have used up what was spare


def _sort_out(
    query: Path,
    candidates: Iterable[tuple[int, float]],
    collection: Embeddings,
    k: int,
    is_own: Callable[[str], bool],
) -> Found:
    """The first k candidates that are not the query itself, and which were; index and distance, nearest first."""
    neighbours: list[Neighbour] = []
    own: list[str] = []
    for index, distance in candidates:
        if len(neighbours) == k:
            break
        file = collection.files[index]
        if is_own(file):
            own.append(file)
        else:
            neighbours.append(Neighbour(file, _class_of(collection, index), float(distance)))
    return Found(query, tuple(neighbours), tuple(own))


def _class_of(collection: Embeddings, index: int) -> str:
    return collection.classes[collection.labels[index]] if len(collection.labels) else ""
