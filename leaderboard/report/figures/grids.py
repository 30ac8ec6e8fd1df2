"""Pictures of the specimens themselves: what retrieval finds, outliers, and one image for each cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from leaderboard.protocols.clustering import ALGORITHMS
from leaderboard.report.analysis import Analysis
from leaderboard.report.figures._style import RIGHT, WRONG, fit, new_figure, plain, styled
from leaderboard.report.series import SPACES, compute_precision_at_n, read_clusterings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Thumbnails = Mapping[int, bytes]  # index of the image -> a file that Pillow reads
QUERIES = 10
NEIGHBOURS = 8
OUTLIERS = 20
SIDE = 1.0  # inches from one picture to the next
PIXELS = 114  # the same: thumbnails of 96 pixels keep theirs
CAPTION = 0.27  # of it, below each picture
ROOM = 0.9 * SIDE * 72  # points, the width of a caption
SIZES = (7.0, 6.5, 6.0, 5.5)  # points, of captions: the largest at which all names fit


@dataclass(frozen=True)
class Tile:
    """One picture of a grid, with two short lines below."""

    index: int  # of the image
    lines: tuple[str, str]
    is_right: bool | None = None  # None: neither right nor wrong


@styled()
def draw_queries(analysis: Analysis, thumbnails: Thumbnails, *, best: bool) -> Figure | None:
    """The ten best or worst queries by precision at N, each with its eight nearest images, nearest first.

    Ties go to the lower index; images that are alone in their class ask nothing. A picture of the query's class has
    a solid green frame and a tick, any other a dashed red frame and a cross. None without thumbnails, without labels
    or without retrieval.
    """
    if not thumbnails or not analysis.is_labelled or "retrieval" not in analysis.scores:
        return None
    precision = compute_precision_at_n(analysis.scores["retrieval"], analysis.embeddings.labels)
    order = np.argsort(-precision if best else precision, kind="stable")  # NaN comes last in both
    chosen = [int(query) for query in order[: min(QUERIES, int(np.isfinite(precision).sum()))]]
    which = "best" if best else "worst"
    title = f"The {len(chosen)} {which} queries and their nearest images, {plain(analysis.model, 40)}"
    return _draw([_query_row(analysis, query, precision[query]) for query in chosen], thumbnails, title)


def _query_row(analysis: Analysis, query: int, precision: float) -> list[Tile]:
    labels, classes = analysis.embeddings.labels, analysis.embeddings.classes
    nearest = analysis.scores["retrieval"].outcomes["neighbours"][query][:NEIGHBOURS]
    found = [Tile(other, (classes[labels[other]], ""), bool(labels[other] == labels[query])) for other in nearest]
    return [Tile(query, (classes[labels[query]], f"query, P@N {precision:.2f}")), *found]


@styled()
def draw_outliers(analysis: Analysis, thumbnails: Thumbnails) -> Figure | None:
    """The twenty images with the highest outlier scores (GLOSH of HDBSCAN), highest first; ties by index.

    None without scores or without thumbnails.
    """
    if analysis.outlier_scores is None or not thumbnails:
        return None
    scores = np.asarray(analysis.outlier_scores)
    chosen = [int(index) for index in np.argsort(-scores, kind="stable")[:OUTLIERS] if np.isfinite(scores[index])]
    tiles = [Tile(index, (_class_of(analysis, index), f"score {scores[index]:.2f}")) for index in chosen]
    title = f"The {len(tiles)} images least like any cluster (HDBSCAN), {plain(analysis.model, 40)}"
    return _draw(_in_rows(tiles), thumbnails, title)


@styled()
def draw_medoids(analysis: Analysis, thumbnails: Thumbnails, clustering: str = "pca.hdbscan") -> Figure | None:
    """For each cluster, the largest first, the image nearest to its centre, with the cluster's commonest class.

    The centre is the mean of the cluster's L2-normalised embeddings; distance is Euclidean.

    Args:
        analysis: of one model; None without that clustering or when it found no cluster.
        thumbnails: None without any.
        clustering: space and algorithm, as in the protocol's outcomes: ``pca.hdbscan``, ``umap.kmeans_auto_k``, …
    """
    space, _, algorithm = clustering.partition(".")
    found = read_clusterings(analysis.scores["clustering"]) if "clustering" in analysis.scores else {}
    if not thumbnails or (space, algorithm) not in found:
        return None
    clusters = found[space, algorithm]
    members = [np.flatnonzero(clusters == cluster) for cluster in np.unique(clusters[clusters >= 0])]
    members.sort(key=lambda images: (-len(images), int(images[0])))
    medoids = find_medoids(analysis.embeddings.vectors, members)
    tiles = [Tile(medoid, _describe(analysis, images)) for medoid, images in zip(medoids, members, strict=True)]
    title = f"The middle of each cluster, {ALGORITHMS[algorithm]} in {SPACES[space]} space, {plain(analysis.model, 40)}"
    return _draw(_in_rows(tiles), thumbnails, title)


def find_medoids(vectors: np.ndarray, groups: Sequence[np.ndarray]) -> list[int]:
    """Of each group of rows of ``vectors`` (n, d), the row nearest to the mean of the group's normalised rows."""
    medoids = []
    for rows in groups:
        lengths = np.linalg.norm(vectors[rows], axis=1, keepdims=True)
        unit = vectors[rows] / np.where(lengths > 0, lengths, 1)
        medoids.append(int(rows[np.linalg.norm(unit - unit.mean(axis=0), axis=1).argmin()]))
    return medoids


