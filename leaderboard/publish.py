"""The files that readers see, written from the stored results: the leaderboard and the top README's block."""

from __future__ import annotations

import json
from pathlib import Path

from leaderboard.errors import CheckFailed, LeaderboardError
from leaderboard.paths import lock, save_text
from leaderboard.records import Cell
from leaderboard.registry import SHIPPED, Registry
from leaderboard.render.markdown import render_block, render_leaderboard, replace_block
from leaderboard.render.outcomes import describe_outcomes
from leaderboard.result_files import load_results
from leaderboard.run import Run


def rendered_files(registry: Registry, folder: Path) -> dict[Path, str]:
    """Path -> text of every generated file, from ``folder``/results."""
    results = load_results(folder / "results")
    files = {folder / "README.md": render_leaderboard(registry, results)}
    readme = registry.root / "README.md"
    if folder == registry.leaderboard_dir and readme.exists():
        files[readme] = replace_block(readme.read_text(encoding="utf-8"), render_block(registry, results))
    return files


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
    if folder.is_relative_to(SHIPPED.parent) and not registry.is_clone:
        raise LeaderboardError("an installed package has no leaderboard to write; run in a clone, or pass --root")
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
