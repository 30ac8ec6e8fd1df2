"""What commands on large collections share: the model of the vectors, and where their images are."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leaderboard.commands._embedding import load_backbone_of
from leaderboard.errors import LeaderboardError, printable
from leaderboard.records import Dataset, RunOptions
from leaderboard.registry import Registry

if TYPE_CHECKING:
    from leaderboard.backbones import Backbone
    from leaderboard.shards.reading import Collection


def load_model_of(collection: Collection, registry: Registry, options: argparse.Namespace) -> Backbone:
    """The model of a collection, loaded: what it makes of an image is comparable with the vectors there.

    Raises:
        LeaderboardError: another model was asked for, it is not in models.yaml, or it is not what it was then.
    """
    from leaderboard.extract import EXTRACTION_VERSION
    from leaderboard.vector_index.opening import check_model

    backbone = load_backbone_of(registry, check_model(options.model, collection), RunOptions.of(options))
    now = json.loads(json.dumps({**backbone.inputs, "extraction": EXTRACTION_VERSION}))
    check_inputs(collection, now)
    return backbone


def check_inputs(collection: Collection, now: Mapping[str, Any]) -> None:
    """Refuse to compare vectors that were made in different ways.

    Raises:
        LeaderboardError: names the first thing that differs.
    """
    before = collection.manifest.get("inputs") or {}
    for name in sorted(before):
        if before[name] != now.get(name):
            raise LeaderboardError(
                f"{collection.folder}: {collection.model} had {name} {before[name]} there, has {now.get(name)} now; "
                "vectors of both cannot be compared: use the same options and versions, or embed the images again"
            )


def describe_images(collection: Collection) -> Dataset:
    """A collection as pages name it; its files are not listed."""
    root = images_folder(collection)
    name = Path(str(collection.folder)).name or str(collection.folder)
    return Dataset(printable(name), root or Path(str(collection.folder)), (), (), (), "")


def images_folder(collection: Collection) -> Path | None:
    """Where the images of a collection lay when it was made, if that was on this machine's disks."""
    from leaderboard.shards.places import local_path

    source = local_path(str(collection.manifest.get("source", "")))
    if source is None or source.is_dir():
        return source
    return source.parent  # of a list, whose paths are relative to it
