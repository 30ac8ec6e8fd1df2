"""Pictures of the specimens themselves: what retrieval finds, outliers, and one image for each cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from leaderboard.report.analysis import Analysis
from leaderboard.report.examples import (
    Medoid,
    Query,
    choose_medoids,
    choose_outliers,
    choose_queries,
    count_commonest,
    name_clustering,
    name_file,
)
from leaderboard.report.figures._style import RIGHT, WRONG, fit, new_figure, plain, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Thumbnails = Mapping[int, bytes]  # index of the image -> a file that Pillow reads
NEIGHBOURS = 8
SIDE = 1.0  # inches from one picture to the next
PIXELS = 114  # the same: thumbnails of 96 pixels keep theirs
CAPTION = 0.12  # of it, below each picture, for each line of its caption
ROOM = 0.9 * SIDE * 72  # points, the width of a caption
SIZES = (7.0, 6.5, 6.0, 5.5)  # points, of captions: the largest at which all names fit


@dataclass(frozen=True)
class Tile:
    """One picture of a grid, with one to three short lines below."""

    index: int  # of the image
    lines: tuple[str, ...]
    is_right: bool | None = None  # None: neither right nor wrong


@styled()
def draw_queries(analysis: Analysis, thumbnails: Thumbnails, *, best: bool) -> Figure | None:
    """The ten best or worst queries by precision at N, each with its eight nearest images, nearest first.

    Ties go to the lower index; images that are alone in their class ask nothing. A picture of the query's class has
    a solid green frame and a tick, any other a dashed red frame and a cross. None without thumbnails, without labels
    or without retrieval.
    """
    chosen = choose_queries(analysis, best=best) if thumbnails else []
    which = "best" if best else "worst"
    title = f"The {len(chosen)} {which} queries and their nearest images, {plain(analysis.model, 40)}"
    return _draw([_query_row(analysis, query) for query in chosen], thumbnails, title)


def _query_row(analysis: Analysis, query: Query) -> list[Tile]:
    labels, classes = analysis.embeddings.labels, analysis.embeddings.classes
    own, nearest = labels[query.image], query.nearest[:NEIGHBOURS]
    found = [Tile(other, (classes[labels[other]],), bool(labels[other] == own)) for other in nearest]
    return [Tile(query.image, (classes[own], f"query, P@N {query.precision:.2f}")), *found]


@styled()
def draw_outliers(analysis: Analysis, thumbnails: Thumbnails) -> Figure | None:
    """The twenty images with the highest outlier scores (GLOSH of HDBSCAN), highest first; ties by index.

    None without scores or without thumbnails.
    """
    chosen = choose_outliers(analysis) if thumbnails else []
    tiles = [Tile(index, (_class_of(analysis, index), f"score {score:.2f}")) for index, score in chosen]
    title = f"The {len(tiles)} highest outlier scores (GLOSH of HDBSCAN), {plain(analysis.model, 40)}"
    return _draw(_in_rows(tiles), thumbnails, title)


@styled()
def draw_medoids(analysis: Analysis, thumbnails: Thumbnails, clustering: str = "pca.hdbscan") -> Figure | None:
    """For each cluster, the largest first, the image nearest to its centre, with number and commonest class.

    The centre is the mean of the cluster's L2-normalised embeddings; distance is Euclidean.

    Args:
        analysis: of one model; None without that clustering or when it found no cluster.
        thumbnails: None without any.
        clustering: space and algorithm, as in the protocol's outcomes: ``pca.hdbscan``, ``umap.kmeans_auto_k``, …
    """
    chosen = choose_medoids(analysis, clustering) if thumbnails else []
    if not chosen:
        return None
    tiles = [Tile(medoid.image, _describe(analysis, medoid)) for medoid in chosen]
    title = f"The middle of each cluster, {name_clustering(clustering)}, {plain(analysis.model, 40)}"
    return _draw(_in_rows(tiles), thumbnails, title)


def _describe(analysis: Analysis, medoid: Medoid) -> tuple[str, ...]:
    """Of a cluster: its number, its commonest class and how many of it have that, or only its size."""
    number, size = f"cluster {medoid.number}", len(medoid.images)
    if not analysis.is_labelled:
        return number, f"{size} images"
    name, count = count_commonest(analysis, medoid.images)
    return number, name, f"{count} of {size}"


def _class_of(analysis: Analysis, index: int) -> str:
    """The class of an image; without labels the name of its file."""
    if analysis.is_labelled:
        return analysis.embeddings.classes[int(analysis.embeddings.labels[index])]
    return name_file(analysis, index).rpartition("/")[2]


def _in_rows(tiles: Sequence[Tile], columns: int = 10) -> list[Sequence[Tile]]:
    return [tiles[start : start + columns] for start in range(0, len(tiles), columns)]


def _draw(rows: Sequence[Sequence[Tile]], thumbnails: Thumbnails, title: str) -> Figure | None:
    """All tiles in one pair of axes and one picture: one per tile would take seconds."""
    if not any(rows):
        return None
    lines = max(len(tile.lines) for row in rows for tile in row)
    columns, pitch = max(7, *map(len, rows)), 1.03 + CAPTION * lines
    height = len(rows) * pitch
    figure = new_figure(columns * SIDE, height * SIDE + 0.35, layout="none")
    axes = figure.add_axes((0, 0, 1, height * SIDE / (height * SIDE + 0.35)))
    axes.set_axis_off()
    placed = [(tile, x, y * pitch) for y, row in enumerate(rows) for x, tile in enumerate(row)]
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
