"""Files from the network: with progress, resumed where the server allows, and what is said on the way."""

from __future__ import annotations

import errno
import sys
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path

from tqdm import tqdm

from leaderboard.errors import Unavailable
from leaderboard.records import DEFAULT_OPTIONS, Status

ATTEMPTS = 3  # a connection that breaks is taken up again this often
PAUSE = 1.0  # seconds before an overloaded server is asked again
CHUNK = 1 << 16
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
REFUSALS: dict[int, tuple[Status, str]] = {
    HTTPStatus.UNAUTHORIZED: ("gated", "ask its owners for access"),
    HTTPStatus.FORBIDDEN: ("gated", "ask its owners for access"),
    HTTPStatus.NOT_FOUND: ("not found", "check the address"),
    HTTPStatus.GONE: ("not found", "check the address"),
}


def download(url: str, target: Path, *, patience: float = DEFAULT_OPTIONS.hub_timeout) -> None:
    """Fetch ``url`` into ``target``, going on from ``target`` + '.part' when an earlier try left one.

    Args:
        url: of one file.
        target: where it goes, once it is whole.
        patience: seconds without a byte after which the server is given up.

    Raises:
        Unavailable: the server cannot be reached, refuses, breaks off again and again or sends a web page; or the
            disk is full.
    """
    part = target.with_name(f"{target.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    reason: object = "the connection broke"
    for attempt in range(ATTEMPTS):
        try:
            if _download_rest(url, part, patience):
                part.replace(target)
                return
        except urllib.error.HTTPError as error:
            reason = f"it answers {error.code} {error.reason}"
            if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:  # a part as long as the file: start again
                part.unlink(missing_ok=True)
                continue
            pause = _pause_after(error, patience)
            if pause is None or pause > patience:
                status, remedy = REFUSALS.get(error.code, ("unreachable", "try later"))
                wish = f" and asks to wait {pause:g} s" if pause else ""
                raise Unavailable(f"{url} answers {error.code} {error.reason}{wish}; {remedy}", status) from None
            if attempt + 1 < ATTEMPTS:
                time.sleep(pause)
        except (OSError, HTTPException) as error:
            check_room(error, url, target.parent)
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):  # another attempt would take as long
                break
    raise Unavailable(f"{url} cannot be reached ({reason}); run again to go on")


def _pause_after(error: urllib.error.HTTPError, patience: float) -> float | None:
    """Seconds after which an overloaded server may be asked again; None when it has said its last word."""
    if error.code < HTTPStatus.INTERNAL_SERVER_ERROR and error.code != HTTPStatus.TOO_MANY_REQUESTS:
        return None
    asked = error.headers.get("Retry-After", "")
    return float(asked) if asked.isdigit() else min(PAUSE, patience)


def check_room(error: Exception, what: str, folder: Path) -> None:
    """Raise Unavailable when the error says that the disk is full."""
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        raise Unavailable(f"no room for {what} in {folder} ({error.strerror}); free some") from None


def _download_rest(url: str, part: Path, patience: float) -> bool:
    """Append what is missing; True when the server says that this was all."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the URL is from one of our YAML files
    with urllib.request.urlopen(request, timeout=patience) as response:  # noqa: S310
        if response.headers.get_content_type() == "text/html":
            raise Unavailable(f"{url} sends a web page, not a file; check the address and the network", "corrupt")
        resumed = response.status == HTTPStatus.PARTIAL_CONTENT
        have = have if resumed else 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with (
            part.open("ab" if resumed else "wb", buffering=0) as stream,
            tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=part.stem, disable=None) as bar,
        ):
            while chunk := response.read1(CHUNK):  # what there is, unbuffered: nothing is lost when it breaks
                stream.write(chunk)
                bar.update(len(chunk))
    return total is None or part.stat().st_size == total


def announce(message: str) -> None:
    """Say what is about to take time or bandwidth, on stderr."""
    print(message, file=sys.stderr, flush=True)
