"""Labels of a data set to look at again: mistakes that all good models share, and the suspects of an audit. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leaderboard.auditing import SHARES, Audit, Suspect, choose_good, compute_audit, list_untrained
from leaderboard.mistakes import SharedConfusion, find_shared_confusions
from leaderboard.records import Result
from leaderboard.report.audit_words import HOW_TO_READ, describe_agreement, describe_doubt, describe_silent, summarise
from leaderboard.sections import Section
from leaderboard.site.material import Images, Material
from leaderboard.site.model.verdicts import list_names
from leaderboard.site.pictures import Picture, describe_picture

CONFUSIONS = 10
SUSPECTS = 48
NEEDED = {"retrieval": "neighbours", "linear": "predicted"}  # of the outcomes of the protocols in SHARES


@dataclass(frozen=True)
class SharedView:
    """A pair that every good model confuses."""

    truth: str
    named: str
    share: str  # "23 to 27 %"
    width: str  # style of a bar: the least share
    counts: str


@dataclass(frozen=True)
class SuspectView:
    """An image whose label every good model contradicts."""

    picture: Picture
    label: str
    suggestion: str
    times: str
    agreement: str


@dataclass(frozen=True)
class Suspicions:
    """What a specialist should look at."""

    models: Sequence[str]  # that were listened to
    named: str  # these, or some of many
    confusions: Sequence[SharedView]
    summary: str
    doubts: Sequence[str]
    suspects: Sequence[SuspectView]
    left: int  # suspects that are not shown
    command: str


def gather_suspicions(material: Material, section: Section, images: Images | None) -> Suspicions | None:
    """By the same models and rules as ``leaderboard audit``; None where their outcomes are not stored."""
    good = _choose(material, section)
    if not all(map(_can_be_heard, good)):
        return None
    audit, shared = compute_audit(good), find_shared_confusions(good)[:CONFUSIONS]
    return Suspicions(
        models=audit.models,
        named=list_names(audit.models),
        confusions=[_name(pair, good[0]) for pair in shared],
        summary=summarise(audit).replace(", ".join(audit.models), list_names(audit.models)),
        doubts=_list_doubts(section, audit),
        suspects=[_describe(suspect, good[0], images) for suspect in audit.suspects[:SUSPECTS]],
        left=max(0, len(audit.suspects) - SUSPECTS),
        command=f"leaderboard audit {section.dataset.id} --out audit/",
    )


def _can_be_heard(result: Result) -> bool:
    """Whether an audit finds what it reads."""
    stored = {protocol: result.outcomes[protocol] for protocol in SHARES if protocol in result.outcomes}
    return bool(stored) and all(NEEDED[protocol] in outcomes for protocol, outcomes in stored.items())


def _choose(material: Material, section: Section) -> list[Result]:
    untrained = list_untrained(material.registry.models.values())
    return choose_good(material.compared(section), untrained, section.columns[0], section.standings)


def _name(pair: SharedConfusion, result: Result) -> SharedView:
    low, high = (100 * own.share for own in (pair.least, pair.most))
    least = pair.least
    return SharedView(
        result.classes[pair.truth],
        result.classes[pair.named],
        f"{low:.0f} %" if round(low) == round(high) else f"{low:.0f} to {high:.0f} %",
        f"--share:{low:.1f}",
        f"at least {least.times} of {least.asked} tests",
    )


def _list_doubts(section: Section, audit: Audit) -> list[str]:
    said = [describe_doubt(section.dataset, len(audit.suspects)), describe_silent(audit)]
    return [*filter(None, said), *([HOW_TO_READ] if audit.suspects else [])]


def _describe(suspect: Suspect, result: Result, images: Images | None) -> SuspectView:
    label = result.classes[suspect.label]
    return SuspectView(
        picture=describe_picture(result.dataset, suspect.image, label, images),
        label=label,
        suggestion=result.classes[suspect.suggestion],
        times=f"{suspect.times:.1f}",
        agreement=describe_agreement(suspect),
    )
