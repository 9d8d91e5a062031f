"""How good an accuracy predictor is, on networks that it has not seen."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.device.calibration import kendall_tau

TOP_SHARE = 0.3


class PredictorReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a predictor promises.

    Attributes
    ----------
    kind : ``ridge`` or ``mlp``: the one chosen.
    n_train, n_held : distinct networks fitted and held back while it was judged; afterwards it was fitted to all.
    tau : Kendall rank correlation of prediction and measurement on the held-back networks; None if it is not defined.
    tau_top : the same among the held-back networks of the highest measured accuracy.
    top_share : which share of them that is.
    rmse_points : root mean squared error on the held-back networks, percentage points.
    taus : cross-validated rank correlation of every kind that was tried, by kind.
    noise_points : spread of repeated measurements of the same network, percentage points; None if none was repeated.
    predicted, actual : of each held-back network, share 0..1.
    """

    kind: str
    n_train: int
    n_held: int
    tau: float | None
    tau_top: float | None
    top_share: float
    rmse_points: float
    taus: dict[str, float | None]
    noise_points: float | None
    predicted: tuple[float, ...]
    actual: tuple[float, ...]


def judged(
    kind: str,
    predicted: NDArray[np.float64],
    actual: NDArray[np.float64],
    *,
    n_train: int,
    taus: dict[str, float],
    noise: float | None,
) -> PredictorReport:
    """The report on one set of held-back networks. `predicted`, `actual`, `noise`: share 0..1."""
    top = np.argsort(-actual, kind="stable")[: max(2, math.ceil(TOP_SHARE * len(actual)))]
    return PredictorReport(
        kind=kind,
        n_train=n_train,
        n_held=len(actual),
        tau=_defined(kendall_tau(predicted, actual)),
        tau_top=_defined(kendall_tau(predicted[top], actual[top])),
        top_share=TOP_SHARE,
        rmse_points=100 * float(np.sqrt(np.mean((predicted - actual) ** 2))),
        taus={name: _defined(tau) for name, tau in taus.items()},
        noise_points=None if noise is None else 100 * noise,
        predicted=tuple(predicted.tolist()),
        actual=tuple(actual.tolist()),
    )


def _defined(tau: float) -> float | None:
    return None if math.isnan(tau) else tau
