"""A new entry measured on the data that is here, and what that adds to it: digest and floors."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, nan
from pathlib import Path
from tempfile import TemporaryDirectory

from leaderboard.columns import columns_of, title_of
from leaderboard.datasets import list_absent
from leaderboard.errors import CheckFailed, LeaderboardError
from leaderboard.models_file import edit_models
from leaderboard.records import Cell, Outcome, Result, RunOptions
from leaderboard.registry import Registry
from leaderboard.run import Run
from leaderboard.selection import select_cells
from leaderboard.thresholds import plan_thresholds, set_thresholds
from leaderboard.yaml_edit import set_value


def check_storable(options: RunOptions) -> None:
    """Refuse options whose results may not stand beside the stored ones.

    Raises:
        LeaderboardError: names the option.
    """
    if not options.comparable:
        raise LeaderboardError(f"results of --dtype {options.dtype} are not stored; leave it away with --measure")


def measure_entry(registry: Registry, model: str, options: RunOptions, tell: Callable[[str], None] = print) -> None:
    """Measure a model on every data set that a run of its name would take; each cell is stored as soon as it is there.

    Tables are left as they are. The digest of the tensors and the floors are written into the entry cell by cell, so
    that an interruption loses at most the cell that is being measured.

    Args:
        registry: with the entry.
        model: its id.
        options: device and the like.
        tell: takes one line per cell.

    Raises:
        CheckFailed: no cell could be measured; the entry stays.
    """
    measured = 0
    with TemporaryDirectory(prefix="leaderboard-run-") as shared:
        run = Run(registry, options, Path(shared), registry.results_dir)
        for dataset in list_available(registry):
            outcome = run.outcome(Cell(model, dataset))
            if outcome.result is not None:
                measured += 1
                registry = _complete_entry(registry, outcome.result)
            tell(describe_outcome(outcome, registry))
    if not measured:
        raise CheckFailed(
            f"model {model}: no cell could be measured; the entry stays, correct it and pytest -k {model}"
        )


def list_available(registry: Registry) -> tuple[str, ...]:
    """The data sets that a run takes unless told otherwise: those that are here, and those that can be fetched."""
    return select_cells(registry, matches=None, absent=list_absent(registry.datasets.values())).datasets


def describe_outcome(outcome: Outcome, registry: Registry) -> str:
    """One line: the cell, what became of it, why, or its headline figures."""
    if outcome.result is None:
        reason = outcome.reason.strip().splitlines() or [""]
        return f"{outcome.cell.dataset}: {outcome.status}: {reason[-1]}"  # the last line of a traceback is what it says
    figures = outcome.result.metrics
    columns = columns_of(registry.dataset(outcome.cell.dataset))
    shown = [f"{title_of(one)} {figures[one.name]:.3f}" for one in columns if isfinite(figures.get(one.name, nan))]
    return f"{outcome.cell.dataset}: {outcome.status}: {', '.join(shown)}"


def _complete_entry(registry: Registry, result: Result) -> Registry:
    """Write what a measured cell tells of the model: which tensors it has, and what it reaches."""
    digest = result.provenance.inputs["model"]["weights"].get("digest")
    planned = plan_thresholds(registry, result.model, [result.dataset])

    def change(text: str) -> str:
        if digest:
            text = set_value(text, (result.model, "digest"), digest)
        return set_thresholds(text, registry.model(result.model), planned) if planned else text

    return edit_models(registry.root, change)
