"""How many wrong labels an audit finds, and how many of its suspects are wrong: labels changed on purpose.

    python benchmarks/label_audit.py [--first SEED] [--seeds N] [--times A,B]

The outcomes are computed anew with the changed labels, as measuring such a data set would give them. One model on the
vectors of tests/golden; with the images in $LEADERBOARD_DATA and the extra ``lite`` three, the first alone and all
together. Where cleanlab is installed (it is no dependency; ``pip install cleanlab==2.9.0``), its rules on the same
support stand beside ours.

Errors are made in three ways: any other genus; a look-alike, drawn as often as logistic regression takes one for the
other; a third of one genus under the name of its nearest look-alike, which is an error that has neighbours of its kind.

The tables of docs/label-audit.md are of seeds 5 to 9; the numbers in auditing.py were chosen on seeds 0 to 4. Takes
about ten minutes on two cores; what was computed is kept in the cache.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from tabulate import tabulate

from leaderboard.auditing import TIMES, compute_audit, compute_support
from leaderboard.cache import load_embeddings
from leaderboard.errors import LeaderboardError
from leaderboard.paths import data_dir
from leaderboard.records import Embeddings, Provenance, Result
from leaderboard.scores import cached_scores

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "palynomorphs-20.efficientnet-lite0.npz"
DATASET, MODELS = "palynomorphs-20", ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")
PROTOCOLS = ("retrieval", "linear")
FIRST_LOOK = 20  # suspects that somebody in a hurry looks at
EACH = 3.0  # a threshold per model that suspects about as many
CLEANLAB = ("prune_by_noise_rate", "both", "confident_learning", "low_self_confidence")


@dataclass(frozen=True)
class Spoilt:
    """A data set with some labels changed."""

    labels: np.ndarray  # (n,)
    changed: np.ndarray  # indices
    truth: np.ndarray  # (n,)


Spoil = Callable[[np.ndarray, np.ndarray, int], Spoilt]  # labels (n,), confusion (K, K), seed
Judge = Callable[[Sequence[Result]], list[int]]  # suspected images, the most certain first


def main() -> None:
    """Spoil, audit, count."""
    parser = argparse.ArgumentParser(description="Recall and precision of a label audit on changed labels.")
    parser.add_argument("--first", type=int, default=5, metavar="SEED")
    parser.add_argument("--seeds", type=int, default=5, metavar="N")
    parser.add_argument("--times", default=f"{TIMES:g}", metavar="A,B", help="other thresholds to compare")
    options = parser.parse_args()
    sets, seeds = load_vectors(), range(options.first, options.first + options.seeds)
    times = [float(value) for value in options.times.split(",")]
    for name, spoil in WAYS.items():
        trials = [spoil_and_measure(sets, spoil, seed) for seed in seeds]
        rows = [
            [judge, of, *count(trials, suspect, models)]
            for of, models in list_choices(len(sets))
            for judge, suspect in list_judges(times, several=len(models) > 1)
        ]
        head = ["rule", "models", "recall", "precision", f"of first {FIRST_LOOK}", "suspects", "right suggestion"]
        print(f"\n{name}: {np.mean([len(spoilt.changed) for spoilt, _ in trials]):g} of {len(sets[0].labels)}\n")
        print(tabulate(rows, head, tablefmt="github", disable_numparse=True))


def load_vectors() -> list[Embeddings]:
    """Of three models where the images are; else of one, as stored with the tests."""
    folder = data_dir()
    if folder is None or not (folder / DATASET).is_dir():
        return [load_embeddings(GOLDEN)]
    from leaderboard.commands._embedding import embed_dataset, load_backbone_of
    from leaderboard.datasets import load_dataset
    from leaderboard.records import DEFAULT_OPTIONS
    from leaderboard.registry import load_registry

    registry = load_registry(Path(__file__).parents[1])
    dataset = load_dataset(registry.dataset(DATASET))
    return [embed_dataset(load_backbone_of(registry, m, DEFAULT_OPTIONS), dataset, DEFAULT_OPTIONS) for m in MODELS]


def list_choices(sets: int) -> list[tuple[str, tuple[int, ...]]]:
    """Which models are heard: the first alone, and all of them."""
    return [("1", (0,))] if sets == 1 else [("1", (0,)), (str(sets), tuple(range(sets)))]


# ---- wrong labels


def spoil_any(share: float, labels: np.ndarray, confusion: np.ndarray, seed: int) -> Spoilt:
    """A share of the images gets any other label."""
    return _change(labels, np.ones_like(confusion, dtype=float), share, seed)


def spoil_alike(share: float, labels: np.ndarray, confusion: np.ndarray, seed: int) -> Spoilt:
    """A share of the images gets the label of a look-alike."""
    return _change(labels, confusion.astype(float), share, seed)


def _change(labels: np.ndarray, weights: np.ndarray, share: float, seed: int) -> Spoilt:
    draws, new = np.random.default_rng(seed), labels.copy()
    changed = np.sort(draws.choice(len(labels), round(share * len(labels)), replace=False))
    for image in changed:
        chances = weights[labels[image]].copy()
        chances[labels[image]] = 0
        if not chances.any():  # a genus that is never taken for another
            chances[:] = 1
            chances[labels[image]] = 0
        new[image] = draws.choice(len(chances), p=chances / chances.sum())
    return Spoilt(new, changed, labels)


def spoil_group(labels: np.ndarray, confusion: np.ndarray, seed: int) -> Spoilt:
    """A third of one genus gets the name of the genus that it is most often taken for."""
    draws, new = np.random.default_rng(seed), labels.copy()
    others = confusion - np.diag(np.diag(confusion))
    genus = int(draws.choice(np.flatnonzero(others.any(axis=1))))
    members = np.flatnonzero(labels == genus)
    changed = np.sort(draws.choice(members, round(len(members) / 3), replace=False))
    new[changed] = others[genus].argmax()
    return Spoilt(new, changed, labels)


WAYS: dict[str, Spoil] = {
    "3 % any other genus": partial(spoil_any, 0.03),
    "5 % any other genus": partial(spoil_any, 0.05),
    "3 % look-alikes": partial(spoil_alike, 0.03),
    "5 % look-alikes": partial(spoil_alike, 0.05),
    "a third of one genus": spoil_group,
}


def spoil_and_measure(sets: Sequence[Embeddings], spoil: Spoil, seed: int) -> tuple[Spoilt, list[Result]]:
    """The changed labels, and what measuring each model with them would store."""
    confusion = np.array(cached_scores(sets[0], "linear").outcomes["confusion"])
    spoilt = spoil(sets[0].labels, confusion, seed)
    return spoilt, [measure(replace(e, labels=spoilt.labels), f"model {i}") for i, e in enumerate(sets)]


def measure(embeddings: Embeddings, model: str) -> Result:
    """The outcomes that an audit looks at, as a result."""
    outcomes = {name: cached_scores(embeddings, name).outcomes for name in PROTOCOLS}
    return Result(
        model=model,
        dataset=DATASET,
        parameters=0,
        dimension=embeddings.vectors.shape[1],
        metrics={},
        per_class={},
        outcomes=outcomes,
        classes=embeddings.classes,
        labels=embeddings.labels.tolist(),
        left_out=(),
        provenance=Provenance({}, {}),
    )


# ---- judges


def list_judges(times: Sequence[float], *, several: bool) -> Iterator[tuple[str, Judge]]:
    """Ours at each threshold, then cleanlab's rules where it is installed."""
    for value in times:
        yield f"{value:g} times the support", partial(suspect_by_times, value)
    if several:
        yield f"{EACH:g} times in each model", partial(suspect_by_each, EACH)
    try:
        import cleanlab  # type: ignore[import-not-found]  # noqa: F401
    except ModuleNotFoundError:
        return
    for rule in CLEANLAB:
        yield f"cleanlab, {rule}", partial(suspect_by_cleanlab, rule, False)
        if several:
            yield f"cleanlab, {rule}, mean of models", partial(suspect_by_cleanlab, rule, True)


