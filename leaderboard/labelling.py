"""Names for new images from a labelled reference, with how far they can be trusted. Embeddings in, labels out.

The name is that of logistic regression at its optimum (docs/protocols.md, section 3) on the whole reference, the
confidence its probability. Beside it stand the nearest reference images by Euclidean distance, as in retrieval.
An image is unknown when it is farther from its nearest reference image than any reference image from its own.
How often names of a confidence are right is counted by cross-validation on the reference.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from leaderboard.errors import LeaderboardError
from leaderboard.neighbours import find_nearest
from leaderboard.records import Embeddings

NEIGHBOURS = 5  # shown with each image
BANDS = (0.0, 0.5, 0.7, 0.9)  # of confidence: the lower end of each
FOLDS = 5
COPY = 1e-3  # of the root mean square distance to the mean: nearer ones are the same picture twice


@dataclass(frozen=True)
class Neighbour:
    """A reference image near an image."""

    file: str
    genus: str
    distance: float


@dataclass(frozen=True)
class Label:
    """What an image was named."""

    file: str
    genus: str  # the best guess, also where it is unknown
    confidence: float | None  # None: the reference has one genus, so there is nothing to be confident about
    is_unknown: bool
    neighbours: tuple[Neighbour, ...]  # nearest first

    @property
    def disagrees(self) -> bool:
        """Whether the nearest reference image is of another genus than the name."""
        return self.neighbours[0].genus != self.genus

    @property
    def band(self) -> int:
        """Which band of ``BANDS`` its confidence lies in."""
        return 0 if self.confidence is None else int(np.searchsorted(BANDS, self.confidence, side="right")) - 1


@dataclass(frozen=True)
class Reliability:
    """Of the reference images in one band of confidence, named without having been learnt: how many were right."""

    right: int
    images: int
    right_disagreeing: int  # of these, where the nearest image was of another genus
    disagreeing: int


@dataclass(frozen=True)
class Threshold:
    """The distance to the nearest reference image above which an image is unknown."""

    distance: float
    file: str  # the reference image that is farthest from all others, and so sets it
    strangers: int  # reference images that are farther than it from every image of another genus:
    images: int  # so many of so many would come out as unknown if the reference lacked their genus


@dataclass(frozen=True)
class Labelling:
    """All images, the doubtful ones first, and what is known of the names' worth."""

    labels: tuple[Label, ...]
    threshold: Threshold
    reliability: tuple[Reliability, ...]  # one per band; empty where ``unchecked`` says why
    unchecked: str = ""
    copies: int = 0  # reference images that are there twice, left out of threshold and cross-validation


def compute_labels(images: Embeddings, reference: Embeddings) -> Labelling:
    """A name for every image.

    Args:
        images: (m, d), labels are not looked at.
        reference: (n, d), labelled, of the same model.

    Raises:
        LeaderboardError: a reference without classes or without two different images, or an optimum not reached.
    """
    if len(reference.labels) == 0:
        raise LeaderboardError("the reference has no classes; put its images into one subfolder per genus")
    distinct = _without_copies(reference)
    if len(distinct.labels) < 2:
        raise LeaderboardError(
            f"of the {len(reference.labels)} readable reference images the model tells no two apart; "
            "give at least two different ones, better five per genus"
        )
    threshold = _compute_threshold(distinct)
    unchecked = _why_unchecked(distinct.labels)
    return Labelling(
        labels=tuple(sorted(_name(images, reference, threshold.distance), key=_doubt)),
        threshold=threshold,
        reliability=() if unchecked else _cross_validate(distinct.vectors, distinct.labels),
        unchecked=unchecked,
        copies=len(reference.labels) - len(distinct.labels),
    )


def _doubt(label: Label) -> tuple[object, ...]:
    """Sorts: unknown ones, the farthest first; then by band, within it those that disagree, then by confidence."""
    if label.is_unknown:
        return (0, -label.neighbours[0].distance)
    return (1, label.band, not label.disagrees, label.confidence or 0.0, -label.neighbours[0].distance)


def _name(images: Embeddings, reference: Embeddings, threshold: float) -> list[Label]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the solver on its way; the fit is checked
        genera, confidences = _classify(reference.vectors, reference.labels, images.vectors)
    indices, distances = find_nearest(images.vectors, reference.vectors, min(NEIGHBOURS, len(reference.labels)))
    return [
        Label(
            file=file,
            genus=reference.classes[genus],
            confidence=confidence,
            is_unknown=bool(near[0] > threshold),
            neighbours=tuple(
                Neighbour(reference.files[index], reference.classes[reference.labels[index]], float(distance))
                for index, distance in zip(found, near, strict=True)
            ),
        )
        for file, genus, confidence, found, near in zip(
            images.files, genera, confidences, indices, distances, strict=True
        )
    ]


