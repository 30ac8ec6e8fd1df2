"""How far an interval of NN F1 can be trusted with small classes: drawn sets like tests/golden, of so many images each.

    python benchmarks/small_classes.py [--sets N] [--sizes 5,7,10]

Two equal models see every set; their classes have the means and the covariance of the golden embeddings. The figures of
docs/own-images.md are of 100 sets, about ten minutes on one core.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from tabulate import tabulate
from tqdm import tqdm

from leaderboard.cache import load_embeddings
from leaderboard.simulation import (
    Population,
    collect,
    compute_coverage,
    compute_ratio,
    compute_tied,
    measure_population,
    simulate_set,
    widening_of,
)

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "palynomorphs-20.efficientnet-lite0.npz"
METRIC = "knn1.f1_macro"
DIRECTIONS, SPREAD, CORRELATION = 64, 0.93, 0.7  # the reference of benchmarks/interval_coverage.py
RESAMPLES = 400


def main() -> None:
    """Simulate and print a row per size."""
    parser = argparse.ArgumentParser(description="Coverage of the intervals of NN F1 by images per class.")
    parser.add_argument("--sets", type=int, default=100, help="per size (100)")
    parser.add_argument("--sizes", default="5,7,10,15,30", help="images per class (5,7,10,15,30)")
    options = parser.parse_args()
    population = measure_population(load_embeddings(GOLDEN), directions=DIRECTIONS)
    rows = [measure(population, int(size), options.sets) for size in options.sizes.split(",")]
    print(tabulate(rows, headers="keys", tablefmt="github", floatfmt=".3f"))


def measure(population: Population, size: int, sets: int) -> dict[str, float]:
    """What became of the intervals when every class has so many images."""
    sized = replace(population, labels=np.repeat(np.arange(len(population.means)), size))
    drawn = [
        simulate_set(
            sized, "knn", (SPREAD, SPREAD), correlation=CORRELATION, seed=seed, resamples=RESAMPLES, metrics=[METRIC]
        )
        for seed in tqdm(range(sets), desc=f"{size} per class")
    ]
    simulated, widening = collect(drawn)[METRIC], widening_of(METRIC)
    return {
        "images per class": size,
        "NN F1": float(simulated.values.mean()),
        "coverage": compute_coverage(simulated, widening),
        "widening needed": compute_ratio(simulated),
        "equal models tied": compute_tied(simulated, widening),
    }


if __name__ == "__main__":
    main()
