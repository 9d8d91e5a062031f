"""Our NSGA-II against pymoo's with the same operators, budget and starting samples."""

from __future__ import annotations

import numpy as np
import pytest

from nasstudio.engine.search import pareto
from nasstudio.engine.search.nsga2 import _constrained_ranks

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
BUDGET, POPULATION = 800, 40


def pymoo_hypervolume(space, metric, accuracy, box, seed):
    """Hypervolume of all networks that pymoo evaluated within the budget."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.mutation import Mutation
    from pymoo.core.problem import Problem
    from pymoo.core.repair import Repair
    from pymoo.core.sampling import Sampling
    from pymoo.operators.crossover.ux import UniformCrossover
    from pymoo.optimize import minimize

    seen = {}

    class Networks(Problem):
        def __init__(self):
            super().__init__(n_var=len(space.genes), n_obj=2, vtype=int)

        def _evaluate(self, x, out, *args, **kwargs):
            population = x.astype(np.int16)
            out["F"] = np.stack([-accuracy(population), metric.of(population)], axis=1)
            for genome, values in zip(population, out["F"], strict=True):
                if len(seen) < BUDGET:
                    seen.setdefault(genome.tobytes(), values)

    class Canonical(Repair):
        def _do(self, problem, x, **kwargs):
            return space.canonical(x.astype(np.int16))

    class Uniform(Sampling):
        def _do(self, problem, n, **kwargs):
            return space.sample(n, np.random.default_rng(seed))

    class Redraw(Mutation):
        rng = np.random.default_rng(seed + 1000)

        def _do(self, problem, x, **kwargs):
            rate = 1 / (space.cardinalities > 1).sum()
            drawn = self.rng.integers(0, space.cardinalities, x.shape)
            return np.where(self.rng.random(x.shape) < rate, drawn, x)

    algorithm = NSGA2(
        pop_size=POPULATION,
        sampling=Uniform(),
        crossover=UniformCrossover(prob=0.9),
        mutation=Redraw(prob=1.0),
        repair=Canonical(),
        eliminate_duplicates=True,
    )
    minimize(Networks(), algorithm, ("n_gen", BUDGET // POPULATION + 5), seed=seed)
    found = np.array(list(seen.values()))
    return box.hypervolume(-found[:, 0], found[:, 1])


def test_that_our_nsga2_is_as_good_as_pymoos(make_search, space, metrics, accuracy):
    ours, theirs = [], []
    for seed in range(5):
        search = make_search(
            space, metrics, accuracy, "nsga2", budget=BUDGET, population=POPULATION, seed=seed
        )
        search._first = lambda seed=seed: space.sample(POPULATION, np.random.default_rng(seed))
        while not search.done:
            search.step()
        ours.append(search.hypervolume)
        theirs.append(pymoo_hypervolume(space, metrics[0], accuracy, search.settings.box, seed))
    assert np.median(ours) >= np.median(theirs) - 0.003


def test_that_ranks_are_those_of_constraint_domination():
    rng = np.random.default_rng(0)
    objectives = rng.integers(0, 6, (60, 2)).astype(float)
    violation = np.where(rng.random(60) < 0.5, 0.0, rng.integers(1, 5, 60) / 4)

    def beats(i, j):
        if violation[i] == 0 and violation[j] == 0:
            a, b = objectives[i], objectives[j]
            return (a <= b).all() and (a < b).any()
        return violation[i] < violation[j]

    expected = np.full(60, -1)
    front = 0
    while (expected < 0).any():
        left = np.flatnonzero(expected < 0)
        best = [j for j in left if not any(beats(i, j) for i in left)]
        expected[best] = front
        front += 1
    assert np.array_equal(_constrained_ranks(objectives, violation), expected)


def test_that_nobody_meeting_the_limits_is_ranked_by_violation():
    ranks = _constrained_ranks(np.zeros((3, 2)), np.array([0.3, 0.1, 0.3]))
    assert ranks.tolist() == [1, 0, 1]
    assert _constrained_ranks(np.zeros((0, 2)), np.zeros(0)).tolist() == []
    assert len(pareto.ranks(np.zeros((0, 2)))) == 0
