"""From an entry's sources to a verified file of weights: the first one that can be had."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TypeVar

from leaderboard.datasets.listing import hash_file
from leaderboard.errors import LeaderboardError, Unavailable
from leaderboard.records import ModelSpec, Source

T = TypeVar("T")


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
        return {"source": name, "revision": self.revision, "file": self.path.name, "sha256": self.sha256}


def first_available(spec: ModelSpec, load: Callable[[Source], T]) -> T:
    """``load`` the first source that can be had.

    Raises:
        Unavailable: none can; with the reason of each.
    """
    reasons = []
    for source in spec.sources:
        try:
            return load(source)
        except Unavailable as error:
            reasons.append(str(error))
    raise Unavailable(f"model {spec.id}: " + "; ".join(reasons))


def locate_file(source: Source, *, offline: bool, beside: Sequence[str] = ()) -> WeightFile:
    """Find or fetch the one file of a source, and hold it against the declared sha256.

    From a Hub repository the files named in ``beside`` come along.

    Raises:
        Unavailable: it cannot be had.
        LeaderboardError: it is another file than the entry declares.
    """
    path, revision = _LOCATORS[source.kind](source, offline, beside)
    found = hash_file(path)
    if source.sha256 is not None and found != source.sha256:
        raise LeaderboardError(
            f"{source}: {path.name} has sha256 {found}, the entry declares {source.sha256}; "
            "remove the file and fetch it again, or correct the entry"
        )
    return WeightFile(path, source, revision, found)


def _locate_in_hub(source: Source, offline: bool, beside: Sequence[str]) -> tuple[Path, str | None]:
    from leaderboard.backbones._hub import fetch_snapshot

    name = source.file or "model.safetensors"
    folder, revision = fetch_snapshot(source, [name, *beside], offline=offline)
    return folder / name, revision


def _locate_in_package(source: Source, offline: bool, beside: Sequence[str]) -> tuple[Path, str | None]:
    try:
        package = distribution(source.name)
    except PackageNotFoundError:
        raise Unavailable(f"PyPI package {source.name} is not installed; `pip install {source.name}`") from None
    path = Path(str(package.locate_file(source.file or "")))
    if not path.is_file():
        raise LeaderboardError(f"{source.name} {package.version} has no file {source.file}; correct the entry")
    return path, package.version


def _locate_on_disk(source: Source, offline: bool, beside: Sequence[str]) -> tuple[Path, str | None]:
    path = Path(source.name).expanduser() / (source.file or "")
    if not path.is_file():
        raise Unavailable(f"{path} does not exist; place the weights there or correct the entry's path")
    return path, None


_LOCATORS: dict[str, Callable[[Source, bool, Sequence[str]], tuple[Path, str | None]]] = {
    "hub": _locate_in_hub,
    "package": _locate_in_package,
    "path": _locate_on_disk,
}
