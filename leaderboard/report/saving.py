"""A figure as PNG and PDF, a table as CSV and LaTeX: atomic, and the same bytes for the same content."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from leaderboard.latex_text import escape_latex
from leaderboard.paths import replacing, save_text
from leaderboard.report.companions import Best, find_best, is_number, list_columns, list_half_intervals
from leaderboard.report.figures._style import styled
from leaderboard.spreadsheet import guard_path, guard_text, keep_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

RESOLUTION = 150  # dots per inch of the PNG
MISSING = "--"
PIXELS = ("width", "height")  # ends of the titles of columns in pixels: whole numbers, a median perhaps a half


def save_figure(folder: Path, name: str, figure: Figure) -> None:
    """Write NAME.png and NAME.pdf, fonts embedded, without dates: the same figure gives the same bytes.

    The figure's layout is computed for the first file and kept for the second.
    """
    import warnings

    metadata = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Creator": None, "Producer": None}}
    with styled(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a box in a name is no reason for 20 warnings
        for kind, without in metadata.items():
            with replacing(folder / f"{name}.{kind}") as temporary:
                figure.savefig(temporary, format=kind, dpi=RESOLUTION, metadata=without)
            figure.set_layout_engine("none")


def save_table(folder: Path, name: str, frame: pd.DataFrame, best: Mapping[str, Best] | None = None) -> None:
    """Write NAME.csv in full precision and NAME.tex for the booktabs package, numbers to three decimals.

    No cell of the CSV can begin a formula in a spreadsheet: names of files that would get ``./`` in front, which names
    the same file, any other text an apostrophe. Names keep their bytes otherwise.

    Args:
        folder: made when it is not there.
        name: of the files, without a suffix.
        frame: its index is not written.
        best: column -> which of its values is best. In LaTeX they are bold, before rounding, ties all of them; a table
            of a single model has nothing to compare, and no bold. Half intervals stand there beside their figures.
    """
    with replacing(folder / f"{name}.csv") as temporary, keep_text():  # names of files keep their bytes
        _guard(frame).to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8", errors="surrogateescape")
    save_text(folder / f"{name}.tex", render_latex(frame, best))


def _guard(frame: pd.DataFrame) -> pd.DataFrame:
    """Text that is no formula; columns of files end in "file"."""
    guarded = frame.copy()
    for column in frame.columns:
        if not _is_numeric(frame, column):
            guarded[column] = frame[column].map(partial(_guard_cell, column=str(column)))
    return guarded


def _guard_cell(value: object, column: str) -> object:
    if not isinstance(value, str):
        return value
    return guard_path(value) if column.endswith("file") else guard_text(value)


def render_latex(frame: pd.DataFrame, best: Mapping[str, Best] | None = None) -> str:
    """A ``tabular`` with booktabs rules; text at the left, numbers at the right, a missing one as a dash."""
    shown = list_columns(frame)
    columns = [_render_column(frame, column, (best or {}).get(column)) for column in shown]
    adjusted = "".join("r" if _is_numeric(frame, column) else "l" for column in shown)
    head = " & ".join(escape_latex(column) for column in shown)
    body = "".join(f"{' & '.join(cells)} \\\\\n" for cells in zip(*columns, strict=True))
    return (
        f"\\begin{{tabular}}{{{adjusted}}}\n\\toprule\n{head} \\\\\n\\midrule\n{body}\\bottomrule\n\\end{{tabular}}\n"
    )


def _render_column(frame: pd.DataFrame, column: str, best: Best | None) -> list[str]:
    cells = [_render_cell(value, column) for value in frame[column].tolist()]
    cells = [
        f"\\textbf{{{cell}}}" if win else cell for cell, win in zip(cells, find_best(frame, column, best), strict=True)
    ]
    halves = list_half_intervals(frame, column)
    return [f"{cell} $\\pm$ {half:.3f}" if is_number(half) else cell for cell, half in zip(cells, halves, strict=True)]


def _render_cell(value: object, column: str) -> str:
    if isinstance(value, str):
        return escape_latex(value) or MISSING
    if not is_number(value):
        return MISSING
    assert isinstance(value, int | float)
    if column.endswith(PIXELS):
        return f"{value:.1f}".removesuffix(".0")
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def _is_numeric(frame: pd.DataFrame, column: str) -> bool:
    from pandas.api.types import is_numeric_dtype

    return is_numeric_dtype(frame[column])
