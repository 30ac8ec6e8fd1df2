"""Content-based retrieval on an own collection: embeddings in, the nearest images out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leaderboard.labelling import Neighbour
from leaderboard.neighbours import find_nearest
from leaderboard.records import Embeddings


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

    Args:
        query: file of the image asked for.
        vector: (d,) its embedding, of the same model.
        collection: (n, d); where it has fewer than k answers, all of them are given.
        k: at least 1.
        is_own: whether a file of the collection is the query itself, or a copy of it.
    """
    order, distances = find_nearest(vector[None], collection.vectors, len(collection.files))
    neighbours: list[Neighbour] = []
    own: list[str] = []
    for index, distance in zip(order[0], distances[0], strict=True):
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
