"""Archive: every distinct architecture that a search has seen, with what is known of it.

Columns grow in place; each query under new limits is a few vector operations over contiguous columns, so that the
answer follows a dragged limit. What the archive has not seen it does not know: its answers are about seen networks
(`query.py` explains them, `extremes.py` knows the ends of the whole space).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.search import pareto
from nasstudio.engine.search.limit import Limit, tightest
from nasstudio.engine.space.space import Genome, Population, SearchSpace

ACCURACY = "accuracy"
GENERATION = "generation"

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]
Indices = NDArray[np.intp]


def columns_of(metrics: Sequence[str]) -> tuple[str, ...]:
    """The columns of an archive: the metrics, then accuracy and generation."""
    return (*metrics, ACCURACY, GENERATION)


def packed(population: Population) -> list[bytes]:
    """Each genome as a key. population: `(n, genes)`."""
    rows = np.ascontiguousarray(population, dtype="<i2")
    if not rows.shape[1]:
        return [b""] * len(rows)
    keys: list[bytes] = rows.view(f"V{2 * rows.shape[1]}").ravel().tolist()
    return keys


class Archive:
    """Distinct architectures in the order in which they were seen.

    Attributes
    ----------
    space : whose architectures.
    columns : names of the value columns; ``accuracy`` and ``generation`` are among them.
    metrics : the other columns: what can be limited.

    Raises
    ------
    InvalidInput
        A column occurs twice, or accuracy or generation is not among them.
    """

    def __init__(self, space: SearchSpace, columns: tuple[str, ...]) -> None:
        if len(set(columns)) != len(columns) or not {ACCURACY, GENERATION} <= set(columns):
            raise InvalidInput(
                f"An archive needs distinct columns with accuracy and generation, not {columns}.",
                remedy="Search again.",
            )
        self.space = space
        self.columns = columns
        self.metrics = tuple(name for name in columns if name not in (ACCURACY, GENERATION))
        self._column = {name: index for index, name in enumerate(columns)}
        self._n = 0
        self._genomes = np.zeros((256, len(space.genes)), dtype=np.int16)
        self._values = np.zeros((len(columns), 256))
        self._index: dict[bytes, int] = {}
        self._orders: dict[str, Indices] = {}

    def __len__(self) -> int:
        return self._n

    @property
    def genomes(self) -> Population:
        """All genomes, canonical. `(n, genes)`; a view that must not be changed."""
        return self._genomes[: self._n]

    @property
    def accuracy(self) -> Values:
        return self.column(ACCURACY)

    def column(self, name: str) -> Values:
        """One column. `(n,)`; a view that must not be changed.

        Raises
        ------
        InvalidInput
            There is no such column.
        """
        if name not in self._column:
            raise InvalidInput(
                f"The archive has no column '{name}'.",
                remedy=f"It has: {', '.join(self.columns)}.",
            )
        return self._values[self._column[name], : self._n]

    def values(self, index: int) -> dict[str, float]:
        """All values of one network, by column."""
        return {name: float(self._values[i, index]) for name, i in self._column.items()}

    # -- growing ------------------------------------------------------------------------------------------------

    def index(self, genome: Genome) -> int | None:
        """Where a network is, None if it was not seen."""
        return self._index.get(packed(self.space.canonical(genome[None]))[0])

    def unseen(self, population: Population) -> Indices:
        """Which members are not in the archive, each once. population: canonical. Returns rising indices."""
        new: dict[bytes, int] = {}
        for number, key in enumerate(packed(population)):
            if key not in self._index and key not in new:
                new[key] = number
        return np.fromiter(new.values(), dtype=np.intp, count=len(new))

    def append(self, population: Population, values: Values) -> Indices:
        """Add the members that were not seen yet, in canonical form.

        population: `(n, genes)`; values: `(n, columns)`. Returns which of them were added.
        """
        population = self.space.canonical(np.asarray(population, dtype=np.int16))
        new = self.unseen(population)
        start, stop = self._n, self._n + len(new)
        self._reserve(stop)
        chosen = population[new]
        self._genomes[start:stop] = chosen
        self._values[:, start:stop] = values[new].T
        self._index.update(zip(packed(chosen), range(start, stop), strict=True))
        self._n = stop
        if len(new):
            self._orders.clear()
        return new

    def _reserve(self, rows: int) -> None:
        capacity = len(self._genomes)
        if rows <= capacity:
            return
        capacity = max(rows, 2 * capacity)
        genomes = np.zeros((capacity, self._genomes.shape[1]), dtype=np.int16)
        values = np.zeros((len(self.columns), capacity))
        genomes[: self._n] = self._genomes[: self._n]
        values[:, : self._n] = self._values[:, : self._n]
        self._genomes, self._values = genomes, values

    # -- asking -------------------------------------------------------------------------------------------------

    def feasible(self, limits: Sequence[Limit]) -> Mask:
        """Which networks meet every limit. `(n,)`.

        Raises
        ------
        InvalidInput
            A limit names a metric that the archive does not have.
        """
        mask = np.ones(self._n, dtype=bool)
        for limit in tightest(limits, self.metrics):
            mask &= self.column(limit.metric) <= limit.most
        return mask

    def best(self, limits: Sequence[Limit], objective: str | None = None) -> int | None:
        """The most accurate network that meets the limits; None if none does.

        Of equally accurate ones the one with the smallest `objective`, then the one seen first.
        """
        return self.best_of(self.feasible(limits), objective)

    def best_of(self, mask: Mask, objective: str | None = None) -> int | None:
        """The most accurate network inside a mask; None if it is empty."""
        if not mask.any():
            return None
        accuracy = np.where(mask, self.accuracy, -np.inf)
        if objective is None:
            return int(np.argmax(accuracy))
        equal = np.flatnonzero(accuracy == accuracy.max())
        return int(equal[np.argmin(self.column(objective)[equal])])

    def front(self, column: str, mask: Mask | None = None) -> Indices:
        """The front of accuracy against a metric inside a mask: rising cost and accuracy."""
        order = self._order(column)
        if mask is not None:
            order = order[mask[order]]
        return pareto.front_of_sorted(self.accuracy, order)

    def _order(self, column: str) -> Indices:
        """All networks by rising cost, then falling accuracy, then age; remembered until the archive grows."""
        if column not in self._orders:
            self._orders[column] = np.lexsort((-self.accuracy, self.column(column)))
        return self._orders[column]
