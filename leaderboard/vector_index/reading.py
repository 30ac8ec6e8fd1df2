"""An index on disk and the collection that it is of: asked for candidates, whose true distances the shards have."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leaderboard.errors import LeaderboardError, first_line, printable
from leaderboard.shards.manifest import MANIFEST
from leaderboard.shards.places import local_path
from leaderboard.shards.reading import Collection, open_collection
from leaderboard.vector_index.nearest import Nearest, compute_distances
from leaderboard.vector_index.store import ask, load_faiss

FORMAT = "leaderboard-index-1"
ROWS = 1 << 16  # whose vectors are in memory while true distances are computed


@dataclass(frozen=True)
class Index:
    """What can be asked, with what effort."""

    folder: Path
    collection: Collection
    parts: tuple[str, ...]
    effort: int  # lists looked at
    depth: int  # candidates for each answer wanted
    recall: float  # of the 10 nearest, when it was built

    def search(self, queries: np.ndarray, k: int) -> Nearest:
        """The nearest rows found for queries (m, d), by their true distances; -1 where none was found."""
        step = max(1, ROWS // (k * self.depth))
        found = [self._search(queries[start : start + step], k) for start in range(0, len(queries), step)]
        rows, distances = zip(*((near.rows, near.distances) for near in found), strict=True)
        return Nearest(np.concatenate(rows), np.concatenate(distances))

    def search_quickly(self, queries: np.ndarray, k: int) -> Nearest:
        """The same by the distances of the codes, which are a little off; no shard is read."""
        rows, distances = ask(self.folder, self.parts, queries, k, self.effort)
        return Nearest(rows, distances.astype(np.float64))

    def _search(self, queries: np.ndarray, k: int) -> Nearest:
        candidates = self.search_quickly(queries, k * self.depth).rows
        query, place = np.nonzero(candidates >= 0)
        rows, own = np.unique(candidates[query, place], return_inverse=True)
        distances = compute_distances(queries, self.collection.read_vectors(rows), query, own)
        return Nearest.none(len(queries), k).with_pairs(query, rows[own], distances)


def open_index(address: str) -> Index:
    """The index in a folder.

    Raises:
        LeaderboardError: damaged, of another version, or not of the collection as it is now.
        Unavailable: faiss is not installed.
    """
    load_faiss()
    folder = local_path(address)
    if folder is None:
        raise LeaderboardError(
            f"{printable(address)}: an index is mapped into memory; copy it to a disk of this machine"
        )
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        form = manifest["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LeaderboardError(f"{printable(address)} is no index, or a damaged one ({first_line(error)})") from None
    if form != FORMAT:
        raise LeaderboardError(f"{printable(address)} is of the form {form}, expected {FORMAT}; build the index again")
    return _load(folder, manifest)


def _load(folder: Path, manifest: dict[str, Any]) -> Index:
    collection = _open_collection_of(folder, manifest)
    if collection.digest != manifest["digest"]:
        raise LeaderboardError(
            f"{printable(str(folder))} is an index of other vectors than {collection.folder} has now; build it again"
        )
    settings = {name: manifest[name] for name in ("effort", "depth", "recall")}
    return Index(folder, collection, tuple(part["file"] for part in manifest["parts"]), **settings)


def _open_collection_of(folder: Path, manifest: dict[str, Any]) -> Collection:
    """The collection where it was seen from the index, else where it lay on the machine."""
    beside = manifest["embeddings_beside"]
    places = [os.path.normpath(folder.resolve() / beside)] if beside else []
    for place in [*places, manifest["embeddings"]]:
        try:
            return open_collection(place)
        except LeaderboardError as error:
            problem = error
    raise LeaderboardError(f"the index {printable(str(folder))} needs the vectors it was built of: {problem}")
