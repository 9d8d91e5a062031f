"""Additive models: each option of each gene adds its share to the accuracy. An ensemble of ridge regressions, in numpy.

Every member of an ensemble weighs the training networks differently (a Bayesian bootstrap: exponential weights), so
that the spread of the members says how much the prediction depends on the chosen networks. Models see one-hot features
and a standardised target; what the target means is not known here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]
Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]

MEMBERS = 5
PENALTIES = np.logspace(-3, 3, 25)


def bootstrap(n: int, rng: np.random.Generator) -> Matrix:
    """Weight of each training network for each member, mean 1. `(members, n)`."""
    drawn = rng.exponential(size=(MEMBERS, n))
    weights: Matrix = drawn / drawn.mean(axis=1, keepdims=True)
    return weights


class Ridge:
    """Additive model. The strength of the penalty is the one with the smallest leave-one-out error."""

    def __init__(self, arrays: Arrays) -> None:
        self.weight = arrays["weight"]  # (features, members)
        self.bias = arrays["bias"]  # (members,)

    @classmethod
    def fit(cls, features: Features, target: Vector, rng: np.random.Generator) -> Ridge:
        """Features `(n, features)`, target `(n,)` standardised."""
        x = features.astype(np.float64)
        penalty = best_penalty(x, target)
        found = [_ridge(x, target, weights, penalty) for weights in bootstrap(len(target), rng)]
        return cls(
            {
                "weight": np.stack([w for w, _ in found], axis=1).astype(np.float32),
                "bias": np.array([b for _, b in found], dtype=np.float32),
            }
        )

    def members(self, features: Features) -> NDArray[np.float32]:
        """Prediction of each member for each network. `(members, n)`."""
        return (features @ self.weight + self.bias).T

    def mean(self, features: Features) -> NDArray[np.float32]:
        """Mean of the members' predictions. `(n,)`."""
        mean: NDArray[np.float32] = features @ self.weight.mean(axis=1) + self.bias.mean()
        return mean

    def arrays(self) -> Arrays:
        return {"weight": self.weight, "bias": self.bias}

    @staticmethod
    def shapes(features: int) -> dict[str, tuple[int, ...]]:
        """Shape of every array for a number of features."""
        return {"weight": (features, MEMBERS), "bias": (MEMBERS,)}


def best_penalty(x: Matrix, y: Vector) -> float:
    """Ridge penalty of least leave-one-out error (PRESS), from one singular value decomposition.

    x: `(n, features)`, y: `(n,)`; both are centred here: the constant is free.
    """
    u, s, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    errors = press(u, s**2, y - y.mean())
    return float(PENALTIES[np.argmin(errors)])


def press(u: Matrix, eigenvalues: Vector, y: Vector) -> Vector:
    """Leave-one-out sum of squares of a centred ridge at each of `PENALTIES`.

    u: `(n, rank)` eigenvectors of the Gram matrix; y: `(n,)` centred.
    """
    shrink = eigenvalues / (eigenvalues + PENALTIES[:, None])  # (penalties, rank)
    fitted = (shrink * (u.T @ y)) @ u.T
    leverage = shrink @ (u**2).T + 1 / len(y)
    errors: Vector = (((y - fitted) / np.maximum(1 - leverage, 1e-6)) ** 2).sum(axis=1)
    return errors


def _ridge(x: Matrix, y: Vector, weights: Vector, penalty: float) -> tuple[Vector, float]:
    """Weighted ridge regression with a free constant."""
    share = weights / weights.sum()
    x_mean, y_mean = share @ x, share @ y
    xc, yc = x - x_mean, y - y_mean
    gram = (xc * weights[:, None]).T @ xc
    gram[np.diag_indices_from(gram)] += penalty
    coefficients = np.linalg.solve(gram, xc.T @ (weights * yc))
    return coefficients, float(y_mean - x_mean @ coefficients)
