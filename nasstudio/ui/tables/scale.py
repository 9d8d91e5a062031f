"""What counts as a time, and where it stands on the heat scale.

A value that is not above 0 and finite is not a time: it is shown, it can be flagged, and it counts as missing
everywhere else. Heat compares cells on a logarithmic scale, with those of their column or with those of their row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.table import Cells

BY_COLUMN, BY_ROW = "column", "row"


def is_time(ms: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which values are times."""
    with np.errstate(invalid="ignore"):
        found: NDArray[np.bool_] = (ms > 0) & np.isfinite(ms)
    return found


def spread(cells: Cells, index: Any = ...) -> NDArray[np.float64]:
    """From the 10 to the 90 % quantile as a share of the median; nan where it is not known."""
    ms = np.asarray(cells.ms[index])
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (cells.p90[index] - cells.p10[index]) / ms
    made: NDArray[np.float64] = np.where(is_time(ms), share, np.nan)
    return made


def ratios(ms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slowest against fastest device of each row; nan with fewer than two times. ms: (rows, devices)."""
    known = is_time(ms)
    low = np.where(known, ms, np.inf).min(axis=1, initial=np.inf)
    high = np.where(known, ms, 0.0).max(axis=1, initial=0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        made: NDArray[np.float64] = np.where(np.count_nonzero(known, 1) > 1, high / low, np.nan)
    return made


@dataclass(frozen=True)
class HeatScale:
    """Ends of the scale by column, as logarithms; nan for a column without a number."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> HeatScale:
        """The 5th and 95th percentile of each column, so that one odd cell does not flatten the rest."""
        columns = values.shape[1]
        ends = np.full((2, columns), np.nan)
        for column in range(columns):
            known = values[:, column][is_time(values[:, column])]
            if len(known):
                ends[:, column] = np.log(np.percentile(known, (5, 95)))
        return cls(*ends)

    def near(self, other: HeatScale) -> bool:
        """Whether the colours are the same to the eye."""
        both = ((self.low, other.low), (self.high, other.high))
        return all(a.shape == b.shape and np.allclose(a, b, rtol=0, atol=0.02, equal_nan=True)
                   for a, b in both)  # fmt: skip

    def place(self, value: float, column: int) -> float:
        """0 fast to 1 slow; nan if either is not known."""
        if not 0 < value < math.inf or column >= len(self.low):
            return math.nan
        return _place(math.log(value), float(self.low[column]), float(self.high[column]))


def place_in_row(value: float, row: NDArray[np.float64]) -> float:
    """0 for the fastest of a row to 1 for the slowest; nan where it can't be compared."""
    known = row[is_time(row)]
    if not 0 < value < math.inf or len(known) < 2:
        return math.nan
    return _place(math.log(value), math.log(known.min()), math.log(known.max()))


def _place(log: float, low: float, high: float) -> float:
    if math.isnan(low):
        return math.nan
    return min(1.0, max(0.0, (log - low) / (high - low))) if high > low else 0.5
