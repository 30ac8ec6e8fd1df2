"""The report's page: its sections, and what stands in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from leaderboard.report.analysis import Analysis
from leaderboard.report.collection_file import Collection
from leaderboard.report.facts import Facts
from leaderboard.report.interactive import describe_maps
from leaderboard.report.page_tables import LONGEST, view_table
from leaderboard.report.pages import render_page
from leaderboard.report.remarks import list_remarks
from leaderboard.report.tables import Table


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


@dataclass(frozen=True)
class Contents:
    """All that the page shows."""

    title: str  # name of the collection
    sentence: str  # the recommendation
    analyses: Sequence[Analysis]  # at least one, all of the same images
    collection: Collection | None  # None when the report is made from embeddings alone
    tables: Sequence[Table] = ()
    figures: Sequence[Drawn] = ()
    facts: Facts = field(default_factory=dict)
    notices: Mapping[str, str] = field(default_factory=dict)  # model -> what its licence asks to be shown
    missing: Mapping[str, str] = field(default_factory=dict)  # model -> why it could not be had


IMAGES = Section("The images", "", ("classes", "duplicates", "bad-files"))
SECTIONS = (
    Section(
        "Naming",
        "How well images are named that were not learnt from: by the nearest labelled image (NN F1), by a linear model "
        "on the vectors (linear, logistic regression). "
        "P@N, MAP and PR area say how well like images are found.",
        ("headlines", "learning-curve", "few-shot"),
        ("learning-curve", "few-shot", "confusion"),
    ),
    Section(
        "Looking alike",
        "Every image asks for its like; what lies nearest is shown first.",
        ("queries",),
        ("precision-recall", "queries-best", "queries-worst"),
    ),
    Section("Class by class", "Where the classes differ.", ("classes-scores",)),
    Section(
        "Groups without labels",
        "What the vectors fall into by themselves. A cluster is a proposal, not a taxon.",
        ("clustering", "disparity", "medoids", "outliers"),
        ("clusters", "medoids", "outliers", "distances"),
    ),
)


def render_report(contents: Contents) -> str:
    """The page as text; a section without tables and figures is left out."""
    collection, first = contents.collection, contents.analyses[0].embeddings
    return render_page(
        "report.html",
        title=contents.title,
        sentence=contents.sentence,
        models=[analysis.model for analysis in contents.analyses],
        images=len(first.vectors),
        classes=len(np.unique(first.labels)),
        remarks=list_remarks(contents.analyses, collection, contents.missing),
        about_images=_fill(IMAGES, contents),
        sections=[filled for section in SECTIONS if (filled := _fill(section, contents))],
        maps=describe_maps(contents.analyses, collection.thumbnails if collection else {}),
        still_maps=[figure for figure in contents.figures if figure.kind.startswith("map-")],
        facts=contents.facts,
        notices=contents.notices,
        longest=LONGEST,
    )


def _fill(section: Section, contents: Contents) -> dict[str, Any]:
    """What there is of a section; empty when there is nothing."""
    models = [analysis.model for analysis in contents.analyses]
    named = {table.name: table for table in contents.tables}
    views = [view_table(named[name], models) for name in section.tables if name in named]
    drawn = [figure for kind in section.figures for figure in contents.figures if figure.kind == kind]
    if not views and not drawn:
        return {}
    parts = [(model, [figure for figure in drawn if figure.model == model]) for model in (None, *models)]
    return {"title": section.title, "said": section.said, "tables": views, "parts": [part for part in parts if part[1]]}
