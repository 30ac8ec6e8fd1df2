"""The zip file of an artifact: fetched without taking the token elsewhere, and never more than is allowed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from leaderboard.errors import Unavailable
from leaderboard.github.members import Forged
from leaderboard.github.refusals import refuse

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

CHUNK = 1 << 16
MOST_REDIRECTS = 3


def fetch_bytes(url: str, token: str, what: str, *, most: int, timeout: float) -> bytes:
    """The content at an address of GitHub's API, which redirects to a storage that must not see the token.

    Args:
        url: of the API.
        token: sent to the API's own host, and only there.
        what: is fetched, in words.
        most: bytes after which the transfer is broken off.
        timeout: seconds without an answer after which it is given up.

    Raises:
        Unavailable: refused, or redirected to where nothing may be fetched.
        Forged: larger than allowed.
    """
    home = urlsplit(url)
    for _ in range(MOST_REDIRECTS + 1):
        headers = {"Authorization": f"Bearer {token}"} if urlsplit(url)[:2] == home[:2] else {}
        with _open(url, headers, timeout) as response:
            if not response.is_redirect:
                return _read(response, what, most)
            url = urljoin(url, response.headers["Location"])
        if urlsplit(url).scheme not in {"https", home.scheme}:
            raise Unavailable(f"{what}: GitHub redirects away from https; try later")
    raise Unavailable(f"{what}: GitHub redirects more than {MOST_REDIRECTS} times; try later")


@contextmanager
def _open(url: str, headers: Mapping[str, str], timeout: float) -> Iterator[Response]:
    """An answer whose body has not been read; no password of a .netrc file goes along."""
    from requests import Session

    def send_as_it_is(request: PreparedRequest) -> PreparedRequest:
        return request

    with Session() as session:
        session.auth = send_as_it_is
        plain = {"Accept-Encoding": "identity", **headers}  # what arrives is what is counted
        with session.get(url, headers=plain, timeout=timeout, stream=True, allow_redirects=False) as response:
            yield response


def _read(response: Response, what: str, most: int) -> bytes:
    if response.status_code != HTTPStatus.OK:
        raise refuse(what, response.status_code, {name.lower(): value for name, value in response.headers.items()})
    content = bytearray()
    for chunk in response.iter_content(CHUNK):
        content += chunk
        if len(content) > most:
            raise Forged(f"{what} has more than {most:,} bytes, expected at most that; the transfer was broken off")
    return bytes(content)
