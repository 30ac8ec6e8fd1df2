"""How long the statistics of a table take, and what memory they need: resamples of stored outcomes, no networks.

    python benchmarks/resampling.py [--large]

Each part runs in a process of its own, whose peak memory is printed with its seconds, as lines of a markdown table:

- NN F1 and P@N of 20 models on 697 images in 10,000 resamples, with everything that a table shows: intervals, Holm's
  p, tie groups, rank intervals, resolution. The goal is 10 s and 1 GB on 2 cores.
- settling: how many images a pair of these models would need.
- with --large: 5 models on 60,000 images of 50 classes in 1,000 resamples.

Outcomes are drawn: models are right as often as real ones are, on test sets of the real sizes. The file is not called
statistics: a script's folder comes before the standard library, whose statistics its neighbours import.
Not a test: timings belong to the machine. Figures: docs/statistics.md.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

GOAL_SECONDS, GOAL_BYTES = 10, 1e9
SPLITS, TEST = 10, 0.2
REAL_COUNTS = (25, 65, 28, 22, 25, 26, 43, 33, 26, 23, 22, 50, 23, 69, 39, 62, 32, 25, 30, 29)  # palynomorphs-20


@dataclass(frozen=True)
class Part:
    """What is timed."""

    title: str
    metric: str
    counts: Sequence[int]  # images per class
    models: int
    resamples: int
    has_goal: bool = False


PARTS = {
    "f1": Part("NN F1", "knn1.f1_macro", REAL_COUNTS, 20, 10_000, has_goal=True),
    "share": Part("P@N", "retrieval.precision_at_n", REAL_COUNTS, 20, 10_000, has_goal=True),
    "settling": Part("NN F1, what would settle a pair", "knn1.f1_macro", REAL_COUNTS, 2, 0),
}
LARGE_PARTS = {
    "large-f1": Part("NN F1", "knn1.f1_macro", (1_200,) * 50, 5, 1_000),
    "large-share": Part("P@N", "retrieval.precision_at_n", (1_200,) * 50, 5, 1_000),
}


def main() -> None:
    """Print the table, a process per line."""
    parser = argparse.ArgumentParser(description="The statistics of a table: seconds and memory.")
    parser.add_argument("--large", action="store_true", help="also 60,000 images")
    parser.add_argument("--part", choices=PARTS | LARGE_PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print_line((PARTS | LARGE_PARTS)[options.part])
        return
    print(f"On {os.cpu_count()} cores:\n\n| Figure | Models | Images | Resamples | Seconds | Peak memory | Goal |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for part in PARTS | (LARGE_PARTS if options.large else {}):
        subprocess.run([sys.executable, __file__, "--part", part], check=True)  # noqa: S603  # ourselves


def print_line(part: Part) -> None:
    """Of this process, which does nothing else; the memory is that of everything in it, its libraries included."""
    labels, outcomes = draw_outcomes(part)
    start = time.perf_counter()
    (compute_everything if part.resamples else compute_settling)(part, labels, outcomes)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB
    goal = ("met" if seconds <= GOAL_SECONDS and peak <= GOAL_BYTES else "missed") if part.has_goal else "–"
    sizes = f"{part.models} | {len(labels):,} | {part.resamples or '–'}"
    print(f"| {part.title} | {sizes} | {seconds:.1f} | {peak / 1e9:.2f} GB | {goal} |")


def compute_everything(part: Part, labels: np.ndarray, outcomes: list[dict[str, Any]]) -> None:
    """What a table shows of one figure."""
    from leaderboard.evidence import gather
    from leaderboard.ranking import compute_standings
    from leaderboard.statistics import compute_resolution, resample

    resampled = resample(gather(part.metric, outcomes, labels.tolist()), widening=1.3, resamples=part.resamples)
    compute_standings(resampled)
    compute_resolution(resampled)


def compute_settling(part: Part, labels: np.ndarray, outcomes: list[dict[str, Any]]) -> None:
    """For two models that differ by little, so that every ratio is tried."""
    from leaderboard.evidence import gather
    from leaderboard.settling import compute_images_to_settle

    compute_images_to_settle(gather(part.metric, outcomes, labels.tolist()), widening=1.3)


# ---- drawn outcomes


def draw_outcomes(part: Part) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Labels, and per model what its protocol would have stored."""
    draws = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(part.counts)), part.counts)
    tests = [np.sort(draws.permutation(len(labels))[: round(TEST * len(labels))]) for _ in range(SPLITS)]
    draw: Callable[..., dict[str, Any]] = draw_hits if part.metric.startswith("retrieval") else draw_names
    return labels, [draw(labels, tests, skill, draws) for skill in np.linspace(0.72, 0.7, part.models)]


def draw_names(labels: np.ndarray, tests: list[np.ndarray], skill: float, draws: np.random.Generator) -> dict[str, Any]:
    """Of a model that is right so often, and else names any class."""
    said = [np.where(draws.random(len(t)) < skill, labels[t], draws.integers(0, labels.max(), len(t))) for t in tests]
    return {"test": [test.tolist() for test in tests], "predicted_k1": [named.tolist() for named in said]}


def draw_hits(labels: np.ndarray, tests: list[np.ndarray], skill: float, draws: np.random.Generator) -> dict[str, Any]:
    """Of a model that finds such a share of what there is to find."""
    relevant = np.bincount(labels)[labels] - 1
    return {"hits_at_n": draws.binomial(relevant, skill / 2).tolist()}


if __name__ == "__main__":
    main()
