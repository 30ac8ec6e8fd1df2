"""The part of ``label`` that works on vectors which ``embed --out DIR`` wrote."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from leaderboard.commands._collections import check_inputs, describe_images, load_model_of
from leaderboard.commands._embedding import embed_dataset, list_folder
from leaderboard.errors import LeaderboardError, printable
from leaderboard.records import Dataset, Embeddings, ModelSpec, Provenance, RunOptions
from leaderboard.registry import Registry
from leaderboard.vector_index.opening import check_model

if TYPE_CHECKING:
    import numpy as np

    from leaderboard.labelling import Labelling
    from leaderboard.shards.reading import Collection
    from leaderboard.vector_index.opening import Searchable
    from leaderboard.vector_index.voting import Voting

FEW = 50_000  # images of the reference, and new ones, up to which a model is fitted
BLOCK = 4096  # images named at once

SHOWN = 3000  # new images up to which a sheet is written

Block = tuple[Sequence[str], "np.ndarray"]
New = tuple[Dataset, int, Iterator[Block], dict[str, str]]  # where they lie, how many, files with vectors, bad ones


def label_vectors(registry: Registry, options: argparse.Namespace) -> None:
    """Write the table, and say how the names came about and how far to trust them."""
    from leaderboard.report.pages import load_environment
    from leaderboard.vector_index.opening import kind_of, open_searchable

    load_environment()
    if kind_of(str(options.reference)) == "images":
        raise LeaderboardError(
            f"{printable(str(options.images))} has vectors and {printable(str(options.reference))} has images: embed "
            "these too (`leaderboard embed --out DIR`), with the same model"
        )
    reference = open_searchable(str(options.reference))
    spec = registry.model(check_model(options.model, reference.collection))
    given = _embed_new if kind_of(str(options.images)) == "images" else _open_new
    images, size, blocks, bad = given(reference.collection, registry, options)
    if max(reference.collection.images, size) > FEW:
        _vote(options.out, blocks, bad, reference)
    else:
        _fit(options, spec, _join(blocks), bad, (images, describe_images(reference.collection)))
    if spec.notice:
        print(spec.notice)


def _open_new(reference: Collection, registry: Registry, options: argparse.Namespace) -> New:
    from leaderboard.vector_index.opening import open_searchable

    new = open_searchable(str(options.images)).collection
    if new.model != reference.model:
        raise LeaderboardError(f"{new.folder} is of {new.model}, the reference of {reference.model}; embed it again")
    check_inputs(reference, new.manifest.get("inputs") or {})
    return describe_images(new), new.images, _read_blocks(new), {}


def _embed_new(reference: Collection, registry: Registry, options: argparse.Namespace) -> New:
    images = list_folder(Path(options.images))
    chosen = replace(RunOptions.of(options), skip_bad_images=True)
    new = embed_dataset(load_model_of(reference, registry, options), images, chosen)
    return images, len(new.files), _cut(new), dict.fromkeys(new.left_out, "could not be read")


def _read_blocks(collection: Collection) -> Iterator[Block]:
    for shard in collection.iterate(("path", "embedding")):
        yield shard.paths, shard.vectors


def _cut(embeddings: Embeddings) -> Iterator[Block]:
    for start in range(0, len(embeddings.files), BLOCK):
        part = slice(start, start + BLOCK)
        yield embeddings.files[part], embeddings.vectors[part]


def _fit(
    options: argparse.Namespace, spec: ModelSpec, new: Embeddings, bad: dict[str, str], sides: tuple[Dataset, Dataset]
) -> None:
    """As with folders of images: logistic regression, cross-validated.

    Args:
        options: of the command.
        spec: the model.
        new: the vectors that are named.
        bad: unreadable new images -> reason.
        sides: the new images, and the reference; where they lie now.
    """
    from leaderboard.labelling import compute_labels
    from leaderboard.paths import save_text
    from leaderboard.report.label_table import render_table
    from leaderboard.report.label_words import describe_bands, describe_check, describe_threshold, summarise
    from leaderboard.vector_index.opening import open_searchable

    known = load_labelled(open_searchable(str(options.reference)).collection)
    labelling = compute_labels(new, known)
    sheet, twins = _make_sheet(options.out, spec, labelling, known, bad, sides)
    save_text(options.out, render_table(labelling, bad=bad, twins=twins))
    print(f"{printable(str(options.out))}: {summarise(labelling, len(bad))}")
    for line in (describe_check(labelling), *describe_bands(labelling), describe_threshold(labelling), sheet):
        print(line)


def _make_sheet(
    out: Path,
    spec: ModelSpec,
    labelling: Labelling,
    known: Embeddings,
    bad: dict[str, str],
    sides: tuple[Dataset, Dataset],
) -> tuple[str, dict[str, list[str]]]:
    """Write the sheet where all images are here and not too many; what became of it, and the copies that were seen."""
    from leaderboard.commands.label import find_twins, load_labelled_pictures
    from leaderboard.images import BadImage
    from leaderboard.paths import save_text
    from leaderboard.report.sheets import Slide, render_label_sheet

    images, reference = sides
    if len(labelling.labels) > SHOWN:
        return f"No sheet was written: it would have more than {SHOWN:,} images.", {}
    try:
        pictures = load_labelled_pictures(images, reference, labelling)
    except BadImage as error:
        return f"No sheet was written: not all images can be read where they were ({error}).", {}
    twins = find_twins(images, reference, labelling, pictures)
    size = (len(known.files), len(known.classes))
    slide = Slide(spec, images, reference, size, labelling, bad, bad_reference={}, twins=twins)
    page = out.with_suffix(".html")
    save_text(page, render_label_sheet(slide, {path: picture.thumbnail for path, picture in pictures.items()}, page))
    return printable(str(page)), twins


def load_labelled(collection: Collection) -> Embeddings:
    """A collection in memory, labelled by its folders.

    Raises:
        LeaderboardError: an image has no class.
    """
    import numpy as np

    from leaderboard.finding import class_of

    joined = _join(_read_blocks(collection))
    names = [class_of(path) for path in joined.files]
    if not all(names):
        file = printable(joined.files[names.index("")])
        raise LeaderboardError(
            f"{collection.folder}: {file} has no class; embed a reference from a folder with one subfolder per genus"
        )
    classes, labels = np.unique(names, return_inverse=True)
    return replace(joined, labels=labels.astype(np.int64), classes=tuple(classes.tolist()))


def _join(blocks: Iterator[Block]) -> Embeddings:
    import numpy as np

    files, vectors = zip(*blocks, strict=True)
    joined = tuple(file for some in files for file in some)
    return Embeddings(np.concatenate(vectors), np.empty(0, np.int64), joined, (), Provenance({}, {}))


def _vote(out: Path, blocks: Iterator[Block], bad: dict[str, str], reference: Searchable) -> None:
    """By the nearest reference images; the table is written as the images come."""
    from tqdm import tqdm

    from leaderboard.paths import replacing
    from leaderboard.report.label_table import COLUMNS, list_bad, list_labels
    from leaderboard.report.label_words import describe_band
    from leaderboard.vector_index.voting import measure_voting

    voting = measure_voting(reference)
    named = unknown = 0
    with (
        replacing(out) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream,
    ):
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(list_bad(bad))
        for files, vectors in tqdm(blocks, desc="label", unit="block", disable=None, leave=False):
            labels = voting.name(files, vectors)
            table.writerows(list_labels(labels, {}))
            unknown += sum(label.is_unknown for label in labels)
            named += sum(not label.is_unknown for label in labels)
    print(f"{printable(str(out))}: {named:,} images named, {unknown:,} unknown, {len(bad):,} unreadable")
    _print_voting(voting, [describe_band(band, found) for band, found in enumerate(voting.reliability)][::-1])


def _print_voting(voting: Voting, bands: Sequence[str]) -> None:
    from leaderboard.report.pages import format_share
    from leaderboard.vector_index.voting import VOTERS

    right = format_share(sum(found.right for found in voting.reliability), voting.sample)
    print(
        f"With more than {FEW:,} images no model is fitted: a name is the vote of the {VOTERS} nearest reference "
        f"images ({voting.reference.said}), the confidence its share of the votes. "
        "The table is in the order of the images."
    )
    print(f"Of a sample of the reference, each named by all the others, {right} got the right name.")
    for line in bands:
        print(line)
    print(
        f"An image is unknown when its nearest reference image is farther than {voting.threshold:.4g}: none of that "
        "sample is so far from its own nearest one. This does not find every genus that the reference lacks."
    )
