"""A source -> a folder of shards: planned, computed by an engine, and closed by the manifest; or gone on with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from filelock import Timeout

from leaderboard.errors import LeaderboardError, Unavailable, first_line
from leaderboard.paths import lock
from leaderboard.shards.engines import Engine
from leaderboard.shards.manifest import MANIFEST, find_finished, load_manifest, save_manifest
from leaderboard.shards.model_choice import ModelChoice, check_same
from leaderboard.shards.places import Folder, local_path
from leaderboard.shards.plan import LOST_ACCEPTED, WRITTEN, Plan, Vectors, load_plan, make_plan
from leaderboard.shards.progress import Progress
from leaderboard.shards.shard_file import ShardDone

SHARD_SIZE = 4096  # images: a minute or less on a GPU, some minutes on a laptop


@dataclass(frozen=True)
class Settings:
    """What a user may choose; None: as a run that was begun here has it, else the default."""

    shard_size: int | None = None
    vectors: Vectors | None = None
    retry_failures: bool = False  # compute shards again that have some
    accept_lost: bool = False  # a stretch of images that are all gone is no sign of a lost disk


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    manifest: dict[str, Any]
    computed: int  # shards, in this run


def embed_collection(source: str, folder: Folder, choice: ModelChoice, engine: Engine, settings: Settings) -> Outcome:
    """Embed everything of a source that is not embedded yet.

    Raises:
        LeaderboardError: the folder holds something else, or was begun otherwise.
        Unavailable: model, source or folder cannot be had, or not any more; what is finished is kept.
    """
    _check_installed()
    with _alone(folder):
        try:
            plan, choice = _plan(source, folder, choice, engine, settings)
            return _run(folder, plan, choice, engine, settings)
        except OSError as error:
            raise Unavailable(
                f"{folder} cannot be written or read ({_reason(error)}); mend that, run it again"
            ) from None


def _check_installed() -> None:
    """Said now, not after listing."""
    try:
        import pyarrow  # noqa: F401
    except ModuleNotFoundError:
        raise Unavailable("large collections need pyarrow; `pip install 'fossil-leaderboard[shards]'`") from None


@contextmanager
def _alone(folder: Folder) -> Iterator[None]:
    """One run at a time, as far as one machine can tell; two would compute the same, for nothing."""
    local = local_path(folder.address)
    if local is None:
        yield
        return
    held = lock(local)
    try:
        held.acquire(timeout=0)
    except Timeout:
        raise LeaderboardError(f"{folder}: another run is at work there; wait for it, or end it") from None
    try:
        yield
    finally:
        held.release()


def _plan(
    source: str, folder: Folder, choice: ModelChoice, engine: Engine, settings: Settings
) -> tuple[Plan, ModelChoice]:
    """The plan that was begun here, if this is the same run; else a new one."""
    plan = load_plan(folder)
    choice = _complete(choice, plan)
    if plan is None:
        _refuse_foreign(folder)
        recipe = engine.describe(choice, settings.vectors or "float32")
        return make_plan(folder, recipe, source, settings.shard_size or SHARD_SIZE), choice
    asked = {"source": source, "shard_size": settings.shard_size or plan.shard_size}
    for name, value in asked.items():
        if getattr(plan, name) != value:
            raise LeaderboardError(
                f"{folder} was begun with {name} {getattr(plan, name)}, not {value}; choose another --out"
            )
    check_same(plan.recipe, engine.describe(choice, settings.vectors or plan.recipe.vectors), str(folder))
    return plan, choice


def _complete(choice: ModelChoice, plan: Plan | None) -> ModelChoice:
    """With the batch size and threads of a run that goes on, which its last digits depend on."""
    threads = choice.threads or (plan.recipe.threads if plan else os.cpu_count() or 1)
    batch_size = choice.options.batch_size or (plan.recipe.batch_size if plan else None)
    return replace(choice, threads=threads, options=replace(choice.options, batch_size=batch_size))


def _refuse_foreign(folder: Folder) -> None:
    """A folder of something else is not to be mixed with shards; a listing that was interrupted is none."""
    try:
        is_foreign = any(name != "work" for name in folder.names())
    except NotADirectoryError:
        is_foreign = True
    if is_foreign:
        raise LeaderboardError(f"{folder} is there and was not begun by embed; choose another --out")


def _run(folder: Folder, plan: Plan, choice: ModelChoice, engine: Engine, settings: Settings) -> Outcome:
    if settings.accept_lost:
        folder.write(LOST_ACCEPTED, b"")
    finished = find_finished(folder, plan)
    if settings.retry_failures:
        finished = {shard: done for shard, done in finished.items() if not done.failures}
    missing = [shard for shard in range(plan.shards) if shard not in finished]
    manifest = None if missing else load_manifest(folder, plan, finished)
    if manifest is None:
        folder.remove(MANIFEST)  # while something is missing, nobody is to read on
        if missing:
            finished |= _compute(folder, plan, choice, engine, missing, finished)
        manifest = save_manifest(folder, plan, finished)
    folder.sweep(WRITTEN)
    return Outcome(manifest, computed=len(missing))


def _compute(
    folder: Folder,
    plan: Plan,
    choice: ModelChoice,
    engine: Engine,
    missing: list[int],
    finished: dict[int, ShardDone],
) -> dict[int, ShardDone]:
    failures = sum(len(done.failures) for done in finished.values())
    progress = Progress(plan.images, sum(map(plan.size_of, finished)), failures)
    computed: dict[int, ShardDone] = {}
    try:
        for done in engine.run(choice, folder, plan, missing, progress):
            computed[done.shard] = done
            progress.fail(len(done.failures))
    except (Unavailable, OSError) as error:
        reason = str(error) if isinstance(error, Unavailable) else f"{folder} cannot be written: {_reason(error)}"
        done_now = f"{len(finished) + len(computed)} of {plan.shards} shards are finished"
        raise Unavailable(f"{reason}; {done_now}: mend that, and run the same again to go on") from None
    finally:
        progress.close()
    return computed


def _reason(error: OSError) -> str:
    return error.strerror or first_line(error)
