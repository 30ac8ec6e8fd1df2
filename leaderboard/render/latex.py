"""The leaderboard's tables for a paper: LaTeX with the package booktabs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import wrap

from leaderboard.latex_text import escape_prose
from leaderboard.records import Metric
from leaderboard.render.cells import JOINED, describe_figure, describe_number, describe_place, describe_status
from leaderboard.render.findings import describe_findings
from leaderboard.render.notes import (
    describe_counts,
    describe_sources,
    list_literature,
    list_notices,
    list_remarks,
)
from leaderboard.render.tables import REPORTED
from leaderboard.rows import Row, sort_reported
from leaderboard.sections import Section

PREAMBLE = "% In the preamble: \\usepackage{booktabs}\n"
INTERVAL = f"±{JOINED}is half of a 95{JOINED}% interval."
RANK = "Models that the images cannot tell from the first of their group share its rank (=)."
SMOKE_TEST = "A smoke test on drawn images: not ranked, and no evidence about real fossils."
SIGNS = str.maketrans({
    "±": r"$\pm$", "–": "--", "†": r"$\dagger$", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "×": r"$\times$",
    JOINED: "~",
})  # fmt: skip
WITH_INTERVAL = re.compile(r"(-?\d+\.\d+)[~ ]\$\\pm\$[~ ](\d+\.\d+)")
PARTS = re.compile(r"\.|(?<=_)")  # of a metric's name
MOST_AT_FULL_SIZE = 4  # columns that a page takes in its own type size
WIDEST = 16  # letters of a title on one line
NEGATIVE = re.compile(r"-\d+(\.\d+)?")


def render_latex(sections: Sequence[Section]) -> str:
    """A ``table`` per data set: measured rows best first, reported ones below a rule, notes under it."""
    return "\n".join([PREAMBLE, *map(_render_section, sections)]) if sections else ""


def _render_section(section: Section) -> str:
    notes = "\\\\\n".join(map(to_latex, _list_notes(section)))
    return (
        f"\\begin{{table}}\n\\centering\n\\caption{{{to_latex(_describe(section))}}}\n"
        f"\\label{{tab:{section.dataset.id}}}\n\\par\\smallskip\n{_render_tabular(section)}\n"
        f"\\par\\smallskip\n\\parbox{{\\linewidth}}{{\\footnotesize\\raggedright\n{notes}}}\n\\end{{table}}\n"
    )


def _describe(section: Section) -> str:
    """What the images are, and what they can tell apart."""
    dataset = section.dataset
    parts = [f"{dataset.title}: {describe_counts(dataset)}.", dataset.attribution]
    if not dataset.ranked:
        return " ".join([*parts, SMOKE_TEST])
    found = [sentence.replace("**", "") for sentence in describe_findings(section)] if section.measured else []
    return " ".join([*parts, *found])


def _list_notes(section: Section) -> list[str]:
    has_interval = any(row.standings for row in section.measured)
    signs = [INTERVAL] * has_interval + [RANK] * (has_interval and section.is_ranked)
    sources = [describe_sources(section.reported)] if section.reported else []
    literature = list_literature(section.dataset)
    return [" ".join(signs)] * bool(signs) + [
        *list_remarks(section.measured),
        *sources,
        *literature,
        *list_notices(section),
    ]


def _render_tabular(section: Section) -> str:
    ranks = ["Rank"] if section.is_ranked else []
    head = [*ranks, "Model", *map(_render_title, section.columns), "Status"]
    adjusted = "l" * (len(ranks) + 1) + "r" * len(section.columns) + "l"
    measured = [_render_row(section, row, _measured_cells(section, row)) for row in section.measured]
    others = sort_reported(section.reported, section.columns)
    reported = [_render_row(section, row, _reported_cells(section, row)) for row in others]
    if reported:
        title = to_latex(REPORTED.partition(":")[0])
        rule = ["\\midrule\n"] if measured else []
        reported = [*rule, f"\\multicolumn{{{len(head)}}}{{l}}{{\\emph{{{title}}}}} \\\\\n", *reported]
    rows = "".join([*measured, *reported])
    size = "\\small\n" if len(section.columns) > MOST_AT_FULL_SIZE else ""
    return (
        f"{size}\\begin{{tabular}}{{{adjusted}}}\n\\toprule\n{' & '.join(head)} \\\\\n\\midrule\n{rows}"
        f"\\bottomrule\n\\end{{tabular}}"
    )


def _render_title(metric: Metric) -> str:
    """A title, or a name without one; what is long stands on several lines, or the table would be too wide."""
    lines = wrap(metric.title, WIDEST) if metric.title else PARTS.split(metric.name)
    stacked = "\\\\".join(map(to_latex, lines))
    return f"\\shortstack[r]{{{stacked}}}" if len(lines) > 1 else stacked


def _render_row(section: Section, row: Row, figures: Sequence[str]) -> str:
    rank = [describe_place(row.standings.get(section.columns[0].name))] if section.is_ranked else []
    cells = [*rank, row.model.id, *figures, describe_status(row)]
    return " & ".join(_render_cell(cell) for cell in cells) + " \\\\\n"


def _measured_cells(section: Section, row: Row) -> list[str]:
    return [describe_figure(row, metric) for metric in section.columns]


def _reported_cells(section: Section, row: Row) -> list[str]:
    """With as many digits as their source gives."""
    return [describe_number(row.metrics.get(m.name), row.decimals.get(m.name, 0)) for m in section.columns]


def _render_cell(text: str) -> str:
    return f"${text}$" if NEGATIVE.fullmatch(text) else to_latex(text)


def to_latex(text: str) -> str:
    r"""Text as LaTeX prints it, with the signs of these tables in math mode: ``$0.718 \pm 0.046$``."""
    return WITH_INTERVAL.sub(r"$\1 \\pm \2$", escape_prose(text).translate(SIGNS))
