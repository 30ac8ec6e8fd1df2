"""Which class is taken for which: the row-normalised confusion matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from leaderboard.report.analysis import Analysis
from leaderboard.report.figures._style import new_figure, plain, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ANNOTATED = 35  # classes up to which the cells hold numbers


@styled()
def draw_confusion(analysis: Analysis) -> Figure | None:
    """Logistic regression's confusions, pooled over the test sets of the ten splits; each row sums to 100 %.

    Rows are the true class, with the number of pooled test images at the right. Classes that no test set held have
    an empty row. None without the linear protocol.
    """
    if "linear" not in analysis.scores or "confusion" not in analysis.scores["linear"].outcomes:
        return None
    counts = np.asarray(analysis.scores["linear"].outcomes["confusion"], np.int64)
    totals = counts.sum(axis=1)
    shares = 100 * counts / np.maximum(totals, 1)[:, None]
    side, size = _cell(len(counts))
    extent = max(2.2, len(counts) * side)
    names = [plain(name, 26) for name in analysis.embeddings.classes]
    labels = 0.062 * size / 7 * max(map(len, names)) + 0.3
    figure = new_figure(extent + labels + 1.75, extent + labels + 0.75)
    axes = figure.add_subplot()
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100, aspect="equal")
    _label(axes, names, totals, size)
    if len(counts) <= ANNOTATED:
        _annotate(axes, shares, size)
    bar = figure.colorbar(picture, ax=axes, shrink=min(0.5, 2.5 / extent), pad=0.02)
    bar.set_label("% of the row", fontsize=size + 1)
    bar.ax.tick_params(labelsize=size)
    figure.suptitle(f"Confusions of logistic regression, {plain(analysis.model, 40)}", fontsize=10, x=0.01, ha="left")
    return figure


def _cell(classes: int) -> tuple[float, float]:
    """Side of a cell in inches and font size in points: names must not touch."""
    return (0.27, 7.0) if classes <= ANNOTATED else (0.155, 6.5)


def _label(axes: Axes, names: list[str], totals: np.ndarray, size: float) -> None:
    """Names at the left and below, counts at the right."""
    places = range(len(names))
    axes.set_xticks(places, names, rotation=90, fontsize=size)
    axes.set_yticks(places, names, fontsize=size)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.arange(-0.5, len(names)), minor=True)
    axes.set_yticks(np.arange(-0.5, len(names)), minor=True)
    axes.tick_params(which="minor", length=0)
    axes.grid(True, which="minor", color="white", linewidth=0.8)
    axes.set_xlabel("predicted class", fontsize=size + 1)
    axes.set_ylabel("true class", fontsize=size + 1)
    beside: dict[str, Any] = {
        "textcoords": "offset points",
        "annotation_clip": False,
        "fontsize": size,
        "color": "#444444",
    }
    for row, total in zip(places, totals.tolist(), strict=True):
        axes.annotate(f"{total:,}", (len(names) - 0.5, row), (5, 0), va="center", **beside)
    axes.annotate("tested", (len(names) - 0.5, -0.5), (5, 4), **beside)


def _annotate(axes: Axes, shares: np.ndarray, size: float) -> None:
    """Whole per cents in the cells that have at least one."""
    for row, column in zip(*np.nonzero(shares >= 0.5), strict=True):
        share = shares[row, column]
        ink = "white" if share > 55 else "#222222"
        axes.text(column, row, f"{share:.0f}", ha="center", va="center", fontsize=size - 0.5, color=ink)
