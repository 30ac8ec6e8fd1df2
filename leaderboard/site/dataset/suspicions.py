"""Labels of a data set to look at again: mistakes that all good models share, and the suspects of an audit. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leaderboard.auditing import NEEDED, Audit, Suspect, compute_audit
from leaderboard.mistakes import SharedConfusion, find_shared_confusions
from leaderboard.records import Result
from leaderboard.report.audit_words import HOW_TO_READ, describe_agreement, describe_doubt, describe_silent, summarise
from leaderboard.sections import Section
from leaderboard.site.dataset.listening import Listening
from leaderboard.site.material import Images
from leaderboard.site.model.verdicts import list_names
from leaderboard.site.pictures import Picture, describe_picture

FEWEST = 2  # models that have to agree
CONFUSIONS = 10
PICTURES = 8  # of a pair
SUSPECTS = 48


@dataclass(frozen=True)
class SharedView:
    """A pair that every good model confuses."""

    truth: str
    named: str
    counts: str  # "2 of 25 tested images"
    pictures: Sequence[Picture]  # of images that all of them confuse
    left: int  # such images that are not shown


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
    notes: Sequence[str]  # why to these, and what to think of it
    confusions: Sequence[SharedView]
    summary: str
    doubts: Sequence[str]
    suspects: Sequence[SuspectView]
    left: int  # suspects that are not shown
    command: str


def gather_suspicions(section: Section, listening: Listening, images: Images | None) -> Suspicions | None:
    """By the same models and rules as ``leaderboard audit``.

    None where fewer than two models are good, for the errors of a single one are just its errors, or where their
    outcomes are not stored.
    """
    good = listening.good
    if len(good) < FEWEST or not all(map(_can_be_heard, good)):
        return None
    audit, shared = compute_audit(good), find_shared_confusions(good)[:CONFUSIONS]
    return Suspicions(
        models=audit.models,
        notes=[*filter(None, [listening.who, listening.kinship])],
        confusions=[_name(pair, good[0], images) for pair in shared],
        summary=summarise(audit, list_names(audit.models)),
        doubts=_list_doubts(section, audit),
        suspects=[_describe(suspect, good[0], images) for suspect in audit.suspects[:SUSPECTS]],
        left=max(0, len(audit.suspects) - SUSPECTS),
        command=f"leaderboard audit {section.dataset.id} --out audit/",
    )


def _can_be_heard(result: Result) -> bool:
    """Whether an audit finds what it reads."""
    stored = {protocol: result.outcomes[protocol] for protocol in NEEDED if protocol in result.outcomes}
    return bool(stored) and all(NEEDED[protocol] in outcomes for protocol, outcomes in stored.items())


def _name(pair: SharedConfusion, result: Result, images: Images | None) -> SharedView:
    truth = result.classes[pair.truth]
    return SharedView(
        truth,
        result.classes[pair.named],
        f"{len(pair.images)} of {pair.tested} tested images",
        [describe_picture(result.dataset, image, truth, images) for image in pair.images[:PICTURES]],
        max(0, len(pair.images) - PICTURES),
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
