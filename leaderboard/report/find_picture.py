"""What `find` found, as one picture for a talk or a paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

from leaderboard.errors import Unavailable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from leaderboard.finding import Found

COLUMNS = 5  # of neighbours; the query stands left of them
TILE = 1.5  # inches
CAPTION = 0.4  # inches, above and below a tile together
DPI = 150
LETTERS = 20  # of a class name that fit below a tile


def draw_found(found: Sequence[Found], collection: Path, thumbnails: Mapping[Path, bytes]) -> bytes:
    """A PNG: one band per image asked for, its nearest ones in rows of five, nearest first.

    Raises:
        Unavailable: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise Unavailable(
            "it needs matplotlib, which is not installed; `pip install 'fossil-leaderboard[analysis]'`", "not found"
        ) from None
    heights = [max(1, -(-len(answer.neighbours) // COLUMNS)) for answer in found]
    rows = sum(heights)
    figure = Figure(figsize=(1.08 * TILE * (COLUMNS + 1), (TILE + CAPTION) * rows), dpi=DPI)
    grid = figure.add_gridspec(
        rows, COLUMNS + 1, wspace=0.08, hspace=CAPTION / TILE, left=0.01, right=0.99,
        top=1 - CAPTION / 2 / ((TILE + CAPTION) * rows), bottom=CAPTION / 2 / ((TILE + CAPTION) * rows),
    )  # fmt: skip
    for row, answer in zip(_first_rows(heights), found, strict=True):
        query = figure.add_subplot(grid[row, 0])
        _show(query, thumbnails[answer.query], "asked for", answer.query.name, bold=True)
        for index, near in enumerate(answer.neighbours):
            axes = figure.add_subplot(grid[row + index // COLUMNS, 1 + index % COLUMNS])
            name = near.genus or near.file.rsplit("/", 1)[-1]
            _show(axes, thumbnails[collection / near.file], f"{index + 1}   {near.distance:.4g}", name)
    stream = BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})  # the same input gives the same bytes
    return stream.getvalue()


def _first_rows(heights: Sequence[int]) -> list[int]:
    return [sum(heights[:index]) for index in range(len(heights))]


def _show(axes: Axes, thumbnail: bytes, above: str, below: str, *, bold: bool = False) -> None:
    """One tile; nothing in a name is taken for a formula."""
    from PIL import Image

    with Image.open(BytesIO(thumbnail)) as image:
        width, height = image.size
        axes.imshow(image.convert("RGB"))
    side = max(width, height)  # every tile a square, so that captions are in line
    axes.set_xlim((width - side) / 2 - 0.5, (width + side) / 2 - 0.5)
    axes.set_ylim((height + side) / 2 - 0.5, (height - side) / 2 - 0.5)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(bold)
    weight = "bold" if bold else "normal"
    axes.set_title(above, fontsize=8, pad=2, weight=weight)
    name = shorten(below, LETTERS, placeholder="…") if " " in below else below[:LETTERS]
    axes.set_xlabel(name, fontsize=8, labelpad=2, weight=weight, parse_math=False)
