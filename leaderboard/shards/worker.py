"""One shard: its images read, embedded and written. What its bytes are depends on the plan alone.

Batches never reach across shards, and are made of readable images only, in order: whoever computes a shard, and after
whatever else, runs the network on the same batches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np

from leaderboard.backbones import Backbone
from leaderboard.embedder import Embedder
from leaderboard.errors import Unavailable, first_line, printable
from leaderboard.images import BadImage, decode_image, digest_pixels
from leaderboard.reading_ahead import group, map_ahead, map_by_groups
from leaderboard.shards.fetch import Fetched, fetch_ahead
from leaderboard.shards.places import Folder, exists, local_path
from leaderboard.shards.plan import LOST_ACCEPTED, Plan, done_file, load_items, shard_file
from leaderboard.shards.sealed import seal
from leaderboard.shards.shard_file import Row, ShardDone, pack_rows, to_utf8
from leaderboard.shards.sources import Item

BATCHES_AHEAD = 4
FEW = 10  # images that may all be gone without the source being so

Tell = Callable[[int], None]  # how many images more are done


@dataclass(frozen=True)
class Prepared:
    """An image as the network takes it, and what its row says."""

    row: Row
    array: np.ndarray


@dataclass(frozen=True)
class Failed:
    """An image that gives no row."""

    path: str
    reason: str
    is_gone: bool = False  # there was nothing to read, rather than something unreadable


def embed_shard(folder: Folder, plan: Plan, backbone: Backbone, shard: int, tell: Tell) -> ShardDone:
    """Compute a shard, write it, and then the note that it is finished.

    Raises:
        Unavailable: the source cannot be read any more, or memory is out.
        LeaderboardError: a damaged listing, or a model that does not give what the plan says.
        OSError: the folder cannot be written.
    """
    items = load_items(folder, plan, shard)
    rows, vectors, failed = _embed(plan, backbone, items, tell)
    _refuse_lost_source(folder, plan.source, items, failed)
    content = pack_rows(rows, vectors.astype(plan.recipe.vectors))
    done = ShardDone(
        shard=shard,
        rows=len(rows),
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        failures=tuple((to_utf8(item.path), item.reason) for item in failed),
        plan=plan.digest,
    )
    folder.write(shard_file(shard), content)
    folder.write(done_file(shard), seal(asdict(done)))
    return done


def _embed(
    plan: Plan, backbone: Backbone, items: Sequence[Item], tell: Tell
) -> tuple[list[Row], np.ndarray, list[Failed]]:
    rows: list[Row] = []
    failed: list[Failed] = []
    vectors = [np.empty((0, plan.recipe.dimension), np.float32)]
    embed = Embedder(backbone)
    for batch in group(_prepare_all(backbone, plan, items, failed, tell), backbone.batch_size):
        found = embed([image.array for image in batch])
        with np.errstate(over="ignore"):  # it is told below
            sound = np.isfinite(found.astype(plan.recipe.vectors)).all(axis=1)
        failed += [
            Failed(image.row.path, f"its vector is NaN or infinite as {plan.recipe.vectors}")
            for image, is_sound in zip(batch, sound, strict=True)
            if not is_sound
        ]
        rows += [image.row for image, is_sound in zip(batch, sound, strict=True) if is_sound]
        vectors.append(found[sound])
        tell(len(batch))
    return rows, np.concatenate(vectors), failed


def _prepare_all(
    backbone: Backbone, plan: Plan, items: Sequence[Item], failed: list[Failed], tell: Tell
) -> Iterator[Prepared]:
    """Readable images in order; the others are put into ``failed``.

    An accelerator computes while the processor decodes. A processor does one after the other: a thread that decodes
    would hold up a network whose threads wait for one another, and cost more than it saves (docs/scale.md).
    """
    size, threads = backbone.batch_size, plan.recipe.threads
    fetched, prepare = fetch_ahead(items, BATCHES_AHEAD * size), partial(_prepare, backbone)
    if backbone.environment["device"] == "cpu":
        prepared = map_by_groups(prepare, fetched, size, threads=threads)
    else:
        prepared = map_ahead(prepare, fetched, BATCHES_AHEAD * size, threads=threads)
    for image in prepared:
        if isinstance(image, Prepared):
            yield image
        else:
            failed.append(image)
            tell(1)


def _prepare(backbone: Backbone, fetched: Fetched) -> Prepared | Failed:
    path = fetched.item.path
    if fetched.reason:
        return Failed(path, fetched.reason, fetched.is_gone)
    try:
        image = decode_image(fetched.content)
        return Prepared(Row(path, image.width, image.height, digest_pixels(image)), backbone.prepare(image))
    except BadImage as error:
        return Failed(path, str(error))


def _refuse_lost_source(folder: Folder, source: str, items: Sequence[Item], failed: Sequence[Failed]) -> None:
    """Images that go are failures; when all is gone it is the disk or the bucket, and they may come back."""
    gone = [item for item in failed if item.is_gone]
    if not gone:
        return
    try:
        is_there = exists(source) and not _is_emptied(source)
    except OSError as error:
        raise Unavailable(f"{printable(source)} cannot be read any more ({first_line(error)})") from None
    if not is_there:
        raise Unavailable(f"{printable(source)} is not there any more")
    if len(gone) == len(items) and len(items) >= FEW and not exists(folder.at(LOST_ACCEPTED)):
        first = f"{printable(gone[0].path)} {gone[0].reason}"
        raise Unavailable(
            f"{printable(source)}: none of {len(items)} images in a row is there any more ({first}); if they are lost "
            "for good, add --accept-lost"
        )


def _is_emptied(source: str) -> bool:
    """A folder where nothing is left: that is what the mount point of a lost disk looks like."""
    local = local_path(source)
    return local is not None and local.is_dir() and not any(local.iterdir())
