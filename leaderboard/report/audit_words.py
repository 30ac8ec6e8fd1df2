"""What is said about suspects, in the same words on the terminal and on the page."""

from __future__ import annotations

from leaderboard.auditing import DOUBT, TIMES, Audit, Suspect
from leaderboard.records import DatasetSpec
from leaderboard.render.comparison import SMOKE_TEST

HOW_FOUND = (
    "A model's support for a class is the mean of two shares: of the class among the ten nearest other images, nearer "
    "ones counting more, and among the names that logistic regression gave the image when it had not learnt it. An "
    "image is suspected when every one of these models supports another class more than the label, and in the mean "
    f"over the models another class has at least {TIMES:g} times the support of the label ({DOUBT:g} is added to both)."
)
HOW_TO_READ = (
    "A suspicion is no proof, and a suggestion no name. How well an audit works was tried on palynomorphs-20 alone: "
    "where 3 or 5 % of its labels were changed on purpose, about half of the suspects were changed (a third, where "
    "one model judged). Nothing was changed for this audit, so that share says nothing about these images. Errors "
    "that were made often in the same way were mostly not found there: they have neighbours of their kind."
)
COLUMNS_MEAN = (
    "agreeing: how many of the models suggest that class. times: its support, in the mean over the models, as a "
    f"multiple of the label's ({DOUBT:g} added to both)."
)


def summarise(audit: Audit, who: str = "") -> str:
    """How many suspects there are, and who says so: ``who``, else every model by its id."""
    count, models = len(audit.suspects), audit.models
    whose = {0: "no label", 1: "its label"}.get(count, "their label")
    by = f"each of {who or ', '.join(models)}" if len(models) > 1 else models[0]
    said = f"{count} of {audit.images} images {_are(count)} suspected: {whose} is contradicted by {by}"
    if len(models) == 1 or count == 0:
        return said
    agreed = sum(suspect.agreeing == len(models) for suspect in audit.suspects)
    return f"{said}; on {agreed} they suggest the same class"


def describe_doubt(spec: DatasetSpec, count: int) -> str:
    """How many of so many suspects are really wrong, as far as anybody knows; empty when there is nothing to say."""
    parts = [] if spec.ranked else [SMOKE_TEST]
    if count and spec.kind == "synthetic":
        parts.append("Drawn labels are true by construction: every suspicion here is a false alarm.")
    elif count == 1:
        parts.append("Whether this label is really wrong is unknown.")
    elif count:
        parts.append("How many of these are really wrong is unknown; it may be none.")
    return " ".join(parts)


def describe_silent(audit: Audit) -> str:
    """How many images could not be judged; empty when all were."""
    if not audit.silent:
        return ""
    return (
        f"{audit.silent} image{'' if audit.silent == 1 else 's'} could not be judged: alone in the class, and never "
        "named without having been learnt"
    )


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def describe_agreement(suspect: Suspect) -> str:
    """How many of the models suggest the same class."""
    return f"{suspect.agreeing} of {len(suspect.opinions)} models"
