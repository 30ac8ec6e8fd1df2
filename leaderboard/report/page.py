"""The report's page: its sections, and what stands in each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leaderboard.report.analysis import Analysis
from leaderboard.report.collection_file import Collection
from leaderboard.report.interactive import describe_maps
from leaderboard.report.pages import render_page
from leaderboard.report.recommendation import recommend
from leaderboard.report.remarks import list_remarks
from leaderboard.report.tables import Table

LONGEST = 200  # rows of a table on the page; all of them are in its CSV


@dataclass(frozen=True)
class Drawn:
    """A saved figure, for the page."""

    name: str
    model: str | None  # None: it shows all models
    caption: str
    png: bytes

    @property
    def kind(self) -> str:
        """What it shows, of whichever model."""
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class Section:
    """A part of the page: which tables and figures stand there, in this order."""

    title: str
    said: str
    tables: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()


IMAGES = Section("The images", "", ("classes", "duplicates", "bad-files"))
SECTIONS = (
    Section(
        "Naming",
        "How often the genus is named right: by the nearest labelled image, and by a linear model on the vectors.",
        ("headlines", "learning-curve", "few-shot"),
        ("learning-curve", "few-shot", "confusion"),
    ),
    Section(
        "Looking alike",
        "Every image asks for its like; what lies nearest is shown first.",
        (),
        ("precision-recall", "queries-best", "queries-worst", "distances"),
    ),
    Section("Class by class", "Where the classes differ.", ("classes-scores",)),
    Section(
        "Groups without labels",
        "What the vectors fall into by themselves. A cluster is a proposal, not a taxon.",
        ("clustering", "disparity"),
        ("clusters", "medoids", "outliers"),
    ),
)


@dataclass(frozen=True)
class Cell:
    """One value of a table."""

    text: str
    is_best: bool
    is_number: bool


def render_report(
    title: str,
    analyses: Sequence[Analysis],
    collection: Collection | None,
    tables: Sequence[Table],
    figures: Sequence[Drawn],
    facts: Mapping[str, str],
) -> str:
    """The page as text.

    Args:
        title: name of the collection.
        analyses: at least one, all of the same images.
        collection: None when the report is made from embeddings alone.
        tables: all of them.
        figures: saved ones.
        facts: what else a reviewer asks: versions, digests.
    """
    thumbnails = collection.thumbnails if collection else {}
    named = {table.name: table for table in tables}
    return render_page(
        "report.html",
        title=title,
        sentence=recommend(analyses),
        models=[analysis.model for analysis in analyses],
        images=len(analyses[0].embeddings.vectors),
        classes=len(set(analyses[0].embeddings.labels.tolist())),
        remarks=list_remarks(analyses, collection),
        about_images=_fill(IMAGES, named, figures),
        sections=[filled for section in SECTIONS if (filled := _fill(section, named, figures))],
        maps=describe_maps(analyses, thumbnails),
        facts=facts,
        longest=LONGEST,
    )


def _fill(section: Section, tables: Mapping[str, Table], figures: Sequence[Drawn]) -> dict[str, Any]:
    """What there is of a section; empty when there is nothing."""
    shown = [tables[name] for name in section.tables if name in tables]
    drawn = [figure for kind in section.figures for figure in figures if figure.kind == kind]
    if not shown and not drawn:
        return {}
    views = [{"table": table, "columns": list(table.frame.columns), "rows": _list_rows(table)} for table in shown]
    return {"title": section.title, "said": section.said, "tables": views, "figures": drawn}


def _list_rows(table: Table) -> list[list[Cell]]:
    """The first rows, numbers to three decimals, the best value of a column marked before rounding."""
    frame = table.frame
    compared = "model" in frame and frame["model"].nunique() > 1
    tops = {
        column: (frame[column].max() if best == "max" else frame[column].min())
        for column, best in table.best.items()
        if compared and column in frame
    }
    return [
        [_make_cell(value, is_best=column in tops and value == tops[column]) for column, value in row.items()]
        for row in frame.head(LONGEST).to_dict("records")
    ]


def _make_cell(value: object, *, is_best: bool) -> Cell:
    if isinstance(value, float):
        return Cell(_format(value), is_best, True)
    return Cell("–" if value is None else str(value), is_best, isinstance(value, int))


def _format(value: float) -> str:
    """Three decimals; of sizes and other numbers from ten on one, if it says anything."""
    if math.isnan(value):
        return "–"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}".removesuffix(".0")
