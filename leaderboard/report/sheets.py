"""The sheets of `find` and `label`: self-contained pages to check by eye what a model says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from leaderboard.finding import Found
from leaderboard.labelling import Label, Labelling
from leaderboard.records import Dataset, ModelSpec
from leaderboard.report.label_words import (
    BAND_WORDS,
    HOW_TO_CHECK,
    SURE,
    describe_band,
    describe_bands,
    describe_check,
    describe_label,
    describe_threshold,
)
from leaderboard.report.pages import make_link, render_page


@dataclass(frozen=True)
class Slide:
    """What was labelled, with what, and all that is shown of it."""

    model: ModelSpec
    images: Dataset
    reference: Dataset
    reference_size: tuple[int, int]  # readable images, genera among them
    labelling: Labelling
    bad: Mapping[str, str]  # unreadable image -> reason
    bad_reference: Mapping[str, str]  # unreadable reference image -> reason
    twins: Mapping[str, Sequence[str]]  # image -> reference images with the very same pixels


@dataclass(frozen=True)
class Section:
    """Labels of one degree of doubt."""

    title: str
    said: str
    labels: Sequence[Label]


@dataclass(frozen=True)
class Count:
    """How often a genus was named."""

    genus: str
    images: int
    sure: int  # of these in the highest band of confidence


def render_label_sheet(slide: Slide, thumbnails: Mapping[Path, bytes], page: Path) -> str:
    """The page beside labels.csv, the doubtful images first.

    Args:
        slide: the labels and where they come from.
        thumbnails: JPEGs of all images and of every neighbour shown; each is written into the page once.
        page: where it will lie: its links to the images are relative to that.
    """
    shown = {near.file for label in slide.labelling.labels for near in label.neighbours}
    reference = sorted(slide.reference.root / file for file in shown)
    numbers = {path: number for number, path in enumerate(reference)}
    return render_page(
        "label.html",
        slide=slide,
        how_to_check=HOW_TO_CHECK,
        sections=make_sections(slide.labelling),
        counts=count_genera(slide.labelling),
        checked=describe_check(slide.labelling),
        bands=describe_bands(slide.labelling),
        threshold=describe_threshold(slide.labelling),
        describe=describe_label,
        thumbnails=thumbnails,
        reference=reference,
        numbers=numbers,
        link=lambda path: make_link(path, page),
    )


def make_sections(labelling: Labelling) -> list[Section]:
    """The labels as they are sorted, with what is known of the names in each part; empty parts are left out."""
    known = [label for label in labelling.labels if not label.is_unknown]
    said = [describe_band(band, found) for band, found in enumerate(labelling.reliability)] or [""] * len(BAND_WORDS)
    sections = [Section("Unknown", "", [label for label in labelling.labels if label.is_unknown])]
    sections.append(Section("Without a confidence", "", [label for label in known if label.confidence is None]))
    for band, words in enumerate(BAND_WORDS):
        members = [label for label in known if label.confidence is not None and label.band == band]
        sections.append(Section(f"Confidence {words}", said[band], members))
    return [section for section in sections if section.labels]


def count_genera(labelling: Labelling) -> list[Count]:
    """Images per name given, the commonest first; unknown ones are not among them."""
    known = [label for label in labelling.labels if not label.is_unknown]
    images = Counter(label.genus for label in known)
    sure = Counter(label.genus for label in known if label.confidence is not None and label.band == SURE)
    return [Count(genus, images[genus], sure[genus]) for genus in sorted(images, key=lambda g: (-images[g], g))]


def render_find_sheet(
    model: ModelSpec,
    collection: Dataset,
    found: Sequence[Found],
    *,
    thumbnails: Mapping[Path, bytes],
    bad: Sequence[str],
    page: Path,
) -> str:
    """A page of the images asked for, each with its nearest ones.

    Args:
        model: that says what is near.
        collection: in which was searched.
        found: one per image asked for.
        thumbnails: JPEGs of everything shown.
        bad: unreadable images of the collection.
        page: where it will lie: its links to the images are relative to that.
    """
    return render_page(
        "find.html",
        model=model,
        collection=collection,
        found=found,
        thumbnails=thumbnails,
        bad=bad,
        link=lambda path: make_link(path, page),
    )
