"""Unpack an archive of images, without escapes."""

from __future__ import annotations

import gzip
import lzma
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from leaderboard.errors import CheckFailed, Unavailable
from leaderboard.images import SUFFIXES

MAX_FILE_BYTES = 1 << 28  # of one unpacked file
UNSOUND = (  # what reading a damaged or hostile archive raises; the last two: a name that is both file and folder
    *(tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError),
    *(NotADirectoryError, IsADirectoryError),
)


def unpack(archive: Path, folder: Path, *, subfolder: str) -> None:
    """Unpack the images below ``<top>/<subfolder>/`` of a tar archive into ``folder``.

    Only regular files with an image suffix are taken, each to the place that its name gives inside ``folder``.

    Raises:
        CheckFailed: not an archive, no images there, a file that is too large, or a name that would leave the
            folder. The archive is removed, so that the next run fetches it again.
        Unavailable: the folder cannot be written.
    """
    try:
        _unpack_images(archive, folder, subfolder)
    except UNSOUND as error:
        archive.unlink(missing_ok=True)
        reason = str(error).partition("\n")[0].rstrip(":")
        raise CheckFailed(f"{archive.name} is no sound archive of images ({reason}); removed, run again") from None
    except OSError as error:
        raise Unavailable(f"{archive.name} cannot be unpacked ({error}); mend that, then run again") from None


def _unpack_images(archive: Path, folder: Path, subfolder: str) -> None:
    with tarfile.open(archive) as tar:
        for member in tar:
            inside = _path_below(member.name, subfolder)
            if inside is None or not member.isreg() or inside.suffix.lower() not in SUFFIXES:
                continue
            if member.size > MAX_FILE_BYTES:
                raise tarfile.TarError(f"{member.name} unpacks to {member.size:,} bytes, above {MAX_FILE_BYTES:,}")
            tar.extract(member.replace(name=str(inside), deep=False), folder, filter="data")
    if not folder.is_dir():
        raise tarfile.TarError(f"there are none below <top>/{subfolder}")


def _path_below(name: str, subfolder: str) -> PurePosixPath | None:
    """The path relative to the subfolder of the archive's single top folder, or None outside it."""
    parts = PurePosixPath(name).parts
    wanted = PurePosixPath(subfolder).parts
    if parts[1 : 1 + len(wanted)] != wanted or len(parts) <= 1 + len(wanted):
        return None
    return PurePosixPath(*parts[1 + len(wanted) :])
