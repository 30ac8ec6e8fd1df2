"""Which store to keep millions of vectors in: recall, seconds, memory and disk of each, beside exact search.

    python benchmarks/vector_stores.py --vectors 100000 [--store NAME ...] [--work DIR]

Vectors of 384 dimensions are drawn as real ones lie (drawn_vectors.py). Queries are further draws, in no store.

Every store is built in one process and asked in another, so that each peak of memory is its own; memory mapped from
files counts as long as it is resident. Its effort (lists probed, or candidates of a graph) is raised until recall@10
against exact search reaches 0.95. Stores that compress hand over candidates, whose true distances are then computed.

Not a test: timings belong to the machine. Figures and the choice: docs/scale.md.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from drawn_vectors import DIMENSION, NEAREST, draw_all, measure_seconds, read_blocks, read_sample

RECALL = 0.95
EFFORTS = (8, 16, 32, 64, 128, 256, 512)
SINGLE = 200  # queries asked one by one

Search = Callable[[np.ndarray, int, int], np.ndarray]  # queries (m, d), how many, effort -> row numbers


@dataclass(frozen=True)
class Store:
    """One way to keep vectors: ``build(work, folder)`` writes it, ``load(folder)`` gives its search."""

    build: Callable[[Path, Path], None]
    load: Callable[[Path], Search]
    candidates: int = NEAREST  # asked for; more than wanted are put in order by their true distances


@dataclass(frozen=True)
class Measured:
    """What one store does with one set of vectors."""

    store: str
    build_seconds: float
    build_memory: float  # GB, peak
    disk: float  # GB
    search_memory: float  # GB, peak
    effort: int
    recall: float
    single: float  # ms, median of queries asked one by one
    batch: float  # ms per query of a batch of 1,000


def main() -> None:
    """Draw once, measure every store in processes of its own, print the table."""
    parser = argparse.ArgumentParser(description="Vector stores side by side.")
    parser.add_argument("--vectors", type=int, default=100_000, metavar="N")
    parser.add_argument("--store", nargs="+", choices=STORES, default=list(STORES))
    parser.add_argument(
        "--work", type=Path, default=Path("vector-stores"), metavar="DIR", help="for vectors and stores"
    )
    parser.add_argument("--part", choices=("build", "search"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    work = options.work / str(options.vectors)
    if options.part:
        print(json.dumps((build if options.part == "build" else search)(options.store[0], work)))
        return
    draw_all(work, options.vectors)
    print("| store | build s | build GB | disk GB | search GB | effort | recall@10 | one query ms | of 1,000 ms each |")
    print("|---|" + "---|" * 8)
    for name in options.store:
        print(_row(measure(name, options)), flush=True)


def _row(found: Measured) -> str:
    return (
        f"| {found.store} | {found.build_seconds:.0f} | {found.build_memory:.2f} | {found.disk:.2f} | "
        f"{found.search_memory:.2f} | {found.effort} | {found.recall:.3f} | {found.single:.1f} | {found.batch:.2f} |"
    )


def measure(name: str, options: argparse.Namespace) -> Measured:
    """Both parts, each in a process of its own."""
    found: dict[str, Any] = {"store": name}
    for part in ("build", "search"):
        command = [sys.executable, __file__, "--vectors", str(options.vectors), "--work", str(options.work)]
        done = subprocess.run([*command, "--store", name, "--part", part], check=True, stdout=subprocess.PIPE)  # noqa: S603  # ourselves
        found |= json.loads(done.stdout.splitlines()[-1])
    return Measured(**found)


def build(name: str, work: Path) -> dict[str, float]:
    """Write a store."""
    folder = work / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    start = time.perf_counter()
    STORES[name].build(work, folder)
    seconds = time.perf_counter() - start
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {"build_seconds": seconds, "build_memory": _peak(), "disk": size / 1e9}


def search(name: str, work: Path) -> dict[str, float]:
    """Raise the effort until the recall is reached, then time it."""
    queries, truth = np.load(work / "queries.npy"), np.load(work / "truth.npy")
    ask = _ask(STORES[name], work, work / name)
    ask(queries[:10], EFFORTS[0])  # what is read or compiled once
    effort, recall, batch = 0, 0.0, 0.0  # the last ones count where none is enough
    for effort in EFFORTS:
        start = time.perf_counter()
        found = ask(queries, effort)
        batch = (time.perf_counter() - start) / len(queries)
        recall = compute_recall(found, truth)
        if recall >= RECALL:
            break
    single = [measure_seconds(partial(ask, query[None], effort)) for query in queries[:SINGLE]]
    figures = {"effort": effort, "recall": recall, "single": 1000 * float(np.median(single)), "batch": 1000 * batch}
    return figures | {"search_memory": _peak()}


def _ask(store: Store, work: Path, folder: Path) -> Callable[[np.ndarray, int], np.ndarray]:
    """Its search, with true distances where it gives more candidates than wanted."""
    found, vectors = store.load(folder), np.load(work / "vectors.npy", mmap_mode="r")

    def ask(queries: np.ndarray, effort: int) -> np.ndarray:
        rows = found(queries, store.candidates, effort)
        if store.candidates == NEAREST:
            return rows
        distances = [((vectors[own] - query) ** 2).sum(axis=1) for own, query in zip(rows, queries, strict=True)]
        order = np.argsort(distances, axis=1, kind="stable")[:, :NEAREST]
        return np.take_along_axis(rows, order, axis=1)

    return ask


def compute_recall(found: np.ndarray, truth: np.ndarray) -> float:
    """Share of the true nearest (m, k) that are among those found (m, k)."""
    return float(np.mean([len(np.intersect1d(own, true)) / len(true) for own, true in zip(found, truth, strict=True)]))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


# ---- stores


def count_lists(work: Path) -> int:
    """As many lists as the square root of the vectors times two, a power of two."""
    count = len(np.load(work / "vectors.npy", mmap_mode="r"))
    return int(2 ** np.round(np.log2(2 * np.sqrt(count))))


def build_faiss(work: Path, folder: Path, *, kind: str) -> None:
    """An index that faiss's factory makes of ``kind``."""
    import faiss

    lists = count_lists(work)
    index = faiss.index_factory(DIMENSION, kind.format(lists=lists))
    index.train(read_sample(work, 40 * lists))
    for block in read_blocks(work):
        index.add(block)
    faiss.write_index(index, str(folder / "index.faiss"))


