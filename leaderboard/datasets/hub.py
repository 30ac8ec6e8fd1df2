"""A data set from a Hub repository: images in class folders, or one archive of them."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path, PurePosixPath

from leaderboard.datasets.archive import path_below, unpack
from leaderboard.errors import Unavailable
from leaderboard.images import SUFFIXES
from leaderboard.records import DatasetSpec, RunOptions, Source


def fetch_from_hub(spec: DatasetSpec, folder: Path, options: RunOptions) -> None:
    """Fill ``folder`` with the images of the entry's repository, at its revision.

    Raises:
        Unavailable: gated, private, not found, unreachable or corrupt, without images, or no client is installed.
        CheckFailed: the archive is not sound.
    """
    assert spec.hub is not None  # the registry checked it
    source = Source("hub", spec.hub, file=spec.file, revision=spec.revision, repository="dataset")
    try:
        if spec.file is None:
            _fetch_images(source, folder, options, subfolder=spec.subfolder or "")
        else:
            _fetch_archive(source, spec.file, folder, options, subfolder=spec.subfolder or "")
    except ModuleNotFoundError as error:
        reason = f"it needs {error.name}, which is not installed; `pip install 'fossil-leaderboard[networks]'`"
        raise Unavailable(reason, "not found") from None


def _fetch_archive(source: Source, file: str, folder: Path, options: RunOptions, *, subfolder: str) -> None:
    from leaderboard.backbones._hub import fetch_snapshot

    snapshot = fetch_snapshot(source, [(file,)], options)
    unpack(snapshot.folder / file, folder, subfolder=subfolder)


def _fetch_images(source: Source, folder: Path, options: RunOptions, *, subfolder: str) -> None:
    """Every image below the subfolder, one request each: a large set is better kept as one archive."""
    from huggingface_hub import constants

    from leaderboard.backbones._hub import fetch_snapshot, resolve
    from leaderboard.backbones._patience import patient

    if constants.HF_HUB_OFFLINE:
        raise Unavailable(f"{source} was not fetched before, and HF_HUB_OFFLINE is set; unset it")
    with patient(options.hub_timeout):
        listing = resolve(source)
    places = {name: path_below(name, subfolder) for name in listing.digests}
    wanted = {name: inside for name, inside in places.items() if inside and _is_image(inside)}
    if not wanted:
        raise Unavailable(f"{source} has no images below {subfolder or 'its root'}; check the entry", "not found")
    snapshot = fetch_snapshot(replace(source, revision=listing.commit), [(name,) for name in wanted], options)
    for name, inside in wanted.items():
        target = folder / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        _link(snapshot.folder / name, target)


def _is_image(inside: PurePosixPath) -> bool:
    return inside.suffix.lower() in SUFFIXES and ".." not in inside.parts


def _link(path: Path, target: Path) -> None:
    """A second name for a cached file; a copy where the cache is on another disk."""
    whole = path.resolve()
    try:
        os.link(whole, target)
    except OSError:
        shutil.copyfile(whole, target)
