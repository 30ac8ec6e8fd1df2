"""Signals that end a run: SIGTERM, as schedulers send it, is what Ctrl-C is: a line, and what is finished is kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt in the block; in another thread than the main one nothing can be changed."""
    with handlers_kept():
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _interrupt)
        yield


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Whatever the block does to the handler of SIGTERM is undone; Ray puts up its own, which says nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
