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
    parser.add_argument("models", nargs="*", metavar="MODEL", help="compare these (default: all that are measured)")
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
    from leaderboard.render.comparison import compute_comparison, render_comparison

    dataset = registry.dataset(dataset_id)
    metric = options.metric or columns_of(dataset)[0].name
    _check_metric(metric)
    comparison = compute_comparison(
        registry, dataset, results, metric=metric, models=options.models, baseline=options.baseline
    )
    return render_comparison(comparison)


def _check_metric(metric: str) -> None:
    from leaderboard.entry_checks import find_unknown_metric
    from leaderboard.protocols import METRICS

    unknown = find_unknown_metric(metric)
    if unknown:
        raise LeaderboardError(f"--metric: {unknown}")
    if METRICS[metric].evidence is None:
        having = ", ".join(name for name, other in METRICS.items() if other.evidence is not None)
        raise LeaderboardError(f"{metric} has no interval, so it cannot be compared; --metric may be {having}")
