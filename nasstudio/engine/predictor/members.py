"""The models behind the accuracy predictor: ensembles of ridge regressions and of small networks, in numpy.

Every member of an ensemble weighs the training networks differently (a Bayesian bootstrap: exponential weights), so
that the spread of the members says how much the prediction depends on the chosen networks. Models see one-hot features
and a standardised target; what the target means is not known here.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]
Vector = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]

MEMBERS = 5
HIDDEN = 64
_CHUNK = 4096


class Ensemble(Protocol):
    """A fitted ensemble. `arrays()` holds all of it."""

    def members(self, features: Features) -> NDArray[np.float32]:
        """Prediction of each member for each network. `(members, n)`."""
        ...

    def arrays(self) -> Arrays: ...


def _bootstrap(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Weight of each training network for each member, mean 1. `(members, n)`."""
    drawn = rng.exponential(size=(MEMBERS, n))
    weights: NDArray[np.float64] = drawn / drawn.mean(axis=1, keepdims=True)
    return weights


class Ridge:
    """Additive model: each option of each gene adds its share to the accuracy.

    The strength of the penalty is the one with the smallest leave-one-out error.
    """

    def __init__(self, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        self.weight = weight  # (features, members)
        self.bias = bias  # (members,)

    @classmethod
    def fit(cls, features: Features, target: Vector, rng: np.random.Generator) -> Ridge:
        """Features `(n, features)`, target `(n,)` standardised."""
        x = features.astype(np.float64)
        centre = x.mean(axis=0)
        penalty = _best_penalty(x - centre, target)
        found = [_ridge(x, target, weights, penalty) for weights in _bootstrap(len(target), rng)]
        return cls(
            np.stack([w for w, _ in found], axis=1).astype(np.float32),
            np.array([b for _, b in found], dtype=np.float32),
        )

    def members(self, features: Features) -> NDArray[np.float32]:
        """Prediction of each member for each network. `(members, n)`."""
        return (features @ self.weight + self.bias).T

    def arrays(self) -> Arrays:
        return {"weight": self.weight, "bias": self.bias}

    @staticmethod
    def shapes(features: int) -> dict[str, tuple[int, ...]]:
        """Shape of every array for a number of features."""
        return {"weight": (features, MEMBERS), "bias": (MEMBERS,)}


def _best_penalty(x: NDArray[np.float64], y: Vector) -> float:
    """Ridge penalty of least leave-one-out error (PRESS), from one singular value decomposition."""
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    y = y - y.mean()
    penalties = np.logspace(-3, 3, 25)
    shrink = s**2 / (s**2 + penalties[:, None])  # (penalties, rank)
    fitted = (shrink * (u.T @ y)) @ u.T
    leverage = shrink @ (u**2).T + 1 / len(y)
    press = (((y - fitted) / np.maximum(1 - leverage, 1e-6)) ** 2).sum(axis=1)
    return float(penalties[np.argmin(press)])


def _ridge(
    x: NDArray[np.float64], y: Vector, weights: Vector, penalty: float
) -> tuple[NDArray[np.float64], float]:
    """Weighted ridge regression with a free constant."""
    share = weights / weights.sum()
    x_mean, y_mean = share @ x, share @ y
    xc, yc = x - x_mean, y - y_mean
    gram = (xc * weights[:, None]).T @ xc
    gram[np.diag_indices_from(gram)] += penalty
    coefficients = np.linalg.solve(gram, xc.T @ (weights * yc))
    return coefficients, float(y_mean - x_mean @ coefficients)


class Mlp:
    """Small networks, features - 64 - 64 - 1 with ReLU, and a linear path beside them that starts as the ridge.

    The linear path carries the additive part, which is most of it (reference data: tau 0.90 from 250 networks); the
    hidden layers learn what genes do together.
    """

    def __init__(self, arrays: Arrays) -> None:
        self._a = arrays

    @classmethod
    def fit(cls, features: Features, target: Vector, rng: np.random.Generator) -> Mlp:
        """Features `(n, features)`, target `(n,)` standardised."""
        start = Ridge.fit(features, target, rng)
        return cls(_trained(_initial(start, rng), features, target.astype(np.float32), rng))

    def members(self, features: Features) -> NDArray[np.float32]:
        """Prediction of each member for each network. `(members, n)`."""
        parts = [
            _forward(self._a, features[begin : begin + _CHUNK])[0]
            for begin in range(0, max(len(features), 1), _CHUNK)
        ]
        return np.concatenate(parts, axis=1)

    def arrays(self) -> Arrays:
        return self._a

    @staticmethod
    def shapes(features: int) -> dict[str, tuple[int, ...]]:
        """Shape of every array for a number of features."""
        return {
            "skip": (features, MEMBERS),
            "w1": (features, MEMBERS * HIDDEN),
            "b1": (MEMBERS * HIDDEN,),
            "w2": (MEMBERS, HIDDEN, HIDDEN),
            "b2": (MEMBERS, 1, HIDDEN),
            "w3": (MEMBERS, HIDDEN, 1),
            "b3": (MEMBERS, 1),
        }


def _initial(start: Ridge, rng: np.random.Generator) -> Arrays:
    """He initialisation of the hidden layers; the last one starts at zero, so that the start is the ridge."""
    shapes = Mlp.shapes(len(start.weight))
    arrays = {name: np.zeros(shape, dtype=np.float32) for name, shape in shapes.items()}
    active = max(1.0, len(start.weight) / 3)  # about one feature of three is one
    arrays["w1"] = rng.normal(0, np.sqrt(2 / active), shapes["w1"]).astype(np.float32)
    arrays["w2"] = rng.normal(0, np.sqrt(2 / HIDDEN), shapes["w2"]).astype(np.float32)
    arrays["skip"] = start.weight.copy()
    arrays["b3"] = start.bias[:, None].copy()
    return arrays


def _forward(a: Arrays, x: Features) -> tuple[NDArray[np.float32], Arrays]:
    """Predictions `(members, n)` and what the gradient needs."""
    flat = x @ a["w1"]
    flat += a["b1"]
    np.maximum(flat, 0, out=flat)
    h1 = flat.reshape(len(x), MEMBERS, HIDDEN).transpose(1, 0, 2)
    h2 = h1 @ a["w2"]
    h2 += a["b2"]
    np.maximum(h2, 0, out=h2)
    out = (h2 @ a["w3"])[:, :, 0] + (x @ a["skip"]).T + a["b3"]
    return out, {"h1": h1, "h2": h2}


def _gradient(a: Arrays, x: Features, kept: Arrays, error: NDArray[np.float32]) -> Arrays:
    """Gradient of half the summed squared error; `error` `(members, n)` is its derivative by the prediction."""
    h1, h2 = kept["h1"], kept["h2"]
    d2 = (error[:, :, None] * a["w3"].transpose(0, 2, 1)) * (h2 > 0)
    d1 = (d2 @ a["w2"].transpose(0, 2, 1)) * (h1 > 0)
    flat = d1.transpose(1, 0, 2).reshape(len(x), -1)
    return {
        "skip": x.T @ error.T,
        "w1": x.T @ flat,
        "b1": flat.sum(axis=0),
        "w2": h1.transpose(0, 2, 1) @ d2,
        "b2": d2.sum(axis=1, keepdims=True),
        "w3": h2.transpose(0, 2, 1) @ error[:, :, None],
        "b3": error.sum(axis=1, keepdims=True),
    }


def _trained(
    a: Arrays,
    x: Features,
    y: NDArray[np.float32],
    rng: np.random.Generator,
    *,
    epochs: int = 300,
    batch: int = 256,
    most_steps: int = 1200,
    rate: float = 3e-3,
    decay: float = 0.1,
) -> Arrays:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019) and a cosine schedule."""
    weights = _bootstrap(len(y), rng).astype(np.float32)
    first = {name: np.zeros_like(value) for name, value in a.items()}
    second = {name: np.zeros_like(value) for name, value in a.items()}
    batches = -(-len(y) // batch)
    steps = min(most_steps, epochs * batches)
    order = rng.permutation(len(y))
    for step in range(steps):
        part = step % batches
        if part == 0 and batches > 1:
            order = rng.permutation(len(y))
        chosen = order[part::batches]
        xb, yb, wb = x[chosen], y[chosen], weights[:, chosen]
        out, kept = _forward(a, xb)
        gradient = _gradient(
            a, xb, kept, (wb * (out - yb) / np.float32(len(chosen))).astype(np.float32)
        )
        speed = rate * 0.5 * (1 + np.cos(np.pi * step / steps))
        for name, g in gradient.items():
            m, v = first[name], second[name]
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            scale = np.sqrt(1 - 0.999 ** (step + 1)) / (1 - 0.9 ** (step + 1))
            if name.startswith("w"):
                a[name] *= np.float32(1 - speed * decay)
            a[name] -= np.float32(speed * scale) * m / (np.sqrt(v) + 1e-8)
    return a


KINDS: dict[str, type[Ridge] | type[Mlp]] = {"ridge": Ridge, "mlp": Mlp}


def rebuilt(kind: str, arrays: Arrays) -> Ensemble:
    """The ensemble whose `arrays()` these are."""
    return Ridge(arrays["weight"], arrays["bias"]) if kind == "ridge" else Mlp(arrays)
