"""Make the search of millions of vectors quick, with its recall measured."""

from __future__ import annotations

import argparse
from pathlib import Path

from leaderboard.errors import printable

EXAMPLE = "index --embeddings slides-vectors/ --out slides-index"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("--embeddings", required=True, metavar="DIR", help="what `embed --out DIR` wrote")
    text = "a folder for the index, which is not there yet; it needs DIR to be searched"
    parser.add_argument("--out", type=Path, required=True, metavar="INDEX", help=text)
    text = "build it even where exact search takes less than a second"
    parser.add_argument("--anyway", action="store_true", help=text)


def run(options: argparse.Namespace) -> None:
    """Build it, unless exact search is as good; say what it finds."""
    from leaderboard.shards.reading import open_collection
    from leaderboard.vector_index.building import ENOUGH, FEWEST, QUERIES, build_index

    collection = open_collection(options.embeddings)
    if collection.images * collection.dimension < FEWEST and not options.anyway:
        print(
            f"{collection.images:,} vectors need no index: `find --in {printable(options.embeddings)}` searches them "
            "exactly in less than a second (--anyway builds one)"
        )
        return
    built = build_index(collection, options.out)
    index, lists = built.index, built.manifest["lists"]
    size, asked = sum(part["bytes"] for part in built.manifest["parts"]), min(QUERIES, collection.images)
    print(
        f"{printable(str(options.out))}: {collection.images:,} vectors, {size / 1e6:,.1f} MB; recall@10 "
        f"{index.recall:.3f} against exact search ({asked} images of the collection), looking at {index.effort} of "
        f"{lists} lists"
    )
    if index.recall < ENOUGH:
        print(f"that is below {ENOUGH}: search {printable(options.embeddings)} itself where nothing may be missed")
