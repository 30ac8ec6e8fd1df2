"""What large sets cost: seconds and peak memory of the protocols at the sizes that they promise.

    python benchmarks/large_protocols.py [--images 60000] [--fits 22000] [--every 25] [--only PART ...]

- pairs: retrieval, knn and disparity of 60,000 x 1024 vectors, one after the other in one process, as a run does it; of
  50 and 20 classes of equal size, and of 50 of which one has half of the images. The goal: a minute, 4 GB, 2 cores.
- exactness: figures of some of the queries, computed again from float64 distances sorted as they are.
- fits: `linear` of 22,000 x 1024 vectors of 35 classes, and every 25th trial of the learning curve (all are
  extrapolated), beside scikit-learn's plain way: a LogisticRegression (L-BFGS, max_iter=1000) per fit, and for the
  learning curve a KNeighborsClassifier, on the vectors. Ours go to the optimum, the plain ones stop where they stop:
  for one split it is shown where, and what L-BFGS does when it is asked for the gradient that ours have.
- beyond: retrieval and knn of 100,000 vectors, of which a sample is asked.

Each part runs in a process of its own, whose peak memory includes the vectors. Processor seconds are those of all
cores: on a machine that does other work as well, half of them is what two cores would take. Vectors are drawn with the
spectrum of real ones (tests/golden): variances within and between classes along their axes, class means drawn anew.

Not a test: timings belong to the machine. Figures: docs/speed.md.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from analysis import compute_plainly, fit_plainly

from leaderboard.cache import load_embeddings
from leaderboard.protocols import PROTOCOLS, learning_curve
from leaderboard.protocols._logistic import MAX_GRADIENT, LinearModel, _longest_gradient, fit_at_optimum, rotate
from leaderboard.protocols._splits import compute_splits
from leaderboard.protocols._trials import compute_trials
from leaderboard.records import Embeddings, Provenance

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "palynomorphs-20.efficientnet-lite0.npz"
DIMENSION = 1024
GOAL_SECONDS, GOAL_GIGABYTES = 60, 4.0
PAIRS = ("retrieval", "knn", "disparity")
ASKED = 40  # queries whose figures are computed again


def main() -> None:
    """Run each part in a process of its own."""
    parser = argparse.ArgumentParser(description="Protocols on large sets: seconds, memory, ratio.")
    parser.add_argument("--images", type=int, default=60_000, metavar="N")
    parser.add_argument("--fits", type=int, default=22_000, metavar="N", help="images of the logistic regressions")
    parser.add_argument("--every", type=int, default=25, metavar="N", help="one trial in so many of the learning curve")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        PARTS[options.part](options)
        return
    sizes = ["--images", str(options.images), "--fits", str(options.fits), "--every", str(options.every)]
    for part in options.only:
        subprocess.run([sys.executable, __file__, *sizes, "--part", part], check=True)  # noqa: S603  # ourselves


# ---- parts


class Cost(NamedTuple):
    """Of a computation."""

    seconds: float
    processor: float  # seconds of all cores

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s ({self.processor:.0f} of processor)"


def time_pairs(options: argparse.Namespace, *, classes: int, largest: float | None = None) -> None:
    """Seconds of each protocol, and the peak of the process."""
    embeddings = draw_embeddings(options.images, classes, largest)
    costs = {name: measure(partial(PROTOCOLS[name].compute, embeddings)) for name in PAIRS}
    total, peak = Cost(*map(sum, zip(*costs.values(), strict=True))), read_peak()
    met = "within" if total.seconds <= GOAL_SECONDS and peak <= GOAL_GIGABYTES else "above"
    share = np.bincount(embeddings.labels).max() / len(embeddings.labels)
    print(f"{options.images} x {DIMENSION}, {classes} classes, the largest {share:.0%} of the images:")
    print(f"  {', '.join(f'{name} {cost}' for name, cost in costs.items())}")
    print(f"  together {total}, peak {peak:.2f} GB: {met} {GOAL_SECONDS} s and {GOAL_GIGABYTES:.0f} GB", flush=True)


def check_exactness(options: argparse.Namespace) -> None:
    """Hits and neighbours of some queries, sorted as they are; k-NN predictions of a split against scikit-learn's."""
    from scipy.spatial.distance import cdist
    from sklearn.neighbors import KNeighborsClassifier

    embeddings = draw_embeddings(options.images, 20)
    vectors, labels = embeddings.vectors, embeddings.labels
    found, exact = PROTOCOLS["retrieval"].compute(embeddings).outcomes, vectors.astype(np.float64)
    wrong = 0
    for query in np.random.default_rng(1).choice(len(labels), ASKED, replace=False):
        distances = cdist(exact[query : query + 1], exact)[0]
        distances[query] = np.inf
        order = np.argsort(distances, kind="stable")
        relevant = int((labels == labels[query]).sum()) - 1
        wrong += found["neighbours"][query] != order[:10].tolist()
        wrong += found["hits_at_n"][query] != int((labels[order[:relevant]] == labels[query]).sum())
    train, test = compute_splits(embeddings)[0]
    named = np.array(PROTOCOLS["knn"].compute(embeddings).outcomes["predicted_k5"][0])
    others = (named != KNeighborsClassifier(5).fit(vectors[train], labels[train]).predict(vectors[test])).sum()
    print(f"exactness: of {2 * ASKED} figures of queries {wrong} differ, of {len(test)} names {others}", flush=True)


