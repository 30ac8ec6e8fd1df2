"""What `find` found, as one picture for a talk or a paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from leaderboard.report.figures._style import fit, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import GridSpec

    from leaderboard.finding import Found

COLUMNS = 5  # of neighbours; the query stands left of them
TILE = 1.5  # inches
CAPTION = 0.4  # inches, above and below a tile together
DPI = 150
SIZE = 8.0  # points, of captions
ROOM = 72 * TILE  # points that a name may take
BOLD = 1.15  # width of bold letters, of that of plain ones


@styled()
def draw_found(found: Sequence[Found], collection: Path, thumbnails: Mapping[Path, bytes]) -> bytes:
    """A PNG: one band per image asked for, its nearest ones in rows of five, nearest first.

    Names that do not fit below a tile are shortened in the middle.

    Args:
        found: one per image asked for.
        collection: folder of the neighbours' files.
        thumbnails: JPEGs of every image asked for, and of the neighbours that are there; the others stay empty tiles.

    Raises:
        Unavailable: matplotlib is not installed.
    """
    heights = [max(1, -(-len(answer.neighbours) // COLUMNS)) for answer in found]
    figure, grid = _lay_out(sum(heights))
    for first, answer in zip(accumulate(heights, initial=0), found, strict=False):  # the last sum is the end
        _show(figure.add_subplot(grid[first, 0]), thumbnails[answer.query], "asked for", answer.query.name, bold=True)
        for index, near in enumerate(answer.neighbours):
            axes = figure.add_subplot(grid[first + index // COLUMNS, 1 + index % COLUMNS])
            name = near.genus or near.file.rsplit("/", 1)[-1]
            _show(axes, thumbnails.get(collection / near.file), f"{index + 1}   {near.distance:.4g}", name)
    return _render_png(figure)


def _lay_out(rows: int) -> tuple[Figure, GridSpec]:
    """An empty figure of so many rows of tiles, with room for captions."""
    height = (TILE + CAPTION) * rows
    margin = CAPTION / 2 / height
    figure = new_figure(1.08 * TILE * (COLUMNS + 1), height, layout=None)
    spaces = {"wspace": 0.08, "hspace": CAPTION / TILE}
    return figure, figure.add_gridspec(
        rows, COLUMNS + 1, left=0.01, right=0.99, top=1 - margin, bottom=margin, **spaces
    )


def _show(axes: Axes, thumbnail: bytes | None, above: str, below: str, *, bold: bool = False) -> None:
    """One tile."""
    width, height = _draw(axes, thumbnail) if thumbnail is not None else (1, 1)
    side = max(width, height)  # every tile a square, so that captions are in line
    axes.set_xlim((width - side) / 2 - 0.5, (width + side) / 2 - 0.5)
    axes.set_ylim((height + side) / 2 - 0.5, (height - side) / 2 - 0.5)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(bold)
    weight = "bold" if bold else "normal"
    axes.set_title(above, loc="center", fontsize=SIZE, pad=2, weight=weight)
    name = fit(below, ROOM / BOLD if bold else ROOM, SIZE)
    axes.set_xlabel(name, fontsize=SIZE, labelpad=2, weight=weight)


def _draw(axes: Axes, thumbnail: bytes) -> tuple[int, int]:
    """The picture, and its size."""
    from PIL import Image

    with Image.open(BytesIO(thumbnail)) as image:
        axes.imshow(image.convert("RGB"))
        return image.size


def _render_png(figure: Figure) -> bytes:
    """The same bytes for the same figure."""
    import warnings

    stream = BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a box in a name is no reason for 20 warnings
        figure.savefig(stream, format="png", dpi=DPI, metadata={"Software": None})
    return stream.getvalue()
