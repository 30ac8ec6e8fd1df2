"""Compare measured models with a baseline: differences with intervals, ties, and what would settle them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from leaderboard.commands._leaderboard import add_folder_option, find_folder
from leaderboard.errors import LeaderboardError
from leaderboard.records import Result
from leaderboard.registry import Registry, load_registry

EXAMPLE = "compare efficientnet-lite0 efficientnet-lite1 --dataset palynomorphs-20"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument(
        "models", nargs="*", metavar="MODEL", help="compare these (default: all); one alone: all with it"
    )
    parser.add_argument("--baseline", metavar="MODEL", help="what they are compared with (default: the best of them)")
    text = "on this data set (default: every ranked one that has results)"
    parser.add_argument("--dataset", metavar="ID", help=text)
    parser.add_argument("--metric", metavar="NAME", help="by this figure (default: the data set's first column)")
    add_folder_option(parser)


def run(options: argparse.Namespace) -> None:
    """Print a comparison per data set."""
    from leaderboard.result_files import load_results
    from leaderboard.scores import attempt_all

    registry = load_registry(options.root)
    for model in filter(None, [*options.models, options.baseline]):
        registry.model(model)
    folder = find_folder(options, registry)
    results = load_results(folder / "results")
    chosen = _choose_datasets(registry, results, options.dataset, folder)
    render: Callable[[str], str] = partial(_render, registry, results, options)
    if len(chosen) == 1:
        print(render(chosen[0]))
        return
    texts, reasons = attempt_all(chosen, render)
    for dataset, reason in reasons.items():
        print(f"{dataset} is left out: {reason}", file=sys.stderr)
    if not texts:
        raise LeaderboardError("no data set is left to compare on; choose one with --dataset")
    print("\n\n".join(texts.values()))


def _choose_datasets(registry: Registry, results: Sequence[Result], wanted: str | None, folder: Path) -> list[str]:
    if wanted:
        return [registry.dataset(wanted).id]
    measured = {result.dataset for result in results}
    chosen = [id_ for id_, dataset in registry.datasets.items() if dataset.ranked and id_ in measured]
    if not chosen:
        raise LeaderboardError(f"{folder}: no ranked data set has results; measure with pytest first")
    return chosen


def _render(registry: Registry, results: Sequence[Result], options: argparse.Namespace, dataset_id: str) -> str:
    from leaderboard.columns import columns_of
    from leaderboard.comparison import check_measured, compute_comparison
    from leaderboard.render.comparison import render_comparison

    dataset = registry.dataset(dataset_id)
    check_measured(results, dataset)
    metric = _find_metric(options.metric) if options.metric else columns_of(dataset)[0].name
    _check_interval(metric)
    models, baseline = options.models, options.baseline
    if len(models) == 1 and baseline is None:  # one alone is no comparison: all others with it
        models, baseline = [], models[0]
    comparison = compute_comparison(registry, dataset, results, metric=metric, models=models, baseline=baseline)
    return render_comparison(comparison)


def _find_metric(given: str) -> str:
    """By its name or by what stands above its column."""
    from leaderboard.entry_checks import find_unknown_metric
    from leaderboard.protocols import METRICS

    titled = [name for name, metric in METRICS.items() if metric.title and metric.title.lower() == given.lower()]
    if unknown := find_unknown_metric(given) if not titled else None:
        raise LeaderboardError(f"--metric: {unknown}")
    return titled[0] if titled else given


def _check_interval(metric: str) -> None:
    from leaderboard.protocols import HEADLINES, METRICS

    if METRICS[metric].evidence is None:
        raise LeaderboardError(
            f"{metric} has no interval, so it cannot be compared; --metric may be {', '.join(HEADLINES)}, or another "
            "score of knn or linear"
        )
