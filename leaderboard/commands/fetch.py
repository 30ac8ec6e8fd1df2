"""Download or draw a data set into the cache, and verify it."""

from __future__ import annotations

import argparse

from leaderboard.options import declare_waiting_options
from leaderboard.records import Dataset, DatasetSpec, RunOptions
from leaderboard.registry import load_registry
from leaderboard.rows import describe_data_licence

EXAMPLE = "fetch palynomorphs-20"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("dataset", metavar="DATASET")
    declare_waiting_options(parser.add_argument)


def run(options: argparse.Namespace) -> None:
    """Have a data set here, verified, and say where."""
    from leaderboard.datasets import load_dataset

    registry = load_registry(options.root)
    spec = registry.dataset(options.dataset)
    dataset = load_dataset(spec, RunOptions.of(options))
    state = _describe_check(dataset, spec)
    print(f"{spec.id}: {len(dataset.files)} images in {len(dataset.classes)} classes, {state}, in {dataset.root}")
    print(f"{describe_data_licence(spec)}; {spec.attribution}")


def _describe_check(dataset: Dataset, spec: DatasetSpec) -> str:
    if spec.digest is None:
        return f"as many as expected, no digest to hold theirs against ({dataset.digest})"
    return "verified" if dataset.digest == spec.digest else "digest differs from datasets.yaml: cells are stale"
