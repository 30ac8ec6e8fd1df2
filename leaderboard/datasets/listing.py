"""What is in a folder of images: the protocol's order, and one digest over all of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from leaderboard.errors import CheckFailed, LeaderboardError, printable
from leaderboard.images import SUFFIXES
from leaderboard.records import Dataset, DatasetSpec

SHOWN = 5  # differences listed by name in an error


def list_dataset(dataset_id: str, root: Path) -> Dataset:
    """List a folder: one subfolder per class, or images directly in it (then without labels).

    Files that are not images (``.DS_Store``, ``Thumbs.db``, notes) and hidden ones are passed over.

    Raises:
        LeaderboardError: no such folder, or no images in it.
    """
    if not root.is_dir():
        raise LeaderboardError(f"{root} is not a folder; give a folder of images, best with one subfolder per class")
    files = sorted((path.relative_to(root).as_posix() for path in _walk(root) if _is_image(path, root)), key=_order)
    if not files:
        raise LeaderboardError(f"{root} has no images ({', '.join(sorted(SUFFIXES))}), neither in it nor in subfolders")
    loose = [name for name in files if "/" not in name]
    if 0 < len(loose) < len(files):
        first = printable(loose[0])
        raise LeaderboardError(f"{root} has images both in class folders and beside them ({first}); move these away")
    return _describe(dataset_id, root, files, hash_files(root, files))


def list_manifest(dataset_id: str, root: Path, manifest: Mapping[str, str]) -> Dataset:
    """A data set of class folders as its manifest has it, whether or not the files are there."""
    return _describe(dataset_id, root, sorted(manifest, key=_order), manifest)


def _describe(dataset_id: str, root: Path, files: list[str], hashes: Mapping[str, str]) -> Dataset:
    classes = sorted({name.partition("/")[0] for name in files if "/" in name}, key=os.fsencode)
    index = {name: number for number, name in enumerate(classes)}
    labels = tuple(index[name.partition("/")[0]] for name in files) if classes else ()
    return Dataset(dataset_id, root, tuple(files), labels, tuple(classes), digest_of(hashes))


def _walk(root: Path) -> Iterator[Path]:
    """Every file below a folder, through links too, each folder once."""
    seen = {root.resolve()}
    for folder, below, names in os.walk(root, followlinks=True):
        here = Path(folder)
        below[:] = _choose_new(here, below, seen)
        yield from (here / name for name in names)


def _choose_new(folder: Path, names: list[str], seen: set[Path]) -> list[str]:
    """The subfolders that no path has led to yet; links come last, so that what they lead to keeps its own name."""
    chosen = []
    for name in sorted(names, key=lambda name: ((folder / name).is_symlink(), os.fsencode(name))):
        target = (folder / name).resolve()
        if target not in seen:
            seen.add(target)
            chosen.append(name)
    return chosen


def _is_image(path: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return path.suffix.lower() in SUFFIXES and not hidden and path.is_file()


def _order(name: str) -> tuple[bytes, bytes]:
    folder, _, rest = name.partition("/")
    return os.fsencode(folder), os.fsencode(rest)  # names that are no UTF-8 keep their bytes


def hash_files(root: Path, files: list[str]) -> dict[str, str]:
    """SHA-256 of each file, by its path."""
    return {name: hash_file(root / name) for name in files}


def hash_file(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of(hashes: Mapping[str, str]) -> str:
    """SHA-256 of the listing that ``sha256sum`` prints for the files sorted by path in byte order."""
    return hashlib.sha256(os.fsencode(format_manifest(hashes))).hexdigest()


def format_manifest(hashes: Mapping[str, str]) -> str:
    """``<sha256>  <path>`` per line, sorted by path in byte order."""
    return "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes, key=os.fsencode))


def parse_manifest(text: str) -> dict[str, str]:
    """The reverse of ``format_manifest``."""
    return {name: sha for sha, _, name in (line.partition("  ") for line in text.removesuffix("\n").split("\n"))}


def verify_dataset(dataset: Dataset, spec: DatasetSpec, manifest: Mapping[str, str] | None = None) -> None:
    """Hold a listing against its entry of datasets.yaml; without a digest there, by the counts alone.

    Raises:
        CheckFailed: what differs: counts, and with a manifest the files missing, added and changed.
    """
    if dataset.digest == spec.digest:
        return
    message = (
        f"{dataset.root} is not {spec.id}: {len(dataset.files)} images in {len(dataset.classes)} classes, "
        f"expected {spec.images} in {spec.classes}"
    )
    if spec.digest is not None:
        differences = _differences(dataset, manifest or {}) or f"digest {dataset.digest}, not {spec.digest}"
        raise CheckFailed(f"{message}; {differences}")
    if (len(dataset.files), len(dataset.classes)) != (spec.images, spec.classes):
        raise CheckFailed(message)


def _differences(dataset: Dataset, manifest: Mapping[str, str]) -> str:
    """By name; empty without a manifest, or when it is the manifest that does not fit the entry."""
    if not manifest:
        return ""
    found = hash_files(dataset.root, list(dataset.files))
    kinds = {
        "missing": sorted(manifest.keys() - found.keys()),
        "not part of it": sorted(found.keys() - manifest.keys()),
        "changed": sorted(name for name in found.keys() & manifest.keys() if found[name] != manifest[name]),
    }
    return "; ".join(f"{kind}: {_shortened(names)}" for kind, names in kinds.items() if names)


def _shortened(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
