"""What `index`, `find`, `duplicates` and `label` do with a large collection: seconds and peak memory of each step.

    python benchmarks/large_collection.py --vectors 1000000 [--work DIR]

The vectors of benchmarks/drawn_vectors.py are written as the shards that `embed --out DIR` writes, with paths in a
hundred classes and one image in a thousand there twice. Each step runs in a process of its own, on what the earlier
ones left.
Memory mapped from files counts as long as it is resident. Figures: docs/large-collections.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from drawn_vectors import DIMENSION, ROWS, draw_all, measure_seconds

from leaderboard.shards.manifest import FORMAT
from leaderboard.shards.plan import shard_file
from leaderboard.shards.reading import open_collection
from leaderboard.shards.shard_file import Row, pack_rows
from leaderboard.vector_index.opening import Searchable, open_searchable

MANY = 1000  # queries at once
TWICE = 1000  # of so many images one is there twice


def main() -> None:
    """Every step, in order."""
    parser = argparse.ArgumentParser(description="Index, find, duplicates and label on a large collection.")
    parser.add_argument("--vectors", type=int, default=100_000, metavar="N")
    parser.add_argument("--work", type=Path, default=Path("vector-stores"), metavar="DIR")
    parser.add_argument("--step", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    work = options.work / str(options.vectors)
    if options.inside:
        said = STEPS[options.step[0]](work)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        print(f"| {options.step[0]} | {said} | {peak:.2f} |")
        return
    draw_all(work, options.vectors)
    print("| step | | peak GB |\n|---|---|---|", flush=True)
    for step in options.step:
        arguments = ["--vectors", str(options.vectors), "--work", str(options.work), "--step", step, "--inside"]
        subprocess.run([sys.executable, __file__, *arguments], check=True)  # noqa: S603  # ourselves


def write(work: Path) -> str:
    """The shards."""
    vectors, folder = np.load(work / "vectors.npy", mmap_mode="r"), work / "collection"
    (folder / "shards").mkdir(parents=True, exist_ok=True)
    shards: list[dict[str, Any]] = []
    start = time.perf_counter()
    for number, first in enumerate(range(0, len(vectors), ROWS)):
        part = np.asarray(vectors[first : first + ROWS])
        content = pack_rows([_describe(row) for row in range(first, first + len(part))], part)
        (folder / shard_file(number)).write_bytes(content)
        counts = {"rows": len(part), "failures": 0, "bytes": len(content)}
        shards.append({"file": shard_file(number), **counts, "sha256": hashlib.sha256(content).hexdigest()})
    manifest = {"format": FORMAT, "model": "drawn", "dimension": DIMENSION, "images": len(vectors), "shards": shards}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return f"{time.perf_counter() - start:.1f} s, {len(shards)} shards"


def _describe(row: int) -> Row:
    pixels = row - 1 if row % TWICE == 1 else row
    return Row(f"taxon-{row % 100:02d}/{row:09d}.png", 224, 224, hashlib.sha256(str(pixels).encode()).hexdigest())


def index(work: Path) -> str:
    """Build it."""
    from shutil import rmtree

    from leaderboard.vector_index.building import build_index

    rmtree(work / "index", ignore_errors=True)
    start = time.perf_counter()
    built = build_index(open_collection(str(work / "collection")), work / "index")
    size = sum(path.stat().st_size for path in (work / "index").iterdir()) / 1e9
    found = built.index
    return f"{time.perf_counter() - start:.1f} s, {size:.2f} GB, effort {found.effort}, recall@10 {found.recall:.3f}"


def find_exactly(work: Path) -> str:
    """Shard by shard."""
    return _find(work, open_searchable(str(work / "collection")))


def find_by_index(work: Path) -> str:
    """Candidates of the index, distances of the shards."""
    return _find(work, open_searchable(str(work / "index")))


def _find(work: Path, searchable: Searchable) -> str:
    queries, truth = np.load(work / "queries.npy")[:MANY], np.load(work / "truth.npy")[:MANY]
    seconds = [measure_seconds(lambda query=query: searchable.search(query[None], 10)) for query in queries[:5]]  # type: ignore[misc]
    start = time.perf_counter()
    rows = searchable.search(queries, 10).rows
    many = time.perf_counter() - start
    recall = np.mean([len(np.intersect1d(own, true)) / 10 for own, true in zip(rows, truth, strict=True)])
    return f"one image {np.median(seconds):.2f} s, {len(queries)} images {many:.1f} s, recall@10 {recall:.3f}"


def find_same_pixels(work: Path) -> str:
    """Groups of equal digests."""
    from leaderboard.vector_index.duplicates import find_exact

    start = time.perf_counter()
    groups = find_exact(open_collection(str(work / "collection")))
    return f"{time.perf_counter() - start:.1f} s, {len(groups)} groups"


def find_near_exactly(work: Path) -> str:
    """Every shard against every later one."""
    return _find_near(open_searchable(str(work / "collection")))


def find_near_by_index(work: Path) -> str:
    """The nearest ones of every image."""
    return _find_near(open_searchable(str(work / "index")))


def _find_near(searchable: Searchable) -> str:
    from leaderboard.vector_index.duplicates import RADIUS, find_close, measure_unit

    start = time.perf_counter()
    radius = RADIUS * measure_unit(searchable.collection)
    kept, is_cut = find_close(searchable, radius, most=100_000, without=np.empty(0, np.int64))
    return f"{time.perf_counter() - start:.1f} s, {len(kept)} pairs{' of more' if is_cut else ''}"


def measure_votes(work: Path) -> str:
    """What `label` does first with a large reference."""
    from leaderboard.vector_index.voting import measure_voting

    start = time.perf_counter()
    measure_voting(open_searchable(str(work / "index")))
    return f"{time.perf_counter() - start:.1f} s"


_IN_ORDER: Sequence[Callable[[Path], str]] = (
    write,
    index,
    find_exactly,
    find_by_index,
    find_same_pixels,
    find_near_exactly,
    find_near_by_index,
    measure_votes,
)
STEPS = {step.__name__.replace("_", " "): step for step in _IN_ORDER}

if __name__ == "__main__":
    main()
