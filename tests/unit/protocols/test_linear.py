"""Logistic regression at the optimum, against the golden figures and an independent minimiser."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax

from leaderboard.errors import LeaderboardError
from leaderboard.protocols import _logistic
from leaderboard.protocols._logistic import MAX_GRADIENT, fit_at_optimum
from leaderboard.protocols.linear import compute_linear


@pytest.fixture(scope="module")
def scores(golden_embeddings):
    """The protocol on the golden file."""
    return compute_linear(golden_embeddings)


def test_golden_log_loss_agrees_to_1e_6_and_counts_exactly(scores, golden) -> None:
    """Log loss at the optimum, and every score that counts images."""
    expected = golden["linear_at_optimum"]["mean"]
    assert scores.metrics["linear.log_loss"] == pytest.approx(expected["log_loss"], abs=1e-6)
    for name in ("balanced_accuracy", "accuracy", "precision_macro", "f1_macro"):
        assert scores.metrics[f"linear.{name}"] == pytest.approx(expected[name], abs=1e-12), name


def test_golden_splits_agree_one_by_one(scores, golden, golden_embeddings) -> None:
    """Each split has as many right answers as the golden file says."""
    expected = [round(split["accuracy"] * 140) for split in golden["linear_at_optimum"]["per_split"]]
    outcomes = scores.outcomes
    right = [
        int(np.sum(golden_embeddings.labels[test] == predicted))
        for test, predicted in zip(outcomes["test"], outcomes["predicted"], strict=True)
    ]
    assert right == expected


def test_pooled_confusion_counts_every_test_image_once(scores, golden_embeddings) -> None:
    """Its rows sum to the test images of each genus over the ten splits, its diagonal to the right answers."""
    confusion = np.array(scores.outcomes["confusion"])
    tested = golden_embeddings.labels[np.concatenate(scores.outcomes["test"])]
    assert confusion.sum(axis=1).tolist() == np.bincount(tested).tolist()
    assert confusion.trace() / confusion.sum() == pytest.approx(scores.metrics["linear.accuracy"])


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_an_independent_minimiser_finds_the_same_optimum(clusters, classes: int) -> None:
    """The objective as docs/protocols.md writes it, minimised by SciPy, has its minimum where the fit is."""
    embeddings = clusters(per_class=9, classes=classes, dimension=4)
    vectors, labels = embeddings.vectors.astype(float)[3:], embeddings.labels[3:]  # unequal classes
    counts = np.bincount(labels)
    weights = (len(labels) / (classes * counts))[labels]

    def objective(flat: np.ndarray) -> float:
        matrix, intercept = flat[:-classes].reshape(classes, -1), flat[-classes:]
        log_probabilities = log_softmax(vectors @ matrix.T + intercept, axis=1)
        return float(-(weights * log_probabilities[np.arange(len(labels)), labels]).sum() + (matrix**2).sum() / 2)

    model = fit_at_optimum(vectors, labels)
    ours = objective(np.concatenate([model.weights.ravel(), model.intercept]))
    found = minimize(objective, np.zeros(classes * 5), method="BFGS", options={"gtol": 1e-7})
    assert ours == pytest.approx(found.fun, abs=1e-7)
    assert model.weights == pytest.approx(found.x[:-classes].reshape(classes, -1), abs=1e-4)


def test_the_reported_gradient_is_that_of_the_objective(clusters) -> None:
    """Moving any weight or intercept by a small step changes the objective by no more than the gradient says."""
    embeddings = clusters(classes=3)
    model = fit_at_optimum(embeddings.vectors, embeddings.labels)
    assert 0 <= model.gradient <= MAX_GRADIENT


def test_an_optimum_that_is_not_reached_is_an_error(clusters, monkeypatch) -> None:
    """A loose tolerance leaves a gradient above the limit, which is never passed off as the optimum."""
    monkeypatch.setattr(_logistic, "MARGINS", (1e7,))
    with pytest.raises(LeaderboardError, match="stopped at a gradient of"):
        compute_linear(clusters())


def test_more_images_than_dimensions_are_fitted_too(clusters) -> None:
    """The basis then spans the whole space, and the optimum is the same as without rotation."""
    embeddings = clusters(per_class=40, dimension=3)
    assert fit_at_optimum(embeddings.vectors, embeddings.labels).gradient <= MAX_GRADIENT


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("classes", [2, 5])
def test_the_gradient_of_the_documented_objective_vanishes(golden_embeddings, scale: float, classes: int) -> None:
    """Written out in all dimensions of the vectors, whatever their length: docs/protocols.md, section 3."""
    chosen = golden_embeddings.labels < classes
    vectors, labels = scale * golden_embeddings.vectors[chosen].astype(np.float64), golden_embeddings.labels[chosen]
    model = fit_at_optimum(vectors, labels)
    assert model.weights.shape == (classes, 1280)
    logits = vectors @ model.weights.T + model.intercept
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    residuals = powers / powers.sum(axis=1, keepdims=True) - np.eye(classes)[labels]
    residuals *= (len(labels) / (classes * np.bincount(labels)[labels]))[:, None]
    assert np.abs(residuals.T @ vectors + model.weights).max() <= 1e-6
    assert np.abs(residuals.sum(axis=0)).max() <= 1e-6
