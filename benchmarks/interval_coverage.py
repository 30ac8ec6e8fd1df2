"""Whether the intervals and ties of the leaderboard hold what they promise: the full form of the simulation.

    python benchmarks/interval_coverage.py [--sets N] [--protocols NAME ...] [--workers N] [--keep DIR]

Draws whole embedding sets from a population that resembles tests/golden, runs them through the real protocols and the
real bootstrap, and prints the tables of docs/statistics.md. The reference population has N sets (1,000), all others a
fifth or tenth of that. What is drawn is kept in DIR, scenario by scenario, so that a run that was stopped goes on.

The quick form is tests/unit/test_simulation.py. The file is not called coverage: a script's folder comes before
everything else, and numba, which a neighbour needs, imports the package of that name.
"""

from __future__ import annotations

import argparse
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from pathlib import Path

import numpy as np
from endless import FITS, compare_test_sets
from tabulate import tabulate
from tqdm import tqdm

from leaderboard.cache import load_embeddings
from leaderboard.paths import cache_dir, replacing
from leaderboard.protocols import HEADLINES, METRICS, PROTOCOL_OF, PROTOCOLS
from leaderboard.simulation import (
    Population,
    Simulated,
    collect,
    compute_coverage,
    compute_difference_ratio,
    compute_found,
    compute_ranks_held,
    compute_ratio,
    compute_tied,
    compute_times_resolution,
    find_spread,
    measure_population,
    simulate_set,
    widening_of,
)
from leaderboard.statistics import Resampled

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "palynomorphs-20.efficientnet-lite0.npz"
RESAMPLES = 400  # per set: their noise averages out over sets
CORRELATION = 0.7
FALLING = (1, 0.96, 0.92, 0.88, 0.84, 0.8)  # spreads of the calibration, as shares of the reference's
CALIBRATION_SETS = 40
ENDLESS_SETS = 40
SEEDS = 100_000  # between the first ones of two scenarios


@dataclass(frozen=True)
class Scenario:
    """A population, the models that see it, and how many sets are drawn."""

    name: str
    protocol: str
    directions: int
    spreads: tuple[float, ...]
    correlation: float
    sets: int
    first_seed: int = 0  # of its sets; another one in each scenario, so that they do not share their luck

    @property
    def file(self) -> str:
        """Where its sets are kept: all that they depend on is in the name."""
        spreads = "-".join(f"{spread:.4f}" for spread in self.spreads)
        protocol = f"{self.protocol}-{PROTOCOLS[self.protocol].version}"
        drawn = f"{self.sets}x{RESAMPLES}-{self.first_seed}"
        return f"{protocol}.{self.directions}.{spreads}.{self.correlation}.{drawn}.npz"


REFERENCE = {  # directions and spread at which the figures are about those of efficientnet-lite0
    "knn": (64, 0.93),
    "retrieval": (64, 0.93),
    "linear": (32, 0.83),  # in 64 directions a linear model would tell the drawn classes apart too well
}
FEWER = {"knn": 7, "retrieval": 5, "linear": 10}  # times fewer sets elsewhere: a linear one takes longest
HEADLINE = {PROTOCOL_OF[name]: name for name in HEADLINES}


def main() -> None:
    """Simulate, or read what an earlier run kept, and print the tables."""
    os.environ["LOKY_MAX_CPU_COUNT"] = "1"  # a process per core already: protocols shall not start threads in each
    options = parse_options()
    run = partial(simulate, keep=options.keep, workers=options.workers)
    equal = {(s.protocol, s.name): run(s) for s in list_equal(options.protocols, options.sets)}
    better = {protocol: run(find_better(protocol, options.sets, run)) for protocol in options.protocols}
    for title, rows in filter(itemgetter(1), list_tables(equal, better, options.protocols)):
        print(f"\n### {title}\n\n{render(rows)}", flush=True)


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="How often intervals hold the truth, ties and differences are found.")
    parser.add_argument("--sets", type=int, default=1000, help="of the reference population (1000)")
    parser.add_argument("--protocols", nargs="+", choices=REFERENCE, default=list(REFERENCE), metavar="NAME")
    parser.add_argument("--workers", type=int, default=2, help="processes (2)")
    parser.add_argument("--keep", type=Path, default=cache_dir() / "coverage", help="folder of the drawn sets")
    return parser.parse_args()


# ---- scenarios


