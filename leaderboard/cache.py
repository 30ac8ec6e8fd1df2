"""Embeddings <-> files, each with its provenance in the header, and the cache of finished and half-done extractions."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from leaderboard.errors import LeaderboardError
from leaderboard.paths import cache_dir, lock, replacing
from leaderboard.records import Embeddings, Provenance

FORMAT = "leaderboard-embeddings-1"


def save_embeddings(path: Path, embeddings: Embeddings) -> None:
    """Write a .safetensors file, or an .npz with ``F``, ``L``, ``files``, ``classes`` by the name's ending."""
    check_suffix(path)
    with replacing(path) as temporary:
        _SAVE[path.suffix](temporary, embeddings)


def check_suffix(path: Path) -> None:
    """Refuse a file name whose format is unknown, before any work is done for it."""
    if path.suffix not in _SAVE:
        raise LeaderboardError(f"{path} ends in {path.suffix or 'nothing'!r}; expected .safetensors or .npz")


def load_embeddings(path: Path) -> Embeddings:
    """Read what ``save_embeddings`` wrote, or any .npz with ``F`` (n, d), ``L`` (n,), optional files and classes.

    Raises:
        LeaderboardError: no such file, not such a file, or arrays that do not fit together.
    """
    if not path.is_file():
        raise LeaderboardError(f"{path} does not exist; make it with `leaderboard embed ... --out {path.name}`")
    return check_embeddings(_load(path), str(path))


def load_part(path: Path) -> Embeddings:
    """Read a part; it may be empty when all its images were left out."""
    return _load(path)


def _load(path: Path) -> Embeddings:
    try:
        return _load_npz(path) if path.suffix == ".npz" else _load_safetensors(path)
    except Exception as error:  # foreign bytes break the readers of numpy, zipfile and safetensors in many ways
        raise LeaderboardError(
            f"{path} is no embeddings file ({error}); expected our .safetensors, or an .npz with F (n, d) and L (n)"
        ) from None


def check_embeddings(embeddings: Embeddings, where: str) -> Embeddings:
    """The embeddings, if they are (n, d), finite and fit their labels and names.

    Raises:
        LeaderboardError: what does not fit, and where.
    """
    vectors, labels, files = embeddings.vectors, embeddings.labels, embeddings.files
    if vectors.ndim != 2 or 0 in vectors.shape:
        raise LeaderboardError(f"{where}: embeddings of shape {vectors.shape}; expected n x d, at least 1 x 1")
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise LeaderboardError(f"{where}: labels of shape {labels.shape}, {labels.dtype}; expected n whole numbers")
    broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(broken):
        first = files[broken[0]] if files else f"row {broken[0]}"
        raise LeaderboardError(f"{where}: {len(broken)} of {len(vectors)} vectors are NaN or infinite, first {first}")
    if len(labels) not in (0, len(vectors)) or len(files) not in (0, len(vectors)):
        raise LeaderboardError(f"{where}: {len(vectors)} vectors, {len(labels)} labels, {len(files)} file names")
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(embeddings.classes):
        raise LeaderboardError(f"{where}: labels {labels.min()}..{labels.max()} for {len(embeddings.classes)} classes")
    return embeddings


def check_distinct(embeddings: Embeddings, where: str) -> None:
    """Refuse embeddings that cannot tell any two images apart."""
    if len(np.unique(embeddings.vectors, axis=0)) < 2:
        raise LeaderboardError(f"{where}: all {len(embeddings.vectors)} vectors are the same; the model has collapsed")


@dataclass(frozen=True)
class CacheEntry:
    """The place of one extraction: a finished file, and a folder of finished parts until then."""

    path: Path

    @property
    def parts(self) -> Path:
        """Folder of the parts that an interrupted run leaves."""
        return self.path.with_suffix(".parts")

    def part(self, index: int) -> Path:
        """File of one part."""
        return self.parts / f"{index:06d}.safetensors"

    def lock(self) -> Any:
        """Held while extracting: a second run of the same waits, then reads."""
        return lock(self.path)

    def clear(self) -> None:
        """Forget everything stored here."""
        self.path.unlink(missing_ok=True)
        self.drop_parts()

    def drop_parts(self) -> None:
        """Remove the parts, once they are joined or unwanted."""
        shutil.rmtree(self.parts, ignore_errors=True)


def cache_entry(key: Mapping[str, Any], *, model: str, dataset: str) -> CacheEntry:
    """The entry for everything that changes the numbers; names are for people, the digest decides."""
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:20]
    return CacheEntry(cache_dir() / "embeddings" / f"{model}.{dataset[:40]}.{digest}.safetensors")


def _save_safetensors(path: Path, embeddings: Embeddings) -> None:
    described = {
        "files": embeddings.files,
        "classes": embeddings.classes,
        "left_out": embeddings.left_out,
        "inputs": embeddings.provenance.inputs,
        "environment": embeddings.provenance.environment,
    }
    header = {"format": FORMAT} | {name: json.dumps(value, sort_keys=True) for name, value in described.items()}
    save_file({"vectors": embeddings.vectors, "labels": embeddings.labels}, path, metadata=header)


def _load_safetensors(path: Path) -> Embeddings:
    with safe_open(path, framework="numpy") as stored:
        header = stored.metadata() or {}
        if header.get("format") != FORMAT:
            raise ValueError(f"its header does not say {FORMAT}")
        described = {name: json.loads(value) for name, value in header.items() if name != "format"}
        return Embeddings(
            vectors=stored.get_tensor("vectors"),
            labels=stored.get_tensor("labels"),
            files=tuple(described["files"]),
            classes=tuple(described["classes"]),
            left_out=tuple(described["left_out"]),
            provenance=Provenance(described["inputs"], described["environment"]),
        )


def _save_npz(path: Path, embeddings: Embeddings) -> None:
    arrays = {"F": embeddings.vectors, "L": embeddings.labels}
    names = {"files": np.array(embeddings.files, dtype=str), "classes": np.array(embeddings.classes, dtype=str)}
    with path.open("wb") as stream:
        np.savez(stream, **arrays, **names)  # type: ignore[arg-type]  # the stubs miss keyword arrays


def _load_npz(path: Path) -> Embeddings:
    if not is_zipfile(path):
        raise ValueError("not a zip archive")
    with np.load(path, allow_pickle=False) as stored:
        vectors, labels = np.asarray(stored["F"], dtype=np.float32), np.asarray(stored["L"])
        files = tuple(map(str, stored["files"])) if "files" in stored else ()
        given = tuple(map(str, stored["classes"])) if "classes" in stored else None
    if given is None:  # any labels will do: numbers or names
        found, labels = np.unique(labels, return_inverse=True)
        given = tuple(map(str, found))
    elif labels.dtype.kind not in "iuf" or (labels != labels.astype(np.int64)).any():
        raise ValueError("L has to index classes: whole numbers from 0")
    provenance = Provenance({"file": path.name}, {})
    return Embeddings(vectors, labels.astype(np.int64), files, given, provenance)


_SAVE = {".safetensors": _save_safetensors, ".npz": _save_npz}
