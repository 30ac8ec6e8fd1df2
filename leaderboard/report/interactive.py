"""The data of the maps that a reader can touch: points, what they are coloured by, thumbnails."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from leaderboard.protocols.clustering import ALGORITHMS
from leaderboard.report.analysis import Analysis
from leaderboard.report.figures._style import COLOURS, MARKERS, NOISE
from leaderboard.report.pages import as_text
from leaderboard.report.series import SPACES, read_clusterings

DIGITS = 4  # of a coordinate between 0 and 1


def describe_maps(analyses: Sequence[Analysis], thumbnails: Mapping[int, bytes]) -> dict[str, Any]:
    """What the page's script draws, fit for JSON; empty without any map.

    ``maps``: title and points; ``groups`` of each model: what points can be coloured by; ``names`` and ``thumbnails``
    per image.
    """
    mapped = [analysis for analysis in analyses if analysis.maps]
    if not mapped:
        return {}
    files = mapped[0].embeddings.files or [f"image {number + 1}" for number in range(len(mapped[0].embeddings.vectors))]
    return {
        "models": [
            {
                "model": analysis.model,
                "maps": {name: _scale(points) for name, points in analysis.maps.items()},
                "groups": _list_groups(analysis),
            }
            for analysis in mapped
        ],
        "names": [as_text(name) for name in files],
        "thumbnails": {str(index): b64encode(data).decode("ascii") for index, data in thumbnails.items()},
        "colours": COLOURS,
        "markers": MARKERS,
        "noise": NOISE,
    }


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
        for (space, algorithm), clusters in read_clusterings(analysis.scores["clustering"]).items():
            names = [f"cluster {number + 1}" for number in range(int(clusters.max()) + 1)]
            title = f"{ALGORITHMS[algorithm]} in {SPACES[space]} space"
            groups.append({"title": title, "names": names, "of": clusters.tolist()})
    return groups or [{"title": "nothing", "names": ["all images"], "of": [0] * len(analysis.embeddings.vectors)}]
