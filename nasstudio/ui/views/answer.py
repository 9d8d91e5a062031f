"""The answer to a set of limits: which networks meet them, the best one, the front, and the front beyond.

Everything that does not depend on the limits is arranged once for a pair of axes, off the window's thread; what is
left for each step of a drag is a few passes over contiguous columns, about 2 ms for 100,000 networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.search import pareto
from nasstudio.engine.search.archive import ACCURACY
from nasstudio.engine.search.limit import Limit
from nasstudio.ui.views.seen import Seen, Values

Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Arrangement:
    """Networks on a pair of axes.

    Attributes
    ----------
    seen : the networks; `x_key`, `y_key` say what stands on the axes.
    order : networks by falling merit on x, then on y.
    merit : merit of each network on y; more is better.
    x_rising, y_rising : whether more is better on the axis.
    """

    seen: Seen
    x_key: str
    y_key: str
    order: Indices
    merit: Values
    x_rising: bool
    y_rising: bool

    @property
    def x(self) -> Values:
        return self.seen.values[self.x_key]

    @property
    def y(self) -> Values:
        return self.seen.values[self.y_key]

    def __len__(self) -> int:
        return len(self.seen)


@dataclass(frozen=True)
class Answer:
    """What holds under some limits.

    Attributes
    ----------
    mask : networks that meet every limit, of those shown. `(n,)`.
    shown : networks up to the replayed generation; None: all.
    count : how many meet every limit.
    best : the most accurate of these; None if there is none.
    front : of these, on the axes, by falling merit on x.
    whole : the front without the limits on the axes: what loosening them would buy.
    """

    limits: tuple[Limit, ...]
    mask: Mask
    shown: Mask | None
    count: int
    best: int | None
    front: Indices
    whole: Indices

    @property
    def beyond(self) -> Indices:
        """The part of the whole front that is over a limit."""
        return self.whole[~self.mask[self.whole]]


def arrange(seen: Seen, x_key: str, y_key: str) -> Arrangement:
    """Sort networks for a pair of axes. O(n log n): not for the window's thread."""
    x_rising, y_rising = x_key == ACCURACY, y_key == ACCURACY
    merit = _merit(seen.values[y_key], y_rising)
    order = np.lexsort((-merit, -_merit(seen.values[x_key], x_rising)))
    return Arrangement(seen, x_key, y_key, order, merit, x_rising, y_rising)


def _merit(values: Values, rising: bool) -> Values:
    return values if rising else -values


def answer(
    arrangement: Arrangement, limits: Sequence[Limit], generation: float | None = None
) -> Answer:
    """The answer under `limits`, of the networks seen up to a generation."""
    seen = arrangement.seen
    shown = None if generation is None else seen.generation <= generation
    on_axes = (arrangement.x_key, arrangement.y_key)
    loose = np.ones(len(seen), dtype=bool) if shown is None else shown.copy()
    for limit in limits:
        if limit.metric not in on_axes:
            loose &= seen.values[limit.metric] <= limit.most
    mask = loose.copy()
    for limit in limits:
        if limit.metric in on_axes:
            mask &= seen.values[limit.metric] <= limit.most
    front = _front(arrangement, mask)
    return Answer(
        limits=tuple(limits),
        mask=mask,
        shown=shown,
        count=int(np.count_nonzero(mask)),
        best=best_of(arrangement, mask),
        front=front,
        whole=_front(arrangement, loose),
    )


def _front(arrangement: Arrangement, mask: Mask) -> Indices:
    order = arrangement.order
    return pareto.front_of_sorted(arrangement.merit, order[mask[order]])


def best_of(arrangement: Arrangement, mask: Mask) -> int | None:
    """The most accurate network inside a mask; of equal ones the cheapest on x, then the one seen first."""
    accuracy = np.where(mask, arrangement.seen.values[ACCURACY], -np.inf)
    if not len(accuracy):
        return None
    best = int(np.argmax(accuracy))
    if not mask[best]:
        return None
    equal = np.flatnonzero(accuracy == accuracy[best])
    if len(equal) == 1:
        return best
    return int(equal[np.argmax(_merit(arrangement.x[equal], arrangement.x_rising))])
