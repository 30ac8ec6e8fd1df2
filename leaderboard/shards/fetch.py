"""The bytes of images, ahead of whoever decodes them; neighbours in a tar with one request."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from tarfile import BLOCKSIZE
from zlib import crc32

from leaderboard.errors import LeaderboardError, Unavailable, first_line, printable
from leaderboard.reading_ahead import map_ahead
from leaderboard.shards.places import FINAL, read_bytes
from leaderboard.shards.sources import Item

READERS = 8  # threads, which wait for a disk or a network most of their time
RUN = 8  # images of a tar that are read at once
NO_FILE = (errno.ENAMETOOLONG, errno.ELOOP, errno.ENXIO)  # of a name that no disk has a file for
GAP = 1 << 16  # bytes between two of them that are worth reading over


@dataclass(frozen=True)
class Fetched:
    """An item with its bytes, or with the reason why there are none."""

    item: Item
    content: bytes
    reason: str = ""
    is_gone: bool = False  # there was nothing to read, rather than something unreadable


def fetch_ahead(items: Sequence[Item], ahead: int) -> Iterator[Fetched]:
    """All of them in order, about ``ahead`` in memory.

    Raises:
        Unavailable: the source cannot be read any more.
    """
    runs = list(find_runs(items))
    longest = max(map(len, runs), default=1)
    for run in map_ahead(fetch_run, runs, max(1, ahead // longest), threads=READERS):
        yield from run


def find_runs(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Neighbours in a tar together, every other image alone."""
    run: list[Item] = []
    for item in items:
        if run and not (len(run) < RUN and _follows(run[-1], item)):
            yield run
            run = []
        run.append(item)
    if run:
        yield run


def _follows(one: Item, other: Item) -> bool:
    if one.address != other.address or one.start is None or one.size is None or other.start is None:
        return False
    return 0 <= other.start - one.start - one.size <= GAP


def fetch_run(run: Sequence[Item]) -> list[Fetched]:
    """The bytes of neighbours.

    Raises:
        Unavailable: the source cannot be read any more.
    """
    if run[0].problem:
        return [Fetched(item, b"", item.problem) for item in run]
    try:
        return _read_run(run)
    except OSError as error:
        reason = error.strerror or first_line(error)
        if isinstance(error, FINAL) or error.errno in NO_FILE:
            return [Fetched(item, b"", f"cannot be read: {reason}", is_gone=True) for item in run]
        raise Unavailable(f"{printable(run[0].address)} cannot be read any more ({reason})") from None
    except Unavailable:
        raise
    except (LeaderboardError, ValueError) as error:  # an address of a list that is none
        return [Fetched(item, b"", f"cannot be read: {first_line(error)}") for item in run]


def _read_run(run: Sequence[Item]) -> list[Fetched]:
    first, last = run[0], run[-1]
    if first.start is None or last.start is None or last.size is None:
        return [Fetched(first, read_bytes(first.address))]
    base = first.start - BLOCKSIZE
    content = read_bytes(first.address, base, last.start + last.size)
    return [_cut(item, content, (item.start or 0) - base) for item in run]


def _cut(item: Item, content: bytes, begin: int) -> Fetched:
    own = content[begin : begin + (item.size or 0)]
    if crc32(content[begin - BLOCKSIZE : begin]) != item.header or len(own) != item.size:
        return Fetched(item, b"", "its tar was packed anew, or cut short, after it was listed")
    return Fetched(item, own)
