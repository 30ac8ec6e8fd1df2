"""Where images and shards lie: one way to read and write, on a disk as on whatever else fsspec knows.

Addresses are paths, or URLs such as ``s3://bucket/slides``. How a service is reached (endpoint, account) is left to its
own environment variables, and to fsspec's ``FSSPEC_<PROTOCOL>_<OPTION>``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from leaderboard.errors import LeaderboardError, Unavailable, first_line, printable
from leaderboard.paths import replacing

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

T = TypeVar("T")
ATTEMPTS = 6  # at what a network may fail at
FIRST_PAUSE = 0.5  # seconds before the second attempt; each further pause is twice as long, 15 s together
PATIENCE = 30.0  # seconds after which there is no other attempt: clients have a patience of their own
FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)  # trying again does not help
NO_ADDRESS = ("ParamValidationError",)  # nor where the name of a bucket or file is none
NO_ACCOUNT = ("NoCredentialsError", "DefaultCredentialsError")  # nor here, by the names that clients give it
PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
# Else s3fs asks for the size of every file before it reads it, to read large ones in pieces.
OPTIONS: dict[str, dict[str, Any]] = {"s3": {"max_concurrency": 1}, "s3a": {"max_concurrency": 1}}


def locate(address: str) -> tuple[AbstractFileSystem, str]:
    """The filesystem of an address, and the path on it; a ``::`` in a name is part of the name.

    Raises:
        Unavailable: a package is not installed.
        LeaderboardError: a kind of address that fsspec does not know.
    """
    try:
        import fsspec
    except ModuleNotFoundError:
        raise Unavailable("large collections need fsspec; `pip install 'fossil-leaderboard[shards]'`") from None
    protocol = address.partition("://")[0] if "://" in address else "file"
    if protocol in OPTIONS:  # each patient with the other, its client and s3fs would go on for minutes
        os.environ.setdefault("AWS_MAX_ATTEMPTS", "1")
    try:
        filesystem = fsspec.filesystem(protocol, **OPTIONS.get(protocol, {}))
    except ImportError:
        package = PACKAGES.get(protocol, f"the fsspec package for {protocol}")
        raise Unavailable(f"{address} needs {package}, which is not installed; `pip install {package}`") from None
    except ValueError:
        raise LeaderboardError(f"{address}: {protocol}:// is unknown; give a path, file://, s3:// or gs://") from None
    return filesystem, str(filesystem._strip_protocol(address))


def local_path(address: str) -> Path | None:
    """The path of an address on this machine's disks; None for one elsewhere."""
    if "://" not in address:
        return Path(address)
    return Path(address.removeprefix("file://")) if address.startswith("file://") else None


def patiently(attempt: Callable[[], T]) -> T:
    """Do what a network may fail at, again and again with longer pauses.

    Raises:
        OSError: of the last attempt, or at once where another one cannot help. Clients' own errors become one.
        ValueError: what was asked for has a name that the service cannot have.
    """
    begun, pause = time.monotonic(), FIRST_PAUSE
    for number in range(1, ATTEMPTS + 1):
        try:
            return attempt()
        except Exception as error:  # each service's client has errors of its own
            if type(error).__name__ in NO_ADDRESS:
                raise ValueError(" ".join(str(error).split())) from None
            is_late = number == ATTEMPTS or time.monotonic() - begun > PATIENCE
            if is_late or isinstance(error, FINAL) or type(error).__name__ in NO_ACCOUNT:
                raise as_os_error(error) from None
        time.sleep(pause)
        pause *= 2
    raise AssertionError("the last attempt returns or raises")


def as_os_error(error: Exception) -> OSError:
    """What a client says, as those that call know it."""
    if isinstance(error, OSError):
        return error
    kind = PermissionError if type(error).__name__ in NO_ACCOUNT else ConnectionError
    return kind(f"{type(error).__name__}: {first_line(error)}")


