"""The only module that knows faiss: inverted lists of vectors in eight bits a value, mapped from files.

An index is cut into parts of bounded size, each with the same centroids: memory holds one while it is built. Rows keep
their numbers of the collection. Measured against others in docs/scale.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from leaderboard.errors import LeaderboardError, Unavailable, first_line, printable
from leaderboard.vector_index.apart import ask_apart

if TYPE_CHECKING:
    import faiss

PER_LIST = 40  # vectors of the sample for each centroid: what faiss asks for is 39 at least
PART_BYTES = 1 << 30  # of codes, in memory while a part is built


def load_faiss() -> None:
    """See that it is there.

    Raises:
        Unavailable: it is not installed.
    """
    try:
        import faiss  # noqa: F401  # said now, not after an hour
    except ImportError:
        raise Unavailable("an index needs faiss; `pip install 'fossil-leaderboard[index]'`", "not found") from None


def choose_lists(images: int) -> int:
    """How many lists: the power of two nearest to 2 sqrt(n), with enough vectors for each."""
    wanted = 2 ** round(np.log2(2 * np.sqrt(images)))
    return int(min(wanted, max(1, images // PER_LIST)))


def train(sample: np.ndarray, lists: int) -> faiss.Index:
    """An empty index whose centroids and ranges are those of a sample (n, d); the same sample gives the same."""
    import faiss

    index = faiss.index_factory(sample.shape[1], f"IVF{lists},SQ8")
    index.train(np.ascontiguousarray(sample))
    return index


def save_parts(empty: faiss.Index, blocks: Iterable[tuple[np.ndarray, np.ndarray]], folder: Path) -> Iterator[str]:
    """Fill and write one part after the other; the name of each.

    Args:
        empty: trained; is empty again at the end.
        blocks: rows (n,) and vectors (n, d).
        folder: that they are written into.
    """
    most, number = max(1, PART_BYTES // empty.d), 0
    for rows, vectors in blocks:
        if empty.ntotal and empty.ntotal + len(rows) > most:
            yield _save(empty, folder, number)
            number += 1
        empty.add_with_ids(np.ascontiguousarray(vectors), rows)
    if empty.ntotal:
        yield _save(empty, folder, number)


def _save(index: faiss.Index, folder: Path, number: int) -> str:
    import faiss

    name = f"part-{number:05d}.faiss"
    faiss.write_index(index, str(folder / name))
    index.reset()
    return name


def ask(
    folder: Path, parts: tuple[str, ...], queries: np.ndarray, k: int, effort: int
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest rows by the distances of the codes, and these distances; -1 and infinity where there are fewer.

    Args:
        folder: of the index.
        parts: their names.
        queries: (m, d) float32.
        k: at least 1.
        effort: lists looked at for each query.

    Returns:
        Rows (m, k) int64 and approximate Euclidean distances (m, k) float32.

    Raises:
        LeaderboardError: a part is damaged or gone.
    """
    asked = ask_apart if "torch" in sys.modules else ask_here
    return asked(folder, parts, queries, k, effort)


def ask_here(
    folder: Path, parts: tuple[str, ...], queries: np.ndarray, k: int, effort: int
) -> tuple[np.ndarray, np.ndarray]:
    """The same in this process, where torch must not be loaded."""
    asked = np.ascontiguousarray(queries, dtype=np.float32)
    rows, squares = np.empty((len(asked), 0), np.int64), np.empty((len(asked), 0), np.float32)
    for part in parts:
        index = _open(folder / part)
        index.nprobe = min(effort, index.nlist)
        found, theirs = index.search(asked, k)
        squares = np.hstack([squares, np.where(theirs < 0, np.inf, found)])
        rows = np.hstack([rows, theirs])
    order = np.argsort(squares, axis=1, kind="stable")[:, :k]
    distances = np.sqrt(np.maximum(np.take_along_axis(squares, order, axis=1), 0))
    return np.take_along_axis(rows, order, axis=1), distances


@cache
def _open(path: Path) -> Any:
    """A part, its lists mapped into memory; where the system cannot do that (Windows), read into it."""
    import faiss

    flags = 0 if sys.platform == "win32" else faiss.IO_FLAG_MMAP
    try:
        return faiss.read_index(str(path), flags)
    except RuntimeError as error:
        raise LeaderboardError(
            f"{printable(str(path))} is damaged or gone ({first_line(error)}); build the index again"
        ) from None
