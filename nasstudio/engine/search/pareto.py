"""Fronts and hypervolumes.

Two objectives have their own fast path, accuracy (more is better) against a cost (less is better); more objectives,
all to be minimised, go through moocore. Nothing here knows networks.
"""

from __future__ import annotations

from dataclasses import dataclass

import moocore
import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Indices = NDArray[np.intp]


def front(accuracy: Values, cost: Values) -> Indices:
    """The points that no other point beats in both: rising cost, rising accuracy. Equal points count once, the first.

    accuracy, cost: `(n,)`. Returns indices. O(n log n).
    """
    order = np.lexsort((np.arange(len(cost)), -accuracy, cost))
    return front_of_sorted(accuracy, order)


def front_of_sorted(accuracy: Values, order: Indices) -> Indices:
    """The front among the points `order`, which are sorted by rising cost, then by falling accuracy."""
    if not len(order):
        return order
    sorted_accuracy = accuracy[order]
    best_before = np.maximum.accumulate(sorted_accuracy)
    better = np.empty(len(order), dtype=bool)
    better[0] = True
    np.greater(sorted_accuracy[1:], best_before[:-1], out=better[1:])
    return order[better]


def non_dominated(objectives: Values) -> NDArray[np.bool_]:
    """Which points no other point dominates; all objectives are minimised; equal points count once.

    objectives: `(n, k)`. Returns `(n,)`.
    """
    if not len(objectives):
        return np.zeros(0, dtype=bool)
    found: NDArray[np.bool_] = moocore.is_nondominated(np.ascontiguousarray(objectives))
    return found


@dataclass(frozen=True)
class Box:
    """The part of the plane in which hypervolume is counted, and its unit.

    Attributes
    ----------
    cost_low, cost_high : the cheapest network, and the dearest one that counts.
    accuracy_low, accuracy_high : the worst accuracy that counts, and one near the best, share.
    """

    cost_low: float
    cost_high: float
    accuracy_low: float
    accuracy_high: float

    def hypervolume(self, accuracy: Values, cost: Values) -> float:
        """Area dominated by the points, as a share of the box: 0..1, or above 1 where accuracy exceeds the box."""
        width = self.cost_high - self.cost_low
        height = self.accuracy_high - self.accuracy_low
        if width <= 0 or height <= 0:
            return 0.0
        return hypervolume(accuracy, cost, self.accuracy_low, self.cost_high) / (width * height)


def hypervolume(
    accuracy: Values, cost: Values, accuracy_reference: float, cost_reference: float
) -> float:
    """Area dominated by the points with respect to a reference point. accuracy, cost: `(n,)` finite."""
    inside = (cost < cost_reference) & (accuracy > accuracy_reference)
    if not inside.any():
        return 0.0
    a, c = accuracy[inside], cost[inside]
    best = front(a, c)
    widths = np.diff(np.append(c[best], cost_reference))
    return float(((a[best] - accuracy_reference) * widths).sum())


def steps(accuracy: Values, cost: Values, cost_end: float) -> tuple[Values, Values]:
    """A front as the corners of its staircase, for drawing: the best accuracy at each cost.

    accuracy, cost: of the front, in rising order. Returns (cost, accuracy), each `(2 n,)`, up to `cost_end`.
    """
    x = np.repeat(cost, 2)
    y = np.repeat(accuracy, 2)
    if not len(x):
        return x, y
    return np.append(x[1:], max(cost_end, float(cost[-1]))), y


def ranks(objectives: Values) -> NDArray[np.int64]:
    """Front number of each point, 0 the best; all objectives are minimised. `(n, k)` -> `(n,)`."""
    if not len(objectives):
        return np.zeros(0, dtype=np.int64)
    found: NDArray[np.int64] = moocore.pareto_rank(np.ascontiguousarray(objectives))
    return found


def crowding(objectives: Values) -> Values:
    """Crowding distance inside one front (Deb et al. 2002): infinite at the ends. `(n, k)` -> `(n,)`."""
    n, k = objectives.shape
    distance = np.zeros(n)
    if n <= 2:
        return np.full(n, np.inf)
    for column in range(k):
        order = np.argsort(objectives[:, column], kind="stable")
        sorted_values = objectives[order, column]
        span = sorted_values[-1] - sorted_values[0]
        if span > 0:
            distance[order[1:-1]] += (sorted_values[2:] - sorted_values[:-2]) / span
        distance[order[[0, -1]]] = np.inf
    return distance
