"""Many small computations over the cores, with a bar for people who wait."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from typing import TypeVar

from tqdm import tqdm

Task = TypeVar("Task")
Answer = TypeVar("Answer")
BUDGET = 2_000_000_000  # bytes that tasks at work together may take


def compute_all(
    compute: Callable[[Task], Answer], tasks: Sequence[Task], name: str, *, bytes_each: int = 0
) -> list[Answer]:
    """``compute(task)`` for every task, in order; a task per core, which beats many cores per task.

    Args:
        compute: may run in several threads at once.
        tasks: what it is given.
        name: for the progress bar.
        bytes_each: memory that a task takes while it is at work, where that is much: then fewer work side by side.
    """
    from joblib import Parallel, delayed
    from threadpoolctl import ThreadpoolController

    pools = ThreadpoolController()

    def attempt(task: Task) -> Answer | Exception:
        with pools.limit(limits=1, user_api="openmp"):  # a limit of the thread that sets it
            try:
                return compute(task)
            except Exception as error:  # raised when no thread works any more
                return error

    workers = max(1, min(count_cores(), len(tasks), BUDGET // max(1, bytes_each)))
    # Filters of warnings belong to the process: set here, once, for all threads.
    with pools.limit(limits=1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # solvers complain before they are done; what counts is checked
        parallel = Parallel(n_jobs=workers, prefer="threads", return_as="generator")
        answers = parallel(delayed(attempt)(task) for task in tasks)
        found = list(tqdm(answers, total=len(tasks), desc=name, unit="fit", leave=False, disable=None))
    for answer in found:
        if isinstance(answer, Exception):
            raise answer
    return found


def count_cores() -> int:
    """Those of this process: pytest's workers share the machine."""
    from joblib import cpu_count

    return max(1, int(cpu_count()) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
