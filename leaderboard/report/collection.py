"""What is in a folder of images, before any network sees it: sizes, unreadable files, copies, small pictures.

Images are decoded by threads, one per core, and only what is kept of them stays in memory: 2 kB of grey picture and
digest each, and about 2 kB per thumbnail. Finished parts are on disk: a run that is killed goes on from them.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from leaderboard.cache import CacheEntry
from leaderboard.download import announce
from leaderboard.errors import LeaderboardError, printable
from leaderboard.images import BadImage, digest_pixels, load_image
from leaderboard.paths import cache_dir
from leaderboard.records import Dataset
from leaderboard.report.collection_file import Collection, load_collection, read_with, save_collection
from leaderboard.report.duplicates import SIDE, find_near, group_equal, group_linked, shrink_to_grey
from leaderboard.report.thumbnails import make_thumbnail

COLLECTION_VERSION = 2  # raise it when what is found in the same images changes
PART = 512  # images per part

__all__ = [
    "Collection",
    "DuplicateCounts",
    "conflicting",
    "count_duplicates",
    "group_duplicates",
    "inspect",
    "load_collection",
    "save_collection",
]


@dataclass(frozen=True)
class DuplicateCounts:
    """How many images have a copy; a conflict is a group of exact and near copies in more than one class."""

    exact_groups: int
    exact_images: int
    near_groups: int  # groups that hold a near pair; their exact copies belong to them
    near_images: int
    conflicting_groups: int
    conflicting_images: int


@dataclass(frozen=True)
class _Facts:
    """What is kept of one image."""

    size: tuple[int, int]
    digest: str
    grey: np.ndarray
    thumbnail: bytes


def inspect(dataset: Dataset) -> Collection:
    """Look at every image once; the answer is kept in the cache, under the digest of the data set.

    Raises:
        LeaderboardError: none of the images can be read.
    """
    entry = _cache_entry(dataset)
    with entry.lock():
        if entry.path.exists():
            try:
                return load_collection(entry.path)
            except LeaderboardError as error:  # it can be made again
                announce(f"{error}; inspecting again")
                entry.clear()
        collection = _inspect_parts(dataset, entry)
        save_collection(entry.path, collection)
        entry.drop_parts()
    return collection


def group_duplicates(collection: Collection) -> tuple[tuple[int, ...], ...]:
    """All images that are copies of each other, exact or near, and copies of copies."""
    near = [(i, j) for i, j, _ in collection.near_duplicates]
    return group_linked([*_exact_links(collection), *near])


def conflicting(collection: Collection) -> tuple[tuple[int, ...], ...]:
    """The groups of ``group_duplicates`` in more than one class: one photograph, two labels."""
    if not len(collection.labels):
        return ()
    return tuple(group for group in group_duplicates(collection) if len(set(collection.labels[list(group)])) > 1)


def count_duplicates(collection: Collection) -> DuplicateCounts:
    """How many groups of copies there are, and of how many images."""
    exact, conflicts = collection.exact_duplicates, conflicting(collection)
    in_pairs = {index for i, j, _ in collection.near_duplicates for index in (i, j)}
    near = [group for group in group_duplicates(collection) if in_pairs.intersection(group)]
    groups = (exact, near, conflicts)
    return DuplicateCounts(*(count for part in groups for count in (len(part), sum(map(len, part)))))


def _exact_links(collection: Collection) -> Iterator[tuple[int, int]]:
    return ((group[0], other) for group in collection.exact_duplicates for other in group[1:])


def _cache_entry(dataset: Dataset) -> CacheEntry:
    key = json.dumps([dataset.id, dataset.digest, COLLECTION_VERSION])
    digest = hashlib.sha256(key.encode()).hexdigest()[:20]
    return CacheEntry(cache_dir() / "collections" / f"{digest}.safetensors")


def _inspect_parts(dataset: Dataset, entry: CacheEntry) -> Collection:
    """Inspect what no part on disk has, then compare all with all."""
    parts = []
    with tqdm(total=len(dataset.files), desc=f"inspecting {dataset.id}", unit="image", disable=None) as bar:
        for number, start in enumerate(range(0, len(dataset.files), PART)):
            places = range(start, min(start + PART, len(dataset.files)))
            path = entry.part(number)
            parts.append(_load_part(path) or _inspect_part(dataset, places, path, bar))
            bar.update(places.stop - bar.n)  # what was on disk
    joined = _join([part for part, _ in parts])
    if not joined.files:
        name, reason = next(iter(joined.bad.items()))
        raise LeaderboardError(
            f"{dataset.id}: none of its {len(joined.bad)} images can be read; {printable(name)}: {reason}"
        )
    return _with_duplicates(joined, np.concatenate([greys for _, greys in parts]))


def _load_part(path: Path) -> tuple[Collection, np.ndarray] | None:
    """A finished part and its grey pictures; a damaged one is made again."""
    try:
        collection, tensors = read_with(path)
        return collection, tensors["greys"]
    except (LeaderboardError, KeyError):
        return None


def _inspect_part(dataset: Dataset, places: range, path: Path, bar: Any) -> tuple[Collection, np.ndarray]:
    facts: dict[int, _Facts] = {}
    bad: dict[str, str] = {}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        outcomes = pool.map(lambda place: _look_at(dataset.root / dataset.files[place]), places)
        for place, outcome in zip(places, outcomes, strict=True):
            if isinstance(outcome, str):
                bad[dataset.files[place]] = outcome
            else:
                facts[place] = outcome
            bar.update()
    greys = np.array([fact.grey for fact in facts.values()], np.float16).reshape(-1, SIDE, SIDE)
    part = _as_collection(dataset, facts, bad)
    save_collection(path, part, greys=greys)
    return part, greys


def _look_at(path: Path) -> _Facts | str:
    """What is kept of an image, or why it cannot be read."""
    try:
        image = load_image(path)
    except BadImage as error:
        return str(error)
    return _Facts(image.size, digest_pixels(image), shrink_to_grey(image), make_thumbnail(image))


def _as_collection(dataset: Dataset, facts: Mapping[int, _Facts], bad: Mapping[str, str]) -> Collection:
    kept = facts.values()
    return Collection(
        dataset=dataset.id,
        files=tuple(dataset.files[place] for place in facts),
        labels=np.array([dataset.labels[place] for place in facts] if dataset.labels else [], dtype=np.int64),
        classes=dataset.classes,
        sizes=np.array([fact.size for fact in kept], dtype=np.int64).reshape(-1, 2),
        pixel_digests=tuple(fact.digest for fact in kept),
        thumbnails={index: fact.thumbnail for index, fact in enumerate(kept)},
        bad=bad,
        exact_duplicates=(),
        near_duplicates=(),
    )


def _join(parts: Sequence[Collection]) -> Collection:
    starts = np.cumsum([0, *(len(part.files) for part in parts)]).tolist()
    placed = [(start, part.thumbnails) for start, part in zip(starts[:-1], parts, strict=True)]
    return replace(
        parts[0],
        files=tuple(name for part in parts for name in part.files),
        labels=np.concatenate([part.labels for part in parts]),
        sizes=np.concatenate([part.sizes for part in parts]),
        pixel_digests=tuple(digest for part in parts for digest in part.pixel_digests),
        thumbnails={start + index: data for start, pictures in placed for index, data in pictures.items()},
        bad={name: reason for part in parts for name, reason in part.bad.items()},
    )


def _with_duplicates(collection: Collection, greys: np.ndarray) -> Collection:
    """Of exact copies only the first is compared with the others: the pairs of the rest would say the same."""
    exact = group_equal(collection.pixel_digests)
    repeated = {index for group in exact for index in group[1:]}
    distinct = np.array([index for index in range(len(greys)) if index not in repeated])
    near = find_near(greys[distinct], progress="comparing")
    named = tuple((int(distinct[i]), int(distinct[j]), similarity) for i, j, similarity in near)
    return replace(collection, exact_duplicates=exact, near_duplicates=named)
