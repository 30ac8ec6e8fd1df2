"""What was found while watching, in markdown, for a terminal, a job's summary and an issue. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from leaderboard.render.changes import escape
from leaderboard.watching import Finding, Kind

LONGEST = 500  # signs of what one finding says
TITLES: Mapping[Kind, str] = {
    "vanished": "Vanished",
    "changed": "Changed",
    "unreachable": "Could not be asked; the next run asks again",
    "refused": "Not to be asked without an account: gated or forbidden, which is no alarm",
}
WORDS: Mapping[Kind, str] = {
    "vanished": "vanished",
    "changed": "changed",
    "unreachable": "could not be asked",
    "refused": "gated or forbidden",
    "well": "well",
}
REMEDY = (
    "`python -m leaderboard watch ID` asks again. A model that is gone for good keeps its figures; its entry in "
    "models.yaml needs another source. A model that has changed is measured again, or pinned to the older commit. "
    "A dead link is corrected in models.yaml or datasets.yaml.\n"
)


def render_watch(findings: Sequence[Finding]) -> str:
    """The counts, then what is not well, by kind; what others wrote is escaped."""
    sections = [_section(kind, [one for one in findings if one.kind == kind]) for kind in TITLES]
    remedy = [REMEDY] if any(one.is_alarm for one in findings) else []
    return "\n".join([f"**{summarise(findings)}**\n", *filter(None, sections), *remedy])


def summarise(findings: Sequence[Finding]) -> str:
    """How many became what: "1 vanished, 2 could not be asked, 30 well"."""
    counts = Counter(one.kind for one in findings)
    return ", ".join(f"{counts[kind]} {word}" for kind, word in WORDS.items() if counts[kind]) or "nothing to watch"


def _section(kind: Kind, findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    lines = [f"- {escape(one.subject)}: {escape(one.text[:LONGEST])}\n" for one in findings]
    return f"### {TITLES[kind]}\n\n{''.join(lines)}"
