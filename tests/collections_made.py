"""Finished collections without a model: shards and a manifest as ``embed --out DIR`` writes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from leaderboard.shards.manifest import FORMAT
from leaderboard.shards.reading import Collection, open_collection
from leaderboard.shards.shard_file import Row, pack_rows


def save_collection(
    folder: Path,
    vectors: np.ndarray,
    paths: Sequence[str] | None = None,
    *,
    digests: Sequence[str] | None = None,
    shard_size: int = 100,
    model: str = "small",
    source: Path | str = "nowhere",
    stored: str = "float32",
) -> Collection:
    """A collection of these vectors (n, d); paths and pixels are made up where they are not given."""
    names = list(paths) if paths is not None else [f"taxon-{row % 3}/{row:06d}.png" for row in range(len(vectors))]
    pixels = list(digests) if digests is not None else [hashlib.sha256(name.encode()).hexdigest() for name in names]
    rows = [Row(name, 16, 16, digest) for name, digest in zip(names, pixels, strict=True)]
    (folder / "shards").mkdir(parents=True, exist_ok=True)
    entries: list[dict[str, Any]] = []
    for number, start in enumerate(range(0, len(rows), shard_size)):
        part = slice(start, start + shard_size)
        content = pack_rows(rows[part], vectors[part].astype(stored))
        file = f"shards/{number:06d}.parquet"
        (folder / file).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        entries.append({"file": file, "rows": len(rows[part]), "failures": 0, "bytes": len(content), "sha256": digest})
    manifest = {
        "format": FORMAT,
        "model": model,
        "images": len(rows),
        "failures": 0,
        "source": str(source),
        "shard_size": shard_size,
        "dimension": vectors.shape[1],
        "inputs": {},
        "environment": {},
        "vectors": stored,
        "shards": entries,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return open_collection(str(folder))


def draw_clusters(count: int, dimension: int = 32, *, clusters: int = 40, seed: int = 0) -> np.ndarray:
    """Vectors (n, d) float32 in clusters, each with a spectrum that falls."""
    draws = np.random.default_rng(seed)
    centres = draws.normal(0, 2, (clusters, dimension))
    spread = 1 / np.sqrt(1 + np.arange(dimension))
    own = centres[draws.integers(clusters, size=count)]
    return np.asarray(own + spread * draws.normal(size=(count, dimension)), dtype=np.float32)
