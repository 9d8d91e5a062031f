"""The plane in which a search is judged: from the cheapest network to the dearest that counts, and their accuracies."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.search.extremes import Extremes, descend
from nasstudio.engine.search.pareto import Box
from nasstudio.engine.search.problem import SearchProblem
from nasstudio.engine.space.space import Population

_PROBES = 256


def _near_best(problem: SearchProblem, rng: np.random.Generator) -> float:
    """An accuracy near the best one under the limits."""

    def score(population: Population) -> NDArray[np.float64]:
        over = problem.excess(problem.limited_values(population)).sum(axis=1)
        return np.where(over > 0, over, -problem.accuracy(population))

    found = descend(problem.space, score, rng, samples=512, starts=4)
    return float(problem.accuracy(found[None])[0])


def survey(problem: SearchProblem, objective: str, end: Extremes, rng: np.random.Generator) -> Box:
    """The box of a search: its costs from the ends of the objective, its accuracies from a descent of its own.

    What is evaluated here only sets the scale; no search gets to know it.

    Parameters
    ----------
    end : the ends of the objective's metric.

    Raises
    ------
    InvalidInput
        A value of the objective or an accuracy is not a number.
    """
    limits = [limit.most for limit in problem.limits if limit.metric == objective]
    high = min([end.largest, *limits])
    space = problem.space
    ends = np.stack([end.at_smallest, end.at_largest, space.smallest(), space.largest()])
    probes = np.concatenate([ends, space.sample(_PROBES, rng)])
    accuracy = problem.accuracy(probes)
    if not np.isfinite(accuracy).all() or not math.isfinite(end.smallest + end.largest):
        raise InvalidInput(
            "The predictor or the table gives values that are not numbers.",
            where=objective,
            remedy="Fit the predictor again and check the latency table.",
        )
    low, top = float(accuracy.min()), _near_best(problem, rng)
    # A network exactly at the limit counts, so the reference lies a little behind it.
    reference = high + 0.001 * abs(high - end.smallest)
    return Box(end.smallest, reference, low, top if top > low else low + 1e-6)
