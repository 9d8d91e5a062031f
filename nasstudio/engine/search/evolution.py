"""Evolution as in Once-for-All (Cai et al. 2020, sec. 3.4), for a whole front at once.

The paper's search has one latency limit and keeps the quarter of its population that is most accurate under it. Here
the same selection runs for many latency targets between the cheapest network and the limit; a child of one target may
become a parent of another, so that each target profits from all evaluations. With ``targets = 1`` it is the paper's
search. Limits are met by constraint domination and repair, never by drawing until something fits. The last part of
the budget goes to a Pareto local search, which closes the gaps of the front.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.search.algorithm import Search, Settings, State
from nasstudio.engine.search.local import Frontier, neighbours
from nasstudio.engine.search.problem import Evaluations, SearchProblem
from nasstudio.engine.space.space import Population

_RANGES = {
    "targets": (1, 200),
    "parent_ratio": (0.01, 1),
    "mutation_ratio": (0, 1),
    "mutate_prob": (0.001, 1),
    "local_share": (0, 1),
}


class Evolution(Search):
    """OFA's evolution over several targets, then Pareto local search.

    Options: ``targets`` number of latency targets; ``parent_ratio`` share of the population kept as parents of each
    target; ``mutation_ratio`` share of the children that are mutants, the others are crossovers; ``mutate_prob`` of
    each gene; ``local_share`` share of the budget for the local search.
    """

    default_options = {  # noqa: RUF012 - read only
        "targets": 16,
        "parent_ratio": 0.25,
        "mutation_ratio": 0.5,
        "mutate_prob": 0.1,
        "local_share": 0.4,
    }

    def __init__(
        self, problem: SearchProblem, settings: Settings, rng: np.random.Generator
    ) -> None:
        super().__init__(problem, settings, rng)
        for name, (low, high) in _RANGES.items():
            if not low <= self.options[name] <= high:
                raise InvalidInput(
                    f"The option '{name}' is {self.options[name]:g}.",
                    where="algorithm evolution",
                    remedy=f"Choose a value from {low:g} to {high:g}.",
                )
        self._targets = _targets(settings, int(self.options["targets"]))
        kept = max(2, round(self.options["parent_ratio"] * settings.population))
        self._parents = np.full((len(self._targets), kept), -1, dtype=np.intp)
        self._scores = np.full(self._parents.shape, -np.inf)
        self._frontier = Frontier()

    # -- proposing ----------------------------------------------------------------------------------------------

    def _propose(self) -> Population:
        if self.generation == 0:
            return self._repaired(self._first())
        if self._local_turn():
            open_members = self._frontier.open(self.front)
            if len(open_members):
                return self._around(open_members)
        return self._children()

    def _local_turn(self) -> bool:
        """In the last part of the budget every other step, so that evolution can still find new parts of the front."""
        share = self.options["local_share"]
        return self.evaluated >= (1 - share) * self.settings.budget and self.generation % 4 != 0

    def _around(self, members: NDArray[np.intp]) -> Population:
        """The neighbours of some members of the front, about as many as a generation has networks."""
        one = int(self.problem.space.cardinalities.sum() - len(self.problem.space.genes))
        n = max(1, round(self.settings.population / max(one, 1)))
        chosen = self.rng.permutation(members)[:n]
        self._frontier.finish(chosen)
        return neighbours(self.problem.space, self.archive.genomes[chosen])

    def _children(self) -> Population:
        """Mutants and uniform crossovers of the parents of randomly chosen targets."""
        space, rng = self.problem.space, self.rng
        n = 2 * self.settings.population  # some have been seen
        target = rng.integers(0, len(self._parents), n)
        filled = (self._parents >= 0).sum(axis=1)[target]
        left = self._parents[target, rng.integers(0, filled)]
        right = self._parents[target, rng.integers(0, filled)]
        mutants = round(self.options["mutation_ratio"] * n)
        genomes = self.archive.genomes
        # Where everything near has been seen, children are sent further away.
        rate = min(1.0, self.options["mutate_prob"] * (1 + self._idle))
        mutated = space.mutate(genomes[left[:mutants]], rate, rng)
        crossed = space.crossover(genomes[left[mutants:]], genomes[right[mutants:]], rng)
        children = self._repaired(np.concatenate([mutated, crossed]))
        new = self.archive.unseen(children)
        chosen: Population = children[rng.permutation(new)[: self.settings.population]]
        return chosen

    # -- selection ----------------------------------------------------------------------------------------------

    def _learn(self, new: NDArray[np.intp], evaluations: Evaluations) -> None:
        """Each target keeps its most accurate networks; one that exceeds target or limits ranks behind, by how much."""
        if not len(new):
            return
        cost = evaluations.values[:, self.objective]
        limits = self.problem.violation(evaluations.values)
        unit = self.settings.box.cost_high - self.settings.box.cost_low or 1.0
        over = np.maximum(cost - self._targets[:, None], 0.0) / unit + limits
        scores = np.where(over > 0, -1.0 - over, evaluations.accuracy)
        scores = np.concatenate([self._scores, scores], axis=1)
        rows = np.broadcast_to(new, (len(self._targets), len(new)))
        rows = np.concatenate([self._parents, rows], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, : self._parents.shape[1]]
        self._scores = np.take_along_axis(scores, order, axis=1)
        self._parents = np.take_along_axis(rows, order, axis=1)

    def _own_state(self) -> State:
        return {
            "parents": self._parents.astype(np.int64),
            "scores": self._scores.copy(),
            "finished": np.array(self._frontier.finished, dtype=np.int64),
        }

    def _own_restore(self, state: State) -> None:
        parents, scores = state["parents"].astype(np.intp), state["scores"].astype(np.float64)
        if parents.shape != self._parents.shape or scores.shape != self._scores.shape:
            raise ValueError("another number of targets or parents")
        self._parents, self._scores = parents, scores
        self._frontier.restore(state["finished"])


def _targets(settings: Settings, number: int) -> NDArray[np.float64]:
    """Largest allowed cost of each target: in equal ratios between the ends of the box, the last at its end."""
    low, high = settings.box.cost_low, settings.box.cost_high
    if number == 1 or not 0 < low < high:
        return np.linspace(low, high, number + 1)[1:]
    return low * (high / low) ** (np.arange(1, number + 1) / number)