def load_faiss(folder: Path) -> Search:
    """The index mapped from its file, where its kind can be."""
    import faiss

    index = faiss.read_index(str(folder / "index.faiss"), faiss.IO_FLAG_MMAP)

    def ask(queries: np.ndarray, k: int, effort: int) -> np.ndarray:
        if hasattr(index, "hnsw"):
            index.hnsw.efSearch = effort
        else:
            faiss.extract_index_ivf(index).nprobe = effort
        return np.asarray(index.search(queries, k)[1])

    return ask


def build_usearch(work: Path, folder: Path, *, kind: str) -> None:
    """A graph of its default degree; whole numbers need components within -1 to 1."""
    from usearch.index import Index

    index, start = Index(ndim=DIMENSION, metric="l2sq", dtype=kind), 0
    scale = 1 / float(np.quantile(np.abs(read_sample(work, 20_000)), 0.9999)) if kind == "i8" else 1.0
    for block in read_blocks(work):
        index.add(np.arange(start, start + len(block)), np.clip(block * scale, -1, 1) if kind == "i8" else block)
        start += len(block)
    index.save(str(folder / "index.usearch"))
    np.save(folder / "scale.npy", scale)


def load_usearch(folder: Path) -> Search:
    """The graph viewed in its file."""
    from usearch.index import Index

    index, scale = Index.restore(str(folder / "index.usearch"), view=True), float(np.load(folder / "scale.npy"))

    def ask(queries: np.ndarray, k: int, effort: int) -> np.ndarray:
        index.expansion_search = max(effort, k)
        asked = queries if scale == 1 else np.clip(queries * np.float32(scale), -1, 1)
        return np.asarray(index.search(asked, k).keys, dtype=np.int64).reshape(len(queries), k)

    return ask


def build_lance(work: Path, folder: Path, *, kind: str) -> None:
    """A table with the vectors themselves, and an index over it."""
    import lancedb
    import pyarrow as pa

    schema = pa.schema([("row", pa.int64()), ("vector", pa.list_(pa.float32(), DIMENSION))])

    def batches() -> Iterator[pa.RecordBatch]:
        start = 0
        for block in read_blocks(work):
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(block.ravel()), DIMENSION)
            yield pa.record_batch([pa.array(np.arange(start, start + len(block))), vectors], schema=schema)
            start += len(block)

    table = lancedb.connect(folder).create_table("vectors", batches(), schema=schema, mode="overwrite")
    extra = {"num_sub_vectors": DIMENSION // 4} if kind == "IvfPq" else {}
    config = getattr(lancedb.index, kind)(num_partitions=count_lists(work), **extra)
    table.create_index("vector", config=config)


def load_lance(folder: Path, *, refine: int) -> Search:
    """The table; ``refine`` times as many candidates are put in order by their true distances."""
    import lancedb

    table = lancedb.connect(folder).open_table("vectors")

    def ask(queries: np.ndarray, k: int, effort: int) -> np.ndarray:
        query = table.search(list(queries) if len(queries) > 1 else queries[0], vector_column_name="vector")
        query = query.limit(k).nprobes(effort).select(["row", "_distance"])
        query = query.refine_factor(refine) if refine else query
        answer = query.to_arrow()
        rows = answer["row"].to_numpy()
        if len(queries) == 1:
            return np.asarray(rows[None])
        numbers = answer["query_index"].to_numpy()
        return np.array([np.resize(rows[numbers == number], k) for number in range(len(queries))])

    return ask


STORES = {
    "faiss-ivf-flat": Store(partial(build_faiss, kind="IVF{lists},Flat"), load_faiss),
    "faiss-ivf-fp16": Store(partial(build_faiss, kind="IVF{lists},SQfp16"), load_faiss),
    "faiss-ivf-sq8": Store(partial(build_faiss, kind="IVF{lists},SQ8"), load_faiss, 30),
    "faiss-ivf-pq": Store(partial(build_faiss, kind="IVF{lists},PQ96"), load_faiss, 100),
    "faiss-hnsw-sq8": Store(partial(build_faiss, kind="HNSW32,SQ8"), load_faiss, 30),
    "usearch-f16": Store(partial(build_usearch, kind="f16"), load_usearch),
    "usearch-i8": Store(partial(build_usearch, kind="i8"), load_usearch, 30),
    "lance-ivf-sq": Store(partial(build_lance, kind="IvfSq"), partial(load_lance, refine=3)),
    "lance-ivf-pq": Store(partial(build_lance, kind="IvfPq"), partial(load_lance, refine=10)),
    "lance-ivf-rq": Store(partial(build_lance, kind="IvfRq"), partial(load_lance, refine=10)),
    "lance-hnsw-sq": Store(partial(build_lance, kind="IvfHnswSq"), partial(load_lance, refine=3)),
}

if __name__ == "__main__":
    main()
