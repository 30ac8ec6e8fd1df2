"""Unpack an archive of images (tar or zip), without escapes."""

from __future__ import annotations

import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from leaderboard.errors import CheckFailed, Unavailable
from leaderboard.images import SUFFIXES

MAX_FILE_BYTES = 1 << 28  # of one unpacked file
MAX_BYTES = 1 << 36  # of all of them: ten times the largest set that we know
ANY = "*"  # in a subfolder: a folder of whatever name


class Unsound(Exception):
    """An archive that holds no images, or would do harm."""


DAMAGE = (  # what reading a damaged or hostile archive raises
    *(Unsound, tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError),
    *(NotADirectoryError, IsADirectoryError, FileExistsError),  # a name that is both file and folder
    *(RuntimeError, NotImplementedError),  # zip: encrypted, or compressed in a way that nobody here knows
)


@dataclass(frozen=True)
class Member:
    """A regular file in an archive."""

    name: str
    size: int  # bytes, unpacked
    open: Callable[[], IO[bytes] | None]


def unpack(archive: Path, folder: Path, *, subfolder: str = "") -> None:
    """Unpack the images of a tar or zip archive into ``folder``.

    Only regular files with an image suffix are taken, each to the place that its name gives inside ``folder``.

    Args:
        archive: the file; what it is, its first bytes tell.
        folder: where the images go, made when there are some.
        subfolder: of the archive, with the class folders; ``*`` in it is a folder of any name. Empty: its root.

    Raises:
        CheckFailed: no images there; or not an archive, more bytes than images have, a name that comes twice or
            would leave the folder: then the archive is removed, so that the next run fetches it again.
        Unavailable: the folder cannot be written.
    """
    try:
        _unpack_images(archive, folder, subfolder)
    except DAMAGE as error:
        archive.unlink(missing_ok=True)
        reason = str(error).partition("\n")[0].rstrip(":")
        raise CheckFailed(f"{archive.name} is no sound archive of images ({reason}); removed, run again") from None
    except OSError as error:
        raise Unavailable(f"{archive.name} cannot be unpacked ({error}); mend that, then run again") from None


def _unpack_images(archive: Path, folder: Path, subfolder: str) -> None:
    unpacked = 0
    for member in _members(archive):
        inside = path_below(member.name, subfolder)
        if inside is None or inside.suffix.lower() not in SUFFIXES:
            continue
        unpacked += member.size
        _check_size(member, unpacked)
        _copy(member, _place(folder, inside))
    if not folder.is_dir():
        place = subfolder or "its root"
        raise CheckFailed(
            f"{archive.name} has no images below {place}; correct the subfolder, or remove {archive} to fetch it again"
        )


def _check_size(member: Member, unpacked: int) -> None:
    if member.size > MAX_FILE_BYTES:
        raise Unsound(f"{member.name} unpacks to {member.size:,} bytes, above {MAX_FILE_BYTES:,}")
    if unpacked > MAX_BYTES:
        raise Unsound(f"it unpacks to more than {MAX_BYTES:,} bytes")


def _members(archive: Path) -> Iterator[Member]:
    """The regular files of an archive, in its order: neither links nor devices."""
    with archive.open("rb") as stream:
        is_zip = stream.read(2) == b"PK"
    return _zip_members(archive) if is_zip else _tar_members(archive)


def _tar_members(archive: Path) -> Iterator[Member]:
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isreg():
                yield Member(member.name, member.size, partial(tar.extractfile, member))


def _zip_members(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)  # 0 when it was packed where files have no kind
            if not member.is_dir() and kind in (0, stat.S_IFREG):
                yield Member(member.filename, member.file_size, partial(opened.open, member))


def path_below(name: str, subfolder: str) -> PurePosixPath | None:
    """The path relative to the subfolder of an archive or a repository, or None outside it."""
    parts, wanted = PurePosixPath(name).parts, PurePosixPath(subfolder).parts
    if len(parts) <= len(wanted) or any(want not in (ANY, part) for want, part in zip(wanted, parts, strict=False)):
        return None
    return PurePosixPath(*parts[len(wanted) :])


def _place(folder: Path, inside: PurePosixPath) -> Path:
    """Where a file goes: below ``folder``, or nowhere."""
    if inside.is_absolute() or ".." in inside.parts or not (folder / inside).is_relative_to(folder):
        raise Unsound(f"{inside} would leave the folder")
    target = folder / inside
    if target.exists():
        raise Unsound(f"{inside} comes twice")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _copy(member: Member, target: Path) -> None:
    source = member.open()
    if source is None:
        raise Unsound(f"{member.name} cannot be read")
    with source, target.open("wb") as stream:
        shutil.copyfileobj(source, stream)
