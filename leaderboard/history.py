"""``history.jsonl``: what was published, one line per published state of a cell. Appended by publishing only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import inf
from pathlib import Path
from typing import Any

from leaderboard.errors import LeaderboardError, first_line
from leaderboard.paths import save_text
from leaderboard.records import COMMIT, Cell, Result

HISTORY = "history.jsonl"
ARROWS = ("improved", "worse")  # what the table shows of a change
CHANGES = (*ARROWS, "unresolved")


@dataclass(frozen=True)
class Published:
    """One line: a cell as it was published, and how that differs from the state published before."""

    commit: str  # whose results/ were published
    dataset: str
    model: str
    values: Mapping[str, float]  # metric -> figure, of what the table shows; empty: the cell was removed
    half_widths: Mapping[str, float]  # metric -> half of its interval, where it has one
    changes: Mapping[str, str]  # metric -> one of CHANGES, where the two states could be compared

    @property
    def cell(self) -> Cell:
        """Whose state it is."""
        return Cell(self.model, self.dataset)


def load_history(folder: Path) -> list[Published]:
    """What was published, oldest first; nothing where nothing was.

    Args:
        folder: that of history.jsonl.

    Raises:
        LeaderboardError: a damaged line, with its number.
    """
    path = folder / HISTORY
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines()
    return [_parse(line, f"{path}:{number}") for number, line in enumerate(lines, start=1)]


def append_history(folder: Path, published: Sequence[Published]) -> None:
    """Add lines at the end; the file is replaced whole, so that none is ever cut short. The caller holds a lock."""
    path = folder / HISTORY
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if text and not text.endswith("\n"):
        text += "\n"
    save_text(path, text + "".join(json.dumps(asdict(line), allow_nan=False) + "\n" for line in published))


def latest_changes(history: Sequence[Published], results: Sequence[Result]) -> Mapping[Cell, Mapping[str, str]]:
    """Cell -> metric -> "improved" or "worse", as the last publication found it.

    Only of cells that changed then and still have the figures that were published: a cell measured again since has
    no arrow until it is published.
    """
    stored = {Cell(result.model, result.dataset): result.metrics for result in results}
    latest = {line.cell: line for line in history if line.commit == history[-1].commit}
    arrows = {
        cell: {metric: change for metric, change in line.changes.items() if change in ARROWS}
        for cell, line in latest.items()
        if cell in stored and line.values.items() <= stored[cell].items()
    }
    return {cell: changes for cell, changes in arrows.items() if changes}


def _parse(line: bytes, place: str) -> Published:
    try:
        return _check(json.loads(line))
    except ValueError as error:
        message = f"{place}: not a line that publishing wrote ({first_line(error)}); restore the file with git"
        raise LeaderboardError(message) from None


def _check(given: Any) -> Published:
    names = [field.name for field in fields(Published)]
    if not isinstance(given, dict) or sorted(given) != sorted(names):
        raise ValueError(f"expected a mapping of {', '.join(names)}")
    if not COMMIT.fullmatch(str(given["commit"])):
        raise ValueError(f"commit {given['commit']!r} is no full sha")
    for name in ("dataset", "model"):
        if not isinstance(given[name], str) or not given[name]:
            raise ValueError(f"{name} {given[name]!r} is no id")
    for name, is_valid in (("values", _is_figure), ("half_widths", _is_figure), ("changes", CHANGES.__contains__)):
        if not isinstance(given[name], dict) or not all(map(is_valid, given[name].values())):
            raise ValueError(f"{name} {given[name]!r} is none")
    return Published(**given)


def _is_figure(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < inf
