"""How long the protocols of the second paper take, beside scikit-learn's plain way, and what memory they need.

    python benchmarks/analysis.py [--rounds N] [--large N]

Three parts:

- all: learning curve, few-shot, clustering and disparity on tests/golden, in seconds; the goal is a minute on 2 cores.
- ratio: the same trials (a fold in seven of the learning curve, few-shot with five images per class) as they would be
  written down: one LogisticRegression (L-BFGS, max_iter=1000) and one KNeighborsClassifier per fold, on the vectors.
  Rounds alternate, the medians are compared. Ours goes to the optimum besides.
- with --large N: peak memory of the process on N x 1024 drawn vectors of 50 classes: two fits on four fifths of the
  images side by side, the ranking of all images, two few-shot trials, disparity. One process per part.

Not a test: timings belong to the machine. Figures: docs/speed.md.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from leaderboard.cache import load_embeddings
from leaderboard.protocols import PROTOCOLS, few_shot, learning_curve
from leaderboard.protocols._trials import Trial, compute_trials
from leaderboard.records import Embeddings, Provenance

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "palynomorphs-20.efficientnet-lite0.npz"
NAMES = ("learning_curve", "few_shot", "clustering", "disparity")
GOAL = 60  # seconds
DIMENSION, CLASSES = 1024, 50


def main() -> None:
    """Time, compare, and measure memory if asked to."""
    parser = argparse.ArgumentParser(description="The protocols of the second paper: seconds, ratio, memory.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", type=int, metavar="N", help="also the peak memory on N vectors (60000)")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print_peak(options.part, options.large)
        return
    embeddings = load_embeddings(GOLDEN)
    time_all(embeddings)
    compare(embeddings, options.rounds)
    for part in PARTS if options.large else ():
        command = [sys.executable, __file__, "--large", str(options.large), "--part", part]
        subprocess.run(command, check=True)  # noqa: S603  # ourselves


def time_all(embeddings: Embeddings) -> None:
    """Each protocol once, imports and compilation included."""
    total = 0.0
    for name in NAMES:
        seconds = measure(lambda name=name: PROTOCOLS[name].compute(embeddings))  # type: ignore[misc]
        total += seconds
        print(f"{name}: {seconds:.1f} s")
    print(f"together: {total:.1f} s, {'within' if total <= GOAL else 'above'} the goal of {GOAL} s")


def compare(embeddings: Embeddings, rounds: int) -> None:
    """The same trials both ways, alternating."""
    trials = list_some_trials(embeddings.labels)
    ours, plain = [], []
    for _ in range(rounds):
        ours.append(measure(lambda: compute_trials(embeddings, trials, "learning_curve", ddof=1)))
        plain.append(measure(lambda: compute_plainly(embeddings, trials)))
    ratio = statistics.median(plain) / statistics.median(ours)
    print(
        f"{len(trials)} trials: plainly {statistics.median(plain):.1f} s, ours {statistics.median(ours):.1f} s "
        f"(medians of {rounds}), ratio {ratio:.1f}"
    )


def list_some_trials(labels: np.ndarray) -> list[Trial]:
    """Every seventh fold of the learning curve, and five few-shot draws."""
    folds = [trial for percent in learning_curve.FRACTIONS for trial in learning_curve._list_trials(labels, percent)[0]]
    return folds[::7] + [few_shot._draw(labels, 5, repeat) for repeat in range(5)]


def compute_plainly(embeddings: Embeddings, trials: Sequence[Trial]) -> None:
    """One classifier after the other, as in a notebook."""
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.preprocessing import normalize

    labels, unit = embeddings.labels, normalize(embeddings.vectors)
    for trial in trials:
        fit_plainly(embeddings, trial.train, trial.test)
        voters = KNeighborsClassifier(trial.neighbours, metric="cosine").fit(unit[trial.train], labels[trial.train])
        voters.predict_proba(unit[trial.test])


def fit_plainly(embeddings: Embeddings, train: np.ndarray, test: np.ndarray) -> None:
    """A linear classifier on the vectors as they are, and its probabilities."""
    import warnings

    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it stops at max_iter
        linear = LogisticRegression(class_weight="balanced", max_iter=1000)
        linear.fit(embeddings.vectors[train], embeddings.labels[train]).predict_proba(embeddings.vectors[test])


def measure(compute: Callable[[], object]) -> float:
    """Seconds that it takes."""
    start = time.perf_counter()
    compute()
    return time.perf_counter() - start


# ---- memory


def draw_embeddings(count: int) -> Embeddings:
    """Overlapping classes with a decaying spectrum, as real vectors have."""
    draws = np.random.default_rng(0)
    scale = (1 / np.sqrt(1 + np.arange(DIMENSION))).astype(np.float32)
    labels = np.arange(count) % CLASSES
    vectors = draws.standard_normal((count, DIMENSION), dtype=np.float32) * scale
    vectors += (draws.standard_normal((CLASSES, DIMENSION), dtype=np.float32) * scale)[labels]
    classes = tuple(f"class-{number}" for number in range(CLASSES))
    return Embeddings(vectors, labels, (), classes, Provenance({}, {}))


def compute_fits(embeddings: Embeddings) -> None:
    """Two folds of everything side by side, with the ranking of all images: the largest of the learning curve."""
    indices = np.random.default_rng(0).permutation(len(embeddings.labels))
    fifths = np.array_split(indices, 5)
    trials = [Trial("f100", np.concatenate(fifths[:i] + fifths[i + 1 :]), fifths[i], 5) for i in range(2)]
    compute_trials(embeddings, trials, "learning_curve", ddof=1)


def compute_shots(embeddings: Embeddings) -> None:
    """Few-shot trials name nearly all images: the largest test sets."""
    trials = [few_shot._draw(embeddings.labels, 20, repeat) for repeat in range(2)]
    compute_trials(embeddings, trials, "few_shot", ddof=0)


PARTS: dict[str, Callable[[Embeddings], object]] = {
    "learning curve": compute_fits,
    "few-shot": compute_shots,
    "disparity": PROTOCOLS["disparity"].compute,
}


def print_peak(part: str, count: int) -> None:
    """Of this process, which does nothing else."""
    embeddings = draw_embeddings(count)
    seconds = measure(lambda: PARTS[part](embeddings))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{part} on {count} x {DIMENSION}: {seconds:.0f} s, peak memory {peak:.2f} GB")


if __name__ == "__main__":
    main()
