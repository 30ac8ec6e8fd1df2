"""Data sets on disk: found, fetched or drawn, verified, listed in the protocol's order."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from leaderboard.datasets.archive import unpack
from leaderboard.datasets.hub import fetch_from_hub
from leaderboard.datasets.listing import hash_file, list_dataset, list_manifest, parse_manifest, verify_dataset
from leaderboard.download import announce, download
from leaderboard.errors import CheckFailed, Unavailable
from leaderboard.paths import cache_dir, data_dir, lock
from leaderboard.records import DEFAULT_OPTIONS, Dataset, DatasetSpec, RunOptions

DRAWING_VERSION = 1  # to be raised with any change in how synthetic.py draws, so that nobody keeps old images

__all__ = [
    "describe_absence",
    "find_dataset",
    "list_absent",
    "list_dataset",
    "list_manifest",
    "load_dataset",
    "load_manifest",
]


def find_dataset(spec: DatasetSpec) -> Path | None:
    """The folder of a data set, in ``$LEADERBOARD_DATA`` or in the cache, or None."""
    given = data_dir()  # raises when it names no folder
    candidates = [given / spec.id] if given else []
    candidates.append(_cached(spec))
    return next((folder for folder in candidates if folder.is_dir()), None)


def list_absent(specs: Iterable[DatasetSpec]) -> list[str]:
    """The data sets that are not here, and that only the user can place here."""
    return [spec.id for spec in specs if spec.kind == "folder" and not find_dataset(spec)]


def load_dataset(spec: DatasetSpec, options: RunOptions = DEFAULT_OPTIONS) -> Dataset:
    """List and verify a data set, fetching or drawing it first when it is not here.

    Raises:
        Unavailable: it is not here and cannot be had.
        CheckFailed: what is here is not what datasets.yaml says.
    """
    folder = find_dataset(spec) or _obtain(spec, options)
    return _verified(spec, folder, remedy="restore the files, or remove the folder to fetch it again")


def _verified(spec: DatasetSpec, folder: Path, *, remedy: str) -> Dataset:
    dataset = list_dataset(spec.id, folder)
    # Drawn images may differ with the libraries that draw: then cells are stale, which is no error.
    complete = (len(dataset.files), len(dataset.classes)) == (spec.images, spec.classes)
    if spec.kind == "synthetic" and complete:
        return dataset
    try:
        verify_dataset(dataset, spec, load_manifest(spec))
    except CheckFailed as error:
        raise CheckFailed(f"{error}; {remedy}") from None
    return dataset


def load_manifest(spec: DatasetSpec) -> dict[str, str] | None:
    """SHA-256 of each image by its path, as shipped with the package; None where nothing is."""
    if spec.manifest is None:
        return None
    return parse_manifest((Path(__file__).parent / spec.manifest).read_text(encoding="utf-8"))


def _cached(spec: DatasetSpec) -> Path:
    if spec.kind != "synthetic":
        return cache_dir() / "datasets" / spec.id
    name = f"{spec.id}.v{DRAWING_VERSION}.seed{spec.seed}.{spec.images_per_class}"
    return cache_dir() / "datasets" / name / spec.id


def _obtain(spec: DatasetSpec, options: RunOptions) -> Path:
    """Make the cached folder, once for all processes; it appears complete and verified, or not at all."""
    target = _cached(spec)
    target.parent.mkdir(parents=True, exist_ok=True)
    with lock(target):
        if target.is_dir():  # another process was faster
            return target
        with tempfile.TemporaryDirectory(prefix=f".{spec.id}.", dir=target.parent) as scratch:
            folder = Path(scratch) / spec.id
            _fill(spec, folder, options)
            _verified(
                spec, folder, remedy="nothing of it was kept; compare its source, counts and digest in datasets.yaml"
            )
            folder.rename(target)
    return target


def _fill(spec: DatasetSpec, folder: Path, options: RunOptions) -> None:
    if spec.kind == "synthetic":
        _draw(spec, folder)
    elif spec.kind == "folder" or options.offline:
        raise Unavailable(describe_absence(spec, offline=options.offline), "not found")
    elif spec.kind == "hub":
        announce(f"{spec.id}: fetching {spec.download or 'it'} from {spec.hub} on the Hub")
        fetch_from_hub(spec, folder, options)
    else:
        _fetch_archive(spec, folder, options)


def describe_absence(spec: DatasetSpec, *, offline: bool = False) -> str:
    """One line for a data set that is not here: where it is from, where it belongs, and what is expected there."""
    why = "it has no download" if spec.kind == "folder" else "offline" if offline else "not fetched yet"
    paper = f" (doi {spec.paper})" if spec.paper else ""
    origin = f"get it from {spec.origin}{paper} and " if spec.origin else ""
    given = data_dir()
    place = f"{given / spec.id}/" if given else f"$LEADERBOARD_DATA/{spec.id}/"
    doubts = f"; its {' and '.join(spec.unverified)} were not verified" if spec.unverified else ""
    return (
        f"data set {spec.id} is not here ({why}); {origin}place it in {place}, one subfolder per class, "
        f"{spec.images} images in {spec.classes} classes{doubts}"
    )


def _draw(spec: DatasetSpec, folder: Path) -> None:
    from leaderboard.datasets.synthetic import save_synthetic

    assert spec.seed is not None  # the registry checked both
    assert spec.images_per_class is not None
    announce(f"{spec.id}: drawing {spec.images} images into {_cached(spec)}")
    save_synthetic(folder, seed=spec.seed, images_per_class=spec.images_per_class)


def _fetch_archive(spec: DatasetSpec, folder: Path, options: RunOptions) -> None:
    assert spec.url is not None  # the registry checked it
    archive = cache_dir() / "downloads" / f"{spec.id}-{Path(spec.url).name}"
    if not archive.exists():
        announce(f"{spec.id}: fetching {spec.download} from {spec.url}")
        download(spec.url, archive, patience=options.hub_timeout)
    _check_archive(archive, spec)
    unpack(archive, folder, subfolder=spec.subfolder or "")
    archive.unlink()


def _check_archive(archive: Path, spec: DatasetSpec) -> None:
    """Before anything of it is unpacked; another file than the declared one does not stay."""
    found = hash_file(archive)
    if spec.sha256 not in (None, found):
        archive.unlink()
        raise CheckFailed(
            f"{spec.url} came with sha256 {found}, expected {spec.sha256}; removed: what is there has changed, or the "
            "network changes it: compare, then correct the entry's sha256"
        )