def _describe(analysis: Analysis, images: np.ndarray) -> tuple[str, str]:
    """Of a cluster: its commonest class and that class's share, or only its size."""
    if not analysis.is_labelled:
        return f"{len(images)} images", ""
    counts = np.bincount(analysis.embeddings.labels[images])
    return analysis.embeddings.classes[int(counts.argmax())], f"{counts.max()} of {len(images)}"


def _class_of(analysis: Analysis, index: int) -> str:
    """The class of an image; without labels the name of its file."""
    if analysis.is_labelled:
        return analysis.embeddings.classes[int(analysis.embeddings.labels[index])]
    return analysis.embeddings.files[index].rpartition("/")[2] if analysis.embeddings.files else f"image {index}"


def _in_rows(tiles: Sequence[Tile], columns: int = 10) -> list[Sequence[Tile]]:
    return [tiles[start : start + columns] for start in range(0, len(tiles), columns)]


def _draw(rows: Sequence[Sequence[Tile]], thumbnails: Thumbnails, title: str) -> Figure | None:
    """All tiles in one pair of axes and one picture: one per tile would take seconds."""
    if not any(rows):
        return None
    columns, height = max(7, *map(len, rows)), len(rows) * (1 + CAPTION)
    figure = new_figure(columns * SIDE, height * SIDE + 0.35, layout="none")
    axes = figure.add_axes((0, 0, 1, height * SIDE / (height * SIDE + 0.35)))
    axes.set_axis_off()
    placed = [(tile, x, y * (1 + CAPTION)) for y, row in enumerate(rows) for x, tile in enumerate(row)]
    axes.imshow(_paste(placed, thumbnails, columns, height), extent=(0, columns, height, 0), aspect="auto")
    size = _choose_size([line for tile, *_ in placed for line in tile.lines])
    for tile, left, top in placed:
        if tile.index not in thumbnails:
            axes.text(left + 0.5, top + 0.5, "no picture", ha="center", va="center", fontsize=7, color="#777777")
        _draw_frame(axes, tile.is_right, left + 0.05, top + 0.05)
        _draw_caption(axes, tile, left + 0.5, top + 0.97, size)
    figure.text(0.06 / columns, 1 - 0.1 / (height * SIDE + 0.35), title, fontsize=10, va="top")
    return figure


def _paste(placed: list[tuple[Tile, int, float]], thumbnails: Thumbnails, columns: int, height: float) -> Image.Image:
    """One sheet with every thumbnail in the middle of its tile, its longest side 0.84 of it."""
    sheet = Image.new("RGB", (columns * PIXELS, round(height * PIXELS)), "white")
    for tile, left, top in placed:
        if tile.index in thumbnails:
            with Image.open(BytesIO(thumbnails[tile.index])) as image:
                picture = ImageOps.contain(image.convert("RGB"), (round(0.84 * PIXELS),) * 2)
            across, down = (round((at + 0.5) * PIXELS) for at in (left, top))
            sheet.paste(picture, (across - picture.width // 2, down - picture.height // 2))
    return sheet


def _choose_size(lines: Sequence[str]) -> float:
    """The font size of a grid's captions; at the smallest one, names that are still too long will be cut."""
    fitting = [size for size in SIZES if all(fit(line, ROOM, size) == plain(line) for line in set(lines))]
    return max(fitting, default=min(SIZES))


def _draw_frame(axes: Axes, is_right: bool | None, left: float, top: float) -> None:
    """Around a picture; with a badge in its corner when it is right or wrong."""
    from matplotlib.patches import Rectangle

    color, line = {True: (RIGHT, "-"), False: (WRONG, (0, (2.5, 1.5))), None: ("#333333", "-")}[is_right]
    width = 0.8 if is_right is None else 1.6
    axes.add_patch(Rectangle((left, top), 0.9, 0.9, fill=False, edgecolor=color, linestyle=line, linewidth=width))
    if is_right is not None:
        badge = {"boxstyle": "circle,pad=0.25", "facecolor": color, "edgecolor": "white", "linewidth": 0.8}
        mark = "✓" if is_right else "✗"
        axes.text(left + 0.08, top + 0.08, mark, ha="center", va="center", fontsize=7, color="white", bbox=badge)


def _draw_caption(axes: Axes, tile: Tile, x: float, y: float, size: float) -> None:
    text = "\n".join(fit(line, ROOM, size) for line in tile.lines if line)
    color = {True: RIGHT, False: WRONG, None: "black"}[tile.is_right]
    axes.text(x, y, text, ha="center", va="top", fontsize=size, color=color)
