"""What pytest says before it runs: models, data, machine."""

from __future__ import annotations

import os

from leaderboard.datasets import find_dataset
from leaderboard.run import Run
from leaderboard.selection import Selection


def describe_run(run: Run, selection: Selection) -> list[str]:
    """Lines for the header, without importing torch."""
    options = run.options
    lines = [f"models: {', '.join(selection.models) or 'none of them is selected'}"]
    if selection.left_out:
        lines.append(
            f"left out: {', '.join(selection.left_out)} (take one with -k and its name, all with --all-models)"
        )
    if selection.absent:
        lines.append(
            f"data sets to be placed by hand, not here: {', '.join(selection.absent)} (-k with a name tells how)"
        )
    for spec in map(run.registry.dataset, selection.datasets):
        missing = (
            "not here, this run is offline" if options.offline else f"not here yet; {_how(spec.kind, spec.download)}"
        )
        lines.append(f"data set {spec.id}: {find_dataset(spec) or missing}")
    device = options.device or "the first of cuda, mps, cpu"
    threads = os.environ.get("OMP_NUM_THREADS") or os.cpu_count()
    lines.append(f"device: {device}, {options.dtype}, {threads} threads")
    return lines


def _how(kind: str, download: str | None) -> str:
    ways = {
        "archive": f"fetched when needed ({download})",
        "synthetic": "drawn when needed",
        "folder": "place it in $LEADERBOARD_DATA",
        "hub": f"fetched when needed ({download or 'from the Hub'})",
    }
    return ways[kind]
