"""One source of an entry -> a verified file of weights on this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from leaderboard.backbones import CHECKPOINTS
from leaderboard.backbones._hub import Choice, fetch_snapshot
from leaderboard.datasets.listing import hash_file
from leaderboard.download import announce, download
from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.paths import cache_dir, lock, waiting
from leaderboard.records import RunOptions, Source


@dataclass(frozen=True)
class WeightFile:
    """A file of weights on this machine, and exactly which one it is."""

    path: Path
    source: Source
    revision: str | None
    sha256: str

    @property
    def identity(self) -> dict[str, object]:
        """What the provenance says of it."""
        name = f"{self.source.kind}:{self.source.name}"
        file = self.source.file or self.path.name
        place = {"source": name, "revision": self.revision, "file": file, "sha256": self.sha256}
        return place | self.source.reading


def locate_file(
    source: Source, options: RunOptions, *, default: Choice = CHECKPOINTS, beside: Sequence[str] = ()
) -> WeightFile:
    """Find or fetch the one file of a source, and hold it against the declared sha256.

    Args:
        source: where it is.
        options: how long to wait, and whether to fetch at all.
        default: its possible names when the source has no ``file``, the best one first.
        beside: files that come along from a Hub repository.

    Raises:
        Unavailable: it cannot be had.
        LeaderboardError: it is another file than the entry declares.
    """
    names = (source.file,) if source.file else default
    path, revision = _LOCATORS[source.kind](source, options, names, beside)
    found = hash_file(path)
    if source.sha256 is not None and found != source.sha256:
        raise LeaderboardError(
            f"{source}: {path.name} has sha256 {found}, the entry declares {source.sha256}; "
            "remove the file and fetch it again, or correct the entry"
        )
    return WeightFile(path, source, revision, found)


Found = tuple[Path, str | None]  # the file, and the revision that it is of


def _locate_in_hub(source: Source, options: RunOptions, names: Choice, beside: Sequence[str]) -> Found:
    snapshot = fetch_snapshot(source, [names, *((name,) for name in beside)], options)
    return snapshot.folder / snapshot.files[0], snapshot.commit


def _locate_at_url(source: Source, options: RunOptions, names: Choice, beside: Sequence[str]) -> Found:
    """Fetched once; a file with another digest than the declared one is fetched again once, then refused."""
    folder = hashlib.sha256(source.name.encode()).hexdigest()[:16]
    target = cache_dir() / "weights" / folder / source.name.rpartition("/")[2]
    with waiting(lock(target), target.parent, options.hub_timeout):
        for _ in range(2):
            if not target.exists():
                _download(source, target, options)
            if source.sha256 in (None, found := hash_file(target)):
                return target, None
            if options.offline:
                raise Unavailable(
                    f"{source}: {target.name} is damaged in the cache; run once without --offline", "corrupt"
                )
            target.unlink()
    raise Unavailable(
        f"{source} came with sha256 {found}, expected {source.sha256}; what is there has changed, or the network "
        "changes it: compare, then correct the entry's sha256",
        "corrupt",
    )


def _download(source: Source, target: Path, options: RunOptions) -> None:
    if options.offline:
        raise Unavailable(f"{source} was not fetched before, and this run is offline")
    announce(f"fetching {source.name}")
    if source.sha256 is None:  # nothing would tell that the rest of today is of another file than an older part
        target.with_name(f"{target.name}.part").unlink(missing_ok=True)
    download(source.name, target, patience=options.hub_timeout)


def _locate_in_package(source: Source, options: RunOptions, names: Choice, beside: Sequence[str]) -> Found:
    try:
        package = distribution(source.name)
    except PackageNotFoundError:
        message = f"PyPI package {source.name} is not installed; `pip install {source.name}`"
        raise Unavailable(message, "not found") from None
    path = Path(str(package.locate_file(source.file or "")))
    if not path.is_file():
        raise LeaderboardError(f"{source.name} {package.version} has no file {source.file}; correct the entry")
    return path, package.version


def _locate_on_disk(source: Source, options: RunOptions, names: Choice, beside: Sequence[str]) -> Found:
    """The path itself, or the file in the folder that it names."""
    place = Path(source.name).expanduser()
    candidates = [place / name for name in names] if source.file or place.is_dir() else [place]
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        missing = " nor ".join(str(path) for path in candidates)
        raise Unavailable(f"{missing} does not exist; place the weights there or correct the entry's path", "not found")
    return path, None


_LOCATORS: dict[str, Callable[[Source, RunOptions, Choice, Sequence[str]], Found]] = {
    "hub": _locate_in_hub,
    "url": _locate_at_url,
    "package": _locate_in_package,
    "path": _locate_on_disk,
}
