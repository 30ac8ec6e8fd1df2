"""What a reader of the report has to know before trusting its figures: copies, small classes, fallbacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from leaderboard.protocols.few_shot import SHOTS
from leaderboard.protocols.learning_curve import FOLDS, FRACTIONS, REPEATS, SPLITTERS
from leaderboard.records import Embeddings
from leaderboard.report.analysis import Analysis
from leaderboard.report.collection import conflicting, count_duplicates
from leaderboard.report.collection_file import Collection

SMALL = 5  # images; below, the protocols fall back to other ways of splitting
SHOWN = 8  # names listed in a sentence
WAYS = dict(zip(SPLITTERS, ("folds of equal make-up", "stratified draws", "draws whatever the class"), strict=True))


def list_remarks(
    analyses: Sequence[Analysis], collection: Collection | None, missing: Mapping[str, str] | None = None
) -> list[str]:
    """Sentences in the order of their weight; at least one analysis. ``missing``: model -> why it is not there."""
    first = analyses[0]
    return [
        *(f"{model} was asked for and is not in this report: {reason}." for model, reason in (missing or {}).items()),
        *(_list_copies(collection) if collection else ()),
        *_list_left_out(first.embeddings, collection),
        *(_list_small_classes(first.embeddings) if first.is_labelled else ()),
        *_list_samples(first),
        *_list_fallbacks(first),
        *_list_skipped(analyses),
    ]


def _list_copies(collection: Collection) -> Iterator[str]:
    counts, n = count_duplicates(collection), len(collection.files)
    for groups, said in _list_conflicts(collection):
        if groups:
            example = ", ".join(collection.files[index] for index in groups[0][:SHOWN])
            yield f"{sum(map(len, groups))} images {said}. First: {example}."
    if counts.exact_images or counts.near_images:
        flattery = "Copies land in training and test alike and flatter every model; remove them and run again."
        yield (
            f"{counts.exact_images} of {n} images have an exact copy (the same pixels) and {counts.near_images} a near "
            f"one. {flattery if len(collection.labels) else 'Copies make groups of their own.'}"
        )


def _list_conflicts(collection: Collection) -> Iterator[tuple[list[tuple[int, ...]], str]]:
    """Groups of copies with more than one label: of the same pixels for certain, of similar ones perhaps."""
    equal = {frozenset(group) for group in collection.exact_duplicates}
    groups = conflicting(collection)
    certain = [group for group in groups if _has_equal_pair(collection, group, equal)]
    yield certain, "are copies of an image in another class: one of the labels is wrong"
    perhaps = [group for group in groups if group not in certain]
    yield perhaps, "look like copies of an image in another class: see whether they are, and which label is right"


def _has_equal_pair(collection: Collection, group: tuple[int, ...], equal: Iterable[frozenset[int]]) -> bool:
    """Whether images of the same pixels in the group have different labels."""
    within = (sorted(same & set(group)) for same in equal)
    return any(len(set(collection.labels[same].tolist())) > 1 for same in within if same)


def _list_left_out(embeddings: Embeddings, collection: Collection | None) -> Iterator[str]:
    bad = tuple(collection.bad) if collection else embeddings.left_out
    if bad:
        yield f"{_count(len(bad), 'file')} could not be read and {_are(len(bad))} in no figure: {_shorten(bad)}."


def _list_small_classes(embeddings: Embeddings) -> Iterator[str]:
    counts = np.bincount(embeddings.labels, minlength=len(embeddings.classes))
    empty = [embeddings.classes[c] for c in np.flatnonzero(counts == 0)]
    if empty:
        yield f"Classes without a single readable image are in no figure: {_shorten(empty)}."
    small = [f"{embeddings.classes[c]} ({counts[c]})" for c in np.flatnonzero((counts > 0) & (counts < SMALL))]
    if small:
        yield f"Classes with fewer than {SMALL} images say little: {_shorten(small)}."


def _list_samples(analysis: Analysis) -> Iterator[str]:
    """Of a set so large that not every image is asked."""
    images = len(analysis.embeddings.labels)
    for name, what in {"retrieval": "Retrieval", "knn": "Naming by nearest neighbours"}.items():
        if (asked := analysis.metrics.get(f"{name}.queries")) is not None:
            yield (
                f"{what}: a fixed sample of {asked:,.0f} of {images:,} images was asked; training sets and galleries "
                "are whole."
            )


def _list_fallbacks(analysis: Analysis) -> Iterator[str]:
    """Where a protocol could not do with these classes what it does with larger ones."""
    if "learning_curve" in analysis.scores:
        yield from _list_other_folds(analysis)
        splitters = analysis.scores["learning_curve"].outcomes["splitters"]
        missing = [f"{percent} %" for percent in FRACTIONS if f"f{percent}" not in splitters]
        if missing:
            yield f"The learning curve has no point at {_shorten(missing)}: too few images for all classes."
    if "few_shot" in analysis.scores:
        yield from _list_fewer_shots(analysis)


def _list_other_folds(analysis: Analysis) -> Iterator[str]:
    """The settings in which the learning curve did not use five stratified folds of every repeat."""
    curve, found = analysis.scores["learning_curve"], []
    fallbacks: set[str] = set()
    for setting, ways in curve.outcomes["splitters"].items():
        used, others = int(curve.metrics[f"learning_curve.{setting}.folds"]), {SPLITTERS[way] for way in ways if way}
        fallbacks |= others
        if others or used < FOLDS * len(ways):
            found.append(f"{used} at {setting[1:]} %")
    if not found:
        return
    ways = " and ".join(f"{name} ({WAYS[name]})" for name in SPLITTERS if name in fallbacks)
    drawn = f"there {ways} took the place of {SPLITTERS[0]}, and " if fallbacks else ""
    yield (
        f"Learning curve: with few images used, some classes have fewer than {FOLDS}; {drawn}only folds with every "
        f"class in their training part were used: of {FOLDS * REPEATS}, {', '.join(found)}."
    )


def _list_fewer_shots(analysis: Analysis) -> Iterator[str]:
    counts = np.bincount(analysis.embeddings.labels)
    small = int(((counts > 0) & (counts <= SHOTS[-1])).sum())
    if small:
        yield (
            f"Few-shot: {_count(small, 'class', 'classes')} of at most {SHOTS[-1]} images cannot give that many to "
            "learn from and keep one to name; at such points all but one are learnt from."
        )
    if (counts == 1).any():
        yield "Few-shot: a class of one image is never learnt and always named wrong."


def _list_skipped(analyses: Sequence[Analysis]) -> Iterator[str]:
    """Each reason once, with the protocols and maps that it left out."""
    reasons: dict[str, dict[str, None]] = {}
    for analysis in analyses:
        for name, reason in analysis.skipped.items():
            reasons.setdefault(reason, {})[name] = None
    for reason, names in reasons.items():
        yield f"Missing: {', '.join(names)}: {reason}."


def _shorten(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
