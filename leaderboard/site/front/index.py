"""The front page: a table per data set to search, filter and sort, a scatter of what quality costs; how to read it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from leaderboard.columns import title_of
from leaderboard.records import ModelSpec
from leaderboard.render.cells import describe_place
from leaderboard.render.findings import describe_findings, describe_leaders
from leaderboard.rows import Row
from leaderboard.sections import Section
from leaderboard.site.downloads import DOWNLOADS
from leaderboard.site.front.licences import GROUPS
from leaderboard.site.front.lines import Figure, read_figure
from leaderboard.site.front.table import Table, build_table
from leaderboard.site.material import Material
from leaderboard.site.pages import render_page

SIZES = (5, 25, 100)  # million parameters to choose from: what a laptop, a workstation, a server runs with ease
KINDS = {"measured": "measured here", "reported": "reported by others"}
ACCESS = {
    "open": "open",
    "gated, a copy is open": "gated, a copy is open",
    "gated": "gated: an account and its licence",
}


@dataclass(frozen=True)
class Choice:
    """A control that filters rows."""

    key: str  # in the address, and of the rows' data attribute
    label: str
    options: Sequence[tuple[str, str]]  # id, words


@dataclass(frozen=True)
class Overview:
    """Models by data sets: what ranks there, and no average, because not all models have all data sets."""

    heads: Sequence[tuple[str, str]]  # data set, title of the figure
    lines: Sequence[tuple[ModelSpec, Sequence[tuple[Figure, str]]]]  # a figure and its place per data set


def list_index_pages(material: Material) -> dict[str, bytes]:
    """The pages index.html and reading.html."""
    lead = describe_lead(material.sections)
    told = lead[0] if lead else None
    models = material.registry.models
    tables = [build_table(section, models, is_told=section.dataset.id == told) for section in material.sections]
    front = render_page(
        "index.html",
        "index.html",
        lead=lead,
        tables=tables,
        groups=group_tables(tables),
        choices=list_choices(tables),
        overview=build_overview(material.sections),
        downloads=DOWNLOADS,
        citation=material.citation,
    )
    return {"index.html": front, "reading.html": render_page("reading.html", "reading.html")}


def describe_lead(sections: Sequence[Section]) -> tuple[str, str] | None:
    """The first ranked data set, and a sentence about who is ahead there; None where nothing is ranked."""
    section = next((section for section in sections if section.is_ranked), None)
    if section is None or section.standings is None:
        return None
    has_several = len(section.standings.of) > 1
    sentence = describe_leaders(section) if has_several else describe_findings(section)[0]
    return section.dataset.id, sentence[0].lower() + sentence[1:]


def group_tables(tables: Sequence[Table]) -> dict[str, list[Table]]:
    """What a visitor chooses from: what was measured stands before what was only reported."""
    groups: dict[str, list[Table]] = {"Measured": [], "Only reported by others": [], "Smoke tests": []}
    for table in tables:
        kind = "Measured" if table.has_measured else "Only reported by others"
        groups[kind if table.dataset.ranked else "Smoke tests"].append(table)
    return {title: own for title, own in groups.items() if own}


def list_choices(tables: Sequence[Table]) -> list[Choice]:
    """The filters that tell some rows of any table from others, with what there is to choose from."""
    lines = [line for table in tables for line in (*table.measured, *table.reported)]
    families = sorted({line.model.family for line in lines if line.model.family}, key=str.casefold)
    sizes = [(str(size), f"up to {size} M") for size in SIZES]
    every: list[tuple[Choice, Sequence[object]]] = [
        (Choice("family", "Family", [(name, name) for name in families]), [line.model.family for line in lines]),
        (Choice("licence", "Licence of the weights", list(GROUPS.items())), [line.licence_group for line in lines]),
        (Choice("size", "Parameters", sizes), [line.parameters.value for line in lines]),
        (Choice("kind", "Figures", list(KINDS.items())), [line.kind for line in lines]),
        (Choice("access", "Weights", list(ACCESS.items())), [line.model.access for line in lines]),
    ]
    return [_narrow(choice, set(values)) for choice, values in every if len(set(values)) > 1]


def _narrow(choice: Choice, present: Collection[object]) -> Choice:
    """Without the options that no row has; sizes are bounds, which none has to have."""
    if choice.key == "size":
        return choice
    return replace(choice, options=[option for option in choice.options if option[0] in present])


def build_overview(sections: Sequence[Section]) -> Overview | None:
    """Every compared model on every ranked data set; None for fewer than two of those."""
    ranked = [section for section in sections if section.is_ranked]
    if len(ranked) < 2:
        return None
    rows = [{row.model.id: row for row in section.measured if row.is_comparable} for section in ranked]
    models = {row.model.id: row.model for own in rows for row in own.values()}
    return Overview(
        heads=[(section.dataset.id, title_of(section.columns[0])) for section in ranked],
        lines=[
            (model, [_summarise(own.get(id_), section) for own, section in zip(rows, ranked, strict=True)])
            for id_, model in sorted(models.items())
        ],
    )


def _summarise(row: Row | None, section: Section) -> tuple[Figure, str]:
    metric = section.columns[0]
    standing = row.standings.get(metric.name) if row else None
    if row is None or standing is None:
        return Figure(), ""
    return read_figure(row, metric), describe_place(standing)