def time_fits(options: argparse.Namespace) -> None:
    """`linear` and some trials of the learning curve, ours and the plain way after each other."""
    embeddings = draw_embeddings(options.fits, 35)
    splits = compute_splits(embeddings)
    compare_solvers(embeddings, splits[0][0])
    ours, peak = measure(partial(PROTOCOLS["linear"].compute, embeddings)), read_peak()
    plain = measure(partial(fit_splits_plainly, embeddings, splits))
    print(f"linear, {len(splits)} fits: ours {ours}, peak {peak:.2f} GB; plainly {plain}", flush=True)
    trials = [t for share in learning_curve.FRACTIONS for t in learning_curve._list_trials(embeddings.labels, share)[0]]
    some = trials[:: options.every]
    ours, peak = measure(partial(compute_trials, embeddings, some, "learning_curve", ddof=1)), read_peak()
    plain = measure(partial(compute_plainly, embeddings, some))
    print(f"learning_curve, {len(some)} of {len(trials)} trials: ours {ours}, peak {peak:.2f} GB; plainly {plain}")
    minutes = [len(trials) / len(some) * cost.seconds / 60 for cost in (ours, plain)]
    print(f"  all of them, extrapolated: {minutes[0]:.0f} and {minutes[1]:.0f} minutes", flush=True)


def compare_solvers(embeddings: Embeddings, train: np.ndarray) -> None:
    """One fit: ours, the plain one, and the plain one asked for the same gradient."""
    from sklearn.linear_model import LogisticRegression

    vectors, labels = rotate(embeddings.vectors)[train], embeddings.labels[train]
    ways: dict[str, Callable[[], LinearModel]] = {"ours": partial(fit_at_optimum, vectors, labels)}
    for name, tolerance in (("plain", 1e-4), ("plain, asked for 1e-6", MAX_GRADIENT / len(labels))):
        way = LogisticRegression(class_weight="balanced", max_iter=10_000, tol=tolerance)
        ways[name] = partial(_fit_as_model, way, vectors, labels)
    print(f"one fit of {vectors.shape[0]} x {vectors.shape[1]} x 35:")
    for name, way_of in ways.items():
        found: list[LinearModel] = []
        cost = measure(lambda way_of=way_of, found=found: found.append(way_of()))  # type: ignore[misc]
        print(f"  {name}: {cost}, gradient {_longest_gradient(found[0], vectors, labels):.1e}", flush=True)


def _fit_as_model(way: Any, vectors: np.ndarray, labels: np.ndarray) -> LinearModel:
    way.fit(vectors, labels)
    return LinearModel(way.classes_, way.coef_, way.intercept_, np.inf)


def time_sample(options: argparse.Namespace) -> None:
    """Beyond the limit."""
    embeddings = draw_embeddings(100_000, 50)
    for name in ("retrieval", "knn"):
        cost = measure(partial(PROTOCOLS[name].compute, embeddings))
        print(f"100000 x {DIMENSION}, {name}, a sample asked: {cost}, peak {read_peak():.2f} GB", flush=True)


def fit_splits_plainly(embeddings: Embeddings, splits: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
    """One classifier after the other."""
    for train, test in splits:
        fit_plainly(embeddings, train, test)


# ---- vectors


def draw_embeddings(count: int, classes: int, largest: float | None = None) -> Embeddings:
    """Gaussian classes with the variances of real vectors along their axes, in protocol order (sorted by class).

    Args:
        count: of images.
        classes: of them.
        largest: share of the first class; None: all are of the same size.
    """
    within, between = measure_spectra()
    draws = np.random.default_rng(0)
    share = np.full(classes, 1 / classes)
    if largest is not None:
        share = np.array([largest, *np.full(classes - 1, (1 - largest) / (classes - 1))])
    labels = np.sort(draws.choice(classes, count, p=share))
    means = (draws.standard_normal((classes, DIMENSION)) * np.sqrt(between)).astype(np.float32)
    vectors = draws.standard_normal((count, DIMENSION), dtype=np.float32)
    vectors *= np.sqrt(within).astype(np.float32)
    for label in range(classes):
        vectors[labels == label] += means[label]
    return Embeddings(vectors, labels, (), tuple(f"class-{c}" for c in range(classes)), Provenance({}, {}))


def measure_spectra() -> tuple[np.ndarray, np.ndarray]:
    """Variances (1024,) within and between classes along the principal axes of the golden file, largest first.

    Its 697 images have no more axes than that: from half of them on the variances are continued as a power law. The
    means of small classes vary by chance as well, which is taken off.
    """
    golden = load_embeddings(GOLDEN)
    vectors, labels = golden.vectors.astype(np.float64), golden.labels
    counts = np.bincount(labels)
    means = np.stack([vectors[labels == label].mean(axis=0) for label in range(len(counts))])
    inner = vectors - means[labels]
    variances, axes = np.linalg.eigh(inner.T @ inner / (len(labels) - len(counts)))
    variances, axes = variances[::-1][:DIMENSION], axes[:, ::-1][:, :DIMENSION]
    spread = np.maximum(((means - means.mean(axis=0)) @ axes).var(axis=0, ddof=1) - variances * (1 / counts).mean(), 0)
    known = len(labels) // 2
    power = np.log(variances[known] / variances[known // 4]) / np.log(4)
    ranks = np.arange(1, DIMENSION + 1)
    tail = variances[known] * (ranks / (known + 1)) ** power
    return np.where(ranks <= known, variances, tail), np.where(ranks <= known, spread, 0)


# ---- measures


def measure(compute: Callable[[], object]) -> Cost:
    """What it takes."""
    start, processor = time.perf_counter(), time.process_time()
    compute()
    return Cost(time.perf_counter() - start, time.process_time() - processor)


def read_peak() -> float:
    """The largest memory of this process so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "pairs-50": partial(time_pairs, classes=50),
    "pairs-20": partial(time_pairs, classes=20),
    "pairs-uneven": partial(time_pairs, classes=50, largest=0.5),
    "exactness": check_exactness,
    "fits": time_fits,
    "beyond": time_sample,
}


if __name__ == "__main__":
    main()
