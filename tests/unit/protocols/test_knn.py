"""k-nearest neighbours against the golden figures and against scikit-learn's classifier."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from leaderboard.errors import LeaderboardError
from leaderboard.protocols.knn import NEIGHBOURS, compute_knn


def test_every_golden_figure_agrees_to_1e_9(golden_embeddings, golden) -> None:
    """F1, accuracy, balanced accuracy and precision for each k are those of the source's script."""
    metrics = compute_knn(golden_embeddings).metrics
    names = ("f1_macro", "accuracy", "balanced_accuracy", "precision_macro")
    expected = {f"knn{k}.{name}": golden["knn"][f"knn{k}"][name] for k in NEIGHBOURS for name in names}
    assert metrics == pytest.approx(expected, abs=1e-9, rel=0)


def test_golden_splits_agree_one_by_one(golden_embeddings, golden) -> None:
    """The stored predictions give each split's own F1, so that later statistics can be trusted."""
    outcomes = compute_knn(golden_embeddings).outcomes
    for k in NEIGHBOURS:
        ours = [
            f1_score(golden_embeddings.labels[test], predicted, average="macro")
            for test, predicted in zip(outcomes["test"], outcomes[f"predicted_k{k}"], strict=True)
        ]
        assert ours == pytest.approx(golden["knn"][f"knn{k}"]["per_split_f1_macro"], abs=1e-9)


def test_golden_per_class_figures_agree(golden_embeddings, golden) -> None:
    """Recall, precision and F1 of each genus at k = 1 are the source's."""
    per_class = compute_knn(golden_embeddings).per_class
    for name in ("recall", "precision", "f1"):
        expected = [golden["knn"]["knn1"]["per_class"][genus][name] for genus in golden_embeddings.classes]
        assert per_class[f"knn1.{name}"] == pytest.approx(expected, abs=1e-9)


def test_predictions_are_those_of_scikit_learns_classifier(clusters) -> None:
    """Also on small whole numbers, where most distances are tied."""
    embeddings = replace(clusters(per_class=15), vectors=np.random.default_rng(3).integers(0, 2, (60, 6)))
    outcomes = compute_knn(embeddings).outcomes
    for split, test in enumerate(outcomes["test"]):
        train, _ = train_test_split(np.arange(60), test_size=0.2, stratify=embeddings.labels, random_state=split)
        for k in NEIGHBOURS:
            classifier = KNeighborsClassifier(k).fit(embeddings.vectors[train], embeddings.labels[train])
            assert outcomes[f"predicted_k{k}"][split] == classifier.predict(embeddings.vectors[test]).tolist()


def test_splits_are_the_stratified_ones_of_the_protocol(clusters) -> None:
    """Split s is train_test_split with random_state s."""
    embeddings = clusters()
    for seed, test in enumerate(compute_knn(embeddings).outcomes["test"]):
        _, expected = train_test_split(
            np.arange(48), test_size=0.2, stratify=np.repeat(np.arange(4), 12), random_state=seed
        )
        assert test == expected.tolist()


def test_a_class_with_one_image_is_named_with_its_count(make_embeddings) -> None:
    """It cannot be in the training and the test set."""
    labels = [0] * 10 + [1] * 10 + [2]
    with pytest.raises(LeaderboardError, match=r"every class needs 2 images, 'genus-2' has 1; add"):
        compute_knn(make_embeddings(np.arange(21)[:, None], labels))


def test_fewer_training_images_than_neighbours_are_refused(make_embeddings) -> None:
    """Nine neighbours need nine training images."""
    with pytest.raises(LeaderboardError, match="8 training images for 9 neighbours"):
        compute_knn(make_embeddings(np.arange(10)[:, None], [0] * 5 + [1] * 5))


def test_a_test_set_smaller_than_the_number_of_classes_is_refused(make_embeddings) -> None:
    """Six classes of two images give three test images: no stratified split."""
    with pytest.raises(LeaderboardError, match="12 images give a test set of 3, fewer than the 6 classes"):
        compute_knn(make_embeddings(np.arange(12)[:, None], np.repeat(np.arange(6), 2).tolist()))
