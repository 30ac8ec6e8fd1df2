"""Turn images into vectors: into one file, or a collection of any size into a folder of Parquet shards."""

from __future__ import annotations

import argparse
from pathlib import Path

from leaderboard.commands._embedding import embed_dataset, list_folder, load_backbone_of
from leaderboard.commands._shards import declare_shard_options, embed_into_shards, refuse_shard_options
from leaderboard.options import declare_extraction_options, declare_model_options, declare_waiting_options
from leaderboard.records import Dataset, RunOptions
from leaderboard.registry import Registry, load_registry

EXAMPLE = "embed --model efficientnet-lite0 --images slides/ --out slides.npz"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare them."""
    parser.add_argument("--model", required=True, metavar="ID", help="a model of models.yaml")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--dataset", metavar="ID", help="a data set of datasets.yaml")
    text = "a folder; into shards also a list (.txt, .csv, .parquet), a .tar, or one of these at s3://, gs://, ..."
    what.add_argument("--images", metavar="SOURCE", help=text)
    text = "a .safetensors or .npz file, or a folder for shards, where an interrupted run goes on"
    parser.add_argument("--out", required=True, metavar="FILE|DIR", help=text)
    declare_extraction_options(parser.add_argument)
    declare_model_options(parser.add_argument)
    declare_waiting_options(parser.add_argument)
    declare_shard_options(parser)


def run(options: argparse.Namespace) -> None:
    """Embed into a file, or into shards, as ``--out`` asks."""
    name = options.out
    if "://" in name or not Path(name).suffix or Path(name).is_dir():
        embed_into_shards(options)
    else:
        _embed_into_file(options, Path(name))


def _embed_into_file(options: argparse.Namespace, out: Path) -> None:
    from leaderboard.cache import check_suffix, save_embeddings

    check_suffix(out)
    refuse_shard_options(options)
    registry = load_registry(options.root)
    spec = registry.model(options.model)
    chosen = RunOptions.of(options)
    dataset = _images(registry, options)
    embeddings = embed_dataset(load_backbone_of(registry, spec.id, chosen), dataset, chosen)
    save_embeddings(out, embeddings)
    left_out = f", {len(embeddings.left_out)} unreadable images left out" if embeddings.left_out else ""
    count, dimension = embeddings.vectors.shape
    print(f"{out}: {count} vectors of {dimension} dimensions, {len(dataset.classes)} classes{left_out}")
    if spec.notice:
        print(spec.notice)


def _images(registry: Registry, options: argparse.Namespace) -> Dataset:
    from leaderboard.datasets import load_dataset

    if options.images is not None:
        return list_folder(Path(options.images))
    return load_dataset(registry.dataset(options.dataset), RunOptions.of(options))
