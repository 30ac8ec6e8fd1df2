"""How long one may wait for the Hub: its own client waits for minutes, and for ever in places.

The client's session is kept (its proxies, certificates and hooks); only what it sends goes through here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import Lock
from typing import Any

from leaderboard.errors import Unavailable

PAUSES = (1.0, 2.0, 4.0)  # seconds before an overloaded server is asked again
_ONE_AT_A_TIME = Lock()
OVERLOADED = {408, 429, 500, 502, 503, 504}


@contextmanager
def patient(limit: float) -> Iterator[None]:
    """Inside, no exchange of huggingface_hub with a server waits longer than ``limit`` seconds without progress.

    Files come over plain HTTP: what the Hub's other transport (xet) waits for is nobody's to bound.

    Raises:
        Unavailable: the limit is reached, or the server cannot be reached at all.
    """
    from huggingface_hub import constants, get_session

    with _ONE_AT_A_TIME:  # the session is everybody's
        session: Any = get_session()
        transport, constants.HF_HUB_DISABLE_XET = constants.HF_HUB_DISABLE_XET, True
        session.send = _Patience(session.send, limit)
        try:
            yield
        finally:
            del session.send
            constants.HF_HUB_DISABLE_XET = transport


def http_library() -> Any:
    """What huggingface_hub's session is of: version 1 is built on httpx, its later versions on httpx2."""
    from huggingface_hub import get_session

    return import_module(type(get_session()).__module__.partition(".")[0])


class _Patience:
    """Sends a request: asks again when the server is overloaded, gives up when that takes too long."""

    def __init__(self, send: Any, limit: float) -> None:
        self.send, self.limit, self.httpx = send, limit, http_library()

    def __call__(self, request: Any, **options: Any) -> Any:
        request.extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), self.limit)
        began = time.monotonic()
        for pause in (*PAUSES, None):
            response = self._exchange(request, options)
            if response.status_code not in OVERLOADED:
                break
            wait = _retry_after(response) or pause
            if wait is None or time.monotonic() - began + wait > self.limit:
                raise Unavailable(f"{_host(request)} {_complaint(response)}; try later")
            response.close()
            time.sleep(wait)
        if options.get("stream"):
            response.stream = self._bounded(response.stream, request)
        return response

    def _exchange(self, request: Any, options: dict[str, Any]) -> Any:
        try:
            return self.send(request, **options)
        except self.httpx.TimeoutException:
            raise self._no_answer(request) from None
        except self.httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise Unavailable(f"{_host(request)} cannot be reached ({reason}); try later, or --offline") from None

    def _bounded(self, stream: Any, request: Any) -> Any:
        """The body: silence ends it, and a broken connection is one that the client may take up again."""
        patience, httpx = self, self.httpx

        class Bounded(httpx.SyncByteStream):  # type: ignore[misc, name-defined]  # of whichever of the two packages
            def __iter__(self) -> Iterator[bytes]:
                try:
                    yield from stream
                except httpx.TimeoutException:
                    raise patience._no_answer(request) from None
                except (httpx.ReadError, httpx.RemoteProtocolError) as error:
                    # of these, older clients take up only timeouts again
                    raise httpx.ReadTimeout(str(error) or "the connection broke") from None

            def close(self) -> None:
                stream.close()

        return Bounded()

    def _no_answer(self, request: Any) -> Unavailable:
        return Unavailable(f"{_host(request)} sent nothing for {self.limit:g} s; try later, or raise --hub-timeout")


def _host(request: Any) -> str:
    return str(request.url.host)


def _retry_after(response: Any) -> float | None:
    """Seconds that the server asks to wait; a date instead of a number counts as nothing asked."""
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isdigit() else None


def _complaint(response: Any) -> str:
    asked = _retry_after(response)
    wish = f" and asks to wait {asked:g} s" if asked else ""
    return f"answers {response.status_code} {response.reason_phrase}{wish}"
