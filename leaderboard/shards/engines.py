"""Who runs the workers. An engine is given shards, in whatever order and on whatever machine it computes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from leaderboard.backbones import Backbone
from leaderboard.shards.model_choice import ModelChoice
from leaderboard.shards.places import Folder
from leaderboard.shards.plan import Plan, Recipe, Vectors
from leaderboard.shards.progress import Progress
from leaderboard.shards.shard_file import ShardDone
from leaderboard.shards.worker import embed_shard


class Engine(Protocol):
    """A way to run workers."""

    def describe(self, choice: ModelChoice, vectors: Vectors) -> Recipe:
        """The recipe of a model where the workers will run."""

    def run(
        self, choice: ModelChoice, folder: Folder, plan: Plan, shards: Sequence[int], progress: Progress
    ) -> Iterator[ShardDone]:
        """Each shard when it is finished, in any order."""

    def close(self) -> None:
        """Let go of what it holds."""


@dataclass
class LocalEngine:
    """One worker, in this process."""

    backbone: Backbone | None = None

    def describe(self, choice: ModelChoice, vectors: Vectors) -> Recipe:
        """The recipe; the model stays loaded for the run."""
        return choice.describe(self._load(choice), vectors)

    def run(
        self, choice: ModelChoice, folder: Folder, plan: Plan, shards: Sequence[int], progress: Progress
    ) -> Iterator[ShardDone]:
        """One after the other."""
        for shard in shards:
            yield embed_shard(folder, plan, self._load(choice), shard, lambda images: progress.tell("local", images))

    def _load(self, choice: ModelChoice) -> Backbone:
        if self.backbone is None:
            self.backbone = choice.load()
        return self.backbone

    def close(self) -> None:
        """Forget the model."""
        self.backbone = None
