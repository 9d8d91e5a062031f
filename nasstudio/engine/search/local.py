"""Neighbours of architectures, and the Pareto local search that finishes a front.

A neighbour differs in the option of one gene. A member of the front whose neighbours have all been seen is finished; a
front whose members are all finished is a local optimum.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.space.space import Population, SearchSpace, unique


def neighbours(space: SearchSpace, population: Population) -> Population:
    """Every network that differs from a member in the option of one gene, canonical, each once.

    population: `(n, genes)` canonical. Returns `(m, genes)`, without the members themselves.
    """
    genes = np.repeat(np.arange(len(space.genes)), space.cardinalities)
    options = np.concatenate([np.arange(c, dtype=np.int16) for c in space.cardinalities])
    around = np.repeat(population[:, None], len(genes), axis=1)
    around[:, np.arange(len(genes)), genes] = options
    changed = space.canonical(around.reshape(-1, population.shape[1]))
    origin = np.repeat(population, len(genes), axis=0)
    changed = changed[(changed != origin).any(axis=1)]
    distinct: Population = changed[unique(changed)]
    return distinct


class Frontier:
    """Which members of the front have been finished.

    Attributes
    ----------
    finished : archive index of every network whose neighbours have been proposed, in that order.
    """

    def __init__(self) -> None:
        self.finished: list[int] = []
        self._known: set[int] = set()

    def open(self, front: NDArray[np.intp]) -> NDArray[np.intp]:
        """The members of a front (archive indices) that are not finished."""
        return np.array([index for index in front.tolist() if index not in self._known], np.intp)

    def finish(self, indices: NDArray[np.intp]) -> None:
        """Remember that the neighbours of these were proposed."""
        self.finished += indices.tolist()
        self._known.update(indices.tolist())

    def restore(self, finished: NDArray[np.int64]) -> None:
        self.finished = finished.tolist()
        self._known = set(self.finished)
