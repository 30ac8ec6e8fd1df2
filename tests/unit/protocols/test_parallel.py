"""Computations side by side: in order, with limits that end with them."""

from __future__ import annotations

import time
import warnings

import pytest
from threadpoolctl import threadpool_info

from leaderboard.protocols import _parallel
from leaderboard.protocols._parallel import compute_all


def test_answers_come_in_the_order_of_the_tasks() -> None:
    """Whichever is done first."""
    assert compute_all(lambda task: time.sleep(0.02 / (task + 1)) or task, range(8), "test") == list(range(8))


def test_a_failure_is_raised_and_leaves_the_filters_of_warnings_as_they_were() -> None:
    """They belong to the process: a task that fails while others run must not switch warnings off for good."""

    def compute(task: int) -> int:
        time.sleep(0.01 * task)
        if task == 1:
            raise ValueError("the second one")
        return task

    before = list(warnings.filters)
    with pytest.raises(ValueError, match="the second one"):
        compute_all(compute, range(6), "test")
    time.sleep(0.1)
    assert list(warnings.filters) == before


def test_each_task_has_one_thread_of_every_library() -> None:
    """Of BLAS and of OpenMP; more of them would fight for the cores."""
    import sklearn.cluster  # noqa: F401  # brings OpenMP in

    found = compute_all(lambda _: {pool["num_threads"] for pool in threadpool_info()}, range(3), "test")
    assert found == [{1}] * 3


def test_tasks_that_take_much_memory_run_one_by_one(monkeypatch) -> None:
    """As many as the budget has room for, and at least one."""
    monkeypatch.setattr(_parallel, "count_cores", lambda: 4)
    at_work, most = [], []

    def compute(task: int) -> int:
        at_work.append(task)
        most.append(len(at_work))
        time.sleep(0.01)
        at_work.remove(task)
        return task

    compute_all(compute, range(6), "test", bytes_each=_parallel.BUDGET * 2)
    assert max(most) == 1


def test_workers_of_one_run_share_the_cores(monkeypatch) -> None:
    """Four of them do not start a thread per core each."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)
    alone = _parallel.count_cores()
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", str(2 * alone))
    assert _parallel.count_cores() == 1
