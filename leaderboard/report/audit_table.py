"""The suspects as a CSV file: one line per image, with a column for the specialist, whose decisions are kept."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path

from leaderboard.auditing import Audit
from leaderboard.errors import LeaderboardError, printable
from leaderboard.report.pages import as_text
from leaderboard.spreadsheet import guard_path, guard_text

COLUMNS = (
    "number", "file", "label", "suggestion", "agreeing_models", "good_models", "support_for_label",
    "support_for_suggestion", "times", "decision",
)  # fmt: skip
SEPARATORS = (",", ";")  # the second is what a spreadsheet writes where the comma is the decimal sign


def render_audit_table(
    audit: Audit, files: Sequence[str], classes: Sequence[str], decisions: Mapping[str, str] | None = None
) -> str:
    """CSV with a header and "," between cells, UTF-8, the most certain suspicion first, numbered as on the page.

    No cell can begin a formula in a spreadsheet: file names that would get ``./`` in front, which names the same file,
    names of classes an apostrophe.

    Args:
        audit: the suspects.
        files: of all images of the data set.
        classes: their names.
        decisions: what the specialist has written so far, by the file's name as the table has it.
    """
    stream = StringIO()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(_rows(audit, files, classes, decisions or {}))
    return as_text(stream.getvalue())


def _rows(
    audit: Audit, files: Sequence[str], classes: Sequence[str], decisions: Mapping[str, str]
) -> Iterator[list[str]]:
    for number, suspect in enumerate(audit.suspects, 1):
        file = as_text(guard_path(files[suspect.image]))
        yield [
            str(number),
            file,
            guard_text(classes[suspect.label]),
            guard_text(classes[suspect.suggestion]),
            str(suspect.agreeing),
            str(len(suspect.opinions)),
            f"{suspect.for_label:.3f}",
            f"{suspect.for_suggestion:.3f}",
            f"{suspect.times:.2f}",
            decisions.get(file, ""),
        ]


def load_decisions(path: Path) -> dict[str, str]:
    """File name as the table has it -> what the specialist wrote; empty when there is no table yet.

    Between cells there may be "," or ";": whichever the spreadsheet has saved.

    Raises:
        LeaderboardError: a file that is no such table, or that has more cells in a line than columns.
    """
    if not path.exists():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:  # spreadsheets put a byte order mark in front
            lines = _parse(stream.read())
        return {line["file"]: line["decision"] for line in lines if line["decision"]}
    except (ValueError, csv.Error):  # bytes that are no UTF-8 are a ValueError too
        raise LeaderboardError(
            f"{printable(str(path))} is no table of this command (UTF-8, commas or semicolons, columns file and "
            "decision), and may hold somebody's decisions; move it away, or give another folder"
        ) from None


def _parse(text: str) -> list[dict[str, str]]:
    """The lines of a table; ValueError or csv.Error where it is none."""
    for separator in SEPARATORS:
        header = next(csv.reader(StringIO(text, newline=""), delimiter=separator), [])
        if {"file", "decision"} <= set(header):
            lines = list(csv.DictReader(StringIO(text, newline=""), delimiter=separator, strict=True))
            if any(None in line for line in lines):  # a decision with a separator in it and no quotes would be cut off
                raise ValueError
            return lines
    raise ValueError


def check_kept(path: Path, decisions: Mapping[str, str], table: str) -> None:
    """Refuse to replace a table that holds decisions on images which the new one does not have.

    Raises:
        LeaderboardError: how many, and the first.
    """
    new = {line["file"] for line in csv.DictReader(StringIO(table, newline=""))}
    lost = [file for file in decisions if file not in new]
    if lost:
        raise LeaderboardError(
            f"{printable(str(path))} has {len(lost)} decision{'' if len(lost) == 1 else 's'} on images that are no "
            f"suspects any more, first {printable(lost[0])}; move it away, or give another folder"
        )
