"""Ensembles of small networks, in numpy: trained on the squared error, or to rank.

The ranking loss is that of RankNet (Burges et al. 2005), in the manner of accuracy predictors of the literature (Xu et
al. 2021, ReNAS; Ning et al. 2020, GATES): what a search needs is the order. A part of squared error keeps the scale.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.predictor.ridge import (
    MEMBERS,
    Arrays,
    Features,
    Ridge,
    Vector,
    bootstrap,
)

HIDDEN = 64
_CHUNK = 4096
_PARTNERS = 16  # networks that each one is compared with in a step
_STEEPNESS = 3.0  # a difference of a third of the spread is a certain one
_ANCHOR = 0.2  # part of the squared error in the ranking loss

Errors = NDArray[np.float32]


class Mlp:
    """Small networks, features - 64 - 64 - 1 with ReLU, and a linear path beside them that starts as the ridge.

    The linear path carries the additive part, which is most of it (reference data: tau 0.90 from 250 networks); the
    hidden layers learn what genes do together.
    """

    def __init__(self, arrays: Arrays) -> None:
        self._a = arrays

    @classmethod
    def fit(cls, features: Features, target: Vector, rng: np.random.Generator) -> Self:
        """Features `(n, features)`, target `(n,)` standardised."""
        start = Ridge.fit(features, target, rng)
        return cls(cls._trained(_initial(start, rng), features, target.astype(np.float32), rng))

    def members(self, features: Features) -> NDArray[np.float32]:
        """Prediction of each member for each network. `(members, n)`."""
        parts = [
            _forward(self._a, features[begin : begin + _CHUNK])[0]
            for begin in range(0, max(len(features), 1), _CHUNK)
        ]
        return np.concatenate(parts, axis=1)

    def mean(self, features: Features) -> NDArray[np.float32]:
        """Mean of the members' predictions. `(n,)`."""
        mean: NDArray[np.float32] = self.members(features).mean(axis=0)
        return mean

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

    @staticmethod
    def _errors(out: Errors, y: Errors, weights: Errors, rng: np.random.Generator) -> Errors:
        """Derivative of the loss by each prediction: half the squared error. All `(members, batch)`, y `(batch,)`."""
        errors: Errors = weights * (out - y)
        return errors

    @classmethod
    def _trained(
        cls,
        a: Arrays,
        x: Features,
        y: Errors,
        rng: np.random.Generator,
        *,
        epochs: int = 200,
        batch: int = 256,
        most_steps: int = 400,
        rate: float = 3e-3,
        decay: float = 0.1,
    ) -> Arrays:
        """Adam with decoupled weight decay (Loshchilov and Hutter 2019) and a cosine schedule."""
        weights = bootstrap(len(y), rng).astype(np.float32)
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
            xb = x[chosen]
            out, kept = _forward(a, xb)
            errors = cls._errors(out, y[chosen], weights[:, chosen], rng)
            gradient = _gradient(a, xb, kept, errors / np.float32(len(chosen)))
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


class Ranking(Mlp):
    """The same networks, trained to put pairs of networks into the right order."""

    @staticmethod
    def _errors(out: Errors, y: Errors, weights: Errors, rng: np.random.Generator) -> Errors:
        errors: Errors = np.float32(_ANCHOR) * weights * (out - y)
        n = len(y)
        shifts = rng.permutation(np.arange(1, n))[:_PARTNERS, None]
        other, back = (np.arange(n) - shifts) % n, (np.arange(n) + shifts) % n  # (partners, n)
        order = np.sign(y - y[other])
        certain = _STEEPNESS * order * (out[:, None] - out[:, other])  # (members, partners, n)
        # Derivative of log(1 + exp(-certain)); equal accuracies have no order and count nothing.
        wrong = 1 / (1 + np.exp(np.minimum(certain, 30)))
        pull = weights[:, None] * weights[:, other] * order * wrong
        pulled = np.take_along_axis(pull, back[None], axis=2)
        share = np.float32(0.5 * _STEEPNESS / max(len(shifts), 1))
        errors -= share * (pull - pulled).sum(axis=1)
        return errors


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


def _forward(a: Arrays, x: Features) -> tuple[Errors, Arrays]:
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


def _gradient(a: Arrays, x: Features, kept: Arrays, error: Errors) -> Arrays:
    """Gradient of the loss; `error` `(members, n)` is its derivative by the predictions."""
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
