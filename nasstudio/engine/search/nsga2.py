"""NSGA-II (Deb et al. 2002) with constraint domination: maximise accuracy, minimise the objective's metric.

Binary tournaments by rank and crowding, uniform crossover, redrawing mutation, elitist survival. A network that meets
the limits beats one that does not; of two that do not, the one that exceeds them less.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.search import pareto
from nasstudio.engine.search.algorithm import Search, Settings, State
from nasstudio.engine.search.problem import Evaluations, SearchProblem
from nasstudio.engine.space.space import Population, unique


class Nsga2(Search):
    """NSGA-II over distinct networks.

    Options: ``crossover_prob`` of each pair; ``mutate_prob`` of each gene, 0: one gene on average.
    """

    default_options = {"crossover_prob": 0.9, "mutate_prob": 0.0}  # noqa: RUF012 - read only

    def __init__(
        self, problem: SearchProblem, settings: Settings, rng: np.random.Generator
    ) -> None:
        super().__init__(problem, settings, rng)
        for name in self.default_options:
            if not 0 <= self.options[name] <= 1:
                raise InvalidInput(
                    f"The option '{name}' is {self.options[name]:g}.",
                    where="algorithm nsga2",
                    remedy="Choose a value from 0 to 1.",
                )
        choices = int((problem.space.cardinalities > 1).sum())
        self._rate = self.options["mutate_prob"] or 1 / max(choices, 1)
        self._members = np.zeros(0, dtype=np.intp)
        self._objectives = np.zeros((0, 2))
        self._violation = np.zeros(0)
        self._rank = np.zeros(0, dtype=np.int64)
        self._crowding = np.zeros(0)

    def _propose(self) -> Population:
        if self.generation == 0:
            return self._repaired(self._first())
        wanted = self.settings.population
        children = np.zeros((0, len(self.problem.space.genes)), dtype=np.int16)
        for _ in range(10):  # as pymoo: mate again for those that were seen, then be content
            children = np.concatenate([children, self._mated(wanted - len(children))])
            children = children[unique(children)]
            children = children[self.archive.unseen(children)]
            if len(children) >= wanted:
                break
        return children

    def _mated(self, n: int) -> Population:
        space, rng = self.problem.space, self.rng
        genomes = self.archive.genomes[self._members]
        left, right = genomes[self._tournament(n)], genomes[self._tournament(n)]
        crossed = space.crossover(left, right, rng)
        kept = rng.random(n) >= self.options["crossover_prob"]
        crossed[kept] = left[kept]
        return self._repaired(space.mutate(crossed, self._rate, rng))

    def _tournament(self, n: int) -> NDArray[np.intp]:
        """Winners of binary tournaments: lower rank, then more room; chance decides what is equal."""
        a, b = self.rng.integers(0, len(self._members), (2, n))
        rank, room = self._rank, self._crowding
        first = (rank[a] < rank[b]) | ((rank[a] == rank[b]) & (room[a] > room[b]))
        equal = (rank[a] == rank[b]) & (room[a] == room[b])
        first |= equal & (self.rng.random(n) < 0.5)
        won: NDArray[np.intp] = np.where(first, a, b)
        return won

    def _learn(self, new: NDArray[np.intp], evaluations: Evaluations) -> None:
        """Survival: the best of old and new by rank, the last front by crowding."""
        cost = evaluations.values[:, self.objective]
        objectives = np.stack([-evaluations.accuracy, cost], axis=1)
        members = np.concatenate([self._members, new])
        objectives = np.concatenate([self._objectives, objectives])
        violation = np.concatenate([self._violation, self.problem.violation(evaluations.values)])
        rank = _constrained_ranks(objectives, violation)
        crowding = np.zeros(len(members))
        for front in np.unique(rank):
            inside = rank == front
            crowding[inside] = pareto.crowding(objectives[inside])
        order = np.lexsort((-crowding, rank))[: self.settings.population]
        self._members, self._objectives = members[order], objectives[order]
        self._violation, self._rank = violation[order], rank[order]
        self._crowding = crowding[order]

    def _own_state(self) -> State:
        return {
            "members": self._members.astype(np.int64),
            "objectives": self._objectives.copy(),
            "violation": self._violation.copy(),
            "rank": self._rank.copy(),
            "crowding": self._crowding.copy(),
        }

    def _own_restore(self, state: State) -> None:
        self._members = state["members"].astype(np.intp)
        self._objectives = state["objectives"].reshape(len(self._members), 2)
        self._violation = state["violation"]
        self._rank = state["rank"]
        self._crowding = state["crowding"]


def _constrained_ranks(
    objectives: NDArray[np.float64], violation: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Ranks by constraint domination (Deb et al. 2002, sec. VI): feasible fronts first, then by violation."""
    rank = np.zeros(len(objectives), dtype=np.int64)
    met = violation <= 0
    rank[met] = pareto.ranks(objectives[met])
    if not met.all():
        behind = rank[met].max(initial=-1) + 1
        rank[~met] = behind + np.unique(violation[~met], return_inverse=True)[1].ravel()
    return rank
