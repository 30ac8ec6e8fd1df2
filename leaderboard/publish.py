"""The files that readers see, written from the stored results: the leaderboard and the top README's block."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from leaderboard.changes import Change, by_cell, compute_changes, compute_half_width_of, figure_of, headlines_of
from leaderboard.errors import CheckFailed, LeaderboardError, first_line
from leaderboard.git import find_commit
from leaderboard.history import HISTORY, Published, append_history, latest_changes, load_history
from leaderboard.paths import lock, save_text
from leaderboard.records import Cell, Result, Status
from leaderboard.registry import SHIPPED, Registry
from leaderboard.render.changes import summarise
from leaderboard.render.markdown import render_block, render_leaderboard, replace_block
from leaderboard.render.outcomes import describe_outcomes
from leaderboard.result_files import load_results, parse_json
from leaderboard.run import Run
from leaderboard.sections import News, compute_sections
from leaderboard.states import check_committed, load_committed

TABLES = "README.md"  # in the leaderboard's folder and at the top


def rendered_files(registry: Registry, folder: Path) -> dict[Path, str]:
    """Path -> text of every generated file, from ``folder``/results."""
    results = load_results(folder / "results")
    sections = compute_sections(registry, results, load_news(folder, results))  # once: it resamples every figure
    files = {folder / TABLES: render_leaderboard(sections)}
    readme = registry.root / TABLES
    if folder == registry.leaderboard_dir and readme.exists():
        files[readme] = replace_block(readme.read_text(encoding="utf-8"), render_block(sections))
    return files


def load_news(folder: Path, results: Sequence[Result], *, run_report: Path | None = None) -> News:
    """What changed when the results in ``folder`` were last published, and what a run made of each cell."""
    arrows = latest_changes(load_history(folder), results)
    return News(arrows, load_run_report(run_report) if run_report else {})


def load_run_report(path: Path) -> dict[Cell, tuple[Status, str]]:
    """Cell -> its status in that run, and why.

    Raises:
        LeaderboardError: not a file that ``save_run_report`` wrote.
    """
    try:
        return parse_run_report(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LeaderboardError(f"{path} does not exist; write it with pytest --run-report FILE") from None
    except (OSError, ValueError) as error:
        reason = first_line(error)
        raise LeaderboardError(f"{path} is no run report ({reason}); write one with pytest --run-report FILE") from None


def parse_run_report(text: str) -> dict[Cell, tuple[Status, str]]:
    """Cell -> its status in that run, and why. Pure.

    Raises:
        ValueError: in one line what is wrong.
    """
    try:
        cells = parse_json(text)["cells"]
        found = {Cell(c["model"], c["dataset"]): (c["status"], c["reason"]) for c in cells}
        if silent := next((c for c in cells if not isinstance(c["reason"], str)), None):
            raise ValueError(f"reason {silent['reason']!r}")
        if len(found) < len(cells):
            raise ValueError("a cell is there twice")
        unknown = {status for status, _ in found.values()} - set(get_args(Status))
        if unknown:
            raise ValueError(f"status {sorted(unknown)[0]!r}")
        return found
    except KeyError as error:
        raise ValueError(f"it has no {error}") from None
    except TypeError:
        raise ValueError("its form is another") from None


def save_run_report(run: Run, path: Path) -> None:
    """Write as JSON what became of every cell of a run, and what the table shows of it."""
    stored = load_results(run.results_dir) if run.results_dir else []
    cells = describe_outcomes(run.outcomes(), run.registry, {Cell(r.model, r.dataset): r for r in stored})
    save_text(path, json.dumps({"cells": cells}, indent=1) + "\n")


def save_rendered(registry: Registry, folder: Path) -> list[Path]:
    """Write the generated files that are out of date, and return them.

    Raises:
        LeaderboardError: there is no clone to write into.
    """
    _check_home(registry, folder)
    changed = []
    with lock(folder):
        for path, text in rendered_files(registry, folder).items():
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                save_text(path, text)
                changed.append(path)
    return changed


def check_rendered(registry: Registry, folder: Path) -> None:
    """Hold the generated files against what the results give.

    Raises:
        CheckFailed: names the files that are out of date.
    """
    files = rendered_files(registry, folder).items()
    stale = [str(path) for path, text in files if not path.exists() or path.read_text(encoding="utf-8") != text]
    if stale:
        raise CheckFailed(f"out of date: {', '.join(stale)}; run `python -m leaderboard render` and commit the result")


def _check_home(registry: Registry, folder: Path) -> None:
    if folder.is_relative_to(SHIPPED.parent) and not registry.is_clone:
        raise LeaderboardError("an installed package has no leaderboard to write; run in a clone, or pass --root")


# ---- publishing


@dataclass(frozen=True)
class Publication:
    """What one call of ``publish_results`` did."""

    commit: str  # whose results are published
    summary: str  # what changed since the last publication, in words
    written: list[Path]


def publish_results(registry: Registry, folder: Path) -> Publication:
    """Append to history.jsonl the cells of HEAD that differ from those published last, and write the tables.

    A second time, or from a commit that touches no figure, nothing is appended.

    Raises:
        LeaderboardError: uncommitted results, or what was published last is not to be had.
    """
    _check_home(registry, folder)
    with lock(folder / HISTORY):  # of two that publish at once, the second finds nothing new
        commit = find_commit(folder, "HEAD")
        check_committed(folder)
        results = load_committed(folder, commit)
        changes = compute_changes(_load_last_published(folder), results, registry)
        lines = describe_published(changes, results, commit, registry)
        if lines:
            append_history(folder, lines)
    written = [folder / HISTORY] if lines else []
    return Publication(commit, summarise(changes), written + save_rendered(registry, folder))


def describe_published(
    changes: Sequence[Change], results: Sequence[Result], commit: str, registry: Registry
) -> list[Published]:
    """A line for each cell whose headline figures changed. Pure."""
    stored = by_cell(results)
    changed = [change for change in changes if change.kind != "unchanged"]
    return [_describe_one(change, stored.get(change.cell), commit, registry) for change in changed]


def _describe_one(change: Change, result: Result | None, commit: str, registry: Registry) -> Published:
    """Half widths have six digits: what follows depends on the machine."""
    metrics = headlines_of(registry, change.cell.dataset)
    values = {metric.name: figure_of(result, metric) for metric in metrics}
    half_widths = {metric.name: compute_half_width_of(result, metric) for metric in metrics}
    return Published(
        commit=commit,
        dataset=change.cell.dataset,
        model=change.cell.model,
        values={name: value for name, value in values.items() if value is not None},
        half_widths={name: round(width, 6) for name, width in half_widths.items() if width is not None},
        changes={figure.metric.name: figure.verdict for figure in change.figures if figure.difference is not None},
    )


def _load_last_published(folder: Path) -> list[Result]:
    """The results whose figures the last line of the history is about; none before the first publication."""
    history = load_history(folder)
    if not history:
        return []
    try:
        return load_committed(folder, find_commit(folder, history[-1].commit))
    except LeaderboardError as error:
        remedy = f"if that commit is gone for good, take its lines out of {folder / HISTORY}"
        raise LeaderboardError(f"what was published last cannot be read: {error}; {remedy}") from None
