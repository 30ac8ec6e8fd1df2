"""What a reader of the report has to know before trusting its figures: copies, small classes, fallbacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from leaderboard.protocols.learning_curve import FOLDS, SPLITTERS
from leaderboard.records import Embeddings
from leaderboard.report.analysis import Analysis
from leaderboard.report.collection import conflicting, count_duplicates
from leaderboard.report.collection_file import Collection

SMALL = 5  # images; below, the protocols fall back to other ways of splitting
SHOWN = 8  # names listed in a sentence


def list_remarks(analyses: Sequence[Analysis], collection: Collection | None) -> list[str]:
    """Sentences in the order of their weight; at least one analysis."""
    first = analyses[0]
    return [
        *(_list_copies(collection) if collection else ()),
        *_list_left_out(first.embeddings, collection),
        *(_list_small_classes(first.embeddings) if first.is_labelled else ()),
        *_list_fallbacks(first),
        *_list_skipped(analyses),
    ]


def _list_copies(collection: Collection) -> Iterator[str]:
    counts, n = count_duplicates(collection), len(collection.files)
    if counts.conflicting_groups:
        example = ", ".join(collection.files[index] for index in conflicting(collection)[0])
        yield (
            f"{counts.conflicting_images} images are copies of an image in another class: one of the labels is wrong. "
            f"First: {example}."
        )
    if counts.exact_images or counts.near_images:
        yield (
            f"{counts.exact_images} of {n} images have an exact copy (the same pixels) and {counts.near_images} a near "
            "one. Copies land in training and test alike and flatter every model; remove them and run again."
        )


def _list_left_out(embeddings: Embeddings, collection: Collection | None) -> Iterator[str]:
    count = len(collection.bad) if collection else len(embeddings.left_out)
    if count:
        yield f"{count} files could not be read and are in no figure."


def _list_small_classes(embeddings: Embeddings) -> Iterator[str]:
    counts = np.bincount(embeddings.labels, minlength=len(embeddings.classes))
    small = [f"{embeddings.classes[c]} ({counts[c]})" for c in np.flatnonzero((counts > 0) & (counts < SMALL))]
    if small:
        more = f" and {len(small) - SHOWN} more" if len(small) > SHOWN else ""
        yield f"Classes with fewer than {SMALL} images say little: {', '.join(small[:SHOWN])}{more}."


def _list_fallbacks(analysis: Analysis) -> Iterator[str]:
    """Where the learning curve could not use five stratified folds of everything."""
    if "learning_curve" not in analysis.scores:
        return
    curve = analysis.scores["learning_curve"]
    for setting, ways in curve.outcomes["splitters"].items():
        used, of = int(curve.metrics[f"learning_curve.{setting}.folds"]), FOLDS * len(ways)
        fallbacks = sorted({SPLITTERS[way] for way in ways} - {SPLITTERS[0]})
        if fallbacks or used < of:
            by = f"folds were drawn by {' and '.join(fallbacks)}, and " if fallbacks else ""
            yield (
                f"Learning curve at {setting[1:]} % of the images: some classes have fewer than {FOLDS} images left; "
                f"{by}{used} of {of} folds were used, the others lacked a class in their training part."
            )


def _list_skipped(analyses: Sequence[Analysis]) -> Iterator[str]:
    for name in dict.fromkeys(name for analysis in analyses for name in analysis.skipped):
        reasons = {analysis.skipped[name] for analysis in analyses if name in analysis.skipped}
        yield f"{name} is missing: {'; '.join(sorted(reasons))}."
