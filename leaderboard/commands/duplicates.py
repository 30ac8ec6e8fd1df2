"""Find copies in a large collection: images with the same pixels, and images that are nearly so."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from leaderboard.commands._embedding import check_out
from leaderboard.errors import LeaderboardError, printable
from leaderboard.options import parse_count, parse_share

if TYPE_CHECKING:
    from leaderboard.vector_index.confirming import Judged
    from leaderboard.vector_index.duplicates import Member
    from leaderboard.vector_index.opening import Searchable

EXAMPLE = "duplicates --embeddings slides-vectors/ --out copies.csv"
SHOWN = 5  # groups and pairs on the terminal


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    text = "what `embed --out DIR` wrote, or an INDEX of it, which is quicker and finds a little less"
    parser.add_argument("--embeddings", required=True, metavar="DIR", help=text)
    parser.add_argument("--out", type=Path, metavar="FILE", help="a .csv with every copy")
    text = "look at pairs that are nearer than this share of the median distance (default: %(default)s)"
    parser.add_argument("--radius", type=parse_share, default=0.5, metavar="SHARE", help=text)
    text = "how many pairs to look at, the nearest ones first (default: %(default)s)"
    parser.add_argument("--pairs", type=parse_count, default=100_000, metavar="N", help=text)
    parser.add_argument("--exact-only", action="store_true", help="the same pixels only")


def run(options: argparse.Namespace) -> None:
    """Print how many copies there are, and write them all."""
    from leaderboard.vector_index.duplicates import find_exact
    from leaderboard.vector_index.opening import open_searchable

    if options.out is not None:
        if options.out.suffix.lower() != ".csv":
            raise LeaderboardError(f"--out {printable(str(options.out))}: expected a name that ends in .csv")
        check_out(options.out.parent)
    searchable = open_searchable(options.embeddings)
    groups = find_exact(searchable.collection)
    _print_exact(groups, searchable.collection.images)
    judged: list[Judged] = []
    paths: dict[int, str] = {}
    if not options.exact_only:
        judged, paths = _find_near(searchable, groups, options)
        _print_near(judged, paths)
    if options.out is not None:
        _save(options.out, groups, judged, paths)


def _find_near(
    searchable: Searchable, groups: Sequence[Sequence[Member]], options: argparse.Namespace
) -> tuple[list[Judged], dict[int, str]]:
    """Candidates with what their pixels say, and the paths of all of them."""
    import numpy as np

    from leaderboard.commands._collections import images_folder
    from leaderboard.vector_index.confirming import confirm_pairs
    from leaderboard.vector_index.duplicates import find_close, measure_unit

    collection = searchable.collection
    radius = options.radius * measure_unit(collection)
    without = np.sort(np.array([member.row for group in groups for member in group[1:]], dtype=np.int64))
    found, is_cut = find_close(searchable, radius, most=options.pairs, without=without)
    rows = np.unique(np.array([(pair.first, pair.second) for pair in found], dtype=np.int64))
    paths = {row: path for row, (path, _) in zip(rows.tolist(), collection.describe_rows(rows), strict=True)}
    most = "; the nearest ones of more (--pairs)" if is_cut else ""
    print(
        f"near copies: {searchable.said}; {len(found):,} pairs within {radius:.4g} ({options.radius:g} of the median "
        f"distance){most}"
    )
    return list(confirm_pairs(found, paths, images_folder(collection))), paths


def _print_exact(groups: Sequence[Sequence[Member]], images: int) -> None:
    count = sum(map(len, groups))
    print(f"exact copies: {len(groups):,} groups of together {count:,} images, of {images:,}")
    for group in groups[:SHOWN]:
        print(
            "  "
            + ", ".join(printable(member.path) for member in group[:SHOWN])
            + (", ..." if len(group) > SHOWN else "")
        )


def _print_near(judged: Sequence[Judged], paths: dict[int, str]) -> None:
    copies = [one for one in judged if one.verdict == "copy"]
    unseen = sum(one.verdict == "unseen" for one in judged)
    print(f"  {len(copies):,} of them are copies by their pixels, {len(judged) - len(copies) - unseen:,} are not")
    if unseen:
        print(f"  {unseen:,} could not be looked at (images not here, blank or tiny): they are candidates, not copies")
    for one in sorted(copies, key=lambda one: -(one.similarity or 0))[:SHOWN]:
        first, second = (printable(paths[row]) for row in (one.pair.first, one.pair.second))
        print(f"  {first}, {second}: similarity {one.similarity:.3f}")


def _save(out: Path, groups: Sequence[Sequence[Member]], judged: Sequence[Judged], paths: dict[int, str]) -> None:
    from leaderboard.paths import save_text
    from leaderboard.report.duplicates_table import render_duplicates

    save_text(out, render_duplicates(groups, judged, paths))
    print(printable(str(out)))
