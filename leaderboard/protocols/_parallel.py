"""Many small computations over the cores, with a bar for people who wait."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TypeVar

from tqdm import tqdm

Task = TypeVar("Task")
Answer = TypeVar("Answer")


def compute_all(compute: Callable[[Task], Answer], tasks: Sequence[Task], name: str) -> list[Answer]:
    """``compute(task)`` for every task, in order; a task per core, which beats many cores per task."""
    from joblib import Parallel, cpu_count, delayed
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # solvers complain before they are done; what counts is checked
        parallel = Parallel(n_jobs=min(cpu_count(), len(tasks)), prefer="threads", return_as="generator")
        answers = parallel(delayed(compute)(task) for task in tasks)
        return list(tqdm(answers, total=len(tasks), desc=name, unit="fit", leave=False, disable=None))
