"""Content-based retrieval on an own collection: embeddings in, the nearest images out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from leaderboard.labelling import Neighbour
from leaderboard.neighbours import find_nearest
from leaderboard.records import Embeddings

if TYPE_CHECKING:
    from leaderboard.vector_index.opening import Searchable

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


@dataclass(frozen=True)
class Asked:
    """An image asked for."""

    path: Path
    vector: np.ndarray  # (d,)
    sha256: str  # of its decoded pixels


def find_in_collection(queries: Sequence[Asked], searchable: Searchable, k: int) -> list[Found]:
    """The k nearest images of a collection of any size, for several images at once.

    Rows with the pixels of the image asked for are no answers. Those whose spare candidates copies have used up are
    asked again, for twice as many.

    Args:
        queries: of the collection's model.
        searchable: the collection, or an index of it.
        k: at least 1; where the collection has fewer answers, all of them are given.
    """
    found: dict[int, Found] = {}
    size, pending = searchable.collection.images, list(range(len(queries)))
    count = min(k + SPARE, size)
    while True:
        asked = [queries[index] for index in pending]
        found |= zip(pending, _find_once(asked, searchable, k, count), strict=True)
        pending = [index for index in pending if len(found[index].neighbours) < k]
        if not pending or count == size:
            return [found[index] for index in range(len(queries))]
        count = min(2 * count, size)


def _find_once(queries: Sequence[Asked], searchable: Searchable, k: int, count: int) -> list[Found]:
    nearest = searchable.search(np.stack([query.vector for query in queries]), count)
    rows = np.unique(nearest.rows[nearest.rows >= 0])
    described = dict(zip(rows.tolist(), searchable.collection.describe_rows(rows), strict=True))
    answers = []
    for query, own_rows, distances in zip(queries, nearest.rows.tolist(), nearest.distances.tolist(), strict=True):
        near = [(*described[row], distance) for row, distance in zip(own_rows, distances, strict=True) if row >= 0]
        candidates = [
            (Neighbour(path, class_of(path), distance), pixels == query.sha256) for path, pixels, distance in near
        ]
        answers.append(_choose(query.path, candidates, k))
    return answers


def _sort_out(
    query: Path,
    candidates: Iterable[tuple[int, float]],
    collection: Embeddings,
    k: int,
    is_own: Callable[[str], bool],
) -> Found:
    """Of candidates as index and distance, nearest first."""
    near = (Neighbour(collection.files[i], _class_of(collection, i), float(distance)) for i, distance in candidates)
    return _choose(query, ((neighbour, is_own(neighbour.file)) for neighbour in near), k)


def _choose(query: Path, candidates: Iterable[tuple[Neighbour, bool]], k: int) -> Found:
    """The first k candidates that are not the query itself, and which were; nearest first."""
    neighbours: list[Neighbour] = []
    own: list[str] = []
    for neighbour, is_own in candidates:
        if is_own:
            own.append(neighbour.file)
        else:
            neighbours.append(neighbour)
        if len(neighbours) == k:
            break
    return Found(query, tuple(neighbours), tuple(own))


def _class_of(collection: Embeddings, index: int) -> str:
    return collection.classes[collection.labels[index]] if len(collection.labels) else ""


def class_of(path: str) -> str:
    """The class of a collection's image: its first folder, inside of a tar where it lies in one; else empty.

    A path from the root of a disk, one that leads upwards, or an address has its class in no place that is known.
    """
    folders = path.split("/")[:-1]
    if path.startswith("/") or "://" in path or ".." in folders:
        return ""
    named = (folder for folder in folders if folder not in ("", ".") and not folder.lower().endswith(".tar"))
    return next(named, "")
