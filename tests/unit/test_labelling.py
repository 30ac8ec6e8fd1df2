"""Names for new images: who is named what, who is unknown, who comes first, and how often names are right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from leaderboard.errors import LeaderboardError
from leaderboard.labelling import BANDS, FOLDS, compute_labels
from leaderboard.records import Embeddings, Provenance

GENERA = ("azolla", "bisaccate", "deflandrea")
CENTRES = 10.0 * np.eye(3, 6)


def make(counts: Sequence[int], *, spread: float = 1.0, seed: int = 0) -> Embeddings:
    """A cloud of embeddings per genus, ten standard deviations from the next one at a spread of 1."""
    labels = np.repeat(np.arange(len(counts)), counts)
    vectors = CENTRES[labels] + spread * np.random.default_rng(seed).normal(size=(len(labels), 6))
    files = tuple(f"{GENERA[label]}/{index:03d}.png" for index, label in enumerate(labels))
    return Embeddings(vectors.astype(np.float32), labels, files, GENERA[: len(counts)], Provenance({}, {}))


def of(vectors: object) -> Embeddings:
    """Embeddings of a slide without labels."""
    rows = np.asarray(vectors, np.float32)
    files = tuple(f"{index}.png" for index in range(len(rows)))
    return Embeddings(rows, np.empty(0, np.int64), files, (), Provenance({}, {}))


def test_images_near_a_genus_get_its_name() -> None:
    """With a confidence near one, and neighbours of that genus, nearest first."""
    new = make([4, 5, 6], seed=1)
    found = compute_labels(new, make([20, 20, 20]))
    assert len(found.labels) == 15
    for label in found.labels:
        assert label.file.startswith(f"{label.genus}/")
        assert label.confidence is not None
        assert label.confidence > 0.9
        assert not label.disagrees
        distances = [near.distance for near in label.neighbours]
        assert distances == sorted(distances)
        assert len(distances) == 5


def test_the_name_is_that_of_the_linear_protocol_and_the_confidence_its_probability() -> None:
    """The same optimum as scikit-learn's, to what its tolerance allows."""
    from sklearn.linear_model import LogisticRegression

    reference, new = make([12, 30, 9], spread=6.0), make([10, 10, 10], spread=6.0, seed=1)
    peer = LogisticRegression(class_weight="balanced", solver="newton-cholesky", tol=1e-10, max_iter=1000)
    expected = peer.fit(reference.vectors.astype(float), reference.labels).predict_proba(new.vectors.astype(float))
    found = {label.file: label for label in compute_labels(new, reference).labels}
    for file, row in zip(new.files, expected, strict=True):
        assert found[file].genus == GENERA[row.argmax()]
        assert found[file].confidence == pytest.approx(row.max(), abs=1e-6)


def test_the_threshold_is_the_largest_distance_to_a_nearest_other_reference_image() -> None:
    """Just below it an image has a name, just above it is unknown."""
    reference = make([8, 9, 10])
    distances = cdist(reference.vectors, reference.vectors)
    np.fill_diagonal(distances, np.inf)
    own = distances.min(axis=1)
    start = reference.vectors[0].astype(float)
    away = -CENTRES.sum(axis=0) / np.linalg.norm(CENTRES.sum(axis=0))  # from all other images too
    farthest = int((reference.vectors @ away)[:8].argmax())
    start = reference.vectors[farthest].astype(float)
    threshold = compute_labels(of([start]), reference).threshold
    assert threshold.distance == pytest.approx(own.max())
    assert threshold.file == reference.files[own.argmax()]
    steps = [start + 0.9 * own.max() * away, start + 1.5 * own.max() * away]
    found = {label.file: label for label in compute_labels(of(steps), reference).labels}
    assert not found["0.png"].is_unknown
    assert found["1.png"].is_unknown


def test_strangers_are_counted_as_if_their_genus_were_missing() -> None:
    """Well separated genera would all be noticed; overlapping ones would not."""
    apart = compute_labels(of(CENTRES), make([20, 20, 20]))
    assert (apart.threshold.strangers, apart.threshold.images) == (60, 60)
    mixed = compute_labels(of(CENTRES), make([20, 20, 20], spread=30.0))
    assert mixed.threshold.strangers < 10


def test_doubtful_images_come_first() -> None:
    """Unknown ones, the farthest first; then by band, those that disagree first, then by confidence."""
    new = make([60, 60, 60], spread=6.0, seed=1)
    far = np.array([[500.0] + [0.0] * 5, [900.0] + [0.0] * 5], np.float32)
    new = replace(new, vectors=np.vstack([new.vectors, far]), files=(*new.files, "far.png", "farther.png"))
    labels = compute_labels(new, make([20, 20, 20], spread=6.0)).labels
    assert [label.file for label in labels[:2]] == ["farther.png", "far.png"]
    known = [label for label in labels if not label.is_unknown]
    assert len({(label.band, label.disagrees) for label in known}) > 4
    order = [(label.band, not label.disagrees, label.confidence) for label in known]
    assert order == sorted(order)
    assert [label.is_unknown for label in labels] == sorted((label.is_unknown for label in labels), reverse=True)


def test_a_name_against_the_nearest_reference_image_disagrees() -> None:
    """One image of another genus amid a cloud is the nearest of what lies beside it, and does not give the name."""
    reference = make([30, 30])
    vectors = np.vstack([reference.vectors, CENTRES[:1].astype(np.float32)])
    odd = replace(reference, vectors=vectors, labels=np.append(reference.labels, 1), files=(*reference.files, "b/x"))
    (label,) = compute_labels(of(CENTRES[:1] + 0.01), odd).labels
    assert label.genus == "azolla"
    assert label.neighbours[0].genus == "bisaccate"
    assert label.disagrees


