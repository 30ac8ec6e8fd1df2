"""Where things live on this machine, and how they are written: whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_dir

from leaderboard.errors import LeaderboardError, Unavailable

ABANDONED = 3600.0  # seconds after which a temporary file belongs to nobody


def cache_dir() -> Path:
    """``$LEADERBOARD_CACHE``, else the user's cache folder. Nothing in it is lost for good when deleted."""
    return Path(os.environ.get("LEADERBOARD_CACHE") or user_cache_dir("fossil-leaderboard"))


def data_dir() -> Path | None:
    """``$LEADERBOARD_DATA``: a folder with one subfolder per data set id.

    Raises:
        LeaderboardError: it is set, and not a folder.
    """
    folder = os.environ.get("LEADERBOARD_DATA")
    if folder and not Path(folder).is_dir():
        raise LeaderboardError(f"LEADERBOARD_DATA={folder} is not a folder; correct or unset it")
    return Path(folder) if folder else None


@contextmanager
def replacing(path: Path, *, sweep: bool = True) -> Iterator[Path]:
    """A temporary file beside ``path`` that takes its place when the block ends well, and vanishes otherwise.

    Args:
        path: what is written.
        sweep: remove what killed runs have left of it, for which the whole folder is looked through.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if sweep:
        _sweep(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Remove what a run killed while writing this file has left, once it cannot be at work any more."""
    for left in path.parent.glob(f".{escape(path.name)}.*.tmp"):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > ABANDONED:
                left.unlink()


def save_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically, with newlines as they are."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def lock(path: Path) -> FileLock:
    """A lock between processes for what is at ``path``; the system releases it when its holder is killed.

    The lock files are kept in the cache, so that no folder of results or of data is littered with them.
    """
    locks = cache_dir() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:16]
    return FileLock(locks / f"{path.name}.{digest}.lock")


@contextmanager
def waiting(held: FileLock, folder: Path, patience: float) -> Iterator[None]:
    """Hold a lock; whoever has it now is waited for as long as what is in ``folder`` grows.

    Raises:
        Unavailable: nothing grew for ``patience`` seconds, and it is still held.
    """
    size = _bytes_in(folder)
    while True:
        try:
            held.acquire(timeout=patience)
            break
        except Timeout:
            before, size = size, _bytes_in(folder)
            if size == before:
                reason = f"another process holds {held.lock_file} and gets nowhere; end it, or wait for it"
                raise Unavailable(reason) from None
    try:
        yield
    finally:
        held.release()


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.glob("*"):
        with suppress(FileNotFoundError):  # a download that ends takes its own file away
            total += path.lstat().st_size
    return total


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
