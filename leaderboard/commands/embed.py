"""Turn images into vectors, one per image."""

from __future__ import annotations

import argparse
from pathlib import Path

from leaderboard.commands._embedding import embed_dataset, list_folder, load_backbone_of
from leaderboard.options import declare_extraction_options, declare_model_options, declare_waiting_options
from leaderboard.records import Dataset, RunOptions
from leaderboard.registry import Registry, load_registry

EXAMPLE = "embed --model efficientnet-lite0 --images slides/ --out slides.npz"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("--model", required=True, metavar="ID", help="a model of models.yaml")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--dataset", metavar="ID", help="a data set of datasets.yaml")
    what.add_argument("--images", type=Path, metavar="DIR", help="a folder of images, best one subfolder per class")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=".safetensors or .npz")
    declare_extraction_options(parser.add_argument)
    declare_model_options(parser.add_argument)
    declare_waiting_options(parser.add_argument)


def run(options: argparse.Namespace) -> None:
    """Embed a data set or a folder into a file."""
    from leaderboard.cache import check_suffix, save_embeddings

    check_suffix(options.out)
    registry = load_registry(options.root)
    spec = registry.model(options.model)
    chosen = RunOptions.of(options)
    dataset = _images(registry, options)
    embeddings = embed_dataset(load_backbone_of(registry, spec.id, chosen), dataset, chosen)
    save_embeddings(options.out, embeddings)
    left_out = f", {len(embeddings.left_out)} unreadable images left out" if embeddings.left_out else ""
    count, dimension = embeddings.vectors.shape
    print(f"{options.out}: {count} vectors of {dimension} dimensions, {len(dataset.classes)} classes{left_out}")
    if spec.notice:
        print(spec.notice)


def _images(registry: Registry, options: argparse.Namespace) -> Dataset:
    from leaderboard.datasets import load_dataset

    if options.images is not None:
        return list_folder(options.images)
    return load_dataset(registry.dataset(options.dataset), RunOptions.of(options))
