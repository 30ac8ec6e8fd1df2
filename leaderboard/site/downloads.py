"""Files to take away: the tables for a spreadsheet and for a paper, every metric for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leaderboard.columns import columns_of
from leaderboard.exports import tabulate_metrics, to_csv, to_parquet
from leaderboard.render.latex import render_latex
from leaderboard.site.material import Material

if TYPE_CHECKING:
    import pandas as pd

DOWNLOADS = {
    "data/tables.csv": "the tables, CSV",
    "data/tables.tex": "the tables, LaTeX",
    "data/metrics.parquet": "every metric, Parquet",
}  # path below the site's root -> what it is


def list_downloads(material: Material) -> dict[str, bytes]:
    """The content of each file.

    Raises:
        Unavailable: pyarrow is not installed.
    """
    frame = tabulate_metrics(material.registry, material.results, material.sections)
    shown = select_columns(frame, material)
    contents = (to_csv(shown), render_latex(material.sections).encode(), to_parquet(frame))
    return dict(zip(DOWNLOADS, contents, strict=True))


def select_columns(frame: pd.DataFrame, material: Material) -> pd.DataFrame:
    """Of all figures those that the tables show: a few thousand rows, which any spreadsheet takes."""
    columns = {spec.id: {metric.name for metric in columns_of(spec)} for spec in material.registry.datasets.values()}
    of_sets = frame[frame["metric"].isin(set().union(*columns.values())) & (frame["class"] == "")]
    pairs = zip(of_sets["dataset"], of_sets["metric"], strict=True)
    return of_sets.loc[[metric in columns[dataset] for dataset, metric in pairs]]
