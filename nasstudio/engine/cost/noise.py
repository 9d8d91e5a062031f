"""How far a cell of a latency table may be off by chance, from its spread and its number of measurements.

Two times differ only where their difference exceeds both what the medians' standard errors allow and a share of the
spread itself: repeats of one sitting share its conditions, so a standard error alone promises too much.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.table import Cells

Values = NDArray[np.float64]

_P90 = 1.2816  # standard deviations from the mean to the 90 % quantile
_MEDIAN = 1.2533  # standard error of a median over that of a mean, sqrt(pi / 2)
_MOST_REPEATS = 8  # more repeats of one sitting tell no more
_FLOOR = 0.01  # of any median, as a share: conditions change between rows
_UNKNOWN = 0.02  # of a cell without a spread
_CERTAIN = 3.5  # standard errors of a difference
_SPREAD = 0.5  # of the deviation of single measurements that a difference must exceed
LEAST = 0.05  # smaller differences, as a share, are never spoken of


def deviation(cells: Cells) -> Values:
    """Standard deviation of single measurements as a share of the median; nan where no spread is known."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Values = (cells.p90 - cells.p10) / (2 * _P90) / cells.ms
    return np.where(cells.known & (found >= 0), found, np.nan)


def standard_error(cells: Cells) -> Values:
    """Standard error of each median as a share of it."""
    single = deviation(cells)
    repeats = np.clip(cells.n, 1, _MOST_REPEATS)
    known = np.hypot(_MEDIAN * single / np.sqrt(repeats), _FLOOR)
    return np.where(np.isnan(single), _UNKNOWN, known)


def beyond(
    log_ratio: Values, errors: tuple[Values, Values], singles: tuple[Values, Values]
) -> NDArray[np.bool_]:
    """Whether two times differ for certain, in either direction.

    Parameters
    ----------
    log_ratio : logarithm of one over the other; nan where one is missing: no.
    errors, singles : `standard_error` and `deviation` of both.
    """
    error = np.hypot(*errors)
    single = np.hypot(np.nan_to_num(singles[0]), np.nan_to_num(singles[1]))
    allowed = np.maximum(np.maximum(_CERTAIN * error, _SPREAD * single), np.log1p(LEAST))
    with np.errstate(invalid="ignore"):
        different: NDArray[np.bool_] = np.abs(log_ratio) > allowed
    return different
