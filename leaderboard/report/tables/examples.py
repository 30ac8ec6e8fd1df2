"""Tables of the images that the grids show, with their files: pure functions of analyses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from leaderboard.report.analysis import Analysis
from leaderboard.report.examples import (
    Medoid,
    Query,
    choose_clustering,
    choose_medoids,
    choose_outliers,
    choose_queries,
    count_commonest,
    name_clustering,
    name_file,
)
from leaderboard.report.tables.models import make_frame

if TYPE_CHECKING:
    import pandas as pd


def tabulate_queries(analyses: Sequence[Analysis]) -> pd.DataFrame:
    """A row per query of the grids, best ones first: its file, precision at N, and the image nearest to it."""
    return make_frame([row for analysis in analyses for row in _list_queries(analysis)])


def _list_queries(analysis: Analysis) -> Iterator[dict[str, object]]:
    for which in ("best", "worst"):
        for query in choose_queries(analysis, best=which == "best"):
            yield {"model": analysis.model, "query": which} | _describe_query(analysis, query)


def _describe_query(analysis: Analysis, query: Query) -> dict[str, object]:
    nearest = query.nearest[0]
    return {
        **_describe_image(analysis, query.image),
        "P@N": query.precision,
        "nearest file": name_file(analysis, nearest),
        "nearest class": _name_class(analysis, nearest),
    }


def tabulate_medoids(analyses: Sequence[Analysis]) -> pd.DataFrame:
    """A row per cluster of the clustering whose medoids are shown: its number, images and middle.

    With labels also the class that most of its images have, and their share, 0 to 1.
    """
    return make_frame([row for analysis in analyses for row in _list_medoids(analysis)])


def _list_medoids(analysis: Analysis) -> Iterator[dict[str, object]]:
    clustering = choose_clustering(analysis)
    if not clustering:
        return
    for medoid in choose_medoids(analysis, clustering):
        named = {"model": analysis.model, "clustering": name_clustering(clustering)}
        yield named | _describe_medoid(analysis, medoid)


def _describe_medoid(analysis: Analysis, medoid: Medoid) -> dict[str, object]:
    row: dict[str, object] = {
        "cluster": medoid.number,
        "images": len(medoid.images),
        "file": name_file(analysis, medoid.image),
    }
    if not analysis.is_labelled:
        return row
    name, count = count_commonest(analysis, medoid.images)
    return row | {"commonest class": name, "share": count / len(medoid.images)}


def tabulate_outliers(analyses: Sequence[Analysis]) -> pd.DataFrame:
    """A row per image of the grid of outliers, ranked from 1: its file and outlier score (GLOSH, 0 to 1)."""
    return make_frame(
        [
            {"model": analysis.model, "rank": rank}
            | _describe_image(analysis, outlier.image)
            | {"outlier score": outlier.score}
            for analysis in analyses
            for rank, outlier in enumerate(choose_outliers(analysis), start=1)
        ]
    )


def _describe_image(analysis: Analysis, index: int) -> dict[str, object]:
    """File, and class where there is one."""
    row: dict[str, object] = {"file": name_file(analysis, index)}
    return row | ({"class": _name_class(analysis, index)} if analysis.is_labelled else {})


def _name_class(analysis: Analysis, index: int) -> str:
    return analysis.embeddings.classes[int(analysis.embeddings.labels[index])]
