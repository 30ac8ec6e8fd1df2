"""Multinomial logistic regression at its optimum, for the many fits that share one set of images.

Source of the objective: the SCAMPI benchmark's logistic regression; docs/protocols.md, section 3.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from leaderboard.errors import LeaderboardError

MAX_GRADIENT = 1e-6
TOLERANCES = (1e-9, 1e-11, 1e-13)  # scikit-learn's, on the mean; the next one when the gradient is still too large


@dataclass(frozen=True)
class LinearModel:
    """softmax(W x + b). ``weights`` (K, d), ``intercept`` (K,), float64, for the classes in ``classes``."""

    classes: np.ndarray
    weights: np.ndarray
    intercept: np.ndarray
    gradient: float  # length of its longest row at the point reached: no component in any basis is larger

    def log_probabilities(self, vectors: np.ndarray) -> np.ndarray:
        """(n, d) -> (n, K) log probabilities."""
        from scipy.special import log_softmax

        return np.asarray(log_softmax(vectors @ self.weights.T + self.intercept, axis=1))

    def probabilities(self, vectors: np.ndarray, classes: int) -> np.ndarray:
        """(n, d) -> (n, classes), 0 for a class that was not in the training set."""
        wide = np.zeros((len(vectors), classes))
        wide[:, self.classes] = np.exp(self.log_probabilities(vectors))
        return wide


def rotate(vectors: np.ndarray) -> np.ndarray:
    """(n, d) -> (n, min(n, d)) float64: the images in an orthonormal basis of the space that they span, centred.

    The penalty |W|^2 does not see a rotation, the free intercept takes up a shift, and the optimal W of any subset
    lies in the subset's span. A fit on some of these rows is therefore the fit on the vectors themselves.
    """
    centred = vectors - vectors.mean(axis=0, dtype=np.float64)
    if len(centred) >= centred.shape[1]:
        return np.asarray(centred)
    _, triangle = np.linalg.qr(centred.T)  # X' = QR, so XQ = R'
    return np.ascontiguousarray(triangle.T)


def fit_at_optimum(vectors: np.ndarray, labels: np.ndarray) -> LinearModel:
    """Minimise sum_i w_i CE(y_i, softmax(W x_i + b)) + |W|^2 / 2 with w_i = n / (K n_y), to a gradient of 1e-6.

    Args:
        vectors: (n, d) training images, rotated or not.
        labels: (n,) class indices.

    Raises:
        LeaderboardError: when scikit-learn's newton-cg does not get there.
    """
    exact = vectors.astype(np.float64, copy=False)
    if len(exact) < exact.shape[1]:
        basis, triangle = np.linalg.qr(exact.T)
        model = _fit(triangle.T, labels)
        return LinearModel(model.classes, model.weights @ basis.T, model.intercept, model.gradient)
    return _fit(exact, labels)


def _fit(vectors: np.ndarray, labels: np.ndarray) -> LinearModel:
    for tolerance in TOLERANCES:
        model = _fit_to(vectors, labels, tolerance=tolerance)
        if model.gradient <= MAX_GRADIENT:
            return model
    raise LeaderboardError(
        f"logistic regression stopped at a gradient of {model.gradient:.1e}, above {MAX_GRADIENT:.0e}; "
        "are the embeddings badly scaled?"
    )


def _fit_to(vectors: np.ndarray, labels: np.ndarray, *, tolerance: float) -> LinearModel:
    from sklearn.linear_model import LogisticRegression

    binary = len(np.unique(labels)) == 2
    # With two classes scikit-learn fits one vector v = w1 - w0; |W|^2 is then |v|^2 / 2, hence C = 2.
    solver = LogisticRegression(
        C=2.0 if binary else 1.0, class_weight="balanced", solver="newton-cg", tol=tolerance, max_iter=1000
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the solver's complaints: what counts is the gradient, which is checked
        fit = solver.fit(vectors, labels)
    weights, intercept = fit.coef_, fit.intercept_
    if binary:
        weights, intercept = np.vstack([-weights, weights]) / 2, np.hstack([-intercept, intercept]) / 2
    model = LinearModel(fit.classes_, weights, intercept, gradient=np.inf)
    return LinearModel(model.classes, weights, intercept, gradient=_longest_gradient(model, vectors, labels))


def _longest_gradient(model: LinearModel, vectors: np.ndarray, labels: np.ndarray) -> float:
    truth = labels[:, None] == model.classes
    weights = len(labels) / (len(model.classes) * truth.sum(axis=0))
    residual = (np.exp(model.log_probabilities(vectors)) - truth) * (truth @ weights)[:, None]
    towards_weights = residual.T @ vectors + model.weights
    return float(max(np.linalg.norm(towards_weights, axis=1).max(), np.abs(residual.sum(axis=0)).max()))
