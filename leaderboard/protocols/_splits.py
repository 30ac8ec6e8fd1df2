"""The ten stratified splits of the SCAMPI benchmark, and what a set needs before it can be split."""

from __future__ import annotations

import numpy as np

from leaderboard.errors import LeaderboardError
from leaderboard.records import Embeddings

Split = tuple[np.ndarray, np.ndarray]  # image indices: training, test
SPLITS = 10
TEST_SHARE = 0.2


def compute_splits(embeddings: Embeddings) -> list[Split]:
    """(train, test) image indices of each split; the same for every model.

    Source: run_evaluation.py of the SCAMPI benchmark, ``train_test_split`` with random_state 0 to 9.

    Raises:
        LeaderboardError: a set that has no such splits, with the class and its count.
    """
    from sklearn.model_selection import train_test_split

    check_labels(embeddings, images_per_class=2)
    labels = embeddings.labels
    test_images, classes = int(np.ceil(TEST_SHARE * len(labels))), len(np.unique(labels))
    if test_images < classes:
        raise LeaderboardError(
            f"{len(labels)} images give a test set of {test_images}, fewer than the {classes} classes; "
            "splits need at least five images per class on average: add images or leave classes out"
        )
    indices = np.arange(len(labels))
    return [
        tuple(train_test_split(indices, test_size=TEST_SHARE, stratify=labels, random_state=seed))
        for seed in range(SPLITS)
    ]


def check_labels(embeddings: Embeddings, *, images_per_class: int) -> None:
    """Refuse sets without labels, with one class, or with a class smaller than the protocol needs."""
    if len(embeddings.labels) == 0:
        raise LeaderboardError("the images have no labels; put them into one folder per class")
    present, counts = np.unique(embeddings.labels, return_counts=True)
    if len(present) < 2:
        only = embeddings.classes[present[0]]
        raise LeaderboardError(f"all {counts[0]} images are of class {only!r}; at least two classes are needed")
    small = [(embeddings.classes[c], n) for c, n in zip(present, counts, strict=True) if n < images_per_class]
    if small:
        listed = ", ".join(f"{name!r} has {n}" for name, n in small)
        raise LeaderboardError(f"every class needs {images_per_class} images, {listed}; add images or remove the class")
