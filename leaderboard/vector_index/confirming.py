"""Whether candidates for copies are copies: their pixels decide, where the images can still be read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from tqdm import tqdm

from leaderboard.images import BadImage, load_image
from leaderboard.reading_ahead import group
from leaderboard.report.duplicates import BLANK, SIMILAR, compute_similarity, shrink_to_grey
from leaderboard.vector_index.duplicates import Pair

AT_ONCE = 2048  # pairs whose pictures are in memory
Verdict = Literal["copy", "different", "unseen"]


@dataclass(frozen=True)
class Judged:
    """A candidate, and what its pixels say."""

    pair: Pair
    verdict: Verdict
    similarity: float | None  # 0 to 1; None where an image was not seen


def confirm_pairs(pairs: Sequence[Pair], paths: Mapping[int, str], folder: Path | None) -> Iterator[Judged]:
    """Judge candidates, a bounded number of pictures at a time.

    Args:
        pairs: candidates.
        paths: of every row in a pair.
        folder: that the paths start from; None: the images are not on this machine's disks, and nothing is decided.
    """
    if folder is None:
        yield from (Judged(pair, "unseen", None) for pair in pairs)
        return
    with tqdm(total=len(pairs), desc="look at pixels", unit="pair", disable=None, leave=False) as bar:
        for some in group(sorted(pairs, key=lambda pair: (pair.first, pair.second)), AT_ONCE):
            yield from _judge(
                some, _load_greys({row for pair in some for row in (pair.first, pair.second)}, paths, folder)
            )
            bar.update(len(some))


def _judge(pairs: Sequence[Pair], greys: Mapping[int, np.ndarray]) -> Iterator[Judged]:
    seen = [pair for pair in pairs if pair.first in greys and pair.second in greys]
    similarity: dict[Pair, float] = {}
    if seen:
        first = np.stack([greys[pair.first] for pair in seen])
        second = np.stack([greys[pair.second] for pair in seen])
        similarity = dict(zip(seen, compute_similarity(first, second).tolist(), strict=True))
    for pair in pairs:
        found = similarity.get(pair)
        verdict: Verdict = "unseen" if found is None else "copy" if found >= SIMILAR else "different"
        yield Judged(pair, verdict, found)


def _load_greys(rows: Iterable[int], paths: Mapping[int, str], folder: Path) -> dict[int, np.ndarray]:
    """Grey pictures of the images that are there; blank ones and tiny ones say nothing, and are as good as absent."""
    wanted = sorted(rows)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        made = pool.map(partial(_try_grey, folder), (paths[row] for row in wanted))
        return {row: grey for row, grey in zip(wanted, made, strict=True) if grey is not None}


def _try_grey(folder: Path, path: str) -> np.ndarray | None:
    try:
        grey = shrink_to_grey(load_image(folder / path))
    except BadImage:
        return None
    return grey if np.nan_to_num(grey.astype(np.float32)).std() >= BLANK else None
