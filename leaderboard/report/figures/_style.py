"""One look for all figures, whatever a user's own matplotlib settings: fonts, colours, markers, names that fit."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from leaderboard.errors import Unavailable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 7.2  # inches: the type area of an A4 page; fonts keep their size there
# Nine colours of Paul Tol's "muted" scheme, which stay apart for all common kinds of colour blindness, and a dark grey.
COLOURS = (
    "#332288", "#ddaa33", "#117733", "#cc6677", "#88ccee",
    "#882255", "#44aa99", "#999933", "#aa4499", "#4d4d4d",
)  # fmt: skip
MARKERS = ("o", "^", "s", "D", "v", "P", "X")
LEGEND_SIZE = 8.0  # points
BESIDE = 24  # entries of a legend that fit beside a map
NOISE = "#c4c4c4"
RIGHT, WRONG = "#117733", "#bb2222"  # never alone: a mark says the same
STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that every machine draws the same
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.linewidth": 0.7,
    "axes.grid": False,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": LEGEND_SIZE,
    "text.parse_math": False,  # a class may be called $x$
    "pdf.fonttype": 42,  # TrueType, embedded: journals refuse matplotlib's default, Type 3
}


@contextmanager
def styled() -> Iterator[None]:
    """Our settings and matplotlib's defaults for as long as it lasts; also a decorator.

    Raises:
        Unavailable: matplotlib is not installed.
    """
    try:
        from matplotlib import style
    except ImportError:
        raise Unavailable(
            "it needs matplotlib, which is not installed; `pip install 'fossil-leaderboard[analysis]'`", "not found"
        ) from None
    with style.context(["default", STYLE]):
        yield


def new_figure(width: float, height: float, **options: Any) -> Figure:
    """An empty figure, in inches, that lays itself out and needs no window system."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), **{"layout": "constrained"} | options)


def look(index: int) -> tuple[str, str]:
    """Colour and marker of a class, cluster or model: the pairs repeat after 70."""
    return COLOURS[index % len(COLOURS)], MARKERS[index // len(COLOURS) % len(MARKERS)]


def plain(text: str, limit: int = 28) -> str:
    """A name for print: no control characters or undecodable bytes, at most ``limit`` characters.

    What is too much is taken out of the middle: names of species tell themselves apart at the end.
    """
    printable = text.encode("utf-8", "replace").decode("utf-8")
    printable = "".join(" " if unicodedata.category(letter).startswith("C") else letter for letter in printable)
    if len(printable) <= limit:
        return printable
    end = (limit - 1) // 3
    return printable[: limit - 1 - end].rstrip() + "…" + printable[len(printable) - end :].lstrip()


def fit(text: str, width: float, size: float) -> str:
    """The name, shortened as in ``plain`` until it is at most ``width`` points wide at a font size in points."""
    shorter = (plain(text, limit) for limit in range(28, 0, -1))
    return next((name for name in shorter if measure(name, size) <= width), "…")


def measure(text: str, size: float) -> float:
    """Width of a line in points; a sign that the font lacks is as wide as the box that stands for it."""
    import warnings

    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        return float(text_to_path.get_text_width_height_descent(text, FontProperties(size=size), False)[0])


def add_legend(figure: Figure, names: list[str], handles: list[Any]) -> None:
    """A legend outside: beside the axes when short; else below, in columns, for which the figure grows."""
    options: dict[str, Any] = {"handletextpad": 0.3, "borderaxespad": 0.2}
    if len(names) <= BESIDE:
        figure.legend(handles, names, loc="outside right upper", **options)
        return
    room = (max(measure(name, LEGEND_SIZE) for name in names) + 3.5 * LEGEND_SIZE) / 72
    columns = max(1, int(figure.get_figwidth() / room))
    figure.set_figheight(figure.get_figheight() + 0.165 * -(-len(names) // columns))
    figure.legend(handles, names, loc="outside lower left", ncols=columns, columnspacing=0.8, **options)
