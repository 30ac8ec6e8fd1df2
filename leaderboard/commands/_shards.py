"""The part of ``embed`` that is about large collections."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from leaderboard.errors import LeaderboardError, printable
from leaderboard.options import parse_count, parse_share
from leaderboard.records import RunOptions
from leaderboard.registry import load_registry

if TYPE_CHECKING:
    from leaderboard.shards.engines import Engine

ENGINES = ("local", "ray")
SHARD_OPTIONS = ("shard-size", "store", "threads", "workers", "gpus-per-worker", "retry-failures", "accept-lost")


def declare_shard_options(parser: argparse.ArgumentParser) -> None:
    """How a collection becomes shards."""
    add = parser.add_argument_group("shards", "where --out is a folder").add_argument
    text = "this process, or Ray: the cluster of RAY_ADDRESS, else this machine (default: %(default)s)"
    add("--engine", choices=ENGINES, default=ENGINES[0], help=text)
    add("--shard-size", type=parse_count, metavar="N", help="images of a shard (default: 4096)")
    add("--store", choices=("float32", "float16"), help="type of the stored vectors (default: float32)")
    text = "that a worker computes with; the vectors' last digits depend on it (default: all cores of this machine)"
    add("--threads", type=parse_count, metavar="N", help=text)
    add("--workers", type=parse_count, metavar="N", help="of Ray (default: as many as its cores or GPUs allow)")
    text = "of a GPU for each Ray worker, such as 0.5 (default: 1 where Ray has GPUs)"
    add("--gpus-per-worker", type=parse_share, metavar="SHARE", help=text)
    add("--retry-failures", action="store_true", help="try the shards again that images failed in")
    text = "images that are gone are failures even where none of many in a row is there any more"
    add("--accept-lost", action="store_true", help=text)


def embed_into_shards(options: argparse.Namespace) -> None:
    """Begin or go on, and say what is there then."""
    from leaderboard.interruption import terminated_as_interrupted
    from leaderboard.result_files import load_results_of
    from leaderboard.shards.build import Settings, embed_collection
    from leaderboard.shards.model_choice import ModelChoice, slim
    from leaderboard.shards.places import Folder

    _check(options)
    registry = load_registry(options.root)
    spec = registry.model(options.model)
    stored = [slim(result) for result in load_results_of(registry.results_dir, spec.id)]
    choice = ModelChoice(spec, stored, RunOptions.of(options), options.threads)
    settings = Settings(options.shard_size, options.store, options.retry_failures, options.accept_lost)
    folder = Folder(_absolute(options.out))
    with terminated_as_interrupted(), closing(_engine(options)) as engine:
        outcome = embed_collection(_absolute(options.images), folder, choice, engine, settings)
    manifest = outcome.manifest
    print(
        f"{printable(options.out)}: {manifest['images']:,} vectors of {manifest['dimension']} dimensions in "
        f"{len(manifest['shards']):,} shards, {manifest['failures']:,} failures"
        + (" (failures.parquet)" if manifest["failures"] else "")
        + ("" if outcome.computed else "; all of it was here already")
    )
    if spec.notice:
        print(spec.notice)


def refuse_shard_options(options: argparse.Namespace) -> None:
    """What is said of shards has no meaning for a file.

    Raises:
        LeaderboardError: an option, or a source that goes into shards only.
    """
    from leaderboard.shards.sources import LISTS

    given = [name for name in SHARD_OPTIONS if getattr(options, name.replace("-", "_"))]
    given += ["engine"] if options.engine != ENGINES[0] else []
    if given:
        raise LeaderboardError(f"--{given[0]} is for shards: give --out a folder, a name without an ending")
    source = options.images or ""
    if "://" in source or (Path(source).suffix.lower() in (*LISTS, ".tar") and not Path(source).is_dir()):
        raise LeaderboardError(
            f"{printable(source)} goes into shards: give --out a folder, a name without an ending; one file takes a "
            "folder of images"
        )


def _check(options: argparse.Namespace) -> None:
    if options.images is None:
        raise LeaderboardError("--dataset goes into one file: give --out a name that ends in .npz or .safetensors")
    if options.refresh:
        raise LeaderboardError("--refresh is not for shards: what is finished stays; to start anew, give another --out")
    if options.engine == "local" and (options.workers or options.gpus_per_worker):
        raise LeaderboardError("--workers and --gpus-per-worker are Ray's; add --engine ray")


def _absolute(address: str) -> str:
    """Workers run in folders of their own."""
    return address if "://" in address else str(Path(address).resolve())


def _engine(options: argparse.Namespace) -> Engine:
    if options.engine == "local":
        from leaderboard.shards.engines import LocalEngine

        return LocalEngine()
    from leaderboard.shards.ray_engine import RayEngine

    return RayEngine(workers=options.workers, gpus_per_worker=options.gpus_per_worker)