def read_bytes(address: str, start: int | None = None, end: int | None = None) -> bytes:
    """A file, or its bytes from ``start`` to before ``end``.

    Raises:
        OSError: it is not there, may not be read, or cannot be had in spite of several attempts.
    """
    local = local_path(address)
    if local is not None:
        with local.open("rb") as stream:
            stream.seek(start or 0)
            return stream.read(-1 if end is None else end - (start or 0))
    filesystem, path = locate(address)
    return bytes(patiently(lambda: filesystem.cat_file(path, start=start, end=end)))


def exists(address: str) -> bool:
    """Whether there is a file or folder, asked of the service itself.

    Raises:
        OSError: it does not answer, or refuses to.
    """
    local = local_path(address)
    if local is not None:
        return local.exists()
    filesystem, path = locate(address)
    filesystem.invalidate_cache()
    try:
        return bool(patiently(lambda: filesystem.info(path)))
    except FileNotFoundError:
        return False


def list_remote(address: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What lies in a folder of a service, asked of the service itself: names, and what fsspec knows of each.

    Raises:
        FileNotFoundError: there is no such folder.
        OSError: it does not answer, or refuses to.
    """
    filesystem, path = locate(address)
    filesystem.invalidate_cache()
    for entry in patiently(lambda: filesystem.ls(path, detail=True)):
        name = str(entry["name"]).rstrip("/")
        if name != path.rstrip("/"):  # some services list a folder as its own first entry
            yield name.rpartition("/")[2], entry
    filesystem.invalidate_cache()  # which keeps every entry of every folder


@dataclass(frozen=True)
class Folder:
    """A folder that is written to, on a disk or elsewhere; every file in it is whole, or not there."""

    address: str

    def __str__(self) -> str:
        return printable(self.address)

    def at(self, name: str) -> str:
        """The address of a file in it."""
        return f"{self.address.rstrip('/')}/{name}"

    def read(self, name: str) -> bytes:
        """A file's bytes.

        Raises:
            OSError: as ``read_bytes``.
        """
        return read_bytes(self.at(name))

    def names(self) -> list[str]:
        """What lies in it, folders too; nothing where it is not there.

        Raises:
            OSError: it is no folder, or cannot be listed.
        """
        local = local_path(self.address)
        if local is not None:
            return [path.name for path in local.iterdir()] if local.exists() else []
        try:
            return [name for name, _ in list_remote(self.address)]
        except FileNotFoundError:
            return []

    def write(self, name: str, content: bytes) -> None:
        """Put a file there at once: renamed into place on a disk, a single upload elsewhere.

        Raises:
            OSError: no space left, no permission, no connection.
        """
        local = local_path(self.at(name))
        if local is not None:
            with replacing(local, sweep=False) as temporary:  # among a million files; see ``sweep``
                temporary.write_bytes(content)
            return
        filesystem, path = locate(self.at(name))
        patiently(lambda: filesystem.pipe_file(path, content))

    def remove(self, name: str) -> None:
        """Take a file away, if it is there.

        Raises:
            OSError: it cannot be.
        """
        local = local_path(self.at(name))
        if local is not None:
            local.unlink(missing_ok=True)
        elif exists(self.at(name)):
            filesystem, path = locate(self.at(name))
            patiently(lambda: filesystem.rm_file(path))

    def sweep(self, folders: Iterable[str]) -> None:
        """Take away what killed writers have left half done in these subfolders; services keep nothing of that sort.

        Raises:
            OSError: it cannot be.
        """
        for below in folders:
            local = local_path(self.at(below))
            for left in local.glob(".*.tmp") if local is not None else ():
                left.unlink(missing_ok=True)

    def sizes(self, below: str) -> dict[str, int]:
        """Name and size in bytes of the files in a subfolder, hidden ones aside; none where there is no such folder.

        Raises:
            OSError: it cannot be listed.
        """
        local = local_path(self.at(below))
        if local is not None:
            found = local.iterdir() if local.is_dir() else ()
            return {path.name: path.stat().st_size for path in found if not path.name.startswith(".")}
        try:
            return {name: int(entry["size"]) for name, entry in list_remote(self.at(below))}
        except FileNotFoundError:
            return {}