def test_reliability_counts_every_reference_image_once() -> None:
    """All are right where genera lie apart, and about a third where names mean nothing."""
    apart = compute_labels(of(CENTRES), make([10, 11, 12]))
    assert sum(band.images for band in apart.reliability) == 33
    assert sum(band.right for band in apart.reliability) == 33
    noise = make([40, 40, 40], spread=1000.0)
    noise = replace(noise, vectors=noise.vectors / 1000)
    chance = compute_labels(of(CENTRES), noise)
    assert sum(band.images for band in chance.reliability) == 120
    assert 0.15 < sum(band.right for band in chance.reliability) / 120 < 0.5
    for band in chance.reliability:
        assert band.right_disagreeing <= band.disagreeing <= band.images
    assert len(chance.reliability) == len(BANDS)
    assert sum(band.disagreeing for band in chance.reliability) > 20


def test_copies_do_not_vouch_for_each_other() -> None:
    """The same pictures under the same names twice: what means nothing still means nothing."""
    noise = make([40, 40, 40], spread=1000.0)
    noise = replace(noise, vectors=noise.vectors / 1000)
    twice = replace(
        noise,
        vectors=np.vstack([noise.vectors, noise.vectors, noise.vectors + np.float32(1e-7)]),
        labels=np.tile(noise.labels, 3),
        files=tuple(f"{copy}/{file}" for copy in "abc" for file in noise.files),
    )
    found, plain = compute_labels(of(CENTRES), twice), compute_labels(of(CENTRES), noise)
    assert found.copies == 240
    assert found.reliability == plain.reliability
    assert found.threshold.distance == plain.threshold.distance > 0.1
    assert plain.copies == 0


@pytest.mark.parametrize(("share", "copies"), [(5e-4, 1), (2e-3, 0)])
def test_a_thousandth_of_the_spread_makes_a_copy(share: float, copies: int) -> None:
    """The same picture saved again moves by less, another picture by more."""
    reference = make([10, 10, 10])
    spread = np.sqrt(reference.vectors.var(axis=0).sum())
    again = reference.vectors[:1] + np.float32([share * spread, 0, 0, 0, 0, 0])
    vectors, labels = np.vstack([reference.vectors, again]), np.append(reference.labels, 0)
    found = compute_labels(
        of(CENTRES), replace(reference, vectors=vectors, labels=labels, files=(*reference.files, "azolla/again.png"))
    )
    assert found.copies == copies
    assert found.threshold.images == 31 - copies


def test_the_only_image_of_a_genus_is_learnt_and_never_asked() -> None:
    """It can be given as a name, and is not counted as wrong."""
    found = compute_labels(of(CENTRES), make([10, 10, 1]))
    assert sum(band.images for band in found.reliability) == 20
    assert sum(band.right for band in found.reliability) == 20
    assert {label.file: label.genus for label in found.labels}["2.png"] == "deflandrea"
    assert sum(band.disagreeing for band in found.reliability) == 0
    reference = make([10, 10, 1])
    reference.vectors[-1] = CENTRES[0]  # amid another genus, where it is the nearest image of many
    assert sum(band.disagreeing for band in compute_labels(of(CENTRES), reference).reliability) > 0


def test_genera_of_two_to_four_images_are_asked() -> None:
    """They are in every training part, whatever the folds."""
    found = compute_labels(of(CENTRES), make([10, 2, 4]))
    assert sum(band.images for band in found.reliability) == 16


@pytest.mark.parametrize("counts", [(4, 4, 4), (1, 1), (1, 3)])
def test_a_small_reference_gives_names_without_a_check(counts: Sequence[int]) -> None:
    """And says why there is none."""
    found = compute_labels(of(CENTRES[: len(counts)]), make(counts))
    assert found.reliability == ()
    assert found.unchecked == f"no genus of the reference has {FOLDS} different images"
    assert {label.genus for label in found.labels} == set(GENERA[: len(counts)])


def test_a_single_genus_is_given_by_nearness_alone() -> None:
    """Without a confidence; what is far is unknown all the same."""
    found = compute_labels(of([CENTRES[0], CENTRES[1] * 5]), make([10]))
    assert [(label.file, label.genus, label.confidence, label.is_unknown) for label in found.labels] == [
        ("1.png", "azolla", None, True),
        ("0.png", "azolla", None, False),
    ]
    assert found.unchecked == "the reference has a single genus"
    assert found.threshold.strangers == 0


def test_a_genus_without_images_is_never_given() -> None:
    """A class folder of which nothing could be read is a name only."""
    reference = replace(make([10, 10]), classes=("azolla", "bisaccate", "empty"))
    assert {label.genus for label in compute_labels(of(CENTRES), reference).labels} == {"azolla", "bisaccate"}


def test_references_that_cannot_name_anything_are_refused() -> None:
    """One line each."""
    good = make([3, 3])
    with pytest.raises(LeaderboardError, match="no classes; put its images into one subfolder per genus"):
        compute_labels(good, of(CENTRES))
    with pytest.raises(LeaderboardError, match="of the 1 readable reference images the model tells no two apart"):
        compute_labels(good, make([1]))
    with pytest.raises(LeaderboardError, match="give at least two different ones, better five per genus"):
        compute_labels(good, replace(good, vectors=np.ones_like(good.vectors)))
