"""A pull request's review in markdown, for a job's summary and for the one comment. Pure; foreign words are escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tabulate import tabulate

from leaderboard.pull_request.review import Review, ReviewedCell
from leaderboard.render.changes import escape, render_changes

LONGEST = 300  # signs of a reason: a run's own words may be a whole traceback
HEAD = ("Model", "Data set", "Measured again", "The pull request's own figures")


def render_review(review: Review, refused: Mapping[str, str] | None = None) -> str:
    """What concerns whom, how measuring went, and what the leaderboard would be.

    Args:
        review: of one pull request.
        refused: artifact -> why it was not read.
    """
    parts = [_verdict(review, refused or {}), _cells(review.cells), _concerns(review), _warnings(review, refused or {})]
    if review.cells or any(change.kind != "unchanged" for change in review.changes):
        parts.append("### What it would change\n\n" + render_changes(review.changes, review.base, "this pull request"))
    return "\n".join(part for part in parts if part)


def render_automation(files: Sequence[str]) -> str:
    """A line about changed workflows; nothing where there are none."""
    names = _shorten(", ".join(files))
    said = f"- **It changes what runs here** ({names}): a maintainer reads that before anything else."
    return said if files else ""


def _shorten(text: str) -> str:
    return escape(text if len(text) <= LONGEST else text[:LONGEST] + "…")


def _verdict(review: Review, refused: Mapping[str, str]) -> str:
    count = len(review.problems) + len(refused)
    if count:
        return f"**{count} problem{'s' if count > 1 else ''} to mend before this can be merged.**\n"
    if review.changed.code and review.cells:
        return "**Measured by this pull request's own code: read that before the figures.**\n"
    if review.unchecked:
        return "**It carries figures that nobody has measured again.**\n"
    if any(not one.is_carried for one in review.cells):
        return "**Measured; but this pull request does not carry every figure.**\n"
    if review.cells:
        return "**Every measured figure is as this pull request says.**\n"
    if review.changed.gated:
        return "**A maintainer has to measure it.**\n"
    if review.changed.words or any(change.kind != "unchanged" for change in review.changes):
        return "**Nothing was measured, but the leaderboard would show something else.**\n"
    return "**No figure of the leaderboard is concerned.**\n"


def _cells(cells: Sequence[ReviewedCell]) -> str:
    rows = [[escape(one.cell.model), escape(one.cell.dataset), _status(one), _carried(one)] for one in cells]
    return tabulate(rows, HEAD, tablefmt="github", disable_numparse=True) + "\n" if rows else ""


def _status(one: ReviewedCell) -> str:
    said = [one.status, *([_shorten(one.reason)] if one.reason else []), *map(escape, one.missed)]
    return "; ".join(said)


def _carried(one: ReviewedCell) -> str:
    if one.status != "ok":
        return "not compared"
    if not one.is_carried:
        return "none: commit the result file"
    return f"**differ**: {_shorten(one.disagreement)}" if one.disagreement else "agree"


def _concerns(review: Review) -> str:
    lines = [f"- {escape(model)}: {_shorten('; '.join(why))}" for model, why in review.changed.reasons.items()]
    lines += [f"- {escape(model)}: removed" for model in review.changed.removed]
    return "\n".join(["<details><summary>Why these models</summary>\n", *lines, "\n</details>\n"]) if lines else ""


def _warnings(review: Review, refused: Mapping[str, str]) -> str:
    changed = review.changed
    unmeasured, gated = map(escape, review.unmeasured), map(escape, changed.gated)
    unchecked = [f"{escape(cell.model)} on {escape(cell.dataset)}" for cell in review.unchecked]
    lines = [f"- {model} was to be measured, and nothing came of it: see the job's log." for model in unmeasured]
    lines += [f"- {model} is gated: a maintainer measures it, with the workflow *gated*." for model in gated]
    lines += [f"- {cell} was not measured again: its figures are the contributor's word." for cell in unchecked]
    lines += [f"- Not read: {_shorten(why)}" for why in refused.values()]
    lines += [f"- {_shorten(note)}" for note in review.notes]
    if changed.words:
        lines.append(f"- Shown otherwise: {_shorten('; '.join(changed.words))}.")
    if changed.code:
        names = _shorten(", ".join(changed.code))
        lines.append(f"- **It changes code** ({names}): what was measured, that code has measured, not main's.")
    lines += [render_automation(changed.automation)] if changed.automation else []
    return "\n".join([*lines, ""]) if lines else ""
