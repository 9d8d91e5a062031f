"""Random search: the baseline that every other algorithm is judged against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.search import pareto
from nasstudio.engine.search.algorithm import (
    Search,
    State,
    foreign_state,
    random_state,
    restore_random,
)
from nasstudio.engine.search.problem import Evaluations, SearchProblem
from nasstudio.engine.space.space import Population


class RandomSearch(Search):
    """Uniform samples of the genes, each network once."""

    def _propose(self) -> Population:
        return self.problem.space.sample(self.settings.population, self.rng)

    def _learn(self, new: NDArray[np.intp], evaluations: Evaluations) -> None:
        pass

    def _own_state(self) -> State:
        return {}

    def _own_restore(self, state: State) -> None:
        pass


class RandomBaseline:
    """The front of random networks, without an archive: only its hypervolume is wanted.

    Attributes
    ----------
    evaluated : networks drawn so far.
    """

    def __init__(
        self,
        problem: SearchProblem,
        objective: str,
        box: pareto.Box,
        rng: np.random.Generator,
    ) -> None:
        self.evaluated = 0
        self._problem = problem
        self._column = problem.column(objective)
        self._box = box
        self._rng = rng
        self._accuracy = np.zeros(0)
        self._cost = np.zeros(0)

    def draw(self, n: int) -> None:
        """Evaluate `n` more networks."""
        if n <= 0:
            return
        found = self._problem.evaluate(self._problem.space.sample(n, self._rng))
        met = self._problem.feasible(found.values)
        accuracy = np.append(self._accuracy, found.accuracy[met])
        cost = np.append(self._cost, found.values[met, self._column])
        best = pareto.front(accuracy, cost)
        self._accuracy, self._cost = accuracy[best], cost[best]
        self.evaluated += n

    def state(self) -> State:
        """Everything as arrays, beside the state of a search."""
        return {
            "baseline_random": random_state(self._rng),
            "baseline_count": np.array([self.evaluated]),
            "baseline_front": np.stack([self._accuracy, self._cost]),
        }

    def restore(self, state: State) -> None:
        """Go on from a state.

        Raises
        ------
        CorruptFile
            It is not one.
        """
        try:
            restore_random(self._rng, state["baseline_random"])
            self.evaluated = int(state["baseline_count"][0])
            self._accuracy, self._cost = state["baseline_front"]
        except (KeyError, ValueError, TypeError, IndexError) as problem:
            raise foreign_state(type(problem).__name__) from problem

    @property
    def hypervolume(self) -> float:
        """Share of the box that their front dominates."""
        return self._box.hypervolume(self._accuracy, self._cost)
