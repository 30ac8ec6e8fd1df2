"""What is finished, by its checksums, and the manifest that says that all is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from tqdm import tqdm

from leaderboard.datasets.listing import hash_file
from leaderboard.download import announce
from leaderboard.shards.places import Folder, local_path
from leaderboard.shards.plan import Plan, done_file, shard_file
from leaderboard.shards.sealed import unseal
from leaderboard.shards.shard_file import ShardDone, pack_failures

FORMAT = "leaderboard-shards-1"
MANIFEST = "manifest.json"
FAILURES = "failures.parquet"
READERS = 8  # threads that verify


def find_finished(folder: Folder, plan: Plan) -> dict[int, ShardDone]:
    """The shards that are finished and undamaged; on a disk by their bytes, elsewhere by their size.

    Raises:
        OSError: the folder cannot be read.
    """
    notes = folder.sizes("work/done")
    sizes = folder.sizes("shards")
    noted = [shard for shard in range(plan.shards) if done_file(shard).rpartition("/")[2] in notes]

    def check(shard: int) -> ShardDone | None:
        return _load_sound(folder, plan, shard, sizes.get(shard_file(shard).rpartition("/")[2]))

    with ThreadPoolExecutor(READERS) as pool:
        checked = tqdm(pool.map(check, noted), total=len(noted), desc="verify", unit="shard", disable=None, leave=False)
        found = {shard: done for shard, done in zip(noted, checked, strict=True) if done is not None}
    damaged = len(noted) - len(found)
    if damaged:
        announce(f"{damaged} damaged or missing shards are computed again")
    return found


def _load_sound(folder: Folder, plan: Plan, shard: int, size: int | None) -> ShardDone | None:
    done = load_done(folder, shard)
    if done is None or size != done.bytes or (done.shard, done.plan) != (shard, plan.digest):
        return None
    if done.rows + len(done.failures) != plan.size_of(shard):
        return None
    local = local_path(folder.at(shard_file(shard)))
    if local is not None and hash_file(local) != done.sha256:
        return None
    return done


def load_done(folder: Folder, shard: int) -> ShardDone | None:
    """The note of a finished shard; None when it is no such thing."""
    try:
        stored = unseal(folder.read(done_file(shard)))
        return ShardDone(**stored | {"failures": tuple(map(tuple, stored["failures"]))})
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def load_manifest(folder: Folder, plan: Plan, finished: dict[int, ShardDone]) -> dict[str, Any] | None:
    """The manifest of these shards; None when it is not there, or it or the failures are not what they have to be."""
    try:
        stored, failures = json.loads(folder.read(MANIFEST)), folder.read(FAILURES)
    except (FileNotFoundError, ValueError):
        return None
    expected = {**_describe(plan, finished), "finished": stored.get("finished") if isinstance(stored, dict) else None}
    return expected if stored == expected and failures == _pack_failures(finished) else None


def save_manifest(folder: Folder, plan: Plan, finished: dict[int, ShardDone]) -> dict[str, Any]:
    """Write the failures, and then the manifest.

    Raises:
        OSError: the folder cannot be written.
    """
    manifest = {**_describe(plan, finished), "finished": datetime.now(UTC).isoformat(timespec="seconds")}
    folder.write(FAILURES, _pack_failures(finished))
    folder.write(MANIFEST, json.dumps(manifest, indent=1).encode())
    return manifest


def _pack_failures(finished: dict[int, ShardDone]) -> bytes:
    return pack_failures([failure for shard in sorted(finished) for failure in finished[shard].failures])


def _describe(plan: Plan, finished: dict[int, ShardDone]) -> dict[str, Any]:
    """The manifest without its time."""
    recipe, shards = asdict(plan.recipe), [finished[shard] for shard in range(plan.shards)]
    return {
        "format": FORMAT,
        "model": plan.recipe.model,
        "revision": _revision(recipe["inputs"]),
        "preprocessing": recipe["inputs"].get("preprocessing"),
        "dtype": recipe["inputs"].get("dtype"),
        "images": sum(done.rows for done in shards),
        "failures": sum(len(done.failures) for done in shards),
        "source": plan.source,
        "shard_size": plan.shard_size,
        **recipe,
        "shards": list(_describe_shards(shards)),
    }


def _describe_shards(shards: list[ShardDone]) -> Iterator[dict[str, Any]]:
    for done in shards:
        counts = {"rows": done.rows, "failures": len(done.failures), "bytes": done.bytes}
        yield {"file": shard_file(done.shard), **counts, "sha256": done.sha256}


def _revision(inputs: dict[str, Any]) -> str | None:
    """Of the weights: a commit, or a package's version; a baseline has none."""
    weights = inputs.get("weights")
    return weights.get("revision") if isinstance(weights, dict) else None
