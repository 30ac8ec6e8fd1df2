"""Scores from a confusion matrix are scikit-learn's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    precision_recall_fscore_support,
    precision_score,
    recall_score,
)

from leaderboard.protocols._confusion import compute_class_scores, compute_confusion, compute_scores


def _specificity(truth: np.ndarray, predicted: np.ndarray) -> float:
    """TN / (TN + FP); 1 where nothing is negative, since there is no false alarm."""
    negatives = predicted[~truth]
    return float(np.mean(~negatives)) if len(negatives) else 1.0


answers = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


@settings(max_examples=100, deadline=None)
@given(answers)
def test_scores_are_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    """Whatever classes are missing from truth or prediction."""
    truth, predicted = np.array(pairs).T
    scores = compute_scores(compute_confusion(truth, predicted, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn mentions classes that are only in the prediction
        expected = {
            "f1_macro": f1_score(truth, predicted, average="macro", zero_division=0),
            "accuracy": accuracy_score(truth, predicted),
            "balanced_accuracy": balanced_accuracy_score(truth, predicted),
            "precision_macro": precision_score(truth, predicted, average="macro", zero_division=0),
            "recall_macro": recall_score(truth, predicted, average="macro", zero_division=0),
            "f1_weighted": f1_score(truth, predicted, average="weighted", zero_division=0),
            "specificity_macro": np.mean([_specificity(truth == c, predicted == c) for c in range(5)]),
        }
    assert scores == pytest.approx(expected, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(answers)
def test_class_scores_are_scikit_learns_where_the_class_is_there(pairs: list[tuple[int, int]]) -> None:
    """And NaN where the truth has no image of the class."""
    truth, predicted = np.array(pairs).T
    ours = compute_class_scores(compute_confusion(truth, predicted, 5))
    precision, recall, f1, support = precision_recall_fscore_support(truth, predicted, labels=range(5), zero_division=0)
    for name, expected in (("precision", precision), ("recall", recall), ("f1", f1)):
        assert ours[name][support > 0] == pytest.approx(expected[support > 0], abs=1e-12)
        assert np.isnan(ours[name][support == 0]).all()
