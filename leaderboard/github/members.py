"""The members of a zip file that a stranger made: named as expected, no larger than allowed, never on a disk. Pure."""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from leaderboard.errors import LeaderboardError, first_line, printable

EXPECTED = "results/<data set>/<model>.json, run-report.json, junit.xml and README.md"
ENCRYPTED = 0x1  # bit of a member's flags
BROKEN = (BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError)


class Forged(LeaderboardError):
    """An artifact that our own workflow cannot have made; the message may quote it and has to be escaped."""


@dataclass(frozen=True)
class Limits:
    """How large a zip file may be, in bytes, before and after unpacking."""

    packed: int
    member: int
    total: int
    members: int


def read_members(
    content: bytes, limits: Limits, *, is_expected: Callable[[str], bool], is_wanted: Callable[[str], bool]
) -> Mapping[str, bytes]:
    """Name -> content of the wanted members.

    Declared sizes are checked before anything is unpacked, and what really comes out is counted while it does.

    Args:
        content: of the zip file.
        limits: of its sizes.
        is_expected: whether a member may have this name; one unexpected name condemns the file.
        is_wanted: whether the member of this name is unpacked.

    Raises:
        Forged: it is no such file; in one line why, and what was expected.
    """
    if len(content) > limits.packed:
        raise Forged(f"it has {len(content):,} bytes, expected at most {limits.packed:,}")
    try:
        with ZipFile(BytesIO(content)) as archive:
            members = archive.infolist()
            _check_list(members, limits)
            for member in members:
                _check_member(member, limits, is_expected)
            return {member.filename: _unpack(archive, member) for member in members if is_wanted(member.filename)}
    except BROKEN as error:
        raise Forged(f"it is no sound zip file ({first_line(error)[:100]}); expected one of our workflow") from None


def _check_list(members: list[ZipInfo], limits: Limits) -> None:
    if len(members) > limits.members:
        raise Forged(f"it has {len(members):,} members, expected at most {limits.members}")
    total = sum(member.file_size for member in members)
    if total > limits.total:
        raise Forged(f"it unpacks to {total:,} bytes, expected at most {limits.total:,}")
    names = [member.filename for member in members]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Forged(f"member {shorten(twice)} is there twice, expected once")


def _check_member(member: ZipInfo, limits: Limits, is_expected: Callable[[str], bool]) -> None:
    name = shorten(member.orig_filename)
    # the library ends a name at a zero byte: nobody is to see another name than was written
    if member.orig_filename != member.filename or not is_expected(member.filename):
        raise Forged(f"member {name} is unexpected; expected {EXPECTED}")
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        raise Forged(f"member {name} is a link or a device, expected a file")
    if member.flag_bits & ENCRYPTED:
        raise Forged(f"member {name} is encrypted, expected plain")
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise Forged(f"member {name} is packed by method {member.compress_type}, expected 0 or 8")
    if member.file_size > limits.member:
        raise Forged(f"member {name} has {member.file_size:,} bytes, expected at most {limits.member:,}")


def _unpack(archive: ZipFile, member: ZipInfo) -> bytes:
    """No more than was declared; the library holds it against the checksum."""
    with archive.open(member) as stream:
        content = stream.read(member.file_size + 1)
        if len(content) != member.file_size or stream.read(1):
            raise Forged(f"member {shorten(member.filename)} has other bytes than the {member.file_size:,} declared")
    return content


def shorten(text: str, most: int = 80) -> str:
    """A stranger's text in quotes on one line, cut."""
    line = printable(text[: most + 1])
    return repr(line[:most] + "…" if len(line) > most else line)
