"""Keys of the distances of some queries from all images, a panel of queries at a time, on all cores.

Where every image is a query, each distance is needed for both images of a pair: it is multiplied once, and kept for the
later panel as far as ``KEPT_BYTES`` go. While the keys of a panel are counted, those of the next one are multiplied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import local

import numpy as np
from tqdm import tqdm

from leaderboard.protocols._keys import SELF, Keys

BLOCK = 768  # images on either side of a product
PANEL_BYTES = 200_000_000  # of the keys of one panel with all images; there are two
KEPT_BYTES = 3_000_000_000  # of keys that wait for their turn
THREAD_BYTES = 600_000_000  # of all threads' factors and products together
Use = Callable[[np.ndarray, np.ndarray], None]  # queries (b,), their keys (b, n)


class Panels:
    """Panels of some queries (ascending indices) against all vectors."""

    def __init__(self, keys: Keys, queries: np.ndarray) -> None:
        self.keys, self.images = keys, len(keys.vectors)
        self.every_image = len(queries) == self.images
        rows = max(1, min(BLOCK, PANEL_BYTES // (4 * self.images)))
        self.queries = [queries[start : start + rows] for start in range(0, len(queries), rows)]
        self.columns = rows if self.every_image else BLOCK
        self.kept = _Kept(len(self.queries) if self.every_image else 0, rows)
        self.own = local()

    def run(self, use: Use, cores: int) -> None:
        """``use`` each panel, parts of it in several threads at once; a query's key with itself is ``SELF``.

        BLAS should be limited to one thread.
        """
        rows = len(self.queries[0])
        buffers = [np.empty((rows, self.images), np.int32) for _ in range(2)]
        workers = max(1, min(cores, THREAD_BYTES // (8 * self.columns * (self.keys.width + 2 * rows))))
        bar = tqdm(self.queries, desc="distances", unit="panel", leave=False, disable=None)
        with ThreadPoolExecutor(workers) as pool:
            filling = self._fill(pool, 0, buffers[0])
            for number, queries in enumerate(bar):
                _wait(pool, filling)
                panel = buffers[number % 2][: len(queries)]
                panel[np.arange(len(queries)), queries] = SELF
                counting = _count(pool, use, queries, panel, most=max(1, workers // 2))
                filling = self._fill(pool, number + 1, buffers[(number + 1) % 2])
                _wait(pool, counting)

    def _fill(self, pool: ThreadPoolExecutor, number: int, buffer: np.ndarray) -> list[Future[None]]:
        """Start multiplying the keys of a panel, if there is one of this number."""
        if number == len(self.queries):
            return []
        queries = self.queries[number]
        left = np.empty((len(queries), self.keys.width))
        self.keys.write_left(queries, left)
        parts = range(-(-self.images // self.columns))
        return [pool.submit(self._fill_part, number, part, left, buffer[: len(queries)]) for part in parts]

    def _fill_part(self, number: int, part: int, left: np.ndarray, panel: np.ndarray) -> None:
        columns = slice(part * self.columns, min((part + 1) * self.columns, self.images))
        if self.kept.take(part, number, panel[:, columns]):
            return
        wide, product, narrow = self._get_buffers(len(left), columns.stop - columns.start)
        self.keys.write_right(columns, wide)
        self.keys.write(left, wide, product=product, out=narrow)
        panel[:, columns] = narrow
        self.kept.keep(number, part, narrow)

    def _get_buffers(self, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A thread's own, used again: fresh memory costs a tenth of the product."""
        if not hasattr(self.own, "wide"):
            most = len(self.queries[0])
            self.own.wide = np.empty((self.columns, self.keys.width))
            self.own.product = np.empty(most * self.columns)
            self.own.narrow = np.empty((most, self.columns + 16), np.int32)  # rows that share no cache lines' places
        product = self.own.product[: rows * columns].reshape(rows, columns)
        return self.own.wide[:columns], product, self.own.narrow[:rows, :columns]


class _Kept:
    """Blocks of keys of a panel with a later one, until that one is filled."""

    def __init__(self, panels: int, rows: int) -> None:
        room = KEPT_BYTES // (4 * rows**2)
        self.reach = _choose_reach(panels, room)
        self.blocks = np.empty((min(room, _count_kept(panels, self.reach) + self.reach), rows, rows), np.int32)
        self.free = list(range(len(self.blocks)))
        self.taken: dict[tuple[int, int], int] = {}

    def keep(self, earlier: int, later: int, keys: np.ndarray) -> None:
        """Transposed, if there is room and the later panel's turn is near enough."""
        if not 0 < later - earlier <= self.reach:
            return
        try:
            slot = self.free.pop()
        except IndexError:  # then they are multiplied again
            return
        self.blocks[slot, : keys.shape[1], : keys.shape[0]] = keys.T
        self.taken[earlier, later] = slot

    def take(self, earlier: int, later: int, out: np.ndarray) -> bool:
        """Write what was kept to ``out``; False when nothing was."""
        slot = self.taken.pop((earlier, later), None)
        if slot is None:
            return False
        out[:] = self.blocks[slot, : out.shape[0], : out.shape[1]]
        self.free.append(slot)
        return True


def _count(
    pool: ThreadPoolExecutor, use: Use, queries: np.ndarray, panel: np.ndarray, *, most: int
) -> list[Future[None]]:
    """Start using a panel in at most so many threads: more of them wait for Python's lock, held a third of the time."""
    parts = np.array_split(np.arange(len(queries)), min(len(queries), most))
    return [pool.submit(use, queries[part], panel[part[0] : part[-1] + 1]) for part in parts]


def _wait(pool: ThreadPoolExecutor, futures: Sequence[Future[None]]) -> None:
    """Until all are done; when one of them fails, or somebody interrupts, what has not begun is dropped."""
    try:
        for future in futures:
            future.result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _choose_reach(panels: int, room: int) -> int:
    """How many panels ahead blocks can be kept."""
    return max((reach for reach in range(panels) if _count_kept(panels, reach) <= room), default=0)


def _count_kept(panels: int, reach: int) -> int:
    """The most blocks that wait at once: pairs i <= t < j, j - i <= reach, in the middle of the run."""
    turn = (panels - 1) // 2
    return sum(min(panels - 1, first + reach) - turn for first in range(max(0, turn + 1 - reach), turn + 1))
