"""Waiting for Ray without waiting for ever: where no node is left that a worker fits on, Ray itself goes on hoping."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread, current_thread, main_thread

from leaderboard.errors import LeaderboardError, Unavailable, first_line

GRACE = 60.0  # seconds in which a cluster may put up another node
POLL = 2.0  # seconds between two looks at the nodes


@contextmanager
def watching(check_nodes: Callable[[], object], *, grace: float = GRACE, poll: float = POLL) -> Iterator[None]:
    """Interrupt the block, which waits for Ray, once nobody can work any more; in the main thread only.

    Args:
        check_nodes: raises LeaderboardError while nobody can work; called in a thread.
        grace: seconds that this may go on for.
        poll: seconds between two calls.

    Raises:
        Unavailable: it went on longer.
    """
    if current_thread() is not main_thread():
        yield
        return
    ended, reasons = Event(), list[str]()
    before = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    Thread(target=_watch, args=(check_nodes, grace, poll, ended, reasons), daemon=True).start()
    try:
        yield
    except KeyboardInterrupt:
        if not reasons:  # it is somebody who interrupts
            raise
        raise Unavailable(f"{reasons[0]}; this is so for {grace:g} s") from None
    finally:
        ended.set()
        signal.signal(signal.SIGUSR1, before)


def _watch(check_nodes: Callable[[], object], grace: float, poll: float, ended: Event, reasons: list[str]) -> None:
    able = time.monotonic()  # when somebody could work
    while not ended.wait(poll):
        reason = _why_nobody(check_nodes)
        if not reason:
            able = time.monotonic()
        elif time.monotonic() - able > grace and not ended.is_set():
            reasons.append(reason)
            signal.pthread_kill(main_thread().ident or 0, signal.SIGUSR1)  # SIGINT may be ignored, as under nohup
            return


def _why_nobody(check_nodes: Callable[[], object]) -> str:
    try:
        check_nodes()
    except LeaderboardError as error:
        return str(error)
    except Exception as error:  # of Ray, in whatever form it does not answer
        return f"Ray does not answer ({first_line(error)})"
    return ""