def list_equal(protocols: Sequence[str], sets: int) -> list[Scenario]:
    """Equal models: the reference, then what differs from it in one respect."""
    scenarios = [scenario for protocol in protocols for scenario in _vary(_reference(protocol, sets))]
    return sorted(scenarios, key=lambda scenario: scenario.name != "reference")  # what matters most is known first


def _reference(protocol: str, sets: int) -> Scenario:
    directions, spread = REFERENCE[protocol]
    return Scenario("reference", protocol, directions, (spread, spread), CORRELATION, sets)


def _vary(reference: Scenario) -> list[Scenario]:
    few, spread = replace(reference, sets=reference.sets // FEWER[reference.protocol]), reference.spreads[0]
    shares = {"much weaker": 0.65, "weaker": 0.84, "stronger": 1.15, "much stronger": 1.3}
    varied = [
        *(replace(few, name=name, spreads=(share * spread,) * 2) for name, share in shares.items()),
        replace(few, name="unrelated models", correlation=0.0),
        replace(few, name="much alike", correlation=0.95),
        replace(few, name="five models", spreads=(spread,) * 5),
    ]
    return [reference, *(replace(one, first_seed=SEEDS * place) for place, one in enumerate(varied, 1))]


def find_better(protocol: str, sets: int, run: Callable[[Scenario], Mapping[str, Simulated]]) -> Scenario:
    """The reference, and a second model worse by twice the resolution, as calibration sets say."""
    metric, reference = HEADLINE[protocol], _reference(protocol, sets)
    spreads = tuple(share * reference.spreads[0] for share in FALLING)
    calibration = replace(reference, name="calibration", spreads=spreads, sets=CALIBRATION_SETS, first_seed=8 * SEEDS)
    worse = find_spread(run(calibration)[metric], spreads, widening_of(metric), times=2)
    pair, sets = (spreads[0], worse), sets // 5
    return replace(reference, name="twice the resolution", spreads=pair, sets=sets, first_seed=9 * SEEDS)


def simulate(scenario: Scenario, *, keep: Path, workers: int) -> dict[str, Simulated]:
    """Every metric of the scenario's protocol, in all its sets; from an earlier run where there was one."""
    path = keep / scenario.file
    if not path.is_file():
        population = measure_population(load_embeddings(GOLDEN), directions=scenario.directions)
        simulated = collect(list(_draw_all(scenario, population, workers)))
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as new:
            np.savez(
                new.open("wb"), **{f"{n}/{part}": getattr(s, part) for n, s in simulated.items() for part in PARTS}
            )
    with np.load(path) as arrays:
        names = {name.split("/")[0]: None for name in arrays}
        return {name: Simulated(*(arrays[f"{name}/{part}"] for part in PARTS)) for name in names}


PARTS = ("values", "deviations")


def _draw_all(scenario: Scenario, population: Population, workers: int) -> Iterable[Mapping[str, Resampled]]:
    from joblib import Parallel, delayed

    tasks = (delayed(_draw)(scenario, population, seed) for seed in range(scenario.sets))
    sets = Parallel(n_jobs=workers, return_as="generator")(tasks)
    return tqdm(sets, total=scenario.sets, desc=f"{scenario.protocol}, {scenario.name}", unit="set", mininterval=10)


def _draw(scenario: Scenario, population: Population, seed: int) -> dict[str, Resampled]:
    """In a process of its own, which shows no bar."""
    with redirect_stderr(io.StringIO()):
        drawn = simulate_set(
            population,
            scenario.protocol,
            scenario.spreads,
            correlation=scenario.correlation,
            seed=scenario.first_seed + seed,
            resamples=RESAMPLES,
        )
    return {name: Resampled(own.values, own.deviations.astype(np.float32)) for name, own in drawn.items()}


# ---- tables

Row = dict[str, object]
Sets = Mapping[tuple[str, str], Mapping[str, Simulated]]  # (protocol, scenario) -> metric -> its figures


def list_tables(
    equal: Sets, better: Mapping[str, Mapping[str, Simulated]], protocols: Sequence[str]
) -> Iterator[tuple[str, list[Row]]]:
    """Titles and rows, one after the other as they are ready."""
    headlines = {protocol: HEADLINE[protocol] for protocol in protocols}
    yield "Reference", [describe(m, equal[p, "reference"][m]) for p, m in headlines.items()]
    yield "Populations", [describe_population(s, HEADLINE[p], of[HEADLINE[p]]) for (p, s), of in equal.items()]
    scores = [(m, p) for p in protocols for m in equal[p, "reference"] if m not in HEADLINES]
    yield "Other scores", [describe_score(metric, protocol, equal) for metric, protocol in scores]
    yield "Equal models", [row for p, m in headlines.items() for row in describe_ties(m, equal[p, "five models"][m])]
    yield "Twice the resolution", [describe_found(m, better[p][m]) for p, m in headlines.items()]
    yield "An endless test set", [row for p in protocols if p in FITS for row in compare_test_sets(p, *_locate(p))]


def _locate(protocol: str) -> tuple[Population, float, int]:
    """The reference population, its spread, and how many sets are enough for a mean difference."""
    directions, spread = REFERENCE[protocol]
    return measure_population(load_embeddings(GOLDEN), directions=directions), spread, ENDLESS_SETS


def describe(metric: str, simulated: Simulated) -> Row:
    """What the simulation says of one figure of equal models."""
    widening, values = widening_of(metric), simulated.values
    deviation, ratio = float(values.std(ddof=1)), compute_ratio(simulated)
    return {
        "figure": METRICS[metric].title or metric,
        "sets": len(values),
        "expected": f"{values.mean():.4f} ± {values.mean(axis=1).std(ddof=1) / np.sqrt(len(values)):.4f}",
        "true s.d.": f"{deviation:.4f}",
        "plain s.e.": f"{deviation / ratio:.4f}",
        "ratio": ratio,
        "widening": widening,
        "held, plain": percent(compute_coverage(simulated, 1)),
        "held": percent(compute_coverage(simulated, widening)),
    }


def describe_population(population: str, metric: str, simulated: Simulated) -> Row:
    """The same in short, and how often the first two models are tied."""
    widening = widening_of(metric)
    return {
        "population": population,
        "figure": METRICS[metric].title or metric,
        "sets": len(simulated.values),
        "expected": simulated.values.mean(),
        "ratio": compute_ratio(simulated),
        "of differences": compute_difference_ratio(simulated),
        "held": percent(compute_coverage(simulated, widening)),
        "two tied": percent(compute_tied(first(simulated, 2), widening)),
    }


def describe_score(metric: str, protocol: str, equal: Sets) -> Row:
    """How a figure fares with its protocol's constant: at the reference, and where its intervals hold least often."""
    of = {scenario: figures[metric] for (own, scenario), figures in equal.items() if own == protocol}
    held = {scenario: compute_coverage(simulated, widening_of(metric)) for scenario, simulated in of.items()}
    worst = min(held, key=lambda scenario: held[scenario])
    return {
        "figure": METRICS[metric].title or metric,
        "expected": of["reference"].values.mean(),
        "ratio": compute_ratio(of["reference"]),
        "held": percent(held["reference"]),
        "least held": f"{percent(held[worst])} ({worst})",
    }


def render(rows: Sequence[Row]) -> str:
    """A markdown table; three decimals unless a row says otherwise."""
    written = [{k: f"{cell:.3f}" if isinstance(cell, float) else cell for k, cell in row.items()} for row in rows]
    return tabulate(written, headers="keys", tablefmt="github", disable_numparse=True)


def percent(share: float) -> str:
    """As a reader expects it."""
    return f"{100 * share:.1f} %"


def describe_ties(metric: str, simulated: Simulated) -> Iterator[Row]:
    """How often all of several equal models share a rank, and have every rank in their interval."""
    for models in range(2, simulated.values.shape[1] + 1):
        own, widening = first(simulated, models), widening_of(metric)
        tied, ranks = percent(compute_tied(own, widening)), percent(compute_ranks_held(own, widening))
        yield {
            "figure": METRICS[metric].title or metric,
            "models": models,
            "sets": len(own.values),
            "all tied": tied,
            "rank held": ranks,
        }


def describe_found(metric: str, simulated: Simulated) -> Row:
    """How often a difference of twice the resolution is found."""
    widening = widening_of(metric)
    return {
        "figure": METRICS[metric].title or metric,
        "sets": len(simulated.values),
        "difference": float(np.mean(simulated.values[:, 0] - simulated.values[:, 1])),
        "in resolutions": compute_times_resolution(simulated, widening),
        "found": percent(compute_found(simulated, widening)),
    }


def first(simulated: Simulated, models: int) -> Simulated:
    """The first so many models alone."""
    return Simulated(simulated.values[:, :models], simulated.deviations[:, :models])


if __name__ == "__main__":
    main()
