"""One cell: a model and a data set in, a result out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib.metadata import version

from leaderboard.backbones import Backbone
from leaderboard.cache import check_distinct
from leaderboard.canary import Canary
from leaderboard.errors import LeaderboardError
from leaderboard.extract import embed_images
from leaderboard.protocols import PROTOCOLS
from leaderboard.records import Dataset, Embeddings, Provenance, Result, Scores

SPEED_IMAGES = 128


def compute_scores(embeddings: Embeddings, names: Iterable[str] = tuple(PROTOCOLS)) -> dict[str, Scores]:
    """Each named protocol's figures.

    Raises:
        LeaderboardError: an unknown protocol, or a set too small for one.
    """
    chosen = list(names)
    unknown = [name for name in chosen if name not in PROTOCOLS]
    if unknown:
        raise LeaderboardError(f"protocol {unknown[0]!r} is unknown; choose from {', '.join(PROTOCOLS)}")
    return {name: PROTOCOLS[name].compute(embeddings) for name in chosen}


def merge_metrics(scores: Mapping[str, Scores]) -> dict[str, float]:
    """The metrics of several protocols in one mapping."""
    return {name: value for part in scores.values() for name, value in part.metrics.items()}


def compute_result(
    backbone: Backbone, dataset: Dataset, embeddings: Embeddings, canary: Canary | None = None
) -> Result:
    """Every protocol on a model's embeddings of a data set.

    Raises:
        LeaderboardError: collapsed embeddings, or a set too small for a protocol.
    """
    check_distinct(embeddings, f"{backbone.spec.id} on {dataset.id}")
    scores = compute_scores(embeddings)
    measured = embeddings.provenance
    inputs = {**measured.inputs, "protocols": {name: protocol.version for name, protocol in PROTOCOLS.items()}}
    environment = {**measured.environment, **{name: version(name) for name in ("scikit-learn", "scipy")}}
    return Result(
        model=backbone.spec.id,
        dataset=dataset.id,
        parameters=backbone.parameters,
        dimension=embeddings.vectors.shape[1],
        metrics=merge_metrics(scores),
        per_class={name: values for part in scores.values() for name, values in part.per_class.items()},
        outcomes={name: part.outcomes for name, part in scores.items()},
        classes=embeddings.classes,
        labels=embeddings.labels.tolist(),
        left_out=embeddings.left_out,
        provenance=Provenance(inputs, environment),
        canary=canary,
    )


def embed_some(backbone: Backbone, dataset: Dataset) -> int:
    """Embed the first images from disk, uncached, and return how many: the work that speed is measured on."""
    paths = [dataset.root / name for name in dataset.files[:SPEED_IMAGES]]
    return len(embed_images(backbone, paths))


def describe_speed(backbone: Backbone, images: int, seconds: float) -> dict[str, object]:
    """Images per second from files on disk to vectors, with what it depends on."""
    return {
        "images_per_second": round(images / seconds, 1),
        "images": images,
        "batch_size": backbone.batch_size,
        "dtype": backbone.inputs["dtype"],
        "device": backbone.environment["device"],
        "hardware": backbone.environment["hardware"],
        "cores": os.cpu_count(),
    }
