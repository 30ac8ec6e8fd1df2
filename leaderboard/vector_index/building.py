"""A collection -> an index that finds what exact search finds, mostly: how often is measured before it is finished."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from leaderboard.errors import LeaderboardError, printable
from leaderboard.paths import lock
from leaderboard.shards.manifest import MANIFEST
from leaderboard.shards.places import local_path
from leaderboard.shards.reading import Collection
from leaderboard.vector_index.exact import search_exactly
from leaderboard.vector_index.nearest import Nearest
from leaderboard.vector_index.reading import FORMAT, Index
from leaderboard.vector_index.store import PER_LIST, choose_lists, load_faiss, save_parts, train

ENOUGH = 0.95  # recall@10
NEAREST = 10
QUERIES = 500  # of the collection itself
DEPTHS = (3, 10)  # candidates for each answer, first with few
FEWEST = 10**8  # values: exact search through fewer, 260,000 vectors of 384, takes less than a second
SEED = 0


@dataclass(frozen=True)
class Built:
    """What was made."""

    index: Index
    manifest: dict[str, Any]


def build_index(collection: Collection, out: Path) -> Built:
    """Write an index, whole or not at all.

    Memory holds a sample for the centroids (40 vectors for each), one part of at most ``PART_BYTES`` and a few shards.

    Args:
        collection: that is indexed.
        out: a folder that is not there yet.

    Raises:
        LeaderboardError: it is there, or a shard is damaged.
        Unavailable: faiss is not installed.
    """
    load_faiss()
    with lock(out), _making(out) as folder:
        lists = choose_lists(collection.images)
        empty = train(read_sample(collection, PER_LIST * lists), lists)
        with tqdm(total=collection.images, desc="index", unit="vector", disable=None) as bar:
            shards = collection.iterate(("embedding",), advance=bar.update)
            blocks = ((shard.first + np.arange(len(shard.vectors)), shard.vectors) for shard in shards)
            parts = tuple(save_parts(empty, blocks, folder))
        index = tune(Index(folder, collection, parts, 1, DEPTHS[0], 0.0), lists)
        manifest = _describe(index, lists, out)
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    return Built(replace(index, folder=out), manifest)


@contextmanager
def _making(out: Path) -> Iterator[Path]:
    """A folder beside ``out`` that takes its name when the block ends well, and vanishes otherwise.

    What a killed run left is removed: its lock is ours now.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise LeaderboardError(f"{printable(str(out))} is there already; remove it, or choose another --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{out.name}."
    for left in out.parent.glob("*.tmp"):
        if left.name.startswith(prefix) and left.is_dir():
            shutil.rmtree(left)
    folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=".tmp", dir=out.parent))
    try:
        yield folder
        folder.chmod(0o755)
        folder.replace(out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_sample(collection: Collection, wanted: int) -> np.ndarray:
    """So many random vectors (n, d), in the order of their rows; of a smaller collection all."""
    rows = np.sort(np.random.default_rng(SEED).choice(collection.images, min(wanted, collection.images), replace=False))
    return collection.read_vectors(rows)


def tune(index: Index, lists: int) -> Index:
    """The least effort that finds ``ENOUGH`` of the true neighbours, or the best there is.

    Queries are rows of the collection; a row is no neighbour of its own.
    """
    collection = index.collection
    draws = np.random.default_rng(SEED + 1)
    rows = np.sort(draws.choice(collection.images, min(QUERIES, collection.images), replace=False))
    queries = collection.read_vectors(rows)
    with tqdm(total=collection.images, desc="exact search to compare", unit="vector", disable=None, leave=False) as bar:
        k = min(NEAREST + 1, collection.images)
        truth = search_exactly(queries, collection, k, advance=bar.update)
    for depth in DEPTHS:
        for effort in [2**power for power in range(20) if 2**power < 2 * lists]:
            index = replace(index, effort=min(effort, lists), depth=depth)
            index = replace(index, recall=compute_recall(index.search(queries, k), truth, rows))
            if index.recall >= ENOUGH:
                return index
    return index


def compute_recall(found: Nearest, truth: Nearest, rows: np.ndarray) -> float:
    """Share of the true neighbours that were found; one as near as the farthest true one counts, as in a tie.

    Args:
        found: (m, k).
        truth: (m, k).
        rows: (m,) the queries' own rows, which count nowhere.
    """
    others = truth.rows != rows[:, None]
    limit = np.where(others, truth.distances, -np.inf).max(axis=1, keepdims=True)
    hits = ((found.distances <= limit) & (found.rows >= 0) & (found.rows != rows[:, None])).sum(axis=1)
    wanted = others.sum(axis=1)
    return float(np.minimum(hits, wanted).sum() / max(1, wanted.sum()))


def _describe(index: Index, lists: int, out: Path) -> dict[str, Any]:
    """All that opening it needs, and where it comes from."""
    collection, place = index.collection, local_path(str(index.collection.folder))
    return {
        "format": FORMAT,
        "model": collection.model,
        "dimension": collection.dimension,
        "images": collection.images,
        "embeddings": str(place.resolve()) if place else str(collection.folder),
        "embeddings_beside": os.path.relpath(place.resolve(), out.resolve()) if place else None,
        "digest": collection.digest,
        "kind": "faiss IVF, SQ8",
        "lists": lists,
        "effort": index.effort,
        "depth": index.depth,
        "recall": round(index.recall, 4),
        "queries": min(QUERIES, collection.images),
        "parts": [{"file": part, "bytes": (index.folder / part).stat().st_size} for part in index.parts],
    }
