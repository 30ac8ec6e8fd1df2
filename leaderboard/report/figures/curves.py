"""Curves of several models in one picture, and the distances between images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from leaderboard.report.analysis import Analysis
from leaderboard.report.comparison import NO_COMPARISONS, Comparisons
from leaderboard.report.figures._style import COLOURS, MARKERS, WIDTH, new_figure, plain, styled
from leaderboard.report.series import (
    CLASSIFIERS,
    Curve,
    Point,
    compute_majority_share,
    read_curve,
    read_retrieval_curve,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Literature = Sequence[tuple[str, float]]  # what it is, top-1 accuracy from 0 to 1
LINES = {"lr": "-", "knn": "--"}
DASHES = ((0, (1, 1.5)), (0, (4, 1.5, 1, 1.5)), (0, (6, 2)), (0, (3, 1, 1, 1, 1, 1)))  # of literature lines


@styled()
def draw_precision_recall(analyses: Sequence[Analysis], comparisons: Comparisons = NO_COMPARISONS) -> Figure | None:
    """Mean precision against mean recall at every cut-off, a line per model; the star is P@N, where both are equal.

    The curve is the one whose area is ``pr_auc``: closed at (0, 1) and (1, 0), dotted there, as nothing was measured.
    None without retrieval.
    """
    shown = [analysis for analysis in analyses if "retrieval.precision_at_n" in analysis.metrics]
    if not shown:
        return None
    compared = comparisons.get("retrieval.precision_at_n")
    intervals = compared.of if compared else {}
    figure = new_figure(5.4, 4.4 + 0.17 * len(shown))
    axes = figure.add_subplot()
    for number, analysis in enumerate(shown):
        color, marker = _model_look(number)
        points, at_n = read_retrieval_curve(analysis.metrics), analysis.metrics["retrieval.precision_at_n"]
        area = analysis.metrics.get("retrieval.pr_auc", np.nan)
        axes.plot(*np.vstack([(0, 1), points, (1, 0)]).T, color=color, linewidth=1.4, linestyle=":")
        name = f"{plain(analysis.model, 40)}: area {area:.3f}, P@N {at_n:.3f}"
        if standing := intervals.get(analysis.model):
            name += f" ± {standing.half_width:.3f}"
        axes.plot(*points.T, color=color, marker=marker, markersize=4, linewidth=1.4, label=name)
        axes.plot(at_n, at_n, color=color, marker="*", markersize=14, markeredgecolor="white", zorder=4)
    axes.set(xlim=(0, 1.01), ylim=(0, 1.02), xlabel="mean recall", ylabel="mean precision")
    axes.set_title("Retrieval: precision and recall (star: at N)")
    _finish(figure, axes, columns=1)
    return figure


@styled()
def draw_learning_curve(analyses: Sequence[Analysis], literature: Literature = ()) -> Figure | None:
    """Accuracy against the share of the images used, with the standard deviation over folds as error bars.

    Args:
        analyses: models on the same images; None when no one has a learning curve.
        literature: published accuracies, drawn as lines.
    """
    figure = _draw_accuracy(analyses, "learning_curve", literature)
    if figure is None:
        return None
    axes = figure.axes[0]
    axes.set_xticks([10, 30, 50, 70, 100], ["10", "30", "50", "70", "100"])
    axes.set(xlim=(4, 106), xlabel="images used (%), of which four fifths train")
    axes.set_title("Learning curve (error bars: standard deviation over folds)")
    return figure


@styled()
def draw_few_shot(analyses: Sequence[Analysis]) -> Figure | None:
    """Accuracy against training images per class, log axis, with the standard deviation over draws as error bars."""
    figure = _draw_accuracy(analyses, "few_shot")
    if figure is None:
        return None
    axes = figure.axes[0]
    axes.set_xscale("log")
    axes.set_xticks([1, 2, 3, 5, 10, 20], ["1", "2", "3", "5", "10", "20"])
    axes.set_xticks([], minor=True)
    axes.set(xlim=(0.85, 23.5), xlabel="training images per class")
    axes.set_title("Few-shot accuracy (error bars: standard deviation over draws)")
    return figure


def _draw_accuracy(analyses: Sequence[Analysis], curve: Curve, literature: Literature = ()) -> Figure | None:
    """The part that both curves share; None when there is nothing to draw."""
    series = [
        (number, kind, points)
        for number, analysis in enumerate(analyses)
        for kind in CLASSIFIERS
        if (points := read_curve(analysis.metrics, curve, kind))
    ]
    if not series:
        return None
    lines = len(series) + len(literature) + 1
    figure = new_figure(WIDTH, 3.9 + 0.17 * -(-lines // 2))
    axes = figure.add_subplot()
    for place, (number, kind, points) in enumerate(series):
        shift = place - (len(series) - 1) / 2
        name = f"{plain(analyses[number].model, 30)}, {CLASSIFIERS[kind]}"
        _plot_points(axes, curve, points, number, kind, shift=shift, name=name)
    _draw_levels(axes, compute_majority_share(analyses[0].embeddings.labels), literature)
    axes.set(ylim=(-0.03, 1.03), ylabel="accuracy (top-1)")
    _finish(figure, axes, columns=2)
    return figure


def _plot_points(
    axes: Axes, curve: Curve, points: list[Point], number: int, kind: str, *, shift: float, name: str
) -> None:
    """A line with error bars, a little beside its x so that the bars of other lines stay visible."""
    x, mean, std = np.array(points, dtype=np.float64).T
    x = x + 0.5 * shift if curve == "learning_curve" else x * 1.018**shift
    color, marker = _model_look(number)
    face = color if kind == "lr" else "white"  # the second sign of the classifier, beside the line's dashes
    axes.errorbar(
        x, mean, np.nan_to_num(std), label=name, color=color, marker=marker, linestyle=LINES[kind],
        markerfacecolor=face, markersize=5, linewidth=1.4, elinewidth=0.9, capsize=2.5,
    )  # fmt: skip


def _draw_levels(axes: Axes, majority: float, literature: Literature) -> None:
    """Lines across: what the largest class alone gives, and what others published."""
    axes.axhline(majority, color="#777777", linewidth=1.0, label=f"largest class always: {majority:.3f}", zorder=1)
    for number, (name, value) in enumerate(literature):
        dashes = DASHES[number % len(DASHES)]
        label = f"{plain(name, 44)}: {value:.3f}"
        axes.axhline(value, color="#222222", linewidth=1.0, linestyle=dashes, label=label, zorder=1)


def _model_look(number: int) -> tuple[str, str]:
    """Colour and marker of a model: both change, so that a print in grey can be read."""
    return COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]


def _finish(figure: Figure, axes: Axes, *, columns: int) -> None:
    """Grid and a legend below: the models first, which matplotlib lists last when they have error bars."""
    from matplotlib.lines import Line2D

    axes.grid(True)
    axes.set_axisbelow(True)
    entries = list(zip(*axes.get_legend_handles_labels(), strict=True))
    entries.sort(key=lambda entry: isinstance(entry[0], Line2D))
    handles, names = zip(*entries, strict=True)
    figure.legend(
        list(handles), list(names), loc="outside lower left", ncols=columns, handlelength=2.8, columnspacing=1.5
    )
