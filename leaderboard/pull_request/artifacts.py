"""Artifacts of a run of foreign code, held against what the pull request concerns, by the data sets that main knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from leaderboard.errors import LeaderboardError
from leaderboard.github.artifacts import Measured as Letter
from leaderboard.github.artifacts import parse_name, read_artifact
from leaderboard.github.members import Forged
from leaderboard.pull_request.changed import Changed, compute_changed
from leaderboard.pull_request.review import Measured, Review, compute_review
from leaderboard.pull_request.sides import Side, Sides
from leaderboard.pull_request.tables import GENERATED
from leaderboard.records import DatasetSpec

MOST = 256 << 20  # bytes of all artifacts together
A = TypeVar("A")


def review_artifacts(
    sides: Sides, main: Side, artifacts: Mapping[str, A], fetch: Callable[[A], bytes]
) -> tuple[Review, dict[str, str]]:
    """The review that sound artifacts give, and of the others why each was refused.

    Args:
        sides: the pull request merged into main, read as data.
        main: whose entries of data sets count, where it has them: counts, digests, tolerances.
        artifacts: by name.
        fetch: gives the bytes of one, of which nothing is believed.
    """
    changed = compute_changed(sides)
    datasets = {**sides.after.registry.datasets, **main.registry.datasets}
    sound, refused = _read_all(artifacts, fetch, changed, datasets)
    measured = Measured(
        results=[result for letter in sound for result in letter.results],
        outcomes={cell: outcome for letter in sound for cell, outcome in letter.outcomes.items()},
        notes=[*(note for letter in sound for note in letter.notes), *_find_strange(sides)],
    )
    judged = replace(sides, after=replace(sides.after, registry=replace(sides.after.registry, datasets=datasets)))
    return compute_review(judged, changed, measured, main.results, "main"), refused


def _read_all(
    artifacts: Mapping[str, A], fetch: Callable[[A], bytes], changed: Changed, datasets: Mapping[str, DatasetSpec]
) -> tuple[list[Letter], dict[str, str]]:
    """Each by itself: one that is refused takes no other along."""
    sound: list[Letter] = []
    refused: dict[str, str] = {}
    left = MOST
    for name, artifact in artifacts.items():
        try:
            _check_concerned(name, changed)
            left -= len(content := _fetch(name, artifact, fetch, left))
            sound.append(read_artifact(name, content, datasets=datasets))
        except LeaderboardError as error:
            refused[name] = str(error)
    return sound, refused


def _check_concerned(name: str, changed: Changed) -> None:
    """Before anything is fetched: its name says of which model it is, and nothing else in it may be of another."""
    model = parse_name(name)
    if model not in changed.open:
        raise Forged(f"artifact {name} is of model {model}, which this pull request does not concern")


def _fetch(name: str, artifact: A, fetch: Callable[[A], bytes], left: int) -> bytes:
    if left <= 0:
        raise Forged(f"artifact {name} is one too many: all together may have {MOST:,} bytes")
    return fetch(artifact)


def _find_strange(sides: Sides) -> Iterator[str]:
    """What a pull request has no business with, or what nothing can be made of; told by main's code, not by its own."""
    yield from (f"{file} is written on main only" for file in sides.files if file in GENERATED)
    yield from (f"{file}: {why}" for file, why in sides.after.damaged.items())