def _classify(train: np.ndarray, labels: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, Sequence[float | None]]:
    """Class index and probability of each vector; no probability where there is one class only."""
    from leaderboard.protocols._logistic import fit_at_optimum

    if len(np.unique(labels)) < 2:
        return np.full(len(vectors), labels[0]), [None] * len(vectors)
    model = fit_at_optimum(train, labels)
    probabilities = np.exp(model.log_probabilities(vectors.astype(np.float64)))
    return model.classes[probabilities.argmax(axis=1)], probabilities.max(axis=1).tolist()


def _without_copies(reference: Embeddings) -> Embeddings:
    """The reference with each picture once, the first of its files.

    A copy would make an image's distance to its nearest one zero, and give its name away in cross-validation.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    nearest, own = _leave_one_out(reference.vectors)
    spread = float(np.sqrt(reference.vectors.var(axis=0, dtype=np.float64).sum()))
    twins = np.flatnonzero(own <= COPY * spread)
    links = coo_array((np.ones(len(twins)), (twins, nearest[twins])), shape=(len(own), len(own)))
    _, groups = connected_components(links, directed=False)
    kept = np.sort(np.unique(groups, return_index=True)[1])
    files = tuple(reference.files[index] for index in kept)
    return replace(reference, vectors=reference.vectors[kept], labels=reference.labels[kept], files=files)


def _leave_one_out(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each image's nearest other one: index (n,) and distance (n,), infinite where there is none."""
    indices, distances = find_nearest(vectors, vectors, 1, skip=np.arange(len(vectors)))
    return indices[:, 0], distances[:, 0]


def _compute_threshold(reference: Embeddings) -> Threshold:
    _, own = _leave_one_out(reference.vectors)
    farthest = int(own.argmax())
    strangers = _count_strangers(reference, float(own[farthest]))
    return Threshold(float(own[farthest]), reference.files[farthest], strangers, len(reference.labels))


def _count_strangers(reference: Embeddings, threshold: float) -> int:
    """Reference images farther than the threshold from all images of other genera."""
    count = 0
    for genus in np.unique(reference.labels):
        hidden = reference.labels == genus
        if not hidden.all():
            _, distances = find_nearest(reference.vectors[hidden], reference.vectors[~hidden], 1)
            count += int((distances > threshold).sum())
    return count


def _why_unchecked(labels: np.ndarray) -> str:
    """Why there is no cross-validation; empty where there is one."""
    _, counts = np.unique(labels, return_counts=True)
    if len(counts) < 2:
        return "the reference has a single genus"
    if counts.max() < FOLDS:
        return f"no genus of the reference has {FOLDS} different images"
    return ""


def _cross_validate(vectors: np.ndarray, labels: np.ndarray) -> tuple[Reliability, ...]:
    """Name each image by the others, in five folds. The only image of a genus is always learnt, never asked."""
    from leaderboard.protocols._logistic import rotate
    from leaderboard.protocols._parallel import compute_all

    rotated = rotate(vectors)  # distances and fits stay what they are, and the folds share the work
    folds = compute_all(partial(_check_fold, rotated, labels), _split(labels), "cross-validation")
    confidence, right, disagrees = (np.concatenate(parts) for parts in zip(*folds, strict=True))
    band = np.searchsorted(BANDS, confidence, side="right") - 1
    return tuple(
        Reliability(int((right & here).sum()), int(here.sum()), int((right & doubt).sum()), int(doubt.sum()))
        for here, doubt in ((band == index, (band == index) & disagrees) for index in range(len(BANDS)))
    )


def _split(labels: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """(train, test) indices of the folds; every genus is in every training part."""
    from sklearn.model_selection import StratifiedKFold

    alone = np.bincount(labels)[labels] == 1
    several = np.flatnonzero(~alone)
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a genus of two to four images is not in every test part
        parts = list(splitter.split(several, labels[several]))
    return [(np.concatenate([several[train], np.flatnonzero(alone)]), several[test]) for train, test in parts]


def _check_fold(
    vectors: np.ndarray, labels: np.ndarray, fold: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the test part: confidence, whether the name is right, whether the nearest image is of another genus."""
    train, test = fold
    genera, confidences = _classify(vectors[train], labels[train], vectors[test])
    nearest = train[find_nearest(vectors[test], vectors[train], 1)[0][:, 0]]
    return np.array(confidences), genera == labels[test], labels[nearest] != genera
