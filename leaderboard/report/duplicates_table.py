"""Copies as a CSV file: a line for every pair that belongs together, or may do so."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import TYPE_CHECKING

from leaderboard.finding import class_of
from leaderboard.report.pages import as_text
from leaderboard.spreadsheet import guard_path

if TYPE_CHECKING:
    from leaderboard.vector_index.confirming import Judged
    from leaderboard.vector_index.duplicates import Member

COLUMNS = ("kind", "file", "copy", "other_class", "distance", "similarity")
SAME, NEAR, CANDIDATE = "same pixels", "near copy", "candidate"


def render_duplicates(groups: Sequence[Sequence[Member]], judged: Sequence[Judged], paths: Mapping[int, str]) -> str:
    """CSV with a header and "," between cells, UTF-8: exact copies, near ones, then what could not be looked at.

    ``file`` is the earlier image of the two, of a group of exact copies always the first. ``other_class`` says whether
    both are in folders of different names. Candidates that the pixels spoke against have no line.

    Args:
        groups: of images with the same pixels.
        judged: pairs of images, with what their pixels say.
        paths: of every row in these pairs.
    """
    stream = StringIO()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(COLUMNS)
    for group in groups:
        table.writerows(_row(SAME, group[0].path, member.path, 0.0, 1.0) for member in group[1:])
    table.writerows(_rows(judged, paths, "copy", NEAR))
    table.writerows(_rows(judged, paths, "unseen", CANDIDATE))
    return as_text(stream.getvalue())


def _rows(judged: Sequence[Judged], paths: Mapping[int, str], verdict: str, kind: str) -> Iterator[list[str]]:
    """Nearest first."""
    for one in sorted((one for one in judged if one.verdict == verdict), key=lambda one: one.pair.distance):
        yield _row(kind, paths[one.pair.first], paths[one.pair.second], one.pair.distance, one.similarity)


def _row(kind: str, file: str, copy: str, distance: float, similarity: float | None) -> list[str]:
    differs = "yes" if class_of(file) != class_of(copy) else "no"
    said = "" if similarity is None else f"{similarity:.4f}"
    return [kind, guard_path(file), guard_path(copy), differs, f"{distance:.6g}", said]
