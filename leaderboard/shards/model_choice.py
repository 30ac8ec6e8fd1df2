"""A model as it is sent to whoever runs it, and the recipe that it makes."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

from leaderboard.backbones import Backbone
from leaderboard.errors import LeaderboardError
from leaderboard.extract import EXTRACTION_VERSION
from leaderboard.records import ModelSpec, Result, RunOptions
from leaderboard.shards.plan import Recipe, Vectors


@dataclass(frozen=True)
class ModelChoice:
    """All that a process needs to load a model and hold it against its stored results."""

    spec: ModelSpec
    results: Sequence[Result]
    options: RunOptions
    threads: int | None = None  # of each worker; None: not decided yet

    def load(self) -> Backbone:
        """The model, verified, on this process's device.

        Raises:
            Unavailable: it cannot be had here.
            LeaderboardError: it is another model than the stored results are of.
        """
        from leaderboard.verification import load_verified

        backbone = load_verified(self.spec, self.results, self.options)[0]
        torch = sys.modules.get("torch")
        if torch is not None and self.threads:  # its last digits depend on how many threads share a sum
            torch.set_num_threads(self.threads)
        return backbone

    def describe(self, backbone: Backbone, vectors: Vectors) -> Recipe:
        """What it will have been computed by; the processor's name is not part of it."""
        environment = {name: value for name, value in backbone.environment.items() if name != "hardware"}
        environment["pyarrow"] = version("pyarrow")  # which writes its version into every shard
        return Recipe(
            model=self.spec.id,
            dimension=self.spec.dimension,
            inputs=_as_json({**backbone.inputs, "extraction": EXTRACTION_VERSION}),
            environment=_as_json(environment),
            batch_size=backbone.batch_size,
            threads=self.threads or 1,
            vectors=vectors,
        )


def slim(result: Result) -> Result:
    """What a model is held against, without what became of every image: it is sent to every worker."""
    return replace(result, metrics={}, per_class={}, outcomes={}, labels=(), specimens=None)


def check_same(planned: Recipe, now: Recipe, where: str) -> None:
    """Refuse to go on with what would make other bytes.

    Raises:
        LeaderboardError: names the first thing that differs.
    """
    for name in Recipe.__dataclass_fields__:
        before, after = getattr(planned, name), getattr(now, name)
        if before != after:
            raise LeaderboardError(
                f"{where} was begun with {name} {_difference(before, after)}; go on as it was begun, or choose another "
                "--out"
            )


def _difference(before: Any, after: Any) -> str:
    if not isinstance(before, dict):
        return f"{before}, and is {after} now"
    key = next(key for key in {**before, **after} if before.get(key, ...) != after.get(key, ...))
    return f"{key} {before.get(key, 'not known')}, and is {after.get(key, 'not known')} now"


def _as_json(described: Any) -> Any:
    """As it comes back from a stored plan: the keys in the same order, so that the manifest has the same bytes."""
    return json.loads(json.dumps(described, sort_keys=True))
