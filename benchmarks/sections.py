"""How long a whole leaderboard's statistics take: 50 models on 6 data sets, from result files to ranks and genera.

    python benchmarks/sections.py [--models N] [--datasets N] [--against COMMIT]

The result files are generated (tests/generated_results.py): no model ran. Each line is a process of its own: reading
the files, the sections of all data sets with intervals, ties and rank intervals of three figures, and the differences
of all pairs in every genus. ``--against`` times the package as an earlier commit has it on the same files, in turn with
this one; what that commit cannot compute is left out. CPU seconds are of all threads, and count most on a machine that
is shared. Not a test: timings belong to the machine. Figures: docs/statistics.md.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Print the table, a process per line."""
    parser = argparse.ArgumentParser(description="A whole leaderboard's statistics: seconds and memory.")
    parser.add_argument("--models", type=int, default=50)
    parser.add_argument("--datasets", type=int, default=6)
    parser.add_argument("--against", metavar="COMMIT", help="time that commit's package as well")
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.root:
        time_parts(options.root)
        return
    with tempfile.TemporaryDirectory() as folder:
        root, packages = Path(folder) / "generated", {"this": HERE.parent}
        generate(root, options.models, options.datasets)
        if options.against:
            packages[options.against] = unpack(options.against, Path(folder) / "package")
        print(f"On {os.cpu_count()} cores, {options.models} models on {options.datasets} data sets:\n")
        print(
            "| Package | Reading | Sections | CPU | Genera | CPU | Peak memory |\n|---|---|---|---|---|---|---|",
            flush=True,
        )
        for name, package in [*packages.items()] * 2:
            print(f"| {name} ", end="", flush=True)
            command = [sys.executable, __file__, "--root", str(root)]
            subprocess.run(command, env=os.environ | {"PYTHONPATH": str(package)}, check=True)  # noqa: S603  # ourselves


def generate(root: Path, models: int, datasets: int) -> None:
    """The files."""
    sys.path.insert(0, str(HERE.parent / "tests"))
    root.mkdir()
    import_module("generated_results").save_generated_results(root, models, datasets)


def unpack(commit: str, folder: Path) -> Path:
    """A folder that holds the package as a commit has it."""
    command = [shutil.which("git") or "git", "-C", str(HERE.parent), "archive", commit, "leaderboard"]
    packed = subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603  # a commit of our own
    with tarfile.open(fileobj=BytesIO(packed)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def time_parts(root: Path) -> None:
    """The rest of a line, of this process, which does nothing else."""
    from leaderboard.registry import load_registry
    from leaderboard.result_files import load_results
    from leaderboard.sections import compute_sections

    registry = load_registry(root)
    results, reading, _ = clock(lambda: load_results(registry.results_dir))
    _, wall, cpu = clock(lambda: compute_sections(registry, results))
    genera = time_genera([[r for r in results if r.dataset == dataset] for dataset in registry.datasets])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9  # Linux counts in KiB
    print(f"| {reading:.1f} s | {wall:.1f} s | {cpu:.1f} s | {genera} | {peak:.2f} GB |", flush=True)


def time_genera(groups: list[list[Any]]) -> str:
    """Two cells of the table; a dash where the package has no such figures yet."""
    try:
        from leaderboard.genera import compute_genus_standings
    except ModuleNotFoundError:
        return "– | –"
    _, wall, cpu = clock(lambda: [compute_genus_standings(results, "knn1.f1_macro") for results in groups])
    return f"{wall:.1f} s | {cpu:.1f} s"


def clock(compute: Callable[[], Any]) -> tuple[Any, float, float]:
    """What it gives, seconds that passed, and CPU seconds of all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = compute()
    return found, time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
