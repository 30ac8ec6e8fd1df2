"""The data of the maps that a reader can touch: points, what they are coloured by, thumbnails."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from leaderboard.report.analysis import Analysis
from leaderboard.report.examples import name_clustering, name_file
from leaderboard.report.figures._style import COLOURS, MARKERS, NOISE
from leaderboard.report.pages import as_text
from leaderboard.report.series import read_clusterings

DIGITS = 4  # of a coordinate between 0 and 1
MOST_THUMBNAILS = 5000  # at most 17 MB of a page; of a larger collection a sample has one


def describe_maps(analyses: Sequence[Analysis], thumbnails: Mapping[int, bytes]) -> dict[str, Any]:
    """What the page's script draws, fit for JSON; empty without any map.

    ``maps``: title and points; ``groups`` of each model: what points can be coloured by; ``names`` per image;
    ``thumbnails`` of at most MOST_THUMBNAILS images, and ``shown``: how many these are. A map with a point that is
    nowhere (NaN, infinite) is left out: JSON has no such number, and one would break all maps.
    """
    mapped = [(analysis, maps) for analysis in analyses if (maps := _list_drawable(analysis))]
    if not mapped:
        return {}
    first = mapped[0][0]
    pictures = choose_shown(thumbnails, first.embeddings.labels)
    return {
        "models": [
            {
                "model": analysis.model,
                "maps": {name: _scale(points) for name, points in maps.items()},
                "groups": _list_groups(analysis),
            }
            for analysis, maps in mapped
        ],
        "names": [as_text(name_file(first, index)) for index in range(len(first.embeddings.vectors))],
        "thumbnails": {str(index): b64encode(data).decode("ascii") for index, data in pictures.items()},
        "shown": len(pictures),
        "colours": COLOURS,
        "markers": MARKERS,
        "noise": NOISE,
    }


def choose_shown(thumbnails: Mapping[int, bytes], labels: np.ndarray) -> dict[int, bytes]:
    """All thumbnails, or the same number of every class as far as it has them, drawn with a fixed seed.

    Args:
        thumbnails: index of an image -> picture.
        labels: (n,) class of each image; (0,) without classes.
    """
    images = np.array(sorted(thumbnails), np.int64)
    classes = labels[images] if len(labels) else np.zeros(len(images), np.int64)
    shuffled = np.random.default_rng(0).permutation(len(images))
    rank = np.empty(len(images), np.int64)  # within its class
    for label in np.unique(classes):
        own = shuffled[classes[shuffled] == label]
        rank[own] = np.arange(len(own))
    chosen = np.sort(images[np.argsort(rank, kind="stable")[:MOST_THUMBNAILS]])
    return {index: thumbnails[index] for index in chosen.tolist()}


def _list_drawable(analysis: Analysis) -> dict[str, np.ndarray]:
    return {name: points for name, points in analysis.maps.items() if np.isfinite(points).all()}


def _scale(points: np.ndarray) -> list[list[float]]:
    """Into the unit square, the aspect ratio kept."""
    low, high = points.min(axis=0), points.max(axis=0)
    side = float((high - low).max()) or 1.0
    centred = (points - (low + high) / 2) / side + 0.5
    return [[round(float(value), DIGITS) for value in point] for point in centred]


def _list_groups(analysis: Analysis) -> list[dict[str, Any]]:
    """Ways of colouring: by class first, then by each clustering; without either all points are alike."""
    groups = []
    if analysis.is_labelled:
        classes = [as_text(name) for name in analysis.embeddings.classes]
        groups.append({"title": "class", "names": classes, "of": analysis.embeddings.labels.tolist()})
    if "clustering" in analysis.scores:
        for key, clusters in read_clusterings(analysis.scores["clustering"]).items():
            names = [f"cluster {number + 1}" for number in range(int(clusters.max()) + 1)]
            groups.append({"title": name_clustering(".".join(key)), "names": names, "of": clusters.tolist()})
    return groups or [{"title": "nothing", "names": ["all images"], "of": [0] * len(analysis.embeddings.vectors)}]
