"""What runs inside of Ray's processes, and the board on which they chalk up how far they are."""

from __future__ import annotations

import os
import pickle
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any

import numpy as np

from leaderboard.backbones import Backbone
from leaderboard.errors import LeaderboardError, Unavailable, first_line
from leaderboard.shards.model_choice import ModelChoice, check_same
from leaderboard.shards.places import Folder
from leaderboard.shards.plan import Plan, Recipe, Vectors, listing_file
from leaderboard.shards.progress import Progress
from leaderboard.shards.shard_file import ShardDone
from leaderboard.shards.worker import embed_shard

ATTEMPTS = 8  # at a shard whose worker died: after more, it is the shard that kills them
POLL = 1.0  # seconds between two looks at the board

Report = tuple[str, int, int]  # worker, shard, images of it that are done


def describe_here(choice: ModelChoice, vectors: Vectors) -> Recipe | LeaderboardError:
    """The recipe as a worker's process sees it. A user's mistake is an answer: Ray would wrap it in a traceback."""
    try:
        return choice.describe(choice.load(), vectors)
    except LeaderboardError as error:
        return error


class ShardWorker:
    """An actor: a model, loaded when the first shard comes, and whatever shards come."""

    def __init__(self, choice: ModelChoice, folder: Folder, plan: Plan, board: Any) -> None:
        self.choice, self.folder, self.plan, self.board = choice, folder, plan, board
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.backbone: Backbone | None = None

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, list[bytes]]:
        """The notes of these shards, or what went wrong."""
        return {"note": [pickle.dumps(self._attempt(int(shard))) for shard in batch["shard"]]}

    def _attempt(self, shard: int) -> ShardDone | LeaderboardError:
        done = 0

        def tell(images: int) -> None:
            nonlocal done
            done += images
            self.board.tell.remote((self.name, shard, done))

        try:
            self._refuse_deadly(shard)
            return embed_shard(self.folder, self.plan, self._load(), shard, tell)
        except LeaderboardError as error:
            return error
        except OSError as error:
            reason = error.strerror or first_line(error)
            return Unavailable(f"{self.folder} cannot be written by {self.name}: {reason}")

    def _refuse_deadly(self, shard: int) -> None:
        """Ray computes the shard of a dead worker again and again, be it the shard that kills them.

        Raises:
            Unavailable: it was begun too often.
        """
        import ray

        attempts = ray.get(self.board.begin.remote(shard))
        if attempts > ATTEMPTS:
            raise Unavailable(
                f"{self.folder.at(listing_file(shard))}: {ATTEMPTS} workers died of its images; find which"
            )

    def _load(self) -> Backbone:
        """The model; on a node with other versions or another device it would make other vectors.

        Raises:
            LeaderboardError: it is not the plan's.
        """
        if self.backbone is None:
            backbone = self.choice.load()
            check_same(self.plan.recipe, self.choice.describe(backbone, self.plan.recipe.vectors), self.name)
            self.backbone = backbone
        return self.backbone


def unpack_note(note: bytes) -> ShardDone | LeaderboardError:
    """What a worker sent."""
    answer = pickle.loads(note)  # noqa: S301  # of our own worker
    assert isinstance(answer, (ShardDone, LeaderboardError))
    return answer


class Board:
    """An actor that keeps what was reported since somebody looked."""

    def __init__(self) -> None:
        self.reports: dict[int, Report] = {}
        self.begun: Counter[int] = Counter()

    def begin(self, shard: int) -> int:
        """How often it was begun, this time included."""
        self.begun[shard] += 1
        return self.begun[shard]

    def tell(self, report: Report) -> None:
        """The latest of a shard counts."""
        self.reports[report[1]] = report

    def take(self) -> list[Report]:
        """And forget."""
        reports, self.reports = list(self.reports.values()), {}
        return reports


@contextmanager
def follow(ray: Any, board: Any, progress: Progress, plan: Plan) -> Iterator[None]:
    """Carry what is on the board over to the progress, in a thread, until the block ends."""
    ended, seen = Event(), dict[int, int]()

    def look() -> None:
        with suppress(ray.exceptions.RayError):  # the board's node may be gone; Ray puts up another
            for worker, shard, images in ray.get(board.take.remote(), timeout=10):
                progress.tell(worker, images - seen.get(shard, 0))  # less than before, when the shard is begun anew
                seen[shard] = images

    def keep_looking() -> None:
        while not ended.wait(POLL):
            look()

    follower = Thread(target=keep_looking, daemon=True)
    follower.start()
    try:
        yield
    finally:
        ended.set()
        follower.join()
        look()
