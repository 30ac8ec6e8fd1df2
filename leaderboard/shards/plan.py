"""What a run will make: written before any work, so that whoever goes on later makes the very same.

The listing is taken once. Images that come later are not part of the run; images that go are failures of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

from tqdm import tqdm

from leaderboard.errors import LeaderboardError, first_line, printable
from leaderboard.reading_ahead import group
from leaderboard.shards.places import Folder, exists
from leaderboard.shards.sealed import seal, unseal
from leaderboard.shards.sources import Item, iterate_items

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = "leaderboard-plan-1"
PLAN = "work/plan.json"
LOST_ACCEPTED = "work/lost-accepted"  # an empty file, which every worker sees
WRITTEN = (".", "shards", "work", "work/done", "work/listing")  # the folders of a collection
Vectors = Literal["float32", "float16"]


@dataclass(frozen=True)
class Recipe:
    """What decides the bytes of every shard, but for the images."""

    model: str
    dimension: int
    inputs: Mapping[str, Any]  # weights, preprocessing, dtype: as in the provenance of a result
    environment: Mapping[str, Any]  # device and versions, whose last digits differ
    batch_size: int
    threads: int
    vectors: Vectors


@dataclass(frozen=True)
class Plan:
    """A recipe and a listing, cut into shards."""

    recipe: Recipe
    source: str
    shard_size: int
    images: int

    @property
    def shards(self) -> int:
        """How many there are; the last one may be smaller."""
        return -(-self.images // self.shard_size)

    @cached_property
    def digest(self) -> str:
        """By which two plans are told apart."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def size_of(self, shard: int) -> int:
        """Images of a shard."""
        return min(self.shard_size, self.images - shard * self.shard_size)


def shard_file(shard: int) -> str:
    """Its name in the folder."""
    return f"shards/{shard:06d}.parquet"


def done_file(shard: int) -> str:
    """What says that a shard is finished, and with which checksum and failures."""
    return f"work/done/{shard:06d}.json"


def listing_file(shard: int) -> str:
    """The items of a shard."""
    return f"work/listing/{shard:06d}.parquet"


def load_plan(folder: Folder) -> Plan | None:
    """The plan of a run that was begun here; None where none was, or where listing was interrupted.

    Raises:
        LeaderboardError: something else is in the way, or a plan of another version.
        OSError: the folder cannot be read.
    """
    try:
        stored = unseal(folder.read(PLAN))
    except FileNotFoundError:
        return None
    except (IsADirectoryError, NotADirectoryError, ValueError) as error:
        raise LeaderboardError(
            f"{folder.at(PLAN)} cannot be read ({first_line(error)}); choose another --out"
        ) from None
    try:
        if stored.pop("format") != FORMAT:
            raise ValueError
        return Plan(**stored | {"recipe": Recipe(**stored["recipe"])})
    except (AttributeError, KeyError, TypeError, ValueError):
        raise LeaderboardError(f"{folder.at(PLAN)} is not of the form {FORMAT}; choose another --out") from None


def make_plan(folder: Folder, recipe: Recipe, source: str, shard_size: int) -> Plan:
    """List the source into the folder, a file per shard, and write the plan last.

    Raises:
        LeaderboardError: no images.
        Unavailable: the source cannot be listed.
        OSError: the folder cannot be written.
    """
    images = 0
    with tqdm(desc="list", unit="image", disable=None) as bar:
        for shard, items in enumerate(group(iterate_items(source), shard_size)):
            folder.write(listing_file(shard), _pack(items))
            images += len(items)
            bar.update(len(items))
    if not images:
        raise LeaderboardError(
            f"{printable(source)} has no images; expected image files, .tar files or a list of paths"
        )
    plan = Plan(recipe, source, shard_size, images)
    folder.write(PLAN, seal({"format": FORMAT, **asdict(plan)}))
    return _check_alone(folder, plan)


def _check_alone(folder: Folder, plan: Plan) -> Plan:
    """Two machines that list for hours do not see each other: whose plan is there in the end goes on."""
    there = load_plan(folder)
    if there is None or there.digest != plan.digest:
        raise LeaderboardError(f"{folder}: another run has planned there meanwhile; choose another --out")
    return plan


def load_items(folder: Folder, plan: Plan, shard: int) -> list[Item]:
    """The items of a shard, as they were listed.

    Raises:
        LeaderboardError: the listing is damaged or gone.
        OSError: the folder cannot be read, or is not there any more.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = _read_listing(folder, shard)
    try:
        table = pq.read_table(BytesIO(content), page_checksum_verification=True)
        if table.schema != _schema():
            raise ValueError("other columns than expected")
        if table.num_rows != plan.size_of(shard):
            raise ValueError(f"{table.num_rows} images of {plan.size_of(shard)}")
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _damaged(folder, shard, first_line(error)) from None
    return list(_unpack(table))


def _read_listing(folder: Folder, shard: int) -> bytes:
    try:
        return folder.read(listing_file(shard))
    except FileNotFoundError as error:
        if not exists(folder.address):  # all of it is gone, not the listing
            raise
        raise _damaged(folder, shard, error.strerror or first_line(error)) from None


def _damaged(folder: Folder, shard: int, reason: str) -> LeaderboardError:
    return LeaderboardError(
        f"{printable(folder.at(listing_file(shard)))} is damaged or gone ({reason}); start anew with another --out"
    )


def _pack(items: Iterable[Item]) -> bytes:
    """Names as the bytes that they are on the disk: parquet's strings are UTF-8, names need not be."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [asdict(item) for item in items]
    for row in rows:
        row |= {key: row[key].encode("utf-8", "surrogateescape") for key in ("path", "address")}
    stream = BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, _schema()), stream, compression="zstd", write_page_checksum=True)
    return stream.getvalue()


def _unpack(table: pa.Table) -> Iterator[Item]:
    for row in table.to_pylist():
        yield Item(**row | {key: row[key].decode("utf-8", "surrogateescape") for key in ("path", "address")})


def _schema() -> pa.Schema:
    import pyarrow as pa

    numbers = dict.fromkeys(("start", "size", "header"), pa.int64())
    return pa.schema({"path": pa.binary(), "address": pa.binary(), **numbers, "problem": pa.string()})
