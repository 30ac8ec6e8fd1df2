"""Download and unpack an archive: with progress, resumed where the server allows, without escapes."""

from __future__ import annotations

import gzip
import lzma
import sys
import tarfile
import urllib.error
import urllib.request
import zlib
from http.client import HTTPException
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from leaderboard.errors import CheckFailed, Unavailable
from leaderboard.images import SUFFIXES

TIMEOUT = 30.0  # seconds without a byte
ATTEMPTS = 3  # a connection that breaks is taken up again this often
CHUNK = 1 << 16
MAX_FILE_BYTES = 1 << 28  # of one unpacked file
UNSOUND = (  # what reading a damaged or hostile archive raises; the last two: a name that is both file and folder
    *(tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError),
    *(NotADirectoryError, IsADirectoryError),
)


def download(url: str, target: Path) -> None:
    """Fetch ``url`` into ``target``, going on from ``target`` + '.part' when an earlier try left one.

    Raises:
        Unavailable: the server cannot be reached, refuses, or breaks off again and again.
    """
    part = target.with_name(f"{target.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    reason: object = "the connection broke"
    for _ in range(ATTEMPTS):
        try:
            if _download_rest(url, part):
                part.replace(target)
                return
        except urllib.error.HTTPError as error:
            if error.code != 416:  # a part as long as the file: start again
                raise Unavailable(f"{url} answers {error.code} {error.reason}; try later") from None
            part.unlink(missing_ok=True)
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
    raise Unavailable(f"{url} cannot be reached ({reason}); what arrived is kept, run again to go on")


def _download_rest(url: str, part: Path) -> bool:
    """Append what is missing; True when the server says that this was all."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the URL is from datasets.yaml
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310
        resumed = response.status == 206
        have = have if resumed else 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with (
            part.open("ab" if resumed else "wb") as stream,
            tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=part.stem, disable=None) as bar,
        ):
            while chunk := response.read(CHUNK):
                stream.write(chunk)
                bar.update(len(chunk))
    return total is None or part.stat().st_size == total


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


def announce(message: str) -> None:
    """Say what is about to take time or bandwidth, on stderr."""
    print(message, file=sys.stderr, flush=True)
