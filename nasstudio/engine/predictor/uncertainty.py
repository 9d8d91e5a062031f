"""How far off a prediction may be: wider where networks are unlike those that were measured.

The shape of the error has three parts: a constant (noise of the labels, and what no model of the kind can tell), one
that grows with the leverage of a network (its distance from the data, as ridge regression sees it), and the spread of
the ensemble. Their sizes are fitted to errors on networks that were held back, and a factor makes nine of ten of these
lie inside (split conformal prediction, normalised: Papadopoulos et al. 2002; Lei et al. 2018). That is on the images on
which networks were measured; on others all of them may do better or worse together (`Uncertainty.elsewhere`).

A search chooses the networks that are predicted best, and so those that are predicted too well; the factor is therefore
also fitted to the held-back networks that such a choice would take, and the larger one counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.device.calibration import conformal
from nasstudio.engine.predictor.ridge import Arrays, Features

Values = NDArray[np.float64]

COVERED = 0.9
_NORMAL = 1.645  # half the interval that holds nine of ten, in standard deviations
_SWEEPS = 200


class Leverage:
    """Distance of networks from those a model was fitted to: ``x' (X'X + I)^-1 x`` of centred features; 0 and more."""

    def __init__(self, centre: NDArray[np.float32], inverse: NDArray[np.float32]) -> None:
        self.centre = centre  # (features,)
        self.inverse = inverse  # (features, features)

    @classmethod
    def fit(cls, features: Features) -> Leverage:
        """features: `(n, features)` of the networks that were measured."""
        x = features.astype(np.float64)
        centre = x.mean(axis=0)
        x = x - centre
        inverse = np.linalg.inv(x.T @ x + np.eye(x.shape[1]))
        return cls(centre.astype(np.float32), inverse.astype(np.float32))

    def of(self, features: Features) -> Values:
        """Leverage of each network. `(n,)`."""
        x = features - self.centre
        found = np.einsum("nf,nf->n", x @ self.inverse, x).astype(np.float64)
        leverage: Values = np.maximum(found, 0.0)
        return leverage


@dataclass(frozen=True)
class Uncertainty:
    """Half widths of intervals that hold nine of ten networks; shares.

    Attributes
    ----------
    constant, growth, members : variance a network has at least, by leverage, and by variance of the ensemble.
    factor : half width by square root of that variance.
    images : on which each accuracy was measured; other images have another mean. 0: not known.
    """

    constant: float
    growth: float
    members: float
    factor: float
    images: int = 0

    def interval(self, leverage: Values, variance: Values) -> Values:
        """Half width for each network on the same images. leverage, variance of the members: `(n,)`."""
        half: Values = self.factor * self._scale(leverage, variance)
        return half

    def elsewhere(self, accuracy: Values, leverage: Values, variance: Values) -> Values:
        """Half width for each network on all images of the kind: also what the draw of images does to their mean."""
        same = self.interval(leverage, variance)
        if not self.images:
            return same
        sampled = np.sqrt(accuracy * (1 - accuracy) / self.images)
        half: Values = np.hypot(same, _NORMAL * sampled)
        return half

    def spread(self, leverage: Values, variance: Values) -> Values:
        """One standard deviation on the same images, if errors were normal. `(n,)`."""
        spread: Values = self.interval(leverage, variance) / _NORMAL
        return spread

    def _scale(self, leverage: Values, variance: Values) -> Values:
        scale: Values = np.sqrt(self.constant + self.growth * leverage + self.members * variance)
        return scale


def calibrated(
    errors: Values,
    leverage: Values,
    variance: Values,
    chosen: NDArray[np.bool_] | None = None,
    images: int = 0,
) -> Uncertainty:
    """The uncertainty that held-back networks tell.

    Parameters
    ----------
    errors : of the predictions, prediction minus measurement. `(n,)`.
    leverage, variance : of each of them, `(n,)`.
    chosen : those that a search would choose; None: nobody knows.
    images : on which each accuracy was measured; 0: not known.
    """
    squares = errors**2
    parts = np.stack([np.ones(len(errors)), leverage, variance], axis=1)
    size = np.maximum(parts.mean(axis=0), 1e-12)
    weights = _nonnegative(parts / size, squares) / size
    floor = 1e-3 * float(squares.mean()) + 1e-12
    constant, growth, members = (float(weight) for weight in weights)
    shape = Uncertainty(max(constant, floor), growth, members, 1.0)
    ratios = np.abs(errors) / shape.interval(leverage, variance)
    groups = [ratios] if chosen is None or chosen.sum() < 9 else [ratios, ratios[chosen]]
    factor = max(_quantile(group) for group in groups)
    return Uncertainty(shape.constant, shape.growth, shape.members, factor, images)


def _quantile(ratios: Values) -> float:
    k = int(np.ceil((len(ratios) + 1) * COVERED))
    # Too few for the quantile: the largest, with room.
    return conformal(ratios) if k <= len(ratios) else 1.2 * float(ratios.max())


def _nonnegative(parts: Values, target: Values) -> Values:
    """Least squares with weights of at least 0, by coordinate descent; parts `(n, k)`, target `(n,)`.

    Large errors count by their rank of size only as far as four times the mean, so that one stray network does not
    decide the shape.
    """
    target = np.minimum(target, 4 * target.mean())
    gram, right = parts.T @ parts, parts.T @ target
    weights = np.zeros(parts.shape[1])
    for _ in range(_SWEEPS):
        for k in range(len(weights)):
            if gram[k, k] > 0:
                rest = right[k] - gram[k] @ weights + gram[k, k] * weights[k]
                weights[k] = max(0.0, rest / gram[k, k])
    return weights


def best_predicted(predicted: Values, costs: Values, least: int) -> NDArray[np.bool_]:
    """Networks that a search would choose by their prediction: fronts of accuracy against cost, one behind the other.

    predicted, costs: `(n,)`. Fronts are taken whole until there are `least` networks. Returns `(n,)`.
    """
    chosen = np.zeros(len(predicted), dtype=bool)
    while chosen.sum() < min(least, len(predicted)):
        left = np.flatnonzero(~chosen)
        order = left[np.lexsort((-predicted[left], costs[left]))]
        best = np.maximum.accumulate(predicted[order])
        rises = np.ones(len(left), dtype=bool)
        rises[1:] = best[1:] > best[:-1]
        chosen[order[rises]] = True
    return chosen


def arrays(leverage: Leverage) -> Arrays:
    """The arrays of a leverage, as they are stored."""
    return {"centre": leverage.centre, "inverse": leverage.inverse}


def shapes(features: int) -> dict[str, tuple[int, ...]]:
    """Shape of each of these arrays for a number of features."""
    return {"centre": (features,), "inverse": (features, features)}
