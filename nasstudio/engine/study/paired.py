"""Two networks on the same images: the difference of their accuracies and its 95 % interval.

Both answer the same images, so that what counts is the difference image by image: its spread is much smaller than that
of either accuracy. Over several networks the differences are first averaged image by image, since a hard image is hard
for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Z95 = 1.96
# 97.5 % quantiles of Student's t for 1 to 30 degrees of freedom.
_T95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip

Differences = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A mean and the ends of its 95 % interval; shares, not per cent."""

    mean: float
    low: float
    high: float


def differences(one: ArrayLike, other: ArrayLike) -> Differences:
    """Image by image: 1 where only `one` is right, -1 where only `other` is. `(images,)`.

    Parameters
    ----------
    one, other : what each got right, `(images,)`, or `(trainings, images)`, which are averaged.
    """
    left, right = (np.atleast_2d(np.asarray(x, dtype=float)).mean(axis=0) for x in (one, other))
    found: Differences = left - right
    return found


def over_images(found: Sequence[Differences]) -> Interval:
    """The mean over networks and images. The interval holds the chance of the images, not that of training anew.

    Parameters
    ----------
    found : one row of `differences` a network, all of the same images.
    """
    each = np.mean(np.stack(found), axis=0)
    return _interval(float(each.mean()), _Z95 * _error(each))


def over_trainings(found: Sequence[Differences]) -> Interval:
    """The same, with the chance of the trainings in the interval, too.

    Each row is of one network trained once on either route. The spread between rows (Student's t) and that between
    images are both in the interval; what they share is in it twice, so that it is rather too wide.
    """
    table = np.stack(found)
    rows = table.mean(axis=1)
    between = student95(len(rows) - 1) * _error(rows) if len(rows) > 1 else float("inf")
    within = _Z95 * _error(table.mean(axis=0))
    return _interval(float(rows.mean()), float(np.hypot(between, within)))


def student95(freedom: int) -> float:
    """Half the width of a 95 % interval in standard errors."""
    if freedom < 1:
        return float("inf")
    # Beyond the table the first term of the expansion in 1 / freedom is exact to 0.001.
    return _T95[freedom - 1] if freedom <= len(_T95) else _Z95 + 2.4 / freedom


def _error(values: Differences) -> float:
    """Standard error of the mean; with a single value there is none."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("inf")


def _interval(mean: float, half: float) -> Interval:
    return Interval(mean, mean - half, mean + half)
