"""A folder of images as it was found, and the file that keeps it, so that a report can be made again without images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from leaderboard.errors import LeaderboardError
from leaderboard.paths import replacing
from leaderboard.report.duplicates import Pair

FORMAT = "leaderboard-collection-1"


@dataclass(frozen=True)
class Collection:
    """A folder of images. Indices count the readable images, in the order of the listing."""

    dataset: str  # name of the folder
    files: tuple[str, ...]  # n readable images, relative to the folder
    labels: np.ndarray  # (n,) int64, index into classes; empty when unlabelled
    classes: tuple[str, ...]
    sizes: np.ndarray  # (n, 2) int64: width and height, pixels
    pixel_digests: tuple[str, ...]  # SHA-256 of the decoded picture, 64 hexadecimal digits
    thumbnails: Mapping[int, bytes]  # index -> JPEG
    bad: Mapping[str, str]  # unreadable file -> reason
    exact_duplicates: tuple[tuple[int, ...], ...]  # groups with the same pixels
    near_duplicates: tuple[Pair, ...]  # (i < j, similarity); a group of exact copies is there by its first image


def save_collection(path: Path, collection: Collection, **extra: np.ndarray) -> None:
    """Write a .safetensors file: arrays and thumbnails as tensors, names as JSON in its header.

    Args:
        path: of the file; the ending must be .safetensors.
        collection: what is written.
        extra: further arrays, for ``read_with``.

    Raises:
        LeaderboardError: another ending.
    """
    if path.suffix != ".safetensors":
        raise LeaderboardError(f"{path} ends in {path.suffix or 'nothing'!r}; expected .safetensors")
    header = {"format": FORMAT} | {name: json.dumps(value) for name, value in _names(collection).items()}
    with replacing(path) as temporary:
        save_file(_tensors(collection) | extra, temporary, metadata=header)


def load_collection(path: Path) -> Collection:
    """Read what ``save_collection`` wrote.

    Raises:
        LeaderboardError: no such file, or not such a file.
    """
    return read_with(path)[0]


def read_with(path: Path) -> tuple[Collection, Mapping[str, np.ndarray]]:
    """The collection, and all arrays of its file; raises as ``load_collection`` does."""
    if not path.is_file():
        raise LeaderboardError(f"{path} does not exist; expected a file that `leaderboard report` wrote")
    try:
        with safe_open(path, framework="numpy") as stored:
            header = stored.metadata() or {}
            if header.get("format") != FORMAT:
                raise ValueError(f"its header does not say {FORMAT}")
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118  # no mapping
        names = {name: json.loads(value) for name, value in header.items() if name != "format"}
        return _restore(names, tensors), tensors
    except Exception as error:  # foreign bytes break the reader in many ways
        raise LeaderboardError(
            f"{path} is no collection file ({error}); let `leaderboard report` write it again"
        ) from None


def _names(collection: Collection) -> dict[str, Any]:
    return {
        "dataset": collection.dataset,
        "files": collection.files,
        "classes": collection.classes,
        "bad": dict(collection.bad),
        "exact": collection.exact_duplicates,
    }


def _tensors(collection: Collection) -> dict[str, np.ndarray]:
    pictures = collection.thumbnails
    return {
        "labels": collection.labels,
        "sizes": collection.sizes,
        "digests": np.frombuffer(bytes.fromhex("".join(collection.pixel_digests)), np.uint8).reshape(-1, 32),
        "shown": np.array(list(pictures), np.int64),
        "shown_bytes": np.array([len(data) for data in pictures.values()], np.int64),
        "thumbnails": np.frombuffer(b"".join(pictures.values()), np.uint8),
        "near": np.array([pair[:2] for pair in collection.near_duplicates], np.int64).reshape(-1, 2),
        "similarity": np.array([pair[2] for pair in collection.near_duplicates], np.float64),
    }


def _restore(names: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> Collection:
    ends = np.cumsum(tensors["shown_bytes"])
    pictures = zip(tensors["shown"].tolist(), (ends - tensors["shown_bytes"]).tolist(), ends.tolist(), strict=True)
    whole = tensors["thumbnails"].tobytes()
    near = zip(tensors["near"].tolist(), tensors["similarity"].tolist(), strict=True)
    return Collection(
        dataset=names["dataset"],
        files=tuple(names["files"]),
        labels=tensors["labels"],
        classes=tuple(names["classes"]),
        sizes=tensors["sizes"],
        pixel_digests=tuple(row.tobytes().hex() for row in tensors["digests"]),
        thumbnails={index: whole[start:end] for index, start, end in pictures},
        bad=names["bad"],
        exact_duplicates=tuple(map(tuple, names["exact"])),
        near_duplicates=tuple((i, j, similarity) for (i, j), similarity in near),
    )
