"""Which kind of model ranks unseen networks best, by cross-validation, and what corrects its predictions.

A search needs the order of all networks, and most of all that of the best ones: both rank correlations count.

Whoever takes the networks that are predicted best takes those that are predicted too well. Twice: because a prediction
errs, and because the images on which all networks were measured suit some options better than other images would; with
a thousand images that can be most of what a predictor learns. Held-back networks tell the first; a model that learns
from one half of the images and is compared with the other half tells the second. A straight line takes both back
(regression to the mean), so that what is promised of a network holds on other images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.device.calibration import kendall_tau
from nasstudio.engine.predictor.kinds import KINDS, Ensemble
from nasstudio.engine.predictor.report import tau_top
from nasstudio.engine.predictor.ridge import Features

Values = NDArray[np.float64]


FOLDS = 4
_TOP_WEIGHT = (
    1 / 3
)  # of the rank correlation among the best; it is of few networks, hence uncertain
_EQUAL = 0.01  # rank correlations nearer than this are the same: the simpler kind is taken
_LEAST_SLOPE = 0.1


@dataclass(frozen=True)
class Labels:
    """Measured accuracies of networks, shares.

    Attributes
    ----------
    accuracy : `(n,)`.
    halves : on one and the other half of the images, `(n, 2)`; None: not known.
    """

    accuracy: Values
    halves: Values | None = None

    def at(self, index: NDArray[np.intp]) -> Labels:
        """Those of some networks."""
        return Labels(self.accuracy[index], None if self.halves is None else self.halves[index])


@dataclass(frozen=True)
class Model:
    """A fitted kind. Accuracy is `mean` + `scale` times what the members say."""

    ensemble: Ensemble
    mean: float
    scale: float

    def of(self, features: Features) -> Values:
        """Predicted accuracy, share. `(n,)`."""
        found = self.mean + self.scale * self.ensemble.mean(features).astype(np.float64)
        accuracy: Values = np.clip(found, 0.0, 1.0)
        return accuracy

    def variance(self, features: Features) -> Values:
        """Variance of the members' predictions. `(n,)`."""
        members = self.ensemble.members(features).astype(np.float64)
        variance: Values = members.var(axis=0) * self.scale**2
        return variance

    def corrected(self, offset: float, slope: float) -> Model:
        """The model whose predictions are `offset` + `slope` times this one's."""
        return Model(self.ensemble, offset + slope * self.mean, slope * self.scale)


@dataclass(frozen=True)
class Choice:
    """The kind that is taken.

    Attributes
    ----------
    taus, taus_top : rank correlation of each kind over all networks and among the best; nan where not defined.
    offset, slope : of the line that corrects the predictions of the kind taken.
    holding : which share of the predicted differences holds on other images; None: not known.
    """

    kind: str
    taus: dict[str, float]
    taus_top: dict[str, float]
    offset: float
    slope: float
    holding: float | None

    def fitted(self, features: Features, labels: Labels, rng: np.random.Generator) -> Model:
        """A corrected model of the kind taken."""
        return fitted(self.kind, features, labels.accuracy, rng).corrected(self.offset, self.slope)


def fitted(kind: str, features: Features, accuracy: Values, rng: np.random.Generator) -> Model:
    """A model of standardised accuracies. features: `(n, features)`, accuracy: `(n,)` share."""
    mean, scale = float(accuracy.mean()), float(accuracy.std()) or 1.0
    return Model(KINDS[kind].fit(features, (accuracy - mean) / scale, rng), mean, scale)


def choose(
    features: Features,
    labels: Labels,
    rng: np.random.Generator,
    kinds: Sequence[str] = tuple(KINDS),
) -> Choice:
    """Choose among kinds, given from simple to complex. features: `(n, features)`."""
    accuracy = labels.accuracy
    fold = rng.permutation(len(accuracy)) % FOLDS
    predicted = {kind: _out_of_fold(kind, features, accuracy, fold, rng) for kind in kinds}
    taus = {kind: kendall_tau(found, accuracy) for kind, found in predicted.items()}
    taus_top = {kind: tau_top(found, accuracy) for kind, found in predicted.items()}
    score = {
        kind: float(
            (1 - _TOP_WEIGHT) * np.nan_to_num(taus[kind], nan=-1.0)
            + _TOP_WEIGHT * np.nan_to_num(taus_top[kind], nan=0.0)
        )
        for kind in kinds
    }
    best = max(score.values())
    kind = next(kind for kind in kinds if score[kind] >= best - _EQUAL)
    slope = _slope(predicted[kind], accuracy)
    holding = None
    if labels.halves is not None:
        holding = _holding(kind, features, labels.halves, fold, rng)
        slope = min(slope, holding)
    slope = min(max(slope, _LEAST_SLOPE), 1.0)  # predictions are drawn together, never apart
    offset = float(accuracy.mean() - slope * predicted[kind].mean())
    return Choice(kind, taus, taus_top, offset, slope, holding)


def _out_of_fold(
    kind: str,
    features: Features,
    accuracy: Values,
    fold: NDArray[np.intp],
    rng: np.random.Generator,
) -> Values:
    """Prediction of each network by a model that was fitted without it. `(n,)`."""
    predicted = np.empty(len(accuracy))
    for number in range(FOLDS):
        test = fold == number
        predicted[test] = fitted(kind, features[~test], accuracy[~test], rng).of(features[test])
    return predicted


def _slope(predicted: Values, accuracy: Values) -> float:
    """Slope of accuracy against its prediction."""
    centred = predicted - predicted.mean()
    spread = float(centred @ centred)
    return float(centred @ accuracy) / spread if spread > 0 else 1.0


def _holding(
    kind: str,
    features: Features,
    halves: Values,
    fold: NDArray[np.intp],
    rng: np.random.Generator,
) -> float:
    """The slope on as many other images: learnt from one half of the images, compared with the other half.

    Twice the images have half the variance of what is particular to them (Spearman 1910; Brown 1910).
    """
    slopes = []
    for learnt, other in ((0, 1), (1, 0)):
        predicted = _out_of_fold(kind, features, halves[:, learnt], fold, rng)
        slopes.append(_slope(predicted, halves[:, other]))
    half = min(max(float(np.mean(slopes)), 0.0), 1.0)
    return 2 * half / (1 + half)
