"""One shard: its images read, embedded and written. What its bytes are depends on the plan alone.

Batches never reach across shards, and are made of readable images only, in order: whoever computes a shard, and after
whatever else, runs the network on the same batches.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np

from leaderboard.backbones import Backbone
from leaderboard.embedder import Embedder
from leaderboard.errors import Unavailable, first_line, printable
from leaderboard.images import BadImage, decode_image, digest_pixels
from leaderboard.reading_ahead import group, map_ahead
from leaderboard.shards.places import FINAL, Folder, exists, read_bytes
from leaderboard.shards.plan import Plan, done_file, load_items, shard_file
from leaderboard.shards.shard_file import Row, ShardDone, pack_rows, to_utf8
from leaderboard.shards.sources import Item

BATCHES_AHEAD = 4
RUN = 8  # images of a tar that are read at once
GAP = 1 << 16  # bytes between two of them that are worth reading over
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
    items = load_items(folder, shard)
    rows, vectors, failed = _embed(plan, backbone, items, tell)
    _refuse_lost_source(plan.source, items, failed)
    content = pack_rows(rows, vectors.astype(plan.recipe.vectors))
    done = ShardDone(
        shard=shard,
        rows=len(rows),
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        failures=tuple((to_utf8(item.path), item.reason) for item in failed),
    )
    folder.write(shard_file(shard), content)
    folder.write(done_file(shard), json.dumps(asdict(done)).encode())
    return done


def _embed(
    plan: Plan, backbone: Backbone, items: Sequence[Item], tell: Tell
) -> tuple[list[Row], np.ndarray, list[Failed]]:
    rows: list[Row] = []
    failed: list[Failed] = []
    vectors = [np.empty((0, plan.recipe.dimension), np.float32)]
    embed = Embedder(backbone)
    for batch in group(_prepare_ahead(backbone, plan, items, failed, tell), backbone.batch_size):
        found = embed([image.array for image in batch])
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


def _prepare_ahead(
    backbone: Backbone, plan: Plan, items: Sequence[Item], failed: list[Failed], tell: Tell
) -> Iterator[Prepared]:
    """Readable images in order; the others are put into ``failed``."""
    runs = list(_runs(items))
    longest = max(map(len, runs), default=1)
    ahead = max(1, BATCHES_AHEAD * backbone.batch_size // longest)
    for run in map_ahead(partial(_prepare_run, backbone), runs, ahead, threads=plan.recipe.threads):
        for image in run:
            if isinstance(image, Prepared):
                yield image
            else:
                failed.append(image)
                tell(1)


def _runs(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Neighbours in a tar together, every other image alone."""
    run: list[Item] = []
    for item in items:
        if run and not (len(run) < RUN and _follows(run[-1], item)):
            yield run
            run = []
        run.append(item)
    if run:
        yield run


def _follows(one: Item, other: Item) -> bool:
    if one.address != other.address or one.start is None or one.size is None or other.start is None:
        return False
    return 0 <= other.start - one.start - one.size <= GAP


def _prepare_run(backbone: Backbone, run: Sequence[Item]) -> list[Prepared | Failed]:
    try:
        contents = _read_run(run)
    except FINAL as error:
        reason = error.strerror or type(error).__name__
        return [Failed(item.path, f"cannot be read: {reason}", is_gone=True) for item in run]
    except OSError as error:
        address = printable(run[0].address)
        raise Unavailable(f"{address} cannot be read any more ({error.strerror or first_line(error)})") from None
    return [_prepare(backbone, item, content) for item, content in zip(run, contents, strict=True)]


def _read_run(run: Sequence[Item]) -> list[bytes]:
    first, last = run[0], run[-1]
    if first.problem:
        return [b""]
    if first.start is None or last.start is None or last.size is None:
        return [read_bytes(first.address)]
    content = read_bytes(first.address, first.start, last.start + last.size)
    begins = [(item.start or 0) - first.start for item in run]
    return [content[begin : begin + (item.size or 0)] for begin, item in zip(begins, run, strict=True)]


def _prepare(backbone: Backbone, item: Item, content: bytes) -> Prepared | Failed:
    if item.problem:
        return Failed(item.path, item.problem)
    try:
        image = decode_image(content)
        row = Row(item.path, image.width, image.height, digest_pixels(image))
        return Prepared(row, backbone.prepare(image))
    except BadImage as error:
        return Failed(item.path, str(error))


def _refuse_lost_source(source: str, items: Sequence[Item], failed: Sequence[Failed]) -> None:
    """Images that go are failures; when all is gone it is the disk or the bucket, and they may come back."""
    gone = [item for item in failed if item.is_gone]
    if not gone:
        return
    try:
        is_there = exists(source)
    except OSError as error:
        raise Unavailable(f"{printable(source)} cannot be read any more ({first_line(error)})") from None
    if not is_there:
        raise Unavailable(f"{printable(source)} is not there any more")
    if len(gone) == len(items) and len(items) >= FEW:
        first = f"{printable(gone[0].path)} {gone[0].reason}"
        raise Unavailable(f"{printable(source)}: none of {len(items)} images in a row is there any more ({first})")
