"""What can be searched: a collection, exactly, or an index of one. Either way it looks the same from outside."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from leaderboard.errors import LeaderboardError, printable
from leaderboard.shards.manifest import FORMAT, MANIFEST
from leaderboard.shards.places import Folder
from leaderboard.shards.plan import PLAN
from leaderboard.shards.reading import Collection, open_collection
from leaderboard.vector_index.exact import search_exactly
from leaderboard.vector_index.nearest import Nearest

INDEX_FORMAT = "leaderboard-index-"
Kind = Literal["images", "collection", "index"]


@dataclass(frozen=True)
class Searchable:
    """A collection and a way to find the nearest of its rows."""

    collection: Collection
    search: Callable[[np.ndarray, int], Nearest]  # queries (m, d) float32, how many; distances are true ones
    said: str  # of the way, for whoever reads what was found
    quick: Callable[[np.ndarray, int], Nearest] | None = None  # of an index: distances a little off, no shard read


def kind_of(address: str) -> Kind:
    """What lies at an address, by its manifest; without one of ours it is taken for a folder of images.

    Raises:
        LeaderboardError: nothing.
    """
    folder = Folder(address)
    form = _read_form(folder, MANIFEST)
    if form.startswith(INDEX_FORMAT):
        return "index"
    if form.startswith(FORMAT.rstrip("0123456789")) or _read_form(folder, PLAN) or "://" in address:
        return "collection"
    if not Path(address).exists():
        raise LeaderboardError(f"{printable(address)} does not exist; give a folder of images, vectors, or an index")
    return "images"


def _read_form(folder: Folder, name: str) -> str:
    try:
        stored: Any = json.loads(folder.read(name))
    except (OSError, ValueError):
        return ""
    return str(stored.get("format", "")) if isinstance(stored, dict) else ""


def open_searchable(address: str) -> Searchable:
    """The collection or the index at an address.

    Raises:
        LeaderboardError: neither is there, or the index is not of the collection as it is now.
        Unavailable: a package is not installed.
    """
    if kind_of(address) == "index":
        from leaderboard.vector_index.reading import open_index

        index = open_index(address)
        recall = f"approximate search, recall@10 {index.recall:.2f} when built"
        return Searchable(index.collection, index.search, recall, index.search_quickly)
    return search_whole(open_collection(address))


def search_whole(collection: Collection) -> Searchable:
    """A collection, exactly."""
    from tqdm import tqdm

    def search(queries: np.ndarray, k: int) -> Nearest:
        with tqdm(total=collection.images, desc="search", unit="vector", disable=None, leave=False) as bar:
            return search_exactly(queries, collection, min(k, collection.images), advance=bar.update)

    return Searchable(collection, search, f"exact search of {collection.images:,} vectors")


def check_model(given: str | None, collection: Collection) -> str:
    """The collection's model; another one cannot be asked of it.

    Raises:
        LeaderboardError: another one was given.
    """
    if given not in (None, collection.model):
        raise LeaderboardError(
            f"--model {given}: the vectors of {collection.folder} are of {collection.model}; leave --model out"
        )
    return collection.model
