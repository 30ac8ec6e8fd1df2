"""The leaderboard in markdown: leaderboard/README.md, the block in the top README, and tables to look at."""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.records import DatasetSpec, Result
from leaderboard.registry import Registry
from leaderboard.render.cells import escape
from leaderboard.render.findings import describe_findings
from leaderboard.render.notes import describe_counts, list_literature, list_notices
from leaderboard.render.tables import (
    render_efficiency,
    render_measured,
    render_models,
    render_overview,
    render_reported,
)
from leaderboard.sections import NO_NEWS, News, Section, compute_sections, narrow

BEGIN, END = "<!-- leaderboard:begin -->", "<!-- leaderboard:end -->"
INTRODUCTION = """\
<!-- generated from results/ by `python -m leaderboard render`: do not edit -->
# Leaderboard

A table per data set; then [efficiency](#efficiency), and [what each model is](#models).

<details><summary>How to read it</summary>

- *±* is half of a 95 % interval: for new images of the same slides, named by the same people, with a gallery of the
  same size. It says nothing about other wells, instruments or labellers. A figure without it cannot be computed again
  from what became of every image, so nothing here says how sure it is.
- *Rank*: by the first figure, unrounded. Models that the images cannot tell from the first of their group share its
  rank: `1=`. In brackets, places that a model may really have: `1= (1–3)`.
- *Smallest difference*: what two of these models, compared alone, have to differ by to be told apart. Of true
  differences of that size half are found, of twice that size nearly all; among many models fewer.
- ↑ and ↓: better or worse than in the state published before, beyond chance.
- *Status*: `ok` was measured by this suite, with provenance in the result file that the model's name links to; `stale`
  before its entry, the data or a protocol changed; `corrupt` has figures that do not follow from its own outcomes;
  `reported` was published by others and not measured here. Only rows that are `ok`, without a remark (†), are compared
  and ranked. A model that lacks a data set is missing there: nothing is averaged over data sets.
- *Unpinned*: the entry names a branch, or an address without a digest; what lies there may change.

What every column means is told in [docs/protocols.md](../docs/protocols.md), how sure it is in
[docs/statistics.md](../docs/statistics.md), how a row comes about in the [README](../README.md).

</details>
"""
SPEEDS = """\
From files on disk to vectors, with the largest memory of the process (of the accelerator, where there is one). Each
table is of one machine and one set of images: speeds of two tables cannot be compared.
"""


def render_leaderboard(sections: Sequence[Section]) -> str:
    """The text of leaderboard/README.md."""
    ranked = [section for section in sections if section.is_ranked]
    parts = [INTRODUCTION]
    if len(ranked) > 1:
        parts.append(f"## Overview\n\n{render_overview(ranked)}")
    parts += [_render_section(section, links="results", heading="##") for section in sections]
    if speeds := render_efficiency(sections):
        parts.append(f"## Efficiency\n\n{SPEEDS}\n{speeds}")
    if sections:
        parts.append(f"## Models\n\n{render_models(sections)}")
    return "\n".join(parts)


def render_block(sections: Sequence[Section]) -> str:
    """What stands between the markers of the top README: the data sets on which something was measured."""
    ranked = [section for section in sections if section.dataset.ranked]
    shown = [section for section in ranked if any(row.metrics for row in section.measured)]
    text = "\n".join(_render_section(section, links="leaderboard/results", heading="###") for section in shown)
    return f"{BEGIN}\n\n{text}\n{END}"


def find_block(text: str) -> str:
    """The marked block, with its markers; empty when there is none."""
    _, begin, rest = text.partition(BEGIN)
    block, end, _ = rest.partition(END)
    return begin + block + end if begin and end else ""


def replace_block(text: str, block: str) -> str:
    """The text with its marked block replaced; unchanged when it has no markers."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    return before + block + after if begin and end else text


def render_tables(
    registry: Registry,
    results: Sequence[Result],
    news: News = NO_NEWS,
    *,
    columns: Sequence[str] = (),
    datasets: Sequence[str] = (),
) -> str:
    """Sections of these data sets (none: all) with these columns (none: each data set's own); empty without rows."""
    sections = compute_sections(narrow(registry, columns, datasets), results, news)
    return "\n".join(_render_section(section, links="leaderboard/results", heading="##") for section in sections)


def _render_section(section: Section, *, links: str, heading: str) -> str:
    parts = [_head(section.dataset, heading)]
    if section.measured:
        parts += [f"{sentence}\n" for sentence in describe_findings(section)]
        parts.append(render_measured(section, links=links))
    elif section.dataset.ranked:
        parts.append("Nothing is measured here yet.\n")
    if section.reported:
        parts.append(render_reported(section))
    if notices := list_notices(section):
        parts.append("".join(f"{escape(notice)}\n" for notice in notices))
    if section.measured and section.missing and section.dataset.ranked:
        models = f"{len(section.missing)} model{'s' if len(section.missing) > 1 else ''}"
        listed = ", ".join(section.missing)
        parts.append(f"<details><summary>Missing: {models}, not measured on these images</summary>{listed}</details>\n")
    return "\n".join(parts)


def _head(dataset: DatasetSpec, heading: str) -> str:
    paper = f" ([doi {dataset.paper}](https://doi.org/{dataset.paper}))" if dataset.paper else ""
    origin = f" Images: {dataset.origin}{paper}." if dataset.origin else ""
    text = f"{heading} {dataset.id}\n\n{dataset.title}: {describe_counts(dataset)}. {dataset.attribution}{origin}\n"
    if not dataset.ranked:
        text += "\nA smoke test on drawn images: not ranked, and no evidence about real fossils.\n"
    return text + "".join(f"\n{sentence}\n" for sentence in list_literature(dataset))
