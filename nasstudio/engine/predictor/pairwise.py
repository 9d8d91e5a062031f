"""Additive models with interactions: each option, and each pair of options, adds its share to the accuracy.

All pairs are thousands of terms, more than there are networks to learn from; so the model is fitted as a kernel ridge
regression (Saunders et al. 1998) with the kernel ``s + strength * (s^2 - s) / 2``, where s is the number of active
options that two networks share: for 0/1 features that is the sum over single options and, `strength` times, over pairs
of them. It is kept as one matrix a member, so that a prediction costs the same whatever it was fitted to.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.predictor.ridge import (
    MEMBERS,
    PENALTIES,
    Arrays,
    Features,
    Matrix,
    Vector,
    bootstrap,
    press,
)

_STRENGTHS = (0.01, 0.03, 0.1, 0.3)
_LEAST_WEIGHT = 1e-3  # of a network in a member: a weight of nothing can't be inverted
_CHUNK = 8192
_SEARCHED = 600  # networks from which strength and penalty are found


class Pairwise:
    """Ridge regression on options and pairs of options; strength and penalty have the least leave-one-out error."""

    def __init__(self, arrays: Arrays) -> None:
        self.matrix = arrays["matrix"]  # (members, features, features)
        self.bias = arrays["bias"]  # (members,)

    @classmethod
    def fit(cls, features: Features, target: Vector, rng: np.random.Generator) -> Pairwise:
        """Features `(n, features)` of zeros and ones, target `(n,)` standardised."""
        x = features.astype(np.float64)
        strength, penalty = _best(x[:_SEARCHED], target[:_SEARCHED])
        kernel = _kernel(x, strength)
        matrices, biases = [], []
        for weights in bootstrap(len(target), rng):
            alpha, bias = _solved(kernel, target, weights, penalty)
            matrix = 0.5 * strength * (x * alpha[:, None]).T @ x
            matrix[np.diag_indices_from(matrix)] += (1 - 0.5 * strength) * (alpha @ x)
            matrices.append(matrix)
            biases.append(bias)
        return cls(
            {
                "matrix": np.stack(matrices).astype(np.float32),
                "bias": np.array(biases, dtype=np.float32),
            }
        )

    def members(self, features: Features) -> NDArray[np.float32]:
        """Prediction of each member for each network. `(members, n)`."""
        found = [_quadratic(features, matrix) for matrix in self.matrix]
        members: NDArray[np.float32] = np.stack(found) + self.bias[:, None]
        return members

    def mean(self, features: Features) -> NDArray[np.float32]:
        """Mean of the members' predictions. `(n,)`."""
        mean: NDArray[np.float32] = (
            _quadratic(features, self.matrix.mean(axis=0)) + self.bias.mean()
        )
        return mean

    def arrays(self) -> Arrays:
        return {"matrix": self.matrix, "bias": self.bias}

    @staticmethod
    def shapes(features: int) -> dict[str, tuple[int, ...]]:
        """Shape of every array for a number of features."""
        return {"matrix": (MEMBERS, features, features), "bias": (MEMBERS,)}


def _kernel(x: Matrix, strength: float) -> Matrix:
    shared = x @ x.T
    kernel: Matrix = shared + 0.5 * strength * (shared * shared - shared)
    return kernel


def _best(x: Matrix, y: Vector) -> tuple[float, float]:
    """Strength of the pairs and ridge penalty of least leave-one-out error."""
    best = (np.inf, _STRENGTHS[0], 1.0)
    y = y - y.mean()
    for strength in _STRENGTHS:
        kernel = _kernel(x, strength)
        kernel -= kernel.mean(axis=0)
        kernel -= kernel.mean(axis=1, keepdims=True)
        values, vectors = np.linalg.eigh(kernel)
        errors = press(vectors, np.maximum(values, 0.0), y)
        least = int(np.argmin(errors))
        best = min(best, (float(errors[least]), strength, float(PENALTIES[least])))
    return best[1], best[2]


def _solved(kernel: Matrix, y: Vector, weights: Vector, penalty: float) -> tuple[Vector, float]:
    """Coefficients of a weighted kernel ridge regression, and its free constant."""
    n = len(y)
    system = np.ones((n + 1, n + 1))
    system[:n, :n] = kernel
    system[np.arange(n), np.arange(n)] += penalty / np.maximum(weights, _LEAST_WEIGHT)
    system[n, n] = 0.0
    solution = np.linalg.solve(system, np.append(y, 0.0))
    return solution[:n], float(solution[n])


def _quadratic(features: Features, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """The quadratic form of each row. `(n,)`."""
    found = np.empty(len(features), dtype=np.float32)
    for begin in range(0, len(features), _CHUNK):
        part = features[begin : begin + _CHUNK]
        np.einsum("nf,nf->n", part @ matrix, part, out=found[begin : begin + _CHUNK])
    return found
