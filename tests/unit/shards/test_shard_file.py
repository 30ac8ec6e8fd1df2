"""Shards as Parquet: the same rows are the same bytes."""

from __future__ import annotations

import os
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leaderboard.shards.shard_file import Row, pack_failures, pack_rows, to_utf8

ROWS = [Row(f"a/{number}.jpg", 10 + number, 20, f"{number:064x}") for number in range(5)]
VECTORS = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


def read(content: bytes) -> Any:
    return pq.read_table(BytesIO(content), page_checksum_verification=True)


@pytest.mark.parametrize(("stored", "kind"), [("float32", pa.float32()), ("float16", pa.float16())])
def test_rows_come_back_with_the_columns_of_the_format(stored: str, kind: pa.DataType) -> None:
    """Path, vector, sides and digest; vectors as the numbers that they were."""
    vectors = VECTORS.astype(stored)
    table = read(pack_rows(ROWS, vectors))
    assert [(field.name, str(field.type).replace("element", "item")) for field in table.schema] == [
        ("path", "string"),
        ("embedding", f"fixed_size_list<item: {kind}>[3]"),
        ("width", "int32"),
        ("height", "int32"),
        ("sha256", "string"),
    ]
    assert table["path"].to_pylist() == [row.path for row in ROWS]
    assert table["width"].to_pylist() == [10, 11, 12, 13, 14]
    assert table["height"].to_pylist() == [20] * 5
    assert table["sha256"].to_pylist() == [row.sha256 for row in ROWS]
    found = np.array(table["embedding"].to_pylist(), stored)
    np.testing.assert_array_equal(found, vectors)


def test_the_same_rows_are_the_same_bytes() -> None:
    """Wherever the vectors lie in memory; another digit makes others."""
    content = pack_rows(ROWS, VECTORS)
    assert pack_rows(list(ROWS), np.asfortranarray(VECTORS)) == content
    assert pack_rows(ROWS, np.repeat(VECTORS, 2, axis=0)[::2]) == content
    changed = VECTORS.copy()
    changed[4, 2] = np.nextafter(changed[4, 2], np.float32(9))
    assert pack_rows(ROWS, changed) != content
    assert pack_rows(ROWS[::-1], VECTORS) != content


@pytest.mark.parametrize("stored", ["float32", "float16"])
def test_a_shard_without_rows_has_the_same_columns(stored: str) -> None:
    """So that all shards can be read together."""
    empty = read(pack_rows([], np.empty((0, 3), stored)))
    assert empty.num_rows == 0
    assert empty.schema == read(pack_rows(ROWS, VECTORS.astype(stored))).schema


def test_a_wrong_byte_in_a_page_is_noticed() -> None:
    """Pages have checksums, whoever reads them."""
    content = bytearray(pack_rows(ROWS, VECTORS))
    place = bytes(content).index(VECTORS.tobytes()[:8])
    content[place] ^= 1
    with pytest.raises(OSError, match=r"(?i)crc|checksum"):
        read(bytes(content))


@pytest.mark.parametrize(
    ("name", "expected"),
    [(b"a.jpg", "a.jpg"), ("é花.jpg".encode(), "é花.jpg"), (b"bad\xff.jpg", "bad\\xff.jpg"), (b"a\nb", "a\nb")],
)
def test_names_that_are_no_utf8_are_escaped(name: bytes, expected: str) -> None:
    """In rows as in failures; others stay as they are."""
    path = os.fsdecode(name)
    assert to_utf8(path) == expected
    assert read(pack_rows([Row(path, 1, 1, "")], VECTORS[:1]))["path"].to_pylist() == [expected]
    assert read(pack_failures([(to_utf8(path), "why")])).to_pylist() == [{"path": expected, "reason": "why"}]


def test_failures_may_be_none() -> None:
    """The file is there and has its columns."""
    table = read(pack_failures([]))
    assert (table.num_rows, table.schema) == (0, pa.schema({"path": pa.string(), "reason": pa.string()}))
    assert table.schema == read(pack_failures([("a.jpg", "empty")])).schema
