"""Find the images of a collection that are nearest to one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from tabulate import tabulate

from leaderboard.commands._embedding import check_out, embed_dataset, list_folder, load_backbone_of
from leaderboard.errors import LeaderboardError, printable
from leaderboard.options import (
    declare_model_options,
    declare_refresh_option,
    declare_waiting_options,
    parse_count,
)
from leaderboard.records import Dataset, Embeddings, ModelSpec, RunOptions
from leaderboard.registry import Registry, load_registry

if TYPE_CHECKING:
    import numpy as np

    from leaderboard.finding import Found

EXAMPLE = "find grain.jpg --in slides/ --model efficientnet-lite0 -k 10 --out found/"
SIDE = 192  # pixels of a thumbnail


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="an image, in the collection or not")
    text = "what to search: a folder of images, one that `embed --out DIR` wrote, or an INDEX"
    parser.add_argument("--in", dest="collection", required=True, metavar="DIR", help=text)
    text = "a model of models.yaml; may be left out where DIR has vectors"
    parser.add_argument("--model", metavar="ID", help=text)
    parser.add_argument("-k", type=parse_count, default=10, metavar="N", help="how many (default: %(default)s)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="also write find.html and find.png here")
    declare_refresh_option(parser.add_argument)
    declare_model_options(parser.add_argument)
    declare_waiting_options(parser.add_argument)


def run(options: argparse.Namespace) -> None:
    """Print the nearest images of each image given, and draw them."""
    from leaderboard.vector_index.opening import kind_of

    _check(options)
    registry = load_registry(options.root)
    search = _search_images if kind_of(options.collection) == "images" else _search_vectors
    search(registry, options)


def _search_images(registry: Registry, options: argparse.Namespace) -> None:
    """In a folder of images, which are embedded first."""
    from leaderboard.extract import embed_images

    if options.model is None:
        raise LeaderboardError(
            f"{printable(options.collection)} is a folder of images: give a --model to embed them with"
        )
    spec, collection = registry.model(options.model), list_folder(Path(options.collection))
    if options.out is not None:
        check_out(options.out)
    chosen = replace(RunOptions.of(options), skip_bad_images=True)
    backbone = load_backbone_of(registry, spec.id, chosen)
    embeddings = embed_dataset(backbone, collection, chosen)
    found = _find_all(options.images, embed_images(backbone, options.images), embeddings, options)
    _tell(found, collection, embeddings.left_out, spec, options)


def _search_vectors(registry: Registry, options: argparse.Namespace) -> None:
    """In a collection that was embedded before, or by its index."""
    from leaderboard.commands._collections import describe_images, load_model_of
    from leaderboard.extract import embed_images
    from leaderboard.finding import Asked, find_in_collection
    from leaderboard.images import digest_pixels, load_image
    from leaderboard.vector_index.opening import open_searchable

    searchable = open_searchable(options.collection)
    if options.out is not None:
        check_out(options.out)
    backbone = load_model_of(searchable.collection, registry, options)
    vectors = embed_images(backbone, options.images)
    asked = [
        Asked(path, vector, digest_pixels(load_image(path)))
        for path, vector in zip(options.images, vectors, strict=True)
    ]
    found = find_in_collection(asked, searchable, options.k)
    print(f"{searchable.said}\n")
    _tell(found, describe_images(searchable.collection), (), backbone.spec, options)


def _check(options: argparse.Namespace) -> None:
    """Whatever can be said before a network is loaded."""
    from leaderboard.images import BadImage, load_image
    from leaderboard.report.figures._style import styled
    from leaderboard.report.pages import load_environment

    for path in options.images:
        try:
            load_image(path)
        except BadImage as error:
            raise LeaderboardError(f"{printable(str(path))}: {error}; give a readable image") from None
    if options.out is None:
        return
    load_environment()
    with styled():  # needs matplotlib; what is missing is named now, not after an hour
        pass
    if options.out.resolve().is_relative_to(Path(options.collection).resolve()):
        out, collection = (printable(str(folder)) for folder in (options.out, options.collection))
        raise LeaderboardError(
            f"--out {out} lies in the collection {collection}, of which find.png would become a part; "
            "choose a folder beside it"
        )


def _find_all(
    images: Sequence[Path], vectors: np.ndarray, embeddings: Embeddings, options: argparse.Namespace
) -> list[Found]:
    from leaderboard.finding import find_images
    from leaderboard.images import digest_pixels, load_image

    @cache
    def digest(path: Path) -> str:
        return digest_pixels(load_image(path))

    def is_own(query: Path, file: str) -> bool:
        path = Path(options.collection) / file
        return path.resolve() == query.resolve() or digest(path) == digest(query)

    return [
        find_images(query, vector, embeddings, options.k, is_own=partial(is_own, query))
        for query, vector in zip(images, vectors, strict=True)
    ]


def _tell(
    found: Sequence[Found],
    collection: Dataset,
    left_out: Sequence[str],
    spec: ModelSpec,
    options: argparse.Namespace,
) -> None:
    """Print, and draw where that was asked for."""
    _print(found, left_out)
    if options.out is not None:
        _save(found, collection, left_out, spec, options.out)
    if spec.notice:
        print(spec.notice)


def _print(found: Sequence[Found], left_out: Sequence[str]) -> None:
    """A table per image asked for."""
    for answer in found:
        rows = [
            [rank, printable(near.file), printable(near.genus) or "-", f"{near.distance:.4f}"]
            for rank, near in enumerate(answer.neighbours, start=1)
        ]
        print(printable(str(answer.query)))
        if answer.own:
            print(f"the same picture, not counted: {', '.join(map(printable, answer.own))}")
        print(tabulate(rows, ["rank", "file", "class", "distance"], disable_numparse=True) + "\n")
    if left_out:
        print(f"{len(left_out)} unreadable images left out: {', '.join(map(printable, left_out))}")


def _save(found: Sequence[Found], collection: Dataset, left_out: Sequence[str], spec: ModelSpec, folder: Path) -> None:
    from leaderboard.paths import replacing, save_text
    from leaderboard.report.find_picture import draw_found
    from leaderboard.report.sheets import render_find_sheet
    from leaderboard.report.thumbnails import load_those_here

    files = {collection.root / near.file for answer in found for near in answer.neighbours}
    pictures = load_those_here([*(answer.query for answer in found), *sorted(files)], side=SIDE)
    thumbnails = {path: picture.thumbnail for path, picture in pictures.items()}
    page, grid = folder / "find.html", folder / "find.png"
    save_text(page, render_find_sheet(spec, collection, found, thumbnails=thumbnails, bad=left_out, page=page))
    with replacing(grid) as temporary:
        temporary.write_bytes(draw_found(found, collection.root, thumbnails))
    absent = len(files - pictures.keys())
    if absent:
        print(f"{absent} of {len(files)} images found are not (or no longer) at {printable(str(collection.root))}")
    print(f"{printable(str(page))}, {printable(str(grid))}")
