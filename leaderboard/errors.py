"""Errors that a user can act on: value, expectation, remedy, in one line and without a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leaderboard.records import Status


class LeaderboardError(Exception):
    """A mistake in what was given, or a check that did not hold."""


class Unavailable(LeaderboardError):
    """Weights or data that cannot be had here and now: the cell is skipped with this reason, never scored."""

    def __init__(self, message: str, status: Status = "unreachable") -> None:
        super().__init__(message)
        self.status: Status = status


class CheckFailed(LeaderboardError):
    """A verification that came out negative: the command line ends with exit code 1."""


def first_line(error: BaseException) -> str:
    """What a foreign error says, without its paragraphs; its kind when it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def printable(name: str) -> str:
    """A file name on one line of any terminal: control characters and bytes that are no UTF-8 are escaped."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in name)
