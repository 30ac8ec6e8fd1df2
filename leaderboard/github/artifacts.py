"""What a job measured, read from an artifact that its pull request may have forged. Pure: nothing touches a disk.

The artifact ``measured-<model>`` is a zip file with ``results/<data set>/<model>.json``, ``run-report.json``,
``junit.xml`` and ``README.md``; the last two are for people and never read here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from leaderboard.errors import printable
from leaderboard.github.measurement import check_measurement, find_note
from leaderboard.github.members import Forged, Limits, read_members
from leaderboard.publish import parse_run_report
from leaderboard.records import Cell, DatasetSpec, Result, Status
from leaderboard.result_files import parse_result
from leaderboard.schema import IDENTIFIER

PREFIX = "measured-"  # of the artifacts' names
REPORT = "run-report.json"
UNREAD = ("junit.xml", "README.md")
RESULT = re.compile(rf"results/(?P<dataset>{IDENTIFIER.pattern})/(?P<model>{IDENTIFIER.pattern})\.json")
MEGABYTE = 1 << 20
# A result of 697 images has 118 kB. With 60,000, whose numbers have five digits, it has 9 MB, packed 4 (written out and
# measured); an artifact may hold several such data sets.
LIMITS = Limits(packed=20 * MEGABYTE, member=30 * MEGABYTE, total=100 * MEGABYTE, members=50)
LONGEST_NAME = 100  # of an artifact: file names are what model ids become
LONGEST_REASON = 300  # signs of why a cell was not measured
LONGEST_MESSAGE = 300
T = TypeVar("T")


@dataclass(frozen=True)
class Measured:
    """What an artifact says of one model.

    Forms, sizes and ranges are checked. Untrusted stay: every text (classes, environment, reasons, notes), which
    whoever renders has to escape, and the figures themselves: no file can prove that they were measured.
    """

    model: str
    results: tuple[Result, ...]  # by data set
    outcomes: Mapping[Cell, tuple[Status, str]]  # of the model's cells in that run: status and reason
    notes: tuple[str, ...] = ()  # figures that do not follow from their outcomes; a run that did not end


def read_artifact(name: str, content: bytes, *, datasets: Mapping[str, DatasetSpec]) -> Measured:
    """What a job measured of one model.

    Args:
        name: of the artifact, ``measured-<model>``.
        content: its zip file.
        datasets: data set -> its entry, as the trusted side has them; a result of another one is refused.

    Raises:
        Forged: our workflow cannot have made it; one line with the artifact's name and what was expected. The line
            may quote the artifact, so it has to be escaped too.
    """
    model = parse_name(name)
    return _named(name, lambda: _read(model, content, datasets))


def parse_name(name: str) -> str:
    """The model that an artifact's name is about.

    Raises:
        Forged: it is none of ours.
    """
    model = name.removeprefix(PREFIX)
    if name == model or len(name) > LONGEST_NAME or not IDENTIFIER.fullmatch(model):
        raise Forged(f"artifact {name[:LONGEST_NAME]!r} is not named as expected, {PREFIX}<model id>")
    return model


def _named(name: str, read: Callable[[], T]) -> T:
    """What goes wrong inside, in one line that begins with the artifact's name."""
    try:
        return read()
    except (Forged, ValueError) as error:
        raise Forged(f"artifact {name!r}: {printable(str(error)[:LONGEST_MESSAGE])}") from None


def _read(model: str, content: bytes, datasets: Mapping[str, DatasetSpec]) -> Measured:
    members = read_members(
        content,
        LIMITS,
        is_expected=lambda name: name in (REPORT, *UNREAD) or RESULT.fullmatch(name) is not None,
        is_wanted=lambda name: name not in UNREAD,
    )
    texts = {name: _decode(name, text) for name, text in sorted(members.items())}
    report = texts.pop(REPORT, None)
    results = tuple(_read_result(name, text, model, datasets) for name, text in texts.items())
    noted = [(result, find_note(result)) for result in results]
    notes = [f"{result.dataset}: {note}" for result, note in noted if note]
    if report is None:
        return Measured(model, results, {}, (*notes, f"no {REPORT}: the run did not end"))
    return Measured(model, results, _read_report(report, model, datasets), tuple(notes))


def _decode(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise Forged(f"{name} is no UTF-8, expected JSON") from None


def _read_result(name: str, text: str, model: str, datasets: Mapping[str, DatasetSpec]) -> Result:
    found = RESULT.fullmatch(name)
    assert found is not None  # other names were refused
    if found["model"] != model:
        raise Forged(f"{name[:LONGEST_NAME]} is of another model, expected {model}")
    if found["dataset"] not in datasets:
        raise Forged(f"{name[:LONGEST_NAME]} is of no data set of datasets.yaml here")
    try:
        result = parse_result(text, dataset=found["dataset"], model=model)
        check_measurement(result, datasets[result.dataset])
        return result
    except ValueError as error:
        raise Forged(f"{name}: {error}; expected what this version measures") from None


def _read_report(text: str, model: str, datasets: Mapping[str, DatasetSpec]) -> dict[Cell, tuple[Status, str]]:
    try:
        found = parse_run_report(text)
    except ValueError as error:
        raise Forged(f"{REPORT}: {error}; expected what pytest --run-report writes") from None
    for cell in found:
        if cell.model != model or cell.dataset not in datasets:
            raise Forged(f"{REPORT} is about {str(cell)[:LONGEST_NAME]!r}, expected {model} on data sets known here")
    return {cell: (status, reason[:LONGEST_REASON]) for cell, (status, reason) in found.items()}