def suspect_by_times(times: float, results: Sequence[Result]) -> list[int]:
    """The audit itself."""
    return [suspect.image for suspect in compute_audit(results, times=times).suspects]


def suspect_by_each(times: float, results: Sequence[Result]) -> list[int]:
    """What each model on its own would suspect, the most certain first."""
    alone = [{suspect.image for suspect in compute_audit([result], times=times).suspects} for result in results]
    return [image for image in suspect_by_times(1, results) if all(image in suspects for suspects in alone)]


def suspect_by_cleanlab(rule: str, mean: bool, results: Sequence[Result]) -> list[int]:
    """Images that cleanlab finds in every model's support, or in the mean of them, the most certain first."""
    from cleanlab.filter import find_label_issues  # type: ignore[import-not-found]
    from cleanlab.rank import get_label_quality_scores  # type: ignore[import-not-found]

    labels = np.array(results[0].labels)
    supports = np.array([compute_support(result) for result in results])
    together = supports.mean(axis=0)
    heard = [together] if mean else list(supports)
    issues = np.all([find_label_issues(labels, support, filter_by=rule, n_jobs=1) for support in heard], axis=0)
    quality = get_label_quality_scores(labels, together, method="normalized_margin")
    found = np.flatnonzero(issues)
    return [int(image) for image in found[np.argsort(quality[found], kind="stable")]]


def count(trials: Sequence[tuple[Spoilt, list[Result]]], judge: Judge, models: Sequence[int]) -> list[str]:
    """Recall, precision over all trials, precision among the first, suspects per trial, suggestions that are right."""
    heard = [(spoilt, [results[model] for model in models]) for spoilt, results in trials]
    found = [(spoilt, judge(results), results) for spoilt, results in heard]
    changed = sum(len(spoilt.changed) for spoilt, _, _ in found)
    suspected = sum(len(images) for _, images, _ in found)
    hits = sum(len(np.intersect1d(images, spoilt.changed)) for spoilt, images, _ in found)
    first = sum(len(np.intersect1d(images[:FIRST_LOOK], spoilt.changed)) for spoilt, images, _ in found)
    looked = sum(len(images[:FIRST_LOOK]) for _, images, _ in found)
    right = sum(count_right(spoilt, images, results) for spoilt, images, results in found)
    shares = [hits / changed, hits / max(1, suspected), first / max(1, looked)]
    return [*(f"{share:.2f}" for share in shares), f"{suspected / len(found):.0f}", f"{right / max(1, hits):.2f}"]


def count_right(spoilt: Spoilt, images: Sequence[int], results: Sequence[Result]) -> int:
    """Changed images among the suspects whose other class with most support is the true one."""
    support = np.mean([compute_support(result) for result in results], axis=0)
    support[np.arange(len(support)), spoilt.labels] = -1
    hits = np.intersect1d(np.array(images, dtype=int), spoilt.changed)
    return int((support[hits].argmax(axis=1) == spoilt.truth[hits]).sum())


if __name__ == "__main__":
    try:
        main()
    except LeaderboardError as error:
        raise SystemExit(str(error)) from None
