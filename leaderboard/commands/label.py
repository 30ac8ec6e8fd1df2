"""Name every image of a new slide by a labelled reference, with a sheet to check by eye."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from leaderboard.commands._embedding import check_out, embed_dataset, list_folder, load_backbone_of
from leaderboard.errors import LeaderboardError, printable
from leaderboard.options import declare_model_options, declare_refresh_option, declare_waiting_options
from leaderboard.records import Dataset, Embeddings, RunOptions
from leaderboard.registry import Registry, load_registry

if TYPE_CHECKING:
    from leaderboard.labelling import Labelling
    from leaderboard.report.sheets import Slide
    from leaderboard.report.thumbnails import Picture

EXAMPLE = "label --images slide-7/ --reference named/ --model efficientnet-lite0 --out labels.csv"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    text = "the new images, or what `embed --out DIR` made of them"
    parser.add_argument("--images", type=Path, required=True, metavar="DIR", help=text)
    text = "images with known names, one subfolder per genus, best five or more in each; or their vectors, or an INDEX"
    parser.add_argument("--reference", type=Path, required=True, metavar="DIR", help=text)
    text = "a model of models.yaml; may be left out where the reference has vectors"
    parser.add_argument("--model", metavar="ID", help=text)
    text = "a .csv; of images the sheet is written beside it as .html"
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=text)
    declare_refresh_option(parser.add_argument)
    declare_model_options(parser.add_argument)
    declare_waiting_options(parser.add_argument)


def run(options: argparse.Namespace) -> None:
    """Write the table and the sheet, and say how far to trust them."""
    from leaderboard.commands._label_vectors import label_vectors
    from leaderboard.vector_index.opening import kind_of

    _check_name(options.out)
    registry = load_registry(options.root)
    if all(kind_of(str(folder)) == "images" for folder in (options.images, options.reference)):
        _label_images(registry, options)
        return
    check_out(options.out.parent)
    label_vectors(registry, options)


def _label_images(registry: Registry, options: argparse.Namespace) -> None:
    """Both sides are folders of images."""
    from leaderboard.labelling import compute_labels
    from leaderboard.paths import save_text
    from leaderboard.report.label_table import render_table
    from leaderboard.report.pages import load_environment
    from leaderboard.report.sheets import Slide, render_label_sheet

    load_environment()
    if options.model is None:
        raise LeaderboardError(f"{printable(str(options.images))} has images: give a --model to embed them with")
    spec, images, reference = registry.model(options.model), list_folder(options.images), _list_reference(options)
    check_out(options.out.parent)
    chosen = replace(RunOptions.of(options), skip_bad_images=True)
    backbone = load_backbone_of(registry, spec.id, chosen)
    known, new = embed_dataset(backbone, reference, chosen), embed_dataset(backbone, images, chosen)
    labelling = compute_labels(new, known)
    pictures = load_labelled_pictures(images, reference, labelling)
    slide = Slide(
        model=spec,
        images=images,
        reference=reference,
        reference_size=(len(known.files), len(set(known.labels.tolist()))),
        labelling=labelling,
        bad=_reasons(images, new),
        bad_reference=_reasons(reference, known),
        twins=find_twins(images, reference, labelling, pictures),
    )
    page = options.out.with_suffix(".html")
    thumbnails = {path: picture.thumbnail for path, picture in pictures.items()}
    save_text(page, render_label_sheet(slide, thumbnails, page))
    save_text(options.out, render_table(labelling, bad=slide.bad, twins=slide.twins))
    _print(slide, options.out, page)


def _check_name(out: Path) -> None:
    if out.suffix.lower() != ".csv":
        raise LeaderboardError(f"--out {printable(str(out))}: the table is a .csv file; give a name that ends so")
    for path in (out, out.with_suffix(".html")):
        if path.is_dir():
            raise LeaderboardError(f"{printable(str(path))} is a folder, where a file would be written; move it away")


def _list_reference(options: argparse.Namespace) -> Dataset:
    reference = list_folder(options.reference)
    if not reference.classes:
        raise LeaderboardError(
            f"{printable(str(options.reference))} has no classes; put its images into one subfolder per genus"
        )
    return reference


def load_labelled_pictures(images: Dataset, reference: Dataset, labelling: Labelling) -> dict[Path, Picture]:
    """Of every image that was named and every neighbour."""
    from leaderboard.report.thumbnails import choose_side, load_pictures

    named = [images.root / label.file for label in labelling.labels]
    near = {reference.root / near.file for label in labelling.labels for near in label.neighbours}
    return load_pictures([*named, *near], side=choose_side(len(named) + len(near)))


def find_twins(
    images: Dataset, reference: Dataset, labelling: Labelling, pictures: Mapping[Path, Picture]
) -> dict[str, list[str]]:
    """Reference images with the very same pixels; they are among the nearest, whatever the model."""
    twins = {
        label.file: [
            near.file
            for near in label.neighbours
            if pictures[reference.root / near.file].pixels == pictures[images.root / label.file].pixels
        ]
        for label in labelling.labels
    }
    return {file: found for file, found in twins.items() if found}


def _reasons(dataset: Dataset, embeddings: Embeddings) -> dict[str, str]:
    """Unreadable images with what is wrong with each; embeddings from the cache know the names only."""
    from leaderboard.images import BadImage, load_image

    reasons = {}
    for file in embeddings.left_out:
        try:
            load_image(dataset.root / file)
            reasons[file] = "could not be read"
        except BadImage as error:
            reasons[file] = str(error)
    return reasons


def _print(slide: Slide, table: Path, page: Path) -> None:
    from leaderboard.report.label_words import describe_bands, describe_check, describe_threshold, summarise

    print(f"{printable(str(table))}, {printable(str(page))}: {summarise(slide.labelling, len(slide.bad))}")
    for line in (
        describe_check(slide.labelling),
        *describe_bands(slide.labelling),
        describe_threshold(slide.labelling),
    ):
        print(line)
    if slide.model.notice:
        print(slide.model.notice)
