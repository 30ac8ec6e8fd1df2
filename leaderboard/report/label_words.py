"""What is said about labels, in the same words on the terminal, in the table and in the sheet."""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.errors import printable
from leaderboard.labelling import BANDS, FOLDS, Label, Labelling, Reliability
from leaderboard.report.pages import format_share

BAND_WORDS = ("below 0.5", "0.5 to 0.7", "0.7 to 0.9", "0.9 or more")
SURE = len(BANDS) - 1  # the band that needs the least checking
HOW_TO_CHECK = (
    "The doubtful ones come first: check from the top until you find nothing wrong any more. Then check a random "
    f"sample of the sure ones (confidence {BAND_WORDS[SURE]}) of every genus: images of a genus that the reference "
    "lacks can stand at the end, under another name and with high confidence."
)


def summarise(labelling: Labelling, bad: int) -> str:
    """How many images got a name, how many did not, and how many of the names ask to be looked at."""
    known = [label for label in labelling.labels if not label.is_unknown]
    unsure = sum(label.confidence is not None and label.band < SURE for label in known)
    disagreeing = sum(label.disagrees for label in known)
    return (
        f"{len(known)} images named, {len(labelling.labels) - len(known)} unknown, {bad} unreadable; "
        f"confidence below {BANDS[SURE]}: {unsure}; at odds with the nearest reference image: {disagreeing}"
    )


def describe_threshold(labelling: Labelling) -> str:
    """When an image is unknown, and what this rule cannot do."""
    threshold = labelling.threshold
    noticed = format_share(threshold.strangers, threshold.images)
    return (
        f"An image is unknown when its nearest reference image is farther than {threshold.distance:.4g}: no reference "
        f"image is that far from its own nearest one ({printable(threshold.file)} is the farthest). "
        "This finds what resembles nothing in the reference, not every genus that is missing from it: with the genus "
        f"of each reference image left out in turn, {noticed} would come out "
        "as unknown, the others under the name of another genus."
    )


def describe_check(labelling: Labelling) -> str:
    """How often the names are right as a whole, or why nobody knows."""
    if labelling.unchecked:
        return f"How often the names are right is not known: {labelling.unchecked}."
    right = sum(band.right for band in labelling.reliability)
    images = sum(band.images for band in labelling.reliability)
    copies = f" Copies of the same picture count once ({labelling.copies} left out)." if labelling.copies else ""
    return (
        f"Cross-validation on the reference ({FOLDS} folds) gives {format_share(right, images)} of its images "
        f"the right name.{copies}"
    )


def describe_bands(labelling: Labelling) -> list[str]:
    """How often names of each confidence are right, the surest first; nothing where that is not known."""
    return [describe_band(band, found) for band, found in enumerate(labelling.reliability)][::-1]


def describe_band(band: int, reliability: Reliability) -> str:
    """How often names of this confidence are right."""
    if not reliability.images:
        return f"No reference image was named with confidence {BAND_WORDS[band]}."
    of_all = format_share(reliability.right, reliability.images)
    of_those = format_share(reliability.right_disagreeing, reliability.disagreeing)
    where = f"; where the nearest image is of another genus, {of_those}" if reliability.disagreeing else ""
    return f"Of reference images named with confidence {BAND_WORDS[band]}, {of_all} were right{where}."


def describe_label(label: Label, twins: Sequence[str] = ()) -> list[str]:
    """What a person who checks this name should know.

    Args:
        label: of one image.
        twins: reference images with the very same pixels.
    """
    said = []
    if label.is_unknown:
        confidence = "" if label.confidence is None else f" ({label.confidence:.2f})"
        said.append(f"farther than any reference image from another; best guess {label.genus}{confidence}")
    if label.disagrees:
        said.append("nearest reference image is of another genus")
    if twins:
        said.append(f"same pixels as reference image {', '.join(twins)}")
    return said
