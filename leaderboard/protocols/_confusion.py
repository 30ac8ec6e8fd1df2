"""Scores of a classification, all from its confusion matrix."""

from __future__ import annotations

import numpy as np

from leaderboard.records import ScoreName


def compute_confusion(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts (classes, classes): rows are the truth, columns the prediction."""
    return np.bincount(truth * classes + predicted, minlength=classes**2).reshape(classes, classes)


def compute_class_scores(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Recall, precision and F1 of each class, (classes,); 0 where nothing was predicted, NaN where nothing was there.

    A class without test images has no recall; its precision and F1 are left out of per-class means with it.
    """
    hits, there, said = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    scores = {"recall": hits / np.maximum(there, 1), "precision": hits / np.maximum(said, 1)}
    scores["f1"] = 2 * hits / np.maximum(there + said, 1)
    return {name: np.where(there > 0, values, np.nan) for name, values in scores.items()}


def compute_scores(confusion: np.ndarray) -> dict[str, float]:
    """Accuracy and averages over classes, as scikit-learn defines them with zero_division=0.

    Precision, recall and F1 average over the classes present in truth or prediction, balanced accuracy over those
    present in the truth, specificity TN / (TN + FP) over all classes of the matrix.
    """
    hits, there, said = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    images, seen = confusion.sum(), (there + said) > 0
    f1, recall = 2 * hits / np.maximum(there + said, 1), hits / np.maximum(there, 1)
    false_alarms = (said - hits) / np.maximum(images - there, 1)
    return {
        "f1_macro": float(np.mean(f1[seen])),
        "f1_weighted": float(np.sum(f1 * there) / images),
        "accuracy": float(hits.sum() / images),
        "balanced_accuracy": float(np.mean(recall[there > 0])),
        "precision_macro": float(np.mean((hits / np.maximum(said, 1))[seen])),
        "recall_macro": float(np.mean(recall[seen])),
        "specificity_macro": float(np.mean(1 - false_alarms)),
    }


SCORE_NAMES: tuple[ScoreName, ...] = ("f1_macro", "accuracy", "balanced_accuracy", "precision_macro")
CLASS_SCORE_NAMES = ("recall", "precision", "f1")
