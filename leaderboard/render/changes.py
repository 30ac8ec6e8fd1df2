"""Changes between two states of results/ in markdown, for a terminal and for a comment on a pull request. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import get_args

from tabulate import tabulate

from leaderboard.changes import Change, FigureChange, Kind, Verdict
from leaderboard.columns import title_of
from leaderboard.errors import printable
from leaderboard.render.cells import MISSING

HEAD = ("Model", "Figure", "Before → after", "Difference", "Verdict")
ALIGN = ("left", "left", "right", "right", "left")
MOST_NAMED = 4  # of what no table shows
DECIMALS = range(3, 7)  # the first that shows a difference
FIRST: tuple[Verdict, ...] = ("worse", "improved", "not comparable", "removed", "new", "unresolved", "no interval")
PLAIN = re.compile(  # means nothing to markdown in a line, nor where an item of a list begins
    r"(?!.*(?i:www\.))(?!-|\d+[.)](?: |$)| )(?:[A-Za-z0-9 .,;()/-]|(?<=[a-z0-9])_(?=[a-z0-9]))*"
)
HARMLESS = re.compile(r"[A-Za-z0-9 ,;()/-]")  # inside of <code>


def render_changes(changes: Sequence[Change], before: str, after: str) -> str:
    """A summary in words, a table per data set, and what its words mean.

    Args:
        changes: of every cell.
        before: the older state in words.
        after: the newer state in words.
    """
    summary = f"**{summarise(changes)}** — from {escape(before)} to {escape(after)}.\n"
    shown = [change for change in changes if change.kind != "unchanged"]
    tables = [_section(dataset, list(own)) for dataset, own in groupby(shown, lambda change: change.cell.dataset)]
    return "\n".join([summary, *tables, *_explain(shown), *_list_elsewhere(changes)])


def summarise(changes: Sequence[Change]) -> str:
    """How many figures and cells became what: "2 figures improved, 5 unresolved; 1 cell new, 14 unchanged"."""
    changed = [change for change in changes if change.kind == "changed"]
    verdicts = Counter(figure.verdict for change in changed for figure in change.figures)
    kinds = Counter(change.kind for change in changes)
    figures = _enumerate("figure", [(verdicts[word], word) for word in get_args(Verdict)])
    hidden = sum(change.kind == "unchanged" and bool(change.elsewhere) for change in changes)
    kinds["unchanged"] -= hidden
    words = [word for word in get_args(Kind) if word != "changed"]
    counts = [*((kinds[word], str(word)) for word in words), (hidden, "changed only in what no table shows")]
    cells = _enumerate("cell", counts)
    return "; ".join(filter(None, [figures, cells])) or "no cell in either"


def escape(text: str) -> str:
    """Text from a file on one line, without what markdown, HTML or a mention would make of it."""
    line = printable(text)
    if PLAIN.fullmatch(line):
        return line
    return "<code>" + "".join(sign if HARMLESS.fullmatch(sign) else f"&#{ord(sign)};" for sign in line) + "</code>"


def _enumerate(noun: str, counts: Sequence[tuple[int, str]]) -> str:
    """The noun stands once, with the first count."""
    (number, word), *rest = [item for item in counts if item[0]] or [(0, "")]
    if not number:
        return ""
    first = f"{number} {noun}{'s' if number > 1 else ''} {word}"
    return ", ".join([first, *(f"{count} {other}" for count, other in rest)])


def _section(dataset: str, changes: Sequence[Change]) -> str:
    rows = [_row(change, figure) for change in sorted(changes, key=_urgency) for figure in change.figures]
    return (
        f"**{escape(dataset)}**\n\n{tabulate(rows, HEAD, tablefmt='github', colalign=ALIGN, disable_numparse=True)}\n"
    )


def _urgency(change: Change) -> tuple[int, str]:
    return min((FIRST.index(figure.verdict) for figure in change.figures), default=len(FIRST)), change.cell.model


def _row(change: Change, figure: FigureChange) -> list[str]:
    values = " → ".join(_values(figure))
    return [escape(change.cell.model), title_of(figure.metric), values, _difference(figure), _verdict(figure)]


def _values(figure: FigureChange) -> list[str]:
    digits = _digits(figure)
    texts = [MISSING if value is None else f"{value:.{digits}f}" for value in (figure.before, figure.after)]
    if figure.difference is None and figure.half_width is not None:
        texts[1] += f" ± {figure.half_width:.{digits}f}"
    return texts


def _digits(figure: FigureChange) -> int:
    """As few as tell the two apart."""
    if figure.before is None or figure.after is None:
        return DECIMALS[0]
    pairs = ((digits, f"{figure.before:.{digits}f}", f"{figure.after:.{digits}f}") for digits in DECIMALS)
    return next((digits for digits, one, other in pairs if one != other), DECIMALS[-1])


def _difference(figure: FigureChange) -> str:
    if figure.difference is None:
        return MISSING
    digits = _digits(figure)
    return f"{figure.difference.value:+.{digits}f} ± {figure.difference.half_width:.{digits}f}"


def _verdict(figure: FigureChange) -> str:
    if figure.difference is not None:
        p = figure.difference.p
        return f"{figure.verdict} (p {'< 0.001' if p < 0.001 else f'= {p:.3f}'})"
    return f"{figure.verdict}: {escape(figure.reason)}" if figure.reason else figure.verdict


def _explain(changes: Sequence[Change]) -> list[str]:
    """What the words of these tables mean, and of no others."""
    figures = [figure for change in changes for figure in change.figures]
    verdicts = {figure.verdict for figure in figures}
    compared = sum(figure.difference is not None for figure in figures)
    lines = []
    if compared:
        family = f"the {compared} comparisons" if compared > 1 else "the one comparison"
        lines.append(
            "± is half of a 95 % interval on the same images, of one difference by itself; "
            f"p is adjusted (Holm) for {family} shown."
        )
    lines += [text for verdict, text in MEANING.items() if verdict in verdicts]
    return [" ".join(lines) + "\n"] if lines else []


def _list_elsewhere(changes: Sequence[Change]) -> list[str]:
    """Which other figures changed: a table shows few of them, and nobody should change one unseen."""
    lines = [f"- {_name_elsewhere(change)}\n" for change in changes if change.elsewhere]
    return ["Changed besides, in what no table shows:\n\n" + "".join(lines)] if lines else []


def _name_elsewhere(change: Change) -> str:
    named, more = change.elsewhere[:MOST_NAMED], len(change.elsewhere) - MOST_NAMED
    rest = f" and {more} more" if more > 0 else ""
    return f"{escape(change.cell.model)} on {escape(change.cell.dataset)}: {escape(', '.join(named))}{rest}"


MEANING: dict[Verdict, str] = {
    "unresolved": "Unresolved: the figure changed, but these images cannot tell whether for better or worse.",
    "no interval": "No interval: the figure cannot be computed again image by image.",
}
