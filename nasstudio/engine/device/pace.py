"""How fast a device runs now, compared with when it was calibrated.

A hot laptop, a governor, a neighbour on the same physical core: each slows every network alike, by more than a table is
wrong, and a load average sees none of them. So a few networks of the calibration, the anchors, are measured in the same
rounds as whatever is measured now.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasstudio.engine.device.calibration import Calibration
from nasstudio.engine.space.space import Population, SearchSpace

NOTICED = 0.03
"""A device this much slower or faster than at its calibration is worth a word."""


@dataclass(frozen=True)
class Anchors:
    """Networks whose latency was known when the device was calibrated.

    Attributes
    ----------
    population : the networks. `(n, genes)`.
    then_ms : their latency at the calibration. `(n,)`.
    """

    population: Population
    then_ms: NDArray[np.float64]


def anchors(
    calibration: Calibration | None, space: SearchSpace, n: int, near_ms: float | None = None
) -> Anchors | None:
    """Networks of a calibration to measure again; None where there are none of this space.

    Parameters
    ----------
    near_ms : the `n` whose latency is nearest to this one; None: spread evenly over latency, the fastest and the
        slowest among them.
    """
    if calibration is None or calibration.space_hash != space.hash or not calibration.genomes:
        return None
    ms = np.asarray(calibration.measured_ms)
    n = min(n, len(ms))
    order = np.argsort(ms, kind="stable")
    if near_ms is None:
        chosen = order[np.linspace(0, len(ms) - 1, n).round().astype(int)]
    else:
        chosen = np.argsort(np.abs(np.log(ms / near_ms)), kind="stable")[:n]
    return Anchors(space.checked([calibration.genomes[i] for i in chosen]), ms[chosen])


def pace(now_ms: ArrayLike, then_ms: ArrayLike) -> float:
    """Geometric mean of the anchors' latency now over that at the calibration: 1.05 is 5 % slower.

    Parameters
    ----------
    now_ms, then_ms : of each anchor, > 0. `(n,)`.
    """
    ratio = np.log(np.asarray(now_ms, dtype=float) / np.asarray(then_ms, dtype=float))
    return float(np.exp(ratio.mean()))


def say(value: float | None) -> str:
    """The pace in words; empty where it is not worth one."""
    if value is None or abs(value - 1) < NOTICED:
        return ""
    way = "slower" if value > 1 else "faster"
    return f"the device ran {abs(value - 1):.0%} {way} than when it was calibrated"
