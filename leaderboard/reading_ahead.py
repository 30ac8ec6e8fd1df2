"""Threads that work ahead of whoever consumes, in order and never far, so that memory stays bounded."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Task = TypeVar("Task")
Answer = TypeVar("Answer")


def map_ahead(
    compute: Callable[[Task], Answer], tasks: Iterable[Task], ahead: int, *, threads: int | None = None
) -> Iterator[Answer]:
    """``compute(task)`` in order, at most ``ahead`` of them waiting; what is not begun when it ends is dropped.

    Args:
        compute: runs in several threads at once.
        tasks: may be endless; taken one by one.
        ahead: answers in memory that nobody has taken yet.
        threads: as many as cores unless given.
    """
    waiting: deque[Future[Answer]] = deque()
    pool = ThreadPoolExecutor(threads or os.cpu_count() or 1)
    try:
        for task in tasks:
            waiting.append(pool.submit(compute, task))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def map_by_groups(
    compute: Callable[[Task], Answer], tasks: Iterable[Task], size: int, *, threads: int | None = None
) -> Iterator[Answer]:
    """``compute(task)`` in order, a group of ``size`` at a time, and nothing while the consumer is at work."""
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for tasks_of_group in group(tasks, size):
            yield from list(pool.map(compute, tasks_of_group))


def group(items: Iterable[Task], size: int) -> Iterator[list[Task]]:
    """Lists of ``size`` items, the last one of what is left."""
    batch: list[Task] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
