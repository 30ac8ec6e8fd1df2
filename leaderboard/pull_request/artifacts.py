"""Artifacts of a run of foreign code, held against what the pull request concerns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from leaderboard.errors import LeaderboardError
from leaderboard.github.artifacts import Measured as Letter
from leaderboard.github.artifacts import read_artifact
from leaderboard.github.members import Forged
from leaderboard.pull_request.changed import Changed, compute_changed
from leaderboard.pull_request.review import Measured, Review, compute_review
from leaderboard.pull_request.sides import Sides
from leaderboard.records import Result

A = TypeVar("A")


def review_artifacts(
    sides: Sides, artifacts: Mapping[str, A], fetch: Callable[[A], bytes], published: Sequence[Result]
) -> tuple[Review, dict[str, str]]:
    """The review that sound artifacts give, and of the others why each was refused.

    Args:
        sides: the pull request, read as data.
        artifacts: by name.
        fetch: gives the bytes of one, of which nothing is believed.
        published: the results on main.
    """
    changed = compute_changed(sides)
    sound: list[Letter] = []
    refused: dict[str, str] = {}
    for name, artifact in artifacts.items():
        try:
            letter = read_artifact(name, fetch(artifact), datasets=sides.after.registry.datasets)
            _check_concerned(name, letter.model, changed)
            sound.append(letter)
        except LeaderboardError as error:
            refused[name] = str(error)
    measured = Measured(
        results=[result for letter in sound for result in letter.results],
        outcomes={cell: outcome for letter in sound for cell, outcome in letter.outcomes.items()},
        notes=[note for letter in sound for note in letter.notes],
    )
    return compute_review(sides, changed, measured, published, "main"), refused


def _check_concerned(name: str, model: str, changed: Changed) -> None:
    if model not in changed.open:
        raise Forged(f"artifact {name} is of model {model}, which this pull request does not concern")
