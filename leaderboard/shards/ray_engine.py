"""Workers of Ray: an actor pool of Ray Data, one model in each; on this machine, or on the cluster of RAY_ADDRESS.

Only numbers of shards go in, and notes of finished ones come out: images are read and shards written by the workers
themselves, so that the object store stays empty however large the collection is. A worker that dies is replaced by Ray
and its shard computed again; what it had written is written over with the same bytes.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from leaderboard.errors import LeaderboardError, Unavailable, first_line
from leaderboard.interruption import handlers_kept
from leaderboard.shards.last_words import LastWords
from leaderboard.shards.model_choice import ModelChoice
from leaderboard.shards.places import Folder
from leaderboard.shards.plan import Plan, Recipe, Vectors
from leaderboard.shards.progress import Progress
from leaderboard.shards.ray_watch import watching
from leaderboard.shards.ray_worker import Board, ShardWorker, describe_here, follow, unpack_note
from leaderboard.shards.shard_file import ShardDone

SILENT_END = (
    "leaderboard: this process was ended, by Ray after its own processes here died, or from outside; what is finished "
    "is kept: run the same again to go on"
)
PATIENCE = 20.0  # seconds for a cluster to answer
OBJECT_STORE = 200_000_000  # bytes, of a Ray that is started here


@dataclass
class RayEngine:
    """How many workers, and what each takes; None: as many as fit, a whole GPU where there are some."""

    workers: int | None = None
    gpus_per_worker: float | None = None
    last_words: LastWords | None = field(default=None, init=False)  # while connected by us, so it is ours to end

    def describe(self, choice: ModelChoice, vectors: Vectors) -> Recipe:
        """The recipe where a worker runs: this machine need not have its device.

        Raises:
            Unavailable: Ray or the model cannot be had.
            LeaderboardError: no node is as large as a worker.
        """
        ray = self._connect(choice)
        task = ray.remote(**self._needs(ray, choice))(describe_here)
        try:
            recipe: Recipe = _raised(ray.get(task.remote(choice, vectors)))
        except ray.exceptions.RayError as error:
            raise Unavailable(f"Ray could not load {choice.spec.id} ({_last_line(error)})") from None
        return recipe

    def run(
        self, choice: ModelChoice, folder: Folder, plan: Plan, shards: Sequence[int], progress: Progress
    ) -> Iterator[ShardDone]:
        """Each shard when it is finished.

        Raises:
            Unavailable: what a worker could not have, a worker that died too often, or Ray's nodes gone.
        """
        ray = self._connect(choice)
        board = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Board).remote()
        notes = self._map(ray, choice, shards, (choice, folder, plan, board))
        try:
            with follow(ray, board, progress, plan), watching(lambda: self._needs(ray, choice)):
                for row in notes.iter_rows():
                    yield _raised(unpack_note(row["note"]))
        except ray.exceptions.RayError as error:
            raise Unavailable(f"Ray gave up ({_last_line(error)})") from None

    def close(self) -> None:
        """Stop the Ray that was started here; a cluster's goes on without us."""
        if self.last_words is not None:
            import ray

            with suppress(Exception):  # it may be gone already
                ray.shutdown()
            self.last_words.close()
            self.last_words = None

    def _connect(self, choice: ModelChoice) -> Any:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to anybody
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # it would print what it recovers from
        try:
            import ray
        except ModuleNotFoundError:
            raise Unavailable("--engine ray needs Ray; `pip install 'fossil-leaderboard[ray]'`") from None
        if not ray.is_initialized():
            quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
            address = os.environ.get("RAY_ADDRESS", "")
            _refuse_silent(address)
            try:
                with handlers_kept():
                    ray.init(**quiet, **({} if address else self._local(choice)))
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise Unavailable(f"Ray cannot be had ({first_line(error)}); check RAY_ADDRESS") from None
            self.last_words = LastWords(SILENT_END)
        return ray

    def _local(self, choice: ModelChoice) -> dict[str, Any]:
        """Of a Ray of our own on this machine, large enough for the workers that were asked for.

        Without an address Ray would join whatever cluster somebody has started here.
        """
        cores = max(os.cpu_count() or 1, (self.workers or 1) * (choice.threads or 1))
        quiet = {"include_dashboard": False, "object_store_memory": OBJECT_STORE}
        return {"address": "local", "num_cpus": cores, **quiet}

    def _needs(self, ray: Any, choice: ModelChoice) -> dict[str, float]:
        """Cores and share of a GPU of each worker.

        Raises:
            LeaderboardError: no node has as much, so that a worker would be waited for without end.
        """
        share = self.gpus_per_worker if self.gpus_per_worker is not None else float(_has_gpus(ray, choice))
        needs = {"num_cpus": choice.threads or 1, "num_gpus": share}
        if not any(_fits(node, needs) for node in _nodes(ray)):
            largest = max((node.get("CPU", 0) for node in _nodes(ray)), default=0)
            raise LeaderboardError(
                f"no node of Ray has {needs['num_cpus']} cores and {share:g} GPUs for a worker (the largest has "
                f"{largest:g} cores); give --threads or --gpus-per-worker"
            )
        return needs

    def _map(self, ray: Any, choice: ModelChoice, shards: Sequence[int], arguments: tuple[Any, ...]) -> Any:
        """A block for each shard, and one at a time: what a dead worker loses is what it was at."""
        data: Any = import_module("ray.data")
        data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what it says is raised, too
        needs = self._needs(ray, choice)
        workers = self.workers or sum(_count_fitting(node, needs) for node in _nodes(ray))
        wanted = data.from_items([{"shard": shard} for shard in shards], override_num_blocks=len(shards))
        return wanted.map_batches(
            ShardWorker,
            batch_size=1,
            compute=data.ActorPoolStrategy(size=min(workers, len(shards))),
            fn_constructor_args=arguments,
            **needs,
        )


def _refuse_silent(address: str) -> None:
    """Ray itself would go on trying for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdigit():  # none, or a word such as "auto"
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()
    except OSError as error:
        reason = error.strerror or first_line(error)
        raise Unavailable(f"RAY_ADDRESS={address} does not answer ({reason}); correct or unset it") from None


def _raised(answer: Any) -> Any:
    """The answer, or the error that a worker sent instead."""
    if isinstance(answer, LeaderboardError):
        raise answer
    return answer


def _last_line(error: BaseException) -> str:
    """Ray's errors end with what happened."""
    return ([line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__])[-1]


def _nodes(ray: Any) -> list[dict[str, float]]:
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _has_gpus(ray: Any, choice: ModelChoice) -> bool:
    wants_none = choice.options.device in ("cpu", "mps") or choice.spec.library == "baseline"
    return not wants_none and any(node.get("GPU", 0) > 0 for node in _nodes(ray))


def _count_fitting(node: dict[str, float], needs: dict[str, float]) -> int:
    wanted = {"CPU": needs["num_cpus"], "GPU": needs["num_gpus"]}
    return min(int(node.get(kind, 0) / amount) for kind, amount in wanted.items() if amount)


def _fits(node: dict[str, float], needs: dict[str, float]) -> bool:
    return _count_fitting(node, needs) > 0
