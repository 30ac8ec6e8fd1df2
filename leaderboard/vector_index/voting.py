"""Names by vote of the nearest reference images, for references too large to fit a model to. Rows in, labels out.

The name is that of most of the ten nearest reference images (of names with equally many the nearest one's), the
confidence its share of these votes. An image is unknown when it is farther from its nearest reference image than any
image of a sample of the reference is from its own. How often names of a confidence are right is counted on that sample,
each of its images named by all the others; images with the same pixels have no vote there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leaderboard.errors import LeaderboardError, printable
from leaderboard.finding import class_of
from leaderboard.labelling import BANDS, NEIGHBOURS, Label, Neighbour, Reliability
from leaderboard.vector_index.opening import Searchable

VOTERS = 10
SAMPLE = 2000  # reference images whose names are checked
SPARE = 6  # nearest ones beyond the voters: the image itself and its copies


@dataclass(frozen=True)
class Voting:
    """A reference that names images, and what was measured of it."""

    reference: Searchable
    threshold: float  # distance to the nearest reference image above which an image is unknown
    reliability: tuple[Reliability, ...]  # one per band of confidence
    sample: int  # images that both were measured on

    def name(self, files: Sequence[str], vectors: np.ndarray) -> list[Label]:
        """A label for each vector (m, d), in the order of the files."""
        voters = find_voters(self.reference, vectors)
        return [_label(file, near, self.threshold) for file, near in zip(files, voters, strict=True)]


def measure_voting(reference: Searchable) -> Voting:
    """Check names and distances on a random sample of the reference.

    Raises:
        LeaderboardError: it has no classes, or a sample of it has one picture only.
    """
    collection = reference.collection
    rows = np.sort(np.random.default_rng(0).choice(collection.images, min(SAMPLE, collection.images), replace=False))
    own = collection.describe_rows(rows)
    for path, _ in own:
        if not class_of(path):
            raise LeaderboardError(
                f"{collection.folder}: {printable(path)} has no class; a reference is embedded from a folder with one "
                "subfolder per genus"
            )
    voters = find_voters(reference, collection.read_vectors(rows), pixels=[pixels for _, pixels in own])
    checked = [(path, _label(path, near, np.inf)) for (path, _), near in zip(own, voters, strict=True) if near]
    if not checked:
        raise LeaderboardError(
            f"{collection.folder}: all images of a sample are the same picture; give a real reference"
        )
    threshold = max(label.neighbours[0].distance for _, label in checked)
    return Voting(reference, threshold, _count_right(checked), len(checked))


def find_voters(
    reference: Searchable, vectors: np.ndarray, *, pixels: Sequence[str] | None = None
) -> list[list[Neighbour]]:
    """The ten nearest reference images of each vector (m, d).

    Args:
        reference: that is searched.
        vectors: of images.
        pixels: of each, the digest of pixels that have no vote.
    """
    k = min(VOTERS + (SPARE if pixels is not None else 0), reference.collection.images)
    nearest = reference.search(vectors, k)
    rows = np.unique(nearest.rows[nearest.rows >= 0])
    described = dict(zip(rows.tolist(), reference.collection.describe_rows(rows), strict=True))
    found = []
    for number, (own, distances) in enumerate(zip(nearest.rows.tolist(), nearest.distances.tolist(), strict=True)):
        near = [(*described[row], distance) for row, distance in zip(own, distances, strict=True) if row >= 0]
        kept = [(path, distance) for path, digest, distance in near if pixels is None or digest != pixels[number]]
        found.append([Neighbour(path, class_of(path), distance) for path, distance in kept[:VOTERS]])
    return found


def _label(file: str, voters: Sequence[Neighbour], threshold: float) -> Label:
    votes = Counter(voter.genus for voter in voters)  # at equally many the first that was counted: the nearest
    genus, count = votes.most_common(1)[0]
    return Label(file, genus, count / len(voters), voters[0].distance > threshold, tuple(voters[:NEIGHBOURS]))


def _count_right(checked: Sequence[tuple[str, Label]]) -> tuple[Reliability, ...]:
    counts = np.zeros((len(BANDS), 4), dtype=int)
    for path, label in checked:
        right = label.genus == class_of(path)
        counts[label.band] += (right, 1, right and label.disagrees, label.disagrees)
    return tuple(Reliability(*row) for row in counts.tolist())
