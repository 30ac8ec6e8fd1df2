"""The figures of the report: pure functions of analyses; each gives a matplotlib figure, or None without what it needs.

``draw_figures`` gives all of them in the order of the report; the modules here have them one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leaderboard.report.analysis import Analysis
from leaderboard.report.comparison import NO_COMPARISONS, Comparisons
from leaderboard.report.examples import choose_clustering
from leaderboard.report.figures.confusion import draw_confusion
from leaderboard.report.figures.curves import (
    Literature,
    draw_few_shot,
    draw_learning_curve,
    draw_precision_recall,
)
from leaderboard.report.figures.distances import draw_distances
from leaderboard.report.figures.grids import Thumbnails, draw_medoids, draw_outliers, draw_queries
from leaderboard.report.figures.maps import draw_class_map, draw_cluster_maps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "Picture",
    "draw_class_map",
    "draw_cluster_maps",
    "draw_confusion",
    "draw_distances",
    "draw_few_shot",
    "draw_figures",
    "draw_learning_curve",
    "draw_medoids",
    "draw_outliers",
    "draw_precision_recall",
    "draw_queries",
]
CLUSTERS_ON = ("UMAP", "t-SNE", "PCA")  # the first map that is there: it shows groups best
MUCH_NOISE = 0.3  # share of images without a cluster above which outlier scores say little


@dataclass(frozen=True)
class Picture:
    """A figure with what a page needs beside it."""

    name: str  # of its files, without a suffix; no two of a report have the same
    model: str | None  # None: it shows all models
    caption: str  # plain text
    figure: Figure


def draw_figures(
    analyses: Sequence[Analysis],
    thumbnails: Thumbnails,
    literature: Literature = (),
    comparisons: Comparisons = NO_COMPARISONS,
) -> Iterator[Picture]:
    """Every figure that these analyses allow, one at a time: first those that compare models, then each model's own.

    Args:
        analyses: models on the same images, at least one.
        thumbnails: index of an image -> picture file; may lack some or all.
        literature: published top-1 accuracies on the same data set.
        comparisons: of the same models, for their intervals.

    Raises:
        Unavailable: matplotlib is not installed.
    """
    together = {
        "precision-recall": (draw_precision_recall(analyses, comparisons), _PRECISION_RECALL),
        "learning-curve": (draw_learning_curve(analyses, literature), _LEARNING_CURVE + _PUBLISHED * bool(literature)),
        "few-shot": (draw_few_shot(analyses), _FEW_SHOT),
    }
    for name, (figure, caption) in together.items():
        if figure is not None:
            yield Picture(name, None, caption, figure)
    for number, analysis in enumerate(analyses):
        model = f"{number + 1}-" * (len(analyses) > 1) + re.sub(r"[^\w.-]+", "-", analysis.model)[:60]
        for name, figure, caption in _draw_own(analysis, thumbnails):
            if figure is not None:
                yield Picture(f"{name}.{model}", analysis.model, caption, figure)


def _draw_own(analysis: Analysis, thumbnails: Thumbnails) -> Iterator[tuple[str, Figure | None, str]]:
    """The figures of one model: name, figure, caption."""
    for name in analysis.maps:
        yield f"map-{name.lower()}", draw_class_map(analysis, name), _MAP.format(name=name)
    yield "confusion", draw_confusion(analysis), _CONFUSION
    yield "distances", draw_distances(analysis), _DISTANCES[analysis.is_labelled]
    name = next((name for name in CLUSTERS_ON if name in analysis.maps), "")
    yield "clusters", draw_cluster_maps(analysis, name), _CLUSTERS.format(name=name)
    yield "queries-best", draw_queries(analysis, thumbnails, best=True), _QUERIES.format(which="best")
    yield "queries-worst", draw_queries(analysis, thumbnails, best=False), _QUERIES.format(which="worst")
    yield "outliers", draw_outliers(analysis, thumbnails), describe_outliers(analysis)
    yield "medoids", draw_medoids(analysis, thumbnails, choose_clustering(analysis)), _MEDOIDS


def describe_outliers(analysis: Analysis) -> str:
    """What their grid shows; with HDBSCAN's share of noise, where it is known, and what much of it means."""
    noise = analysis.metrics.get("clustering.pca.hdbscan.noise_fraction")
    if noise is None:
        return _OUTLIERS
    said = f"{_OUTLIERS} HDBSCAN left {100 * noise:.0f} % of all images without a cluster"
    return f"{said}: with so much noise the scores say little here." if noise > MUCH_NOISE else f"{said}."


_PRECISION_RECALL = (
    "Every image asks for the others of its class. Mean precision against mean recall when the nearest 1, 10, 20, … "
    "images are shown; the star is where as many are shown as the class has, P@N, with half of its 95 % interval. "
    "The dotted ends, to (0, 1) and (1, 0), are not measured; they close the curve whose area is given."
)
_LEARNING_CURVE = (
    "Accuracy on unseen images against the share of all images that was used. The bars are one standard deviation "
    "over folds, not an interval. The grey line is what naming the largest class always would give."
)
_PUBLISHED = " The black lines, dotted or dashed, are published results of others with all of their training images."
_FEW_SHOT = (
    "Accuracy when only so many images per class are known. The bars are one standard deviation over random draws, "
    "not an interval. The grey line is what naming the largest class always would give."
)
_MAP = (
    "Each point is an image; near points look alike to the model. A {name} map shows two dimensions of many: "
    "classes that overlap here may still be apart."
)
_CONFUSION = (
    "What logistic regression makes of each class, in per cent of the row's test images, pooled over ten splits. "
    "The diagonal is right."
)
_DISTANCES = {
    True: (
        "Cosine distances between pairs of images. The less the two histograms overlap, the better distance alone "
        "tells the classes apart."
    ),
    False: "Cosine distances between pairs of images.",
}
_CLUSTERS = (
    "The {name} map, coloured by clusters that were found without the labels, numbered by size; grey is noise. "
    "ARI and AMI compare them with the labels: 1 is the same grouping, 0 is chance."
)
_QUERIES = (
    "The ten queries with the {which} precision at N, and the eight images nearest to each. "
    "Solid green frame and ✓: the same class; dashed red frame and ✗: another. Their files are in the table of queries."
)
_OUTLIERS = (
    "The images with the highest outlier scores (GLOSH of HDBSCAN, 0 to 1), highest first, whether they are high or "
    "not: worth a look for unusual specimens, bad crops and mistakes of labelling. Their files are in the table of "
    "outliers."
)
_MEDOIDS = (
    "One image for each cluster, the nearest to its centre, the largest cluster first, with the class that most of the "
    "cluster has. Their files are in the table of medoids."
)
