"""SearchProblem: what a search may ask: the metrics and the accuracy of networks, and whether they meet the limits.

Search sees matrices: one row a network, one column a metric. What is behind a metric, a table, a count or a model, is
not known here, and neither is how accuracy comes about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.metric import Metric
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.search.limit import Limit, tightest
from nasstudio.engine.space.layer import LayerSpec
from nasstudio.engine.space.space import Population, SearchSpace

Values = NDArray[np.float64]
Accuracy = Callable[[Population], Values]


@dataclass(frozen=True)
class Evaluations:
    """What is known of some networks.

    Attributes
    ----------
    values : `(n, metrics)`, each column in its metric's unit.
    accuracy : `(n,)`, share 0..1.
    """

    values: Values
    accuracy: Values


class SearchProblem:
    """Maximise accuracy subject to limits.

    Attributes
    ----------
    keys : the metrics' keys, in column order.
    limits : the tightest limit of each limited metric.

    Raises
    ------
    InvalidInput
        A limit names a metric that the problem does not have, or two metrics share a key.
    """

    def __init__(
        self,
        space: SearchSpace,
        metrics: Sequence[Metric],
        accuracy: Accuracy,
        limits: Sequence[Limit] = (),
    ) -> None:
        self.space = space
        self.metrics = tuple(metrics)
        self.accuracy = accuracy
        self.keys = tuple(metric.key for metric in self.metrics)
        if len(set(self.keys)) != len(self.keys):
            raise InvalidInput(
                "Two metrics of the problem have the same key.",
                where=", ".join(self.keys),
                remedy="Remove the device that occurs twice from the table.",
            )
        self.limits = tightest(limits, self.keys)
        self._limited = np.array([self.keys.index(limit.metric) for limit in self.limits], np.intp)
        self._most = np.array([limit.most for limit in self.limits])
        self._unit = np.where(np.abs(self._most) > 0, np.abs(self._most), 1.0)

    def column(self, key: str) -> int:
        """Column of a metric.

        Raises
        ------
        InvalidInput
            The problem has no such metric.
        """
        if key not in self.keys:
            raise InvalidInput(
                f"There is no metric '{key}'.", remedy=f"Choose one of: {', '.join(self.keys)}."
            )
        return self.keys.index(key)

    def values(self, population: Population) -> Values:
        """Every metric of every member, without its accuracy. `(n, metrics)`."""
        return np.stack([metric.of(population) for metric in self.metrics], axis=1)

    def limited_values(self, population: Population) -> Values:
        """The limited metrics only, in the order of `limits`. `(n, limits)`."""
        columns = [self.metrics[column].of(population) for column in self._limited]
        return np.stack(columns, axis=1) if columns else np.zeros((len(population), 0))

    def evaluate(self, population: Population) -> Evaluations:
        """Metrics and accuracy of every member. population: `(n, genes)` in canonical form."""
        return Evaluations(
            self.values(population), np.asarray(self.accuracy(population), dtype=np.float64)
        )

    def feasible(self, values: Values) -> NDArray[np.bool_]:
        """Which networks meet every limit. values: `(n, metrics)`. Returns `(n,)`."""
        met: NDArray[np.bool_] = np.less_equal(values[:, self._limited], self._most).all(axis=1)
        return met

    def violation(self, values: Values) -> Values:
        """By how much the limits are exceeded, as the sum of shares of the limits; 0 if they are met. `(n,)`."""
        total: Values = self.excess(values[:, self._limited]).sum(axis=1)
        return total

    def excess(self, limited: Values) -> Values:
        """By which share each limit is exceeded. limited: `(n, limits)`, as from `limited_values`."""
        excess: Values = np.maximum((limited - self._most) / self._unit, 0.0)
        return excess


class SharedRows(SearchSpace):
    """A space that works out the rows of a population once for all metrics that are asked about it.

    Metrics of the same problem ask for the rows of the same array one after the other. The last answer is kept as long
    as the caller holds that array; arrays must not be changed in between.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self.document = space.document
        self.genes = space.genes
        self.layers = space.layers
        self.positions = space.positions
        self._last: Population | None = None
        self._rows = np.zeros((0, 0), dtype=np.int32)

    def canonical(self, population: Population) -> Population:
        return self._space.canonical(population)

    def active(self, population: Population) -> NDArray[np.bool_]:
        return self._space.active(population)

    def rows(self, population: Population) -> NDArray[np.int32]:
        if population is not self._last:
            self._rows = self._space.rows(population)
            self._last = population
        return self._rows

    def size(self) -> int:
        return self._space.size()

    def layers_at(self, resolutions: Sequence[int]) -> tuple[LayerSpec, ...]:
        return self._space.layers_at(resolutions)

    def resolution(self, population: Population) -> NDArray[np.int32]:
        return self._space.resolution(population)
