"""Multinomial logistic regression at its optimum, for the many fits that share one set of images.

Source of the objective: the SCAMPI benchmark's logistic regression; docs/protocols.md, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from leaderboard.errors import LeaderboardError

MAX_GRADIENT = 1e-6
LARGE = 4096  # training images from which on L-BFGS gets near the optimum sooner; it stops before the gradient asked
MARGINS = (0.5, 0.01, 1e-4)  # of that asked of the solver; the next one when the gradient is still too large


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
    """(n, d) -> (n, min(n, d)) float64: the images centred, and where n < d in an orthonormal basis of their span.

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

    The solver may warn on its way; what counts is the gradient, which is checked.

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
    """With the vectors brought to unit scale, so that the solver takes as many steps whatever their length."""
    scale = float(np.sqrt(np.mean(vectors**2))) or 1.0
    scaled = vectors / scale
    for margin in MARGINS:
        model = _fit_scaled(scaled, labels, scale, margin * MAX_GRADIENT)
        model = replace(model, gradient=_longest_gradient(model, vectors, labels))
        if model.gradient <= MAX_GRADIENT:
            return model
    raise LeaderboardError(
        f"logistic regression stopped at a gradient of {model.gradient:.1e}, above {MAX_GRADIENT:.0e}; the vectors' "
        f"root mean square is {scale:.1e}: bring them nearer to 1"
    )


def _fit_scaled(scaled: np.ndarray, labels: np.ndarray, scale: float, gradient: float) -> LinearModel:
    """With V = scale W the objective is scale^2 times the one above, and C is scale^2.

    scikit-learn's ``tol`` is for the gradient by V and b of that over C n: the one by W, over scale n.
    """
    from sklearn.linear_model import LogisticRegression

    binary = len(np.unique(labels)) == 2
    # With two classes scikit-learn fits one vector v = w1 - w0; |W|^2 is then |v|^2 / 2, hence C = 2.
    strength = (2.0 if binary else 1.0) * scale**2
    tolerance = gradient / (len(labels) * max(1.0, scale))
    settings = {"C": strength, "class_weight": "balanced", "tol": tolerance, "max_iter": 1000}
    fit = LogisticRegression(solver="newton-cg", warm_start=True, **settings)
    if len(labels) >= LARGE:
        near = LogisticRegression(solver="lbfgs", **settings).fit(scaled, labels)
        fit.coef_, fit.intercept_, fit.classes_ = near.coef_, near.intercept_, near.classes_
    fit.fit(scaled, labels)
    weights, intercept = fit.coef_ / scale, fit.intercept_
    if binary:
        weights, intercept = np.vstack([-weights, weights]) / 2, np.hstack([-intercept, intercept]) / 2
    return LinearModel(fit.classes_, weights, intercept, gradient=np.inf)


def _longest_gradient(model: LinearModel, vectors: np.ndarray, labels: np.ndarray) -> float:
    truth = labels[:, None] == model.classes
    weights = len(labels) / (len(model.classes) * truth.sum(axis=0))
    residual = (np.exp(model.log_probabilities(vectors)) - truth) * (truth @ weights)[:, None]
    towards_weights = residual.T @ vectors + model.weights
    return float(max(np.linalg.norm(towards_weights, axis=1).max(), np.abs(residual.sum(axis=0)).max()))
