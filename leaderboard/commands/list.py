"""List models and data sets, and where the data is."""

from __future__ import annotations

import argparse

from tabulate import tabulate

from leaderboard.records import ModelSpec
from leaderboard.registry import load_registry
from leaderboard.rows import describe_data_licence, describe_licence

EXAMPLE = "list"


def add_options(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(options: argparse.Namespace) -> None:
    """Print both registries."""
    from leaderboard.datasets import find_dataset

    registry = load_registry(options.root)
    models = [
        [spec.id, spec.library, spec.dimension, spec.group, _pins(spec), describe_licence(spec), spec.title]
        for spec in registry.models.values()
    ]
    head = ["model", "library", "dimension", "group", "weights", "licence", "title"]
    print(tabulate(models, head, disable_numparse=True))
    datasets = [
        [spec.id, spec.images, spec.classes, describe_data_licence(spec), find_dataset(spec) or "not here yet"]
        for spec in registry.datasets.values()
    ]
    print("\n" + tabulate(datasets, ["data set", "images", "classes", "licence", "folder"], disable_numparse=True))


def _pins(spec: ModelSpec) -> str:
    if not spec.sources:
        return "none"
    return "pinned" if all(source.is_pinned for source in spec.sources) else "unpinned"
