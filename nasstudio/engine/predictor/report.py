"""How good an accuracy predictor is, on networks that it has not seen."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.device.calibration import kendall_tau

TOP_SHARE = 0.1
TOP_LEAST = 10  # fewer networks have no order worth a number

Values = NDArray[np.float64]


class PredictorReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a predictor promises.

    Attributes
    ----------
    kind : the one chosen (`nasstudio.engine.predictor.kinds`), or ``published_mlp``.
    networks : distinct networks that it was fitted to; 0 for a published one.
    n_held : how many of them judged it while they were held back, choice of the kind included. 0: nobody has judged it,
        and whatever follows from judging is None.
    tau : Kendall rank correlation of prediction and measurement on these; None if it is not defined.
    tau_top : the same among the `n_top` of the highest measured accuracy: a tenth, but at least 10.
    rmse_points : root mean squared error on the held-back networks, percentage points.
    optimism_points : prediction minus measurement, mean over the held-back networks that a search would choose among
        them, percentage points; None if their cost is not known.
    interval_points : median half width of the interval that holds nine of ten networks, percentage points.
    holding : which share of the predicted differences between networks holds on other images; predictions are drawn
        together by it. None: not known.
    taus, taus_top : cross-validated rank correlations of every kind that was tried, by kind.
    noise_points : spread of repeated measurements of the same network, percentage points; None if none was repeated.
    predicted, actual : of each held-back network, share 0..1.
    note : what else a person should know, in sentences.
    """

    kind: str
    networks: int
    n_held: int
    tau: float | None
    tau_top: float | None
    n_top: int
    rmse_points: float | None
    optimism_points: float | None
    interval_points: float | None
    holding: float | None
    taus: dict[str, float | None]
    taus_top: dict[str, float | None]
    noise_points: float | None
    predicted: tuple[float, ...]
    actual: tuple[float, ...]
    note: str = ""


def top(actual: Values) -> NDArray[np.intp]:
    """Indices of the networks of the highest measured accuracy: a tenth, but at least 10, and never all."""
    n = max(TOP_LEAST, math.ceil(TOP_SHARE * len(actual)))
    return np.argsort(-actual, kind="stable")[: max(2, min(n, len(actual) - 1))]


def tau_top(predicted: Values, actual: Values) -> float:
    """Kendall rank correlation among the networks of the highest measured accuracy; nan if it is not defined."""
    best = top(actual)
    return kendall_tau(predicted[best], actual[best])


def judged(
    kind: str,
    predicted: Values,
    actual: Values,
    *,
    networks: int,
    taus: dict[str, float],
    taus_top: dict[str, float],
    interval: Values,
    holding: float | None,
    chosen: NDArray[np.bool_] | None,
    noise: float | None,
) -> PredictorReport:
    """The report on networks that were held back.

    `predicted`, `actual`, `interval`, `noise`: share 0..1; `chosen`: those that a search would choose.
    """
    error = predicted - actual
    return PredictorReport(
        kind=kind,
        networks=networks,
        n_held=len(actual),
        tau=_defined(kendall_tau(predicted, actual)),
        tau_top=_defined(tau_top(predicted, actual)),
        n_top=len(top(actual)),
        rmse_points=100 * float(np.sqrt(np.mean(error**2))),
        optimism_points=None if chosen is None else 100 * float(error[chosen].mean()),
        interval_points=100 * float(np.median(interval)),
        holding=holding,
        taus={name: _defined(tau) for name, tau in taus.items()},
        taus_top={name: _defined(tau) for name, tau in taus_top.items()},
        noise_points=None if noise is None else 100 * noise,
        predicted=tuple(predicted.tolist()),
        actual=tuple(actual.tolist()),
    )


def _defined(tau: float) -> float | None:
    return None if math.isnan(tau) else tau
