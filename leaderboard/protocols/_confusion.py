"""Scores of a classification, all from its confusion matrix."""

from __future__ import annotations

import numpy as np


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
    """Accuracy and macro averages, as scikit-learn defines them with zero_division=0.

    Precision and F1 average over the classes present in truth or prediction, balanced accuracy over those
    present in the truth.
    """
    hits, there, said = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    seen = (there + said) > 0
    return {
        "f1_macro": float(np.mean(2 * hits[seen] / (there + said)[seen])),
        "accuracy": float(hits.sum() / confusion.sum()),
        "balanced_accuracy": float(np.mean(hits[there > 0] / there[there > 0])),
        "precision_macro": float(np.mean(hits[seen] / np.maximum(said[seen], 1))),
    }


SCORE_NAMES = ("f1_macro", "accuracy", "balanced_accuracy", "precision_macro")
CLASS_SCORE_NAMES = ("recall", "precision", "f1")
