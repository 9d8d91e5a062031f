"""From the sum of the layers to the latency of the network: scale and constant, with their error.

Layers measured one by one carry a call overhead each, and a whole network has one of its own; two coefficients fitted
on a few whole networks take both into account. The error is judged on networks held back from the fit.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The correction of one device, and how good it is.

    ``latency = scale * sum + constant``. Errors are of predictions for networks that the fit did not see (folds).

    Attributes
    ----------
    scale, constant_ms : the correction.
    mape : mean absolute error as a share, corrected, held back.
    mape_sum : the same of the plain sum.
    within10 : share of networks within 10 %.
    tau : Kendall rank correlation of corrected prediction and measurement, held back; 0 where all are equal.
    tau_macs : Kendall rank correlation of MACs and measurement ("FLOPs is not speed").
    noise : mean difference of a network measured twice, as a share; None if not measured twice.
    sums_ms, measured_ms, macs, spread : of each network: sum of its rows, measured median, MACs, (p90 - p10) / median.
    space_hash, genomes : which networks they are.
    measured_at : time of the measurement, ISO 8601.
    """

    scale: float
    constant_ms: float
    mape: float
    mape_sum: float
    within10: float
    tau: float
    tau_macs: float
    noise: float | None
    sums_ms: tuple[float, ...]
    measured_ms: tuple[float, ...]
    macs: tuple[float, ...]
    spread: tuple[float, ...] = ()
    space_hash: str = ""
    genomes: tuple[tuple[int, ...], ...] = ()
    measured_at: str = ""

    def apply(self, sums_ms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Corrected latency, ms, of the same shape."""
        return np.maximum(self.scale * sums_ms + self.constant_ms, 0.0)


def kendall_tau(
    x: Sequence[float] | NDArray[np.float64], y: Sequence[float] | NDArray[np.float64]
) -> float:
    """Kendall's tau-b of two equally long sequences; nan if one is constant. O(n^2)."""
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    upper = np.triu_indices(len(a), k=1)
    da, db = np.sign(a[:, None] - a)[upper], np.sign(b[:, None] - b)[upper]
    ties = np.count_nonzero(da) * np.count_nonzero(db)
    return float((da * db).sum() / np.sqrt(ties)) if ties else float("nan")


def fit(
    sums_ms: Sequence[float],
    measured_ms: Sequence[float],
    macs: Sequence[float],
    *,
    noise: float | None = None,
    spread: Sequence[float] = (),
    folds: int = 4,
    space_hash: str = "",
    genomes: Sequence[Sequence[int]] = (),
    measured_at: str = "",
) -> Calibration:
    """The correction that fits best in relative error, judged by cross-validation.

    Needs at least 4 networks; with fewer the correction is the identity and its error that of the plain sum.
    """
    x, y = np.asarray(sums_ms, dtype=float), np.asarray(measured_ms, dtype=float)
    scale, constant = _least_relative_squares(x, y) if len(x) >= 4 else (1.0, 0.0)
    held_back = np.array(x)
    if len(x) >= 4:
        fold = np.arange(len(x)) % min(folds, len(x))
        for number in np.unique(fold):
            test = fold == number
            a, b = _least_relative_squares(x[~test], y[~test])
            held_back[test] = a * x[test] + b
    error = np.abs(held_back - y) / y if len(y) else np.array([np.nan])
    return Calibration(
        scale=float(scale),
        constant_ms=float(constant),
        mape=float(error.mean()),
        mape_sum=float((np.abs(x - y) / y).mean()) if len(y) else float("nan"),
        within10=float((error <= 0.10).mean()),
        tau=float(np.nan_to_num(kendall_tau(held_back, y))),
        tau_macs=float(np.nan_to_num(kendall_tau(macs, y))),
        noise=noise,
        sums_ms=tuple(x.tolist()),
        measured_ms=tuple(y.tolist()),
        macs=tuple(float(m) for m in macs),
        spread=tuple(float(s) for s in spread),
        space_hash=space_hash,
        genomes=tuple(tuple(int(i) for i in genome) for genome in genomes),
        measured_at=measured_at,
    )


def _least_relative_squares(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Scale and constant of least squared relative error; the scale alone where a line can't be told."""
    design = np.stack([x / y, 1 / y], axis=1)
    (scale, constant), _, rank, _ = np.linalg.lstsq(design, np.ones(len(y)), rcond=None)
    if rank < 2 or scale <= 0:
        ratio = x / y
        return float(ratio.sum() / (ratio**2).sum()), 0.0
    return float(scale), float(constant)
