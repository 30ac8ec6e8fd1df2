"""Collections read back: rows, columns, and what is said of damage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from collections_made import draw_clusters, save_collection

from leaderboard.errors import LeaderboardError
from leaderboard.shards.reading import open_collection

SHARD = "shards/000001.parquet"


def test_rows_come_back_in_order_with_all_columns(tmp_path) -> None:
    """In shards that know their first row; float16 comes as float32."""
    vectors = draw_clusters(250)
    collection = save_collection(tmp_path, vectors, stored="float16")
    shards = list(collection.iterate())
    assert [shard.first for shard in shards] == [0, 100, 200]
    np.testing.assert_array_equal(np.concatenate([shard.vectors for shard in shards]), vectors.astype(np.float16))
    assert shards[0].vectors.dtype == np.float32
    assert shards[2].paths[49] == "taxon-0/000249.png"
    assert {len(digest) for digest in shards[1].sha256} == {64}
    assert shards[1].widths.tolist() == [16] * 100


def test_single_rows_are_read_in_the_order_asked_for(tmp_path) -> None:
    """Across shards, also twice."""
    vectors, rows = draw_clusters(250), np.array([249, 3, 101, 3])
    collection = save_collection(tmp_path, vectors)
    np.testing.assert_array_equal(collection.read_vectors(rows), vectors[rows])
    assert [path for path, _ in collection.describe_rows(rows)] == [f"taxon-{row % 3}/{row:06d}.png" for row in rows]


def test_the_digest_is_of_the_vectors_alone(tmp_path) -> None:
    """Another place and another time give the same; another vector does not."""
    vectors = draw_clusters(20)
    first = save_collection(tmp_path / "a", vectors, source="here")
    assert save_collection(tmp_path / "b", vectors, source="there").digest == first.digest
    assert save_collection(tmp_path / "c", vectors + 1).digest != first.digest


def cut(folder: Path) -> None:
    content = (folder / SHARD).read_bytes()
    (folder / SHARD).write_bytes(content[:-1])


def flip(folder: Path) -> None:
    content = bytearray((folder / SHARD).read_bytes())
    content[len(content) // 3] ^= 1  # among the vectors, which are most of it
    (folder / SHARD).write_bytes(content)


def swap(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["shards"][1] |= {"rows": 99}
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("spoil", [cut, flip, swap, lambda folder: (folder / SHARD).unlink()])
def test_a_damaged_shard_is_one_line(tmp_path, spoil: Callable[[Path], object]) -> None:
    """Which shard, and what to do."""
    save_collection(tmp_path, draw_clusters(250))
    spoil(tmp_path)
    with pytest.raises(LeaderboardError, match=r"000001\.parquet is damaged or gone .*embed` again") as raised:
        list(open_collection(str(tmp_path)).iterate())
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no manifest.json"),
        ("{", "cannot be read"),
        ("[]", "not of the form"),
        ('{"format": "leaderboard-shards-9"}', "not of the form"),
    ],
)
def test_what_is_no_finished_collection_is_said(tmp_path, content: str | None, said: str) -> None:
    """In one line."""
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(LeaderboardError, match=said):
        open_collection(str(tmp_path))
