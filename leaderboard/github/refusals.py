"""GitHub's refusals as one line: what was asked, what it answered, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from leaderboard.errors import Unavailable, first_line, printable
from leaderboard.records import Status

LONGEST = 200  # signs of what others say
SERVER = HTTPStatus.INTERNAL_SERVER_ERROR
RESET = "x-ratelimit-reset"  # header: seconds since 1970 at which the limit is lifted


@contextmanager
def as_unavailable(what: str) -> Iterator[None]:
    """Inside, whatever the client raises becomes one line.

    Args:
        what: is asked for, in words: "the comments of #7".

    Raises:
        Unavailable: GitHub refuses, or cannot be reached.
    """
    from github import BadAttributeException, GithubException
    from requests import RequestException

    try:
        yield
    except GithubException as error:
        message = error.data.get("message", "") if isinstance(error.data, Mapping) else ""
        raise refuse(what, error.status, error.headers or {}, message) from None
    except RequestException as error:
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise Unavailable(f"{what}: GitHub cannot be reached ({_cut(reason)}); try later") from None
    except (
        BadAttributeException,
        AssertionError,
        AttributeError,
        KeyError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        # the client asserts what it expects of an answer, and that no address leads away from GitHub
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise Unavailable(f"{what}: no answer of GitHub ({_cut(reason)}); check GITHUB_API_URL") from None


def refuse(what: str, code: int, headers: Mapping[str, Any], message: str = "") -> Unavailable:
    """The error for an answer that is none.

    Args:
        what: was asked for, in words.
        code: of the answer.
        headers: with names in lower case.
        message: of the answer, where it had one.
    """
    status, text = _judge(code, headers, message)
    said = f" {_cut(message)}" if message else ""
    return Unavailable(f"{what}: GitHub answers {code}{said}; {text}", status)


def _judge(code: int, headers: Mapping[str, Any], message: str) -> tuple[Status, str]:
    if code == HTTPStatus.TOO_MANY_REQUESTS or (code == HTTPStatus.FORBIDDEN and _is_limit(headers, message)):
        return "unreachable", f"the rate limit is used up; run again {_when(headers)}"
    if code == HTTPStatus.UNAUTHORIZED:
        return "gated", "the token is refused: check GITHUB_TOKEN"
    if code == HTTPStatus.FORBIDDEN:
        return "gated", "the token may not do that: check the permissions of the workflow's job"
    if code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return "not found", "check the number and GITHUB_REPOSITORY, and whether the token may see it"
    return "unreachable", "try later" if code >= SERVER else "that is a mistake of ours: report it"


def _is_limit(headers: Mapping[str, Any], message: str) -> bool:
    return str(headers.get("x-ratelimit-remaining")) == "0" or "rate limit" in message.lower()


def _when(headers: Mapping[str, Any]) -> str:
    """A time of day, where the answer gives one."""
    reset = str(headers.get(RESET, ""))
    if not (reset.isdecimal() and len(reset) <= 11):
        return "in an hour"
    return f"after {datetime.fromtimestamp(int(reset), UTC):%H:%M} UTC"


def _cut(text: str) -> str:
    return printable(text[:LONGEST])
