"""Rows of a shard <-> Parquet: readable in one line by pandas, polars, duckdb and datasets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Row:
    """What is known of an embedded image, beside its vector."""

    path: str
    width: int  # pixels
    height: int
    sha256: str  # of the decoded pixels


@dataclass(frozen=True)
class ShardDone:
    """What a finished shard is; stored beside it, so that it can be checked."""

    shard: int
    rows: int
    bytes: int
    sha256: str
    failures: tuple[tuple[str, str], ...]  # path, reason
    plan: str  # digest of the plan that it was made by


def pack_rows(rows: Sequence[Row], vectors: np.ndarray) -> bytes:
    """A Parquet file of rows and their vectors (n, d) float16 or float32; the same rows give the same bytes."""
    import pyarrow as pa

    flat = pa.array(np.ascontiguousarray(vectors).reshape(-1))
    columns = {
        "path": pa.array([to_utf8(row.path) for row in rows], pa.string()),
        "embedding": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
        "width": pa.array([row.width for row in rows], pa.int32()),
        "height": pa.array([row.height for row in rows], pa.int32()),
        "sha256": pa.array([row.sha256 for row in rows], pa.string()),
    }
    return _write(pa.table(columns))


def pack_failures(failures: Sequence[tuple[str, str]]) -> bytes:
    """A Parquet file of paths and reasons."""
    import pyarrow as pa

    columns = zip(*failures, strict=True) if failures else ((), ())
    return _write(pa.table(dict(zip(("path", "reason"), (pa.array(c, pa.string()) for c in columns), strict=True))))


def to_utf8(path: str) -> str:
    """Parquet's strings are UTF-8; a name that is none has its odd bytes escaped."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _write(table: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    stream = BytesIO()
    # Vectors do not compress; of a dictionary or statistics of theirs nobody has any use.
    strings = [field.name for field in table.schema if field.type == "string"]
    pq.write_table(
        table, stream, compression="zstd", use_dictionary=False, write_statistics=strings, write_page_checksum=True
    )
    return stream.getvalue()
