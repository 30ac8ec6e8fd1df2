"""Images to hold a suspect against: the nearest ones of its label's class, and of the class suggested."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leaderboard.auditing import Audit, Suspect
from leaderboard.records import Result

SHOWN = 5  # images of each class


@dataclass(frozen=True)
class Example:
    """An image beside a suspect."""

    image: int  # its index
    is_near: bool  # a neighbour of the suspect, or the other way round; else typical of its class


@dataclass(frozen=True)
class Comparison:
    """A suspect between two classes."""

    suspect: Suspect
    of_label: Sequence[Example]
    of_suggestion: Sequence[Example]


def choose_comparisons(audit: Audit, results: Sequence[Result]) -> list[Comparison]:
    """For each suspect, in their order, images of both classes, the nearest first. No suspect is shown as an example.

    Args:
        audit: of these results.
        results: of the good models; near is what is among their stored neighbours.
    """
    labels, closeness = np.asarray(results[0].labels), compute_closeness(results)
    suspects = {suspect.image for suspect in audit.suspects}
    return [
        Comparison(suspect, *(_choose(suspect.image, c, labels, closeness, suspects) for c in _classes_of(suspect)))
        for suspect in audit.suspects
    ]


def _classes_of(suspect: Suspect) -> tuple[int, int]:
    return suspect.label, suspect.suggestion


def compute_closeness(results: Sequence[Result]) -> Any:
    """How near images are (n, n), sparse: [i, j] is high when j is an early neighbour of i in many models."""
    from scipy.sparse import coo_array, csr_array

    n = len(results[0].labels)
    total = csr_array((n, n))
    for result in results:
        neighbours = np.asarray(result.outcomes.get("retrieval", {}).get("neighbours", np.empty((n, 0), np.int64)))
        count = neighbours.shape[1]
        values = np.tile(np.arange(count, 0, -1, dtype=float), n)
        cells = (np.repeat(np.arange(n), count), neighbours.ravel())
        total = total + coo_array((values, cells), shape=(n, n)).tocsr()
    return total


def _choose(image: int, of: int, labels: np.ndarray, closeness: Any, suspects: Collection[int]) -> list[Example]:
    """Neighbours of the image; then images that it is a neighbour of; then those that are near many of their class."""
    others = [index for index in np.flatnonzero(labels == of).tolist() if index not in suspects]
    members = np.array(others, dtype=np.int64)
    near = closeness[[image]].toarray()[0, members]
    reverse = closeness[members][:, [image]].toarray()[:, 0]
    typical = np.asarray(closeness[members][:, members].sum(axis=0)).ravel()
    order = np.lexsort((members, -typical, -reverse, -near))[:SHOWN]  # the last key is the first to count
    return [Example(int(members[i]), bool(near[i] or reverse[i])) for i in order]
