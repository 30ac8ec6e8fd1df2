"""Labels as a CSV file: one line per image, in the order of the sheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO

from leaderboard.labelling import Label, Labelling
from leaderboard.report.label_words import describe_label
from leaderboard.report.pages import as_text
from leaderboard.spreadsheet import guard_path, guard_text

COLUMNS = (
    "file", "genus", "confidence", "unknown", "nearest_file", "nearest_genus", "nearest_distance", "note",
)  # fmt: skip
UNKNOWN = "unknown"


def render_table(labelling: Labelling, *, bad: Mapping[str, str], twins: Mapping[str, Sequence[str]]) -> str:
    """CSV with a header and "," between cells, UTF-8.

    Unreadable images come first, without a genus. The genus of an unknown image is ``unknown``; its best guess is in
    the note. No cell can begin a formula in a spreadsheet: file names that would get ``./`` in front, which names the
    same file, anything else an apostrophe.

    Args:
        labelling: of the readable images.
        bad: unreadable images -> reason.
        twins: image -> reference images with the very same pixels.
    """
    stream = StringIO()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(list_bad(bad))
    table.writerows(list_labels(labelling.labels, twins))
    return as_text(stream.getvalue())


def list_bad(bad: Mapping[str, str]) -> Iterator[list[str]]:
    """The lines of unreadable images."""
    for file, reason in bad.items():
        yield [guard_path(file), "", "", "no", "", "", "", f"unreadable: {reason}"]


def list_labels(labels: Iterable[Label], twins: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """The lines of readable images, in the order of the labels."""
    for label in labels:
        nearest = label.neighbours[0]
        yield [
            guard_path(label.file),
            UNKNOWN if label.is_unknown else guard_text(label.genus),
            _confidence(label),
            "yes" if label.is_unknown else "no",
            guard_path(nearest.file),
            guard_text(nearest.genus),
            f"{nearest.distance:.6g}",
            guard_text("; ".join(describe_label(label, twins.get(label.file, ())))),
        ]


def _confidence(label: Label) -> str:
    """Empty for an unknown image: the figure is of a name that it does not get."""
    return "" if label.is_unknown or label.confidence is None else f"{label.confidence:.4f}"
