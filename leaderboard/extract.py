"""Dataset x Backbone -> Embeddings; the only place that runs a network.

Images are read and resized by threads while the network computes, a few batches ahead and never more, so memory
does not grow with the data set. Finished parts are on disk: a run that is killed goes on from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from leaderboard.backbones import Backbone
from leaderboard.cache import CacheEntry, cache_entry, check_embeddings, load_embeddings, load_part, save_embeddings
from leaderboard.download import announce
from leaderboard.embedder import Embedder
from leaderboard.errors import LeaderboardError, printable
from leaderboard.images import BadImage, load_image
from leaderboard.reading_ahead import group, map_ahead
from leaderboard.records import DEFAULT_OPTIONS, Dataset, Embeddings, Provenance, RunOptions

EXTRACTION_VERSION = 1  # raise it when this file, or decoding and resizing, changes the numbers
PART = 256  # images per part; a multiple of every usual batch size
BATCHES_AHEAD = 4


class BadImages(LeaderboardError):
    """Files that cannot be read, all of them, each with its reason."""

    def __init__(self, dataset: str, bad: Sequence[tuple[str, str]]) -> None:
        listed = "\n".join(f"  {printable(name)}: {reason}" for name, reason in bad)
        super().__init__(
            f"{dataset}: {len(bad)} unreadable images; repair them, or leave them out with --skip-bad-images:\n{listed}"
        )


@dataclass
class Unreadable:
    """A file that gave no array."""

    name: str
    reason: str


def extract(dataset: Dataset, backbone: Backbone, options: RunOptions = DEFAULT_OPTIONS) -> Embeddings:
    """One vector per image, from the cache when the same inputs were extracted before.

    Raises:
        BadImages: unreadable files, unless ``options.skip_bad_images``.
        LeaderboardError: NaN or infinite vectors.
        Unavailable: out of memory.
    """
    entry = extraction_entry(dataset, backbone)
    with entry.lock():
        if options.refresh:
            entry.clear()
        embeddings = _load_cached(entry) or _extract_parts(dataset, backbone, entry, options)
    if embeddings.left_out and not options.skip_bad_images:
        raise BadImages(dataset.id, [(name, "unreadable in an earlier run") for name in embeddings.left_out])
    return embeddings


def _load_cached(entry: CacheEntry) -> Embeddings | None:
    """The finished file; a damaged one is as good as none, since it can be computed again."""
    try:
        return load_embeddings(entry.path) if entry.path.exists() else None
    except LeaderboardError as error:
        announce(f"{error}; extracting again")
        entry.clear()
        return None


def extraction_entry(dataset: Dataset, backbone: Backbone) -> CacheEntry:
    """Where these embeddings are kept: by their inputs, and by the machine, whose last digits differ."""
    key = extraction_inputs(dataset, backbone) | {"environment": backbone.environment, "batch": backbone.batch_size}
    return cache_entry(key, model=backbone.spec.id, dataset=dataset.id)


def extraction_inputs(dataset: Dataset, backbone: Backbone) -> dict[str, Any]:
    """Everything that decides the vectors, but for the machine."""
    return {"model": backbone.inputs, "dataset": dataset.digest, "extraction": EXTRACTION_VERSION}


def embed_images(backbone: Backbone, paths: Sequence[Path], *, progress: str | None = None) -> np.ndarray:
    """Vectors (n, d) float32 of image files, without cache.

    Raises:
        BadImages: unreadable files.
    """
    bad: list[tuple[str, str]] = []
    vectors: list[np.ndarray] = []
    embed = Embedder(backbone)
    with tqdm(total=len(paths), desc=progress, unit="image", disable=True if progress is None else None) as bar:
        for batch in group(_read_ahead(backbone, [(str(path), path) for path in paths]), backbone.batch_size):
            bad += [(item.name, item.reason) for item in batch if isinstance(item, Unreadable)]
            vectors.append(embed(_readable(batch)))
            bar.update(len(batch))
    if bad:
        raise BadImages(backbone.spec.id, bad)
    return np.concatenate(vectors)


def _extract_parts(dataset: Dataset, backbone: Backbone, entry: CacheEntry, options: RunOptions) -> Embeddings:
    """Compute the parts that are not on disk yet, then join all into the finished file."""
    starts = range(0, len(dataset.files), PART)
    missing = [start for start in starts if not _is_finished(entry.part(start // PART), options)]
    names = [name for start in missing for name in dataset.files[start : start + PART]]
    stream = _read_ahead(backbone, [(name, dataset.root / name) for name in names])
    embed = Embedder(backbone)
    bad: list[tuple[str, str]] = []
    with tqdm(
        total=len(dataset.files),
        initial=len(dataset.files) - len(names),
        desc=f"{backbone.spec.id} on {dataset.id}",
        unit="image",
        disable=None,
    ) as bar:
        for start in missing:
            size = min(PART, len(dataset.files) - start)
            part = _compute_part(embed, stream, size, bar, skip=options.skip_bad_images, bad=bad)
            if not bad or options.skip_bad_images:
                save_embeddings(entry.part(start // PART), part)
    if bad and not options.skip_bad_images:
        raise BadImages(dataset.id, bad)
    return _join(dataset, backbone, entry, parts=len(starts))


def _is_finished(part: Path, options: RunOptions) -> bool:
    """A part with images left out does not serve a run that wants them all: that one has to say their reasons."""
    try:
        return part.exists() and (options.skip_bad_images or not load_part(part).left_out)
    except LeaderboardError:  # damaged: computed again, and replaced
        return False


def _compute_part(
    embed: Embedder,
    stream: Iterator[np.ndarray | Unreadable],
    size: int,
    bar: Any,
    *,
    skip: bool,
    bad: list[tuple[str, str]],
) -> Embeddings:
    """The next ``size`` images of the stream; once one is bad and none may be skipped, only look for more."""
    vectors, left_out = [], []
    for batch in group((next(stream) for _ in range(size)), embed.backbone.batch_size):
        unreadable = [item for item in batch if isinstance(item, Unreadable)]
        left_out += [item.name for item in unreadable]
        bad += [(item.name, item.reason) for item in unreadable]
        if skip or not bad:
            vectors.append(embed(_readable(batch)))
        bar.update(len(batch))
    joined = np.concatenate(vectors) if vectors else np.empty((0, embed.backbone.spec.dimension), np.float32)
    nothing = np.empty(0, np.int64)
    return Embeddings(joined, nothing, (), (), Provenance({}, {}), tuple(left_out))


def _join(dataset: Dataset, backbone: Backbone, entry: CacheEntry, *, parts: int) -> Embeddings:
    stored = [load_part(entry.part(index)) for index in range(parts)]
    left_out = tuple(name for part in stored for name in part.left_out)
    kept = [index for index, name in enumerate(dataset.files) if name not in set(left_out)]
    if not kept:
        raise LeaderboardError(f"{dataset.id}: none of its {len(dataset.files)} images can be read")
    labels = [dataset.labels[index] for index in kept] if dataset.labels else []
    embeddings = Embeddings(
        vectors=np.concatenate([part.vectors for part in stored]),
        labels=np.array(labels, dtype=np.int64),
        files=tuple(dataset.files[index] for index in kept),
        classes=dataset.classes,
        provenance=Provenance(extraction_inputs(dataset, backbone), backbone.environment),
        left_out=left_out,
    )
    try:
        check_embeddings(embeddings, f"{backbone.spec.id} on {dataset.id}")
    except LeaderboardError:
        entry.drop_parts()  # vectors that nobody may use are not worth keeping
        raise
    save_embeddings(entry.path, embeddings)
    entry.drop_parts()
    return embeddings


def _read_ahead(backbone: Backbone, items: Sequence[tuple[str, Path]]) -> Iterator[np.ndarray | Unreadable]:
    """Prepared images in order, a few batches of them in memory."""
    return map_ahead(partial(_prepare, backbone), items, BATCHES_AHEAD * backbone.batch_size)


def _prepare(backbone: Backbone, item: tuple[str, Path]) -> np.ndarray | Unreadable:
    name, path = item
    try:
        return backbone.prepare(load_image(path))
    except BadImage as error:
        return Unreadable(name, str(error))


def _readable(batch: Sequence[np.ndarray | Unreadable]) -> list[np.ndarray]:
    return [item for item in batch if not isinstance(item, Unreadable)]
