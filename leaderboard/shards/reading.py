"""A finished collection, read back a shard at a time: memory holds a few shards, however many there are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from leaderboard.errors import LeaderboardError, Unavailable, first_line, printable
from leaderboard.reading_ahead import map_ahead
from leaderboard.shards.manifest import FORMAT, MANIFEST
from leaderboard.shards.places import Folder, local_path

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("path", "embedding", "width", "height", "sha256")
READERS = 2  # threads that read ahead
AHEAD = 3  # shards in memory that nobody has taken yet


@dataclass(frozen=True)
class Shard:
    """Some rows of a collection. Columns that were not asked for are empty."""

    first: int  # number of its first row in the whole collection
    paths: Sequence[str]
    vectors: np.ndarray  # (n, d) float32
    widths: np.ndarray  # (n,) pixels
    heights: np.ndarray  # (n,) pixels
    sha256: Sequence[str]  # of the decoded pixels


@dataclass(frozen=True)
class Collection:
    """What a manifest describes."""

    folder: Folder
    manifest: dict[str, Any]

    @property
    def model(self) -> str:
        """Id of the model that made the vectors."""
        return str(self.manifest["model"])

    @property
    def dimension(self) -> int:
        """Of the vectors."""
        return int(self.manifest["dimension"])

    @property
    def images(self) -> int:
        """Rows of all shards together."""
        return int(self.manifest["images"])

    @cached_property
    def starts(self) -> np.ndarray:
        """(shards + 1,) the number of each shard's first row, and of all rows."""
        return np.cumsum([0, *(shard["rows"] for shard in self.manifest["shards"])], dtype=np.int64)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the vectors are: the model, and the checksum of every shard. No times, no places."""
        what = {key: self.manifest.get(key) for key in ("format", "model", "inputs", "environment", "shards")}
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()

    def iterate(
        self, columns: Sequence[str] = COLUMNS, *, advance: Callable[[int], object] | None = None
    ) -> Iterator[Shard]:
        """Every shard in order, the next ones read while one is looked at; shards without rows are passed over.

        Args:
            columns: that are wanted.
            advance: told the rows of each shard when the next one is asked for, as a progress bar is.

        Raises:
            LeaderboardError: a shard is damaged, gone, or not what the manifest says.
        """
        numbers = [number for number, shard in enumerate(self.manifest["shards"]) if shard["rows"]]
        for shard in map_ahead(partial(self.read, columns=columns), numbers, AHEAD, threads=READERS):
            yield shard
            if advance is not None:
                advance(max(len(shard.paths), len(shard.vectors), len(shard.sha256)))

    def read(self, number: int, columns: Sequence[str] = COLUMNS) -> Shard:
        """One shard.

        Raises:
            LeaderboardError: as ``iterate``.
        """
        table = self._read_table(number, columns)
        strings: dict[str, list[str]] = {name: table[name].to_pylist() for name in {"path", "sha256"} & set(columns)}
        sides = {name: table[name].to_numpy() for name in {"width", "height"} & set(columns)}
        return Shard(
            first=int(self.starts[number]),
            paths=strings.get("path", ()),
            vectors=self._vectors(table) if "embedding" in columns else np.empty((0, self.dimension), np.float32),
            widths=sides.get("width", np.empty(0, np.int32)),
            heights=sides.get("height", np.empty(0, np.int32)),
            sha256=strings.get("sha256", ()),
        )

    def read_rows(self, rows: np.ndarray, columns: Sequence[str] = COLUMNS) -> Iterator[tuple[np.ndarray, Shard]]:
        """The shards that some rows lie in, one at a time, each with the places in ``rows`` of those that it holds.

        Args:
            rows: (m,) numbers of rows, in any order.
            columns: that are wanted.
        """
        owners = np.searchsorted(self.starts, rows, side="right") - 1
        for number in np.unique(owners):
            yield np.flatnonzero(owners == number), self.read(int(number), columns)

    def read_vectors(self, rows: np.ndarray) -> np.ndarray:
        """The vectors (m, d) of some rows."""
        vectors = np.empty((len(rows), self.dimension), np.float32)
        for places, shard in self.read_rows(rows, ("embedding",)):
            vectors[places] = shard.vectors[rows[places] - shard.first]
        return vectors

    def describe_rows(self, rows: np.ndarray) -> list[tuple[str, str]]:
        """Path and digest of the pixels of some rows."""
        found: list[tuple[str, str]] = [("", "")] * len(rows)
        for places, shard in self.read_rows(rows, ("path", "sha256")):
            for place in places.tolist():
                own = int(rows[place]) - shard.first
                found[place] = (shard.paths[own], shard.sha256[own])
        return found

    def _vectors(self, table: pa.Table) -> np.ndarray:
        """Rows as float32, whatever they are stored as; of a collection without gaps no value is copied."""
        flat = table["embedding"].combine_chunks().flatten().to_numpy()
        return np.asarray(flat.reshape(-1, self.dimension), dtype=np.float32)

    def _read_table(self, number: int, columns: Sequence[str]) -> pa.Table:
        import pyarrow as pa
        import pyarrow.parquet as pq

        entry = self.manifest["shards"][number]
        try:
            source = self._open(entry["file"], entry["bytes"])
            table = pq.ParquetFile(source, page_checksum_verification=True).read(list(columns))
            self._check(table, entry["rows"])
        except (OSError, ValueError, KeyError, pa.ArrowException) as error:
            raise LeaderboardError(
                f"{printable(self.folder.at(entry['file']))} is damaged or gone ({first_line(error)}); "
                "run `leaderboard embed` again with the same --out, which makes what is missing anew"
            ) from None
        return table

    def _open(self, file: str, size: int) -> Path | BytesIO:
        """What pyarrow reads a shard from: on a disk only the bytes of the columns that are wanted."""
        path = local_path(self.folder.at(file))
        content = b"" if path else self.folder.read(file)
        found = path.stat().st_size if path else len(content)
        if found != size:
            raise ValueError(f"{found} bytes, expected {size}")
        return path or BytesIO(content)

    def _check(self, table: pa.Table, rows: int) -> None:
        if table.num_rows != rows:
            raise ValueError(f"{table.num_rows} rows, expected {rows}")
        if "embedding" in table.column_names and (size := table.schema.field("embedding").type.list_size) != (
            self.dimension
        ):
            raise ValueError(f"{size} dimensions, expected {self.dimension}")


def open_collection(address: str) -> Collection:
    """The collection in a folder, on a disk or elsewhere; nothing but its manifest is read yet.

    Raises:
        LeaderboardError: no collection there, one that is not finished, or one of another form.
        Unavailable: pyarrow is not installed.
    """
    try:
        import pyarrow  # noqa: F401  # said now, not at the first shard
    except ModuleNotFoundError:
        raise Unavailable("collections need pyarrow; `pip install 'fossil-leaderboard[index]'`") from None
    folder = Folder(address)
    try:
        manifest = json.loads(folder.read(MANIFEST))
    except (FileNotFoundError, NotADirectoryError):
        raise LeaderboardError(
            f"{folder} has no {MANIFEST}: no collection of `leaderboard embed --out DIR`, or one that is not finished"
        ) from None
    except (OSError, ValueError) as error:
        raise LeaderboardError(f"{printable(folder.at(MANIFEST))} cannot be read ({first_line(error)})") from None
    _check_form(manifest, folder)
    return Collection(folder, manifest)


def _check_form(manifest: Any, folder: Folder) -> None:
    keys = {"format", "model", "dimension", "images", "shards"}
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT or not keys <= manifest.keys():
        raise LeaderboardError(
            f"{printable(folder.at(MANIFEST))} is not of the form {FORMAT}; embed the images again with this version"
        )
    if not manifest["images"]:
        raise LeaderboardError(f"{folder} has no vectors: all its {manifest.get('failures', 0)} images failed")
