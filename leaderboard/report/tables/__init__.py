"""The tables of the report: data frames with what a page and a file need beside them.

``tabulate_models`` gives those of the models, ``tabulate_images`` those of the folder, in the order of the report; the
modules here have them one by one, ``leaderboard.report.saving`` writes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from leaderboard.report.analysis import Analysis
from leaderboard.report.collection_file import Collection
from leaderboard.report.companions import Best
from leaderboard.report.comparison import NO_COMPARISONS, Comparisons
from leaderboard.report.series import Curve
from leaderboard.report.tables.examples import tabulate_medoids, tabulate_outliers, tabulate_queries
from leaderboard.report.tables.images import tabulate_bad_files, tabulate_classes, tabulate_duplicates
from leaderboard.report.tables.models import (
    HEADLINES,
    tabulate_class_scores,
    tabulate_clustering,
    tabulate_curve,
    tabulate_curve_in_full,
    tabulate_disparity,
    tabulate_headlines,
)

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Table:
    """A data frame and what belongs to it."""

    name: str  # of its files, without a suffix
    caption: str  # plain text
    frame: pd.DataFrame
    best: Mapping[str, Best] = field(default_factory=dict)  # column -> which of its values is best


def tabulate_models(analyses: Sequence[Analysis], comparisons: Comparisons = NO_COMPARISONS) -> Iterator[Table]:
    """Every table that these analyses of the same images fill, at least one analysis; empty ones are left out.

    Headline figures have intervals and ranks as far as there are comparisons.
    """
    highest: dict[str, Best] = {HEADLINES[metric]: "max" for metric in comparisons}
    tables = [
        Table("headlines", CAPTIONS["headlines"], tabulate_headlines(analyses, comparisons), highest),
        Table("classes-scores", CAPTIONS["classes-scores"], tabulate_class_scores(analyses)),
        *_tabulate_curves(analyses, "learning_curve"),
        *_tabulate_curves(analyses, "few_shot"),
        Table("clustering", CAPTIONS["clustering"], tabulate_clustering(analyses), BEST_CLUSTERING),
        Table("disparity", CAPTIONS["disparity"], tabulate_disparity(analyses)),
        Table("queries", CAPTIONS["queries"], tabulate_queries(analyses)),
        Table("medoids", CAPTIONS["medoids"], tabulate_medoids(analyses)),
        Table("outliers", CAPTIONS["outliers"], tabulate_outliers(analyses)),
    ]
    return (table for table in tables if len(table.frame))


def tabulate_images(collection: Collection) -> Iterator[Table]:
    """What is in the folder; without copies or bad files there is no table of them."""
    tables = [
        Table("classes", CAPTIONS["classes"], tabulate_classes(collection)),
        Table("duplicates", CAPTIONS["duplicates"], tabulate_duplicates(collection)),
        Table("bad-files", CAPTIONS["bad-files"], tabulate_bad_files(collection)),
    ]
    return (table for table in tables if len(table.frame))


def _tabulate_curves(analyses: Sequence[Analysis], curve: Curve) -> Iterator[Table]:
    """The table for a paper, and the one that has everything."""
    name, summary = curve.replace("_", "-"), tabulate_curve(analyses, curve)
    best: dict[str, Best] = dict.fromkeys(summary.columns[2:], "max")
    yield Table(name, CAPTIONS[name], summary, best)
    yield Table(f"{name}-all", CAPTIONS[f"{name}-all"], tabulate_curve_in_full(analyses, curve))


# Silhouette and Davies-Bouldin depend on the space, purity on the number of clusters: no best among them.
BEST_CLUSTERING: Mapping[str, Best] = {"ARI": "max", "AMI": "max"}
CAPTIONS = {
    "headlines": (
        "Headline figures; ± is half of a 95 % interval for new images of the same slides. Bold: the best, and "
        "all that these images cannot tell from it. A figure without an interval has no best: its order may be chance."
    ),
    "classes-scores": (
        "Recall, precision and F1 of naming an image after its nearest neighbour, mean over ten splits; P@N: how "
        "much of what lies nearest to an image is of its class."
    ),
    "learning-curve": "Mean accuracy on unseen images against the share of all images that was used.",
    "learning-curve-all": "Learning curves: every score, with its standard deviation over folds.",
    "few-shot": "Mean accuracy when only so many images per class are known.",
    "few-shot-all": "Few-shot classification: every score, with its standard deviation over draws.",
    "clustering": (
        "Clusters found without labels. Noise counts as wrong in purity, and as one more cluster in ARI and AMI."
    ),
    "disparity": "How widely the images spread, in cosine distance; of which every model has its own scale.",
    "queries": (
        "The queries with the best and the worst precision at N, as in their pictures, and the image nearest to each."
    ),
    "medoids": "The clusters that are pictured, the largest first, and the image nearest to the centre of each.",
    "outliers": "The images with the highest outlier scores (GLOSH of HDBSCAN, 0 to 1), whether they are high or not.",
    "classes": "Images and their sizes in pixels.",
    "duplicates": "Copies. Both of a pair may end up on the two sides of a split, which flatters every model.",
    "bad-files": "Files that could not be read; they are in no figure.",
}
