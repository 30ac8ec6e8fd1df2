"""Multinomial logistic regression at its optimum, over the same ten splits.

Source: the SCAMPI benchmark's logistic regression; docs/protocols.md, section 3. SCAMPI stops the solver
early, which moves balanced accuracy by up to 0.035 on a split; here the optimum is reached and checked.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial

import numpy as np

from leaderboard.errors import LeaderboardError
from leaderboard.protocols._confusion import SCORE_NAMES, compute_confusion, compute_scores
from leaderboard.protocols._splits import compute_per_split, compute_splits
from leaderboard.records import Embeddings, Metric, Protocol, Scores

MAX_GRADIENT = 1e-6
TOLERANCES = (1e-9, 1e-11, 1e-13)  # scikit-learn's, on the mean; the next one when the gradient is still too large


@dataclass(frozen=True)
class LinearModel:
    """softmax(W x + b). ``weights`` (K, d), ``intercept`` (K,), float64, for the classes in ``classes``."""

    classes: np.ndarray
    weights: np.ndarray
    intercept: np.ndarray
    gradient: float  # largest absolute component at the point reached

    def log_probabilities(self, vectors: np.ndarray) -> np.ndarray:
        """(n, d) -> (n, K) log probabilities."""
        from scipy.special import log_softmax

        return np.asarray(log_softmax(vectors @ self.weights.T + self.intercept, axis=1))


def compute_linear(embeddings: Embeddings) -> Scores:
    """Mean scores over the splits, and the confusion matrix pooled over their test sets.

    Raises:
        LeaderboardError: a set that cannot be split, or an optimum that was not reached.
    """
    splits, classes = compute_splits(embeddings), len(embeddings.classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the solver's complaints: what counts is the gradient, which is checked
        fits = compute_per_split(partial(_classify, embeddings), splits)
    confusions = [
        compute_confusion(embeddings.labels[test], predicted, classes)
        for (_, test), (predicted, _) in zip(splits, fits, strict=True)
    ]
    scores = [compute_scores(confusion) for confusion in confusions]
    metrics = {"linear.log_loss": float(np.mean([loss for _, loss in fits]))}
    metrics |= {f"linear.{name}": float(np.mean([s[name] for s in scores])) for name in SCORE_NAMES}
    outcomes = {
        "test": [test.tolist() for _, test in splits],
        "predicted": [predicted.tolist() for predicted, _ in fits],
        "confusion": np.sum(confusions, axis=0).tolist(),
    }
    return Scores(metrics=metrics, outcomes=outcomes)


def _classify(embeddings: Embeddings, train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, float]:
    """Predicted classes of the test images and their mean log loss."""
    model = fit_at_optimum(embeddings.vectors[train], embeddings.labels[train])
    log_probabilities = model.log_probabilities(embeddings.vectors[test].astype(np.float64))
    column = np.searchsorted(model.classes, embeddings.labels[test])
    return model.classes[log_probabilities.argmax(axis=1)], float(
        -log_probabilities[np.arange(len(test)), column].mean()
    )


def fit_at_optimum(vectors: np.ndarray, labels: np.ndarray) -> LinearModel:
    """Minimise sum_i w_i CE(y_i, softmax(W x_i + b)) + |W|^2 / 2 with w_i = n / (K n_y), to a gradient of 1e-6.

    The intercept is free, so centring changes nothing; the optimal W lies in the span of the images, so the
    fit is exact in an orthonormal basis Q of that span, where it has at most n - 1 dimensions.

    Args:
        vectors: (n, d) training images.
        labels: (n,) class indices.

    Raises:
        LeaderboardError: when scikit-learn's newton-cg does not get there.
    """
    exact = vectors.astype(np.float64)
    centre = exact.mean(axis=0)
    basis, _ = np.linalg.qr((exact - centre).T)
    rotated = (exact - centre) @ basis
    for tolerance in TOLERANCES:
        model = _fit_rotated(rotated, labels, basis, centre, tolerance=tolerance, exact=exact)
        if model.gradient <= MAX_GRADIENT:
            return model
    raise LeaderboardError(
        f"logistic regression stopped at a gradient of {model.gradient:.1e}, above {MAX_GRADIENT:.0e}; "
        "are the embeddings badly scaled?"
    )


def _fit_rotated(
    rotated: np.ndarray,
    labels: np.ndarray,
    basis: np.ndarray,
    centre: np.ndarray,
    *,
    tolerance: float,
    exact: np.ndarray,
) -> LinearModel:
    from sklearn.linear_model import LogisticRegression

    binary = len(np.unique(labels)) == 2
    # With two classes scikit-learn fits one vector v = w1 - w0; |W|^2 is then |v|^2 / 2, hence C = 2.
    fit = LogisticRegression(
        C=2.0 if binary else 1.0, class_weight="balanced", solver="newton-cg", tol=tolerance, max_iter=1000
    ).fit(rotated, labels)
    coefficients, intercept = fit.coef_, fit.intercept_
    if binary:
        coefficients, intercept = np.vstack([-coefficients, coefficients]) / 2, np.hstack([-intercept, intercept]) / 2
    weights = coefficients @ basis.T
    model = LinearModel(fit.classes_, weights, intercept - weights @ centre, gradient=np.inf)
    return LinearModel(model.classes, weights, model.intercept, gradient=_largest_gradient(model, exact, labels))


def _largest_gradient(model: LinearModel, vectors: np.ndarray, labels: np.ndarray) -> float:
    truth = labels[:, None] == model.classes
    weights = len(labels) / (len(model.classes) * truth.sum(axis=0))
    residual = (np.exp(model.log_probabilities(vectors)) - truth) * (truth @ weights)[:, None]
    towards_weights = residual.T @ vectors + model.weights
    return float(max(np.abs(towards_weights).max(), np.abs(residual.sum(axis=0)).max()))


PROTOCOL = Protocol(
    name="linear",
    version=1,
    metrics=(
        Metric("linear.balanced_accuracy", title="Linear bal. acc.", column=3),
        Metric("linear.log_loss", higher_is_better=False),
        *(Metric(f"linear.{name}") for name in SCORE_NAMES if name != "balanced_accuracy"),
    ),
    compute=compute_linear,
)
