"""The tables of the leaderboard: measured, reported, across data sets, efficiency, and what each model is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leaderboard.columns import title_of
from leaderboard.records import Metric
from leaderboard.render.cells import (
    MISSING,
    describe_figure,
    describe_input,
    describe_links,
    describe_millions,
    describe_number,
    describe_place,
    describe_rank,
    describe_status,
    escape,
    markdown_table,
)
from leaderboard.render.notes import describe_sources, list_remarks
from leaderboard.rows import Row, describe_licence, sort_reported
from leaderboard.sections import Section

REPORTED = (
    "Reported by others, not measured here and not ranked: without what became of every image, nobody can say how sure "
    "these figures are."
)


def render_measured(section: Section, *, links: str) -> str:
    """Rank and figures with their intervals; narrow, for a phone. What is to be said of a row stands below."""
    first = section.columns[0].name
    head = ["Model", *map(title_of, section.columns), "Status"]
    body = [
        [_link(row, section, links), *_figures(row, section.columns), describe_status(row)] for row in section.measured
    ]
    if section.is_ranked:
        head = ["Rank", *head]
        placed = [row.standings.get(first) for row in section.measured]
        body = [[describe_place(own), *cells] for own, cells in zip(placed, body, strict=True)]
    remarks = [f"{escape(remark)}\n" for remark in list_remarks(section.measured)]
    return "\n".join([markdown_table(head, body), *remarks])


def _link(row: Row, section: Section, links: str) -> str:
    name = row.model.id
    return f"[{name}]({links}/{section.dataset.id}/{name}.json)" if row.metrics else name


def _figures(row: Row, columns: Sequence[Metric]) -> list[str]:
    return [describe_figure(row, metric) for metric in columns]


def render_reported(section: Section) -> str:
    """Figures of others, best first by one column, with as many digits as their source gives."""
    columns = [metric for metric in section.columns if any(metric.name in row.metrics for row in section.reported)]
    rows = sort_reported(section.reported, columns)
    head = ["Model", *map(title_of, columns), "Status"]
    body = [
        [
            row.model.id,
            *(describe_number(row.metrics.get(m.name), row.decimals.get(m.name, 0)) for m in columns),
            describe_status(row),
        ]
        for row in rows
    ]
    return f"{REPORTED}\n\n{markdown_table(head, body)}\n{describe_sources(section.reported)}\n"


def render_overview(sections: Sequence[Section]) -> str:
    """Every model on every ranked data set, by what ranks there. No averages: not all models have all data sets."""
    models = sorted({row.model.id for section in sections for row in section.measured if row.is_comparable})
    rows = {(section.dataset.id, row.model.id): row for section in sections for row in section.measured}
    head = ["Model", *(f"{section.dataset.id}: {title_of(section.columns[0])}" for section in sections)]
    body = [[model, *(_overview_cell(rows.get((s.dataset.id, model)), s) for s in sections)] for model in models]
    return markdown_table(head, body)


def _overview_cell(row: Row | None, section: Section) -> str:
    if row is None or not row.is_comparable:
        return MISSING
    metric = section.columns[0]
    return f"{describe_figure(row, metric)} ({describe_rank(row.standings.get(metric.name))})"


def render_efficiency(sections: Sequence[Section]) -> str:
    """Speed and memory where they were recorded, a table per data set and machine: others cannot be compared."""
    tables: dict[str, list[Row]] = {}
    for section in sections:
        for row in section.measured:
            if row.speed and row.status == "ok":
                tables.setdefault(f"{section.dataset.id}, {describe_machine(row.speed)}", []).append(row)
    return "\n".join(f"On {place}:\n\n{_render_speeds(rows)}" for place, rows in tables.items())


def describe_machine(speed: Mapping[str, Any]) -> str:
    """What a speed depends on besides the model and the images."""
    processor = speed.get("processor", speed["hardware"])
    counts = [f"{speed[name]} {name}" for name in ("cores", "threads") if name in speed]
    return f"{speed['device']} ({', '.join([processor, *counts])}), {speed['dtype']}"


def _render_speeds(rows: Sequence[Row]) -> str:
    head = ["Model", "Images/s", "Batch", "Peak MB", "Parameters", "Dimension"]
    body = [
        [
            row.model.id,
            describe_number(speed["images_per_second"], 1),
            str(speed["batch_size"]),
            describe_number(speed.get("peak_accelerator_memory_mb") or speed.get("peak_memory_mb"), 0),
            describe_millions(row.parameters),
            str(row.dimension),
        ]
        for row in sorted(rows, key=lambda row: (-(row.speed or {})["images_per_second"], row.model.id))
        if (speed := row.speed)
    ]
    return markdown_table(head, body)


def render_models(sections: Sequence[Section]) -> str:
    """What every model of the tables is, once: a measurement tells more than what others report."""
    rows: dict[str, Row] = {}
    for row in [row for section in sections for row in [*section.measured, *section.reported]]:
        known = rows.get(row.model.id)
        if known is None or (known.status != "ok" and row.status == "ok"):
            rows[row.model.id] = row
    head = ["Model", "Parameters", "Dimension", "Input, pooling", "Licence", "Weights"]
    body = [
        [
            id_,
            describe_millions(row.parameters),
            str(row.dimension),
            escape(describe_input(row.pooling, row.preprocessing)),
            escape(describe_licence(row.model)),
            describe_links(row),
        ]
        for id_, row in sorted(rows.items())
    ]
    return markdown_table(head, body)
