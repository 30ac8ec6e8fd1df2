"""Embeddings in the plane: every image a point, coloured by class or by cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from leaderboard.protocols.clustering import ALGORITHMS
from leaderboard.report.analysis import Analysis
from leaderboard.report.figures._style import COLOURS, NOISE, WIDTH, add_legend, look, new_figure, plain, styled
from leaderboard.report.series import SPACES, read_clusterings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZES = {"^": 1.3, "v": 1.3, "D": 0.8, "s": 0.9}  # markers that look as large as a disc
VECTOR_POINTS = 5000  # a PDF with more points than these holds them as a picture


@styled()
def draw_class_map(analysis: Analysis, name: str) -> Figure | None:
    """A map of the embeddings, a colour and marker per class; one colour without labels. None without that map.

    Args:
        analysis: of one model.
        name: a key of ``analysis.maps``: "PCA", "t-SNE" or "UMAP".
    """
    points = analysis.maps.get(name)
    if points is None:
        return None
    figure = new_figure(WIDTH, 4.6)
    axes = figure.add_subplot()
    _prepare(axes, f"{name} of the {plain(analysis.model, 60)} embeddings")
    axes.set(xlabel=f"{name} 1", ylabel=f"{name} 2")
    labels, classes = analysis.embeddings.labels, analysis.embeddings.classes
    if not analysis.is_labelled:
        _scatter(axes, points, len(points), color=COLOURS[0], marker="o")
        return figure
    handles = _scatter_groups(axes, points, labels)
    add_legend(figure, [plain(classes[index]) for index in sorted(handles)], [handles[i] for i in sorted(handles)])
    return figure


@styled()
def draw_cluster_maps(analysis: Analysis, name: str = "PCA") -> Figure | None:
    """The same map once per clustering, rows the algorithms, columns the spaces; noise grey.

    The scores of a clustering against the labels, where there are any, stand above its panel.

    Args:
        analysis: of one model, with the clustering protocol; None without it or without the map.
        name: a key of ``analysis.maps``.
    """
    points = analysis.maps.get(name)
    found = read_clusterings(analysis.scores["clustering"]) if "clustering" in analysis.scores else {}
    if points is None or not found:
        return None
    spaces = [space for space in SPACES if any(space == key[0] for key in found)]
    algorithms = [algorithm for algorithm in ALGORITHMS if any(algorithm == key[1] for key in found)]
    figure = new_figure(WIDTH, 0.3 + 2.45 * len(algorithms))
    figure.suptitle(f"Clusters on the {name} map of {plain(analysis.model, 50)}", fontsize=10, x=0.01, ha="left")
    panels = figure.subplots(len(algorithms), len(spaces), squeeze=False)
    for (space, algorithm), clusters in found.items():
        axes = panels[algorithms.index(algorithm), spaces.index(space)]
        _prepare(axes, _describe_clustering(analysis.metrics, space, algorithm))
        axes.title.set_fontsize(8)
        _scatter_groups(axes, points, clusters)
    for axes in panels.flat:
        axes.set_visible(bool(axes.collections))
    return figure


def _describe_clustering(metrics: Mapping[str, float], space: str, algorithm: str) -> str:
    """Two lines for a panel: which clustering, and what it found."""
    of = f"clustering.{space}.{algorithm}."
    parts = [f"{metrics[f'{of}clusters']:.0f} clusters"] if f"{of}clusters" in metrics else []
    known = {title: metrics.get(of + name, np.nan) for name, title in (("ari", "ARI"), ("ami", "AMI"))}
    parts += [f"{title} {value:.2f}" for title, value in known.items() if np.isfinite(value)]
    noise = metrics.get(f"{of}noise_fraction", 0.0)
    parts += [f"{100 * noise:.1f} % noise"] if noise > 0 else []
    return f"{ALGORITHMS[algorithm]}, in {SPACES[space]} space\n{', '.join(parts)}"


def _scatter_groups(axes: Axes, points: np.ndarray, groups: np.ndarray) -> dict[int, Any]:
    """Draw each group in its look, noise (-1) first, then the largest: small ones must not be covered."""
    names, counts = np.unique(groups, return_counts=True)
    order = sorted(zip(names.tolist(), counts.tolist(), strict=True), key=lambda pair: (pair[0] >= 0, -pair[1]))
    handles = {}
    for group, _ in order:
        color, marker = look(group) if group >= 0 else (NOISE, "o")
        handles[group] = _scatter(axes, points[groups == group], len(points), color=color, marker=marker)
    return handles


def _scatter(axes: Axes, points: np.ndarray, total: int, *, color: str, marker: str) -> Any:
    """Points as large as their number allows."""
    figure = axes.get_figure(root=True)
    assert figure
    inches = axes.get_position().width * figure.get_figwidth()
    size = float(np.clip(2000 * inches / total, 3, 26)) * SIZES.get(marker, 1.0)
    across, up = points.T
    look: dict[str, Any] = {"c": color, "marker": marker, "linewidths": 0.3, "edgecolors": "white"}
    return axes.scatter(across, up, s=size, rasterized=total > VECTOR_POINTS, **look)


def _prepare(axes: Axes, title: str) -> None:
    """No ticks: the axes of a map have no unit. One scale in both directions: distances are what a map is for."""
    axes.set_title(title)
    axes.set(xticks=[], yticks=[])
    axes.set_aspect("equal", adjustable="datalim")
