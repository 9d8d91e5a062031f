"""Which networks to measure next: those that a search would find, and those that might be better still.

A predictor fitted to networks from all over the space is asked, by a search, about networks that are unlike any of
them, and the search takes those that it judges too well. So the front that it predicts is measured: for every range of
cost, half of the choices are what the predictor holds for best, half what may be best within its uncertainty (upper
confidence bound; Srinivas et al. 2010). Then the predictor is fitted again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.predictor.ensemble import AccuracyPredictor
from nasstudio.engine.space.space import Population, SearchSpace, unique

Values = NDArray[np.float64]
Cost = Callable[[Population], Values]

_BINS = 24
_ELITE = 12  # networks kept a range of cost
_CHILDREN = 600  # a generation
_GENERATIONS = 40
_RATES = (0.05, 0.1, 0.2)
_BOLDNESS = 1.0  # standard deviations that the bold half of the choices adds


@dataclass(frozen=True)
class _Ranges:
    """Ranges of cost, equally wide on a logarithmic scale."""

    edges: Values

    @classmethod
    def over(cls, costs: Values) -> _Ranges:
        low, high = np.log(np.maximum(costs, 1e-12)).min(), np.log(costs.max())
        return cls(np.linspace(low, high, _BINS + 1)[1:-1])

    def of(self, costs: Values) -> NDArray[np.intp]:
        """Number of the range of each cost. `(n,)`."""
        return np.digitize(np.log(np.maximum(costs, 1e-12)), self.edges)


def next_networks(
    predictor: AccuracyPredictor,
    cost: Cost,
    known: Population,
    n: int,
    rng: np.random.Generator,
) -> Population:
    """Networks of the predicted front that were not measured yet.

    Parameters
    ----------
    cost : of each member of a population, in any unit, positive; `(n,)`.
    known : the networks that were measured; the front's ends are among them.
    n : how many are wanted.

    Returns
    -------
    `(n or fewer, genes)`, distinct; fewer only if the space hardly has more.
    """
    space = predictor.space
    ranges = _Ranges.over(cost(known))
    found: list[Population] = []
    for share, boldness in ((n - n // 2, 0.0), (n // 2, _BOLDNESS)):
        taken = np.concatenate([known, *found])

        def value(population: Population, boldness: float = boldness) -> Values:
            predicted = predictor.of(population)
            return predicted + boldness * predictor.spread(population) if boldness else predicted

        if not share:
            continue
        pool = _elite(space, cost, value, ranges, known, rng)
        number = ranges.of(cost(pool))
        found.append(_spread_over(pool, value(pool), number, taken, share, rng))
    best = np.concatenate(found)
    if len(best) < n:
        more = _without(space.sample(4 * n + 64, rng), np.concatenate([known, best]))
        best = np.concatenate([best, more[: n - len(best)]])
    return best


def _elite(
    space: SearchSpace,
    cost: Cost,
    value: Callable[[Population], Values],
    ranges: _Ranges,
    known: Population,
    rng: np.random.Generator,
) -> Population:
    """The best networks of each range of cost, found by mutation and crossover (Mouret and Clune 2015)."""
    pool = np.concatenate([known, space.sample(_CHILDREN, rng)])
    for generation in range(_GENERATIONS + 1):
        pool = pool[unique(pool)]
        pool = _best_of_ranges(pool, value(pool), ranges.of(cost(pool)))
        if generation < _GENERATIONS:
            parents = pool[rng.integers(0, len(pool), _CHILDREN)]
            partners = pool[rng.integers(0, len(pool), _CHILDREN // 3)]
            crossed = space.crossover(parents[: len(partners)], partners, rng)
            parts = np.array_split(np.concatenate([parents, crossed]), len(_RATES))
            mutants = [
                space.mutate(part, rate, rng) for part, rate in zip(parts, _RATES, strict=True)
            ]
            pool = np.concatenate([pool, *mutants])
    return pool


def _best_of_ranges(pool: Population, values: Values, number: NDArray[np.intp]) -> Population:
    order = np.lexsort((-values, number))
    place = np.arange(len(order)) - np.searchsorted(number[order], number[order])
    kept: Population = pool[order[place < _ELITE]]
    return kept


def _spread_over(
    pool: Population,
    values: Values,
    number: NDArray[np.intp],
    taken: Population,
    n: int,
    rng: np.random.Generator,
) -> Population:
    """`n` networks of the pool: the best of each range of cost, then the second best, and so on.

    Ranges in which nothing is better than in a cheaper one come last. Where a turn has more than are wanted, it is
    thinned out evenly.
    """
    order = np.flatnonzero(_fresh(pool, taken))
    order = order[np.lexsort((-values[order], number[order]))]
    place = np.arange(len(order)) - np.searchsorted(number[order], number[order])
    behind = values[order] <= _best_below(values, number)[number[order]]
    turn = place + _ELITE * behind
    chosen: list[NDArray[np.intp]] = []
    left = n
    for which in np.unique(turn):
        group = order[turn == which]
        if len(group) > left:
            step = len(group) / left
            group = group[((np.arange(left) + rng.random()) * step).astype(np.intp)]
        chosen.append(group)
        left -= len(group)
        if not left:
            break
    found: Population = pool[np.concatenate(chosen)] if chosen else pool[:0]
    return found


def _best_below(values: Values, number: NDArray[np.intp]) -> Values:
    """The best value of all cheaper ranges, by range. `(ranges,)`."""
    best = np.full(_BINS, -np.inf)
    np.maximum.at(best, number, values)
    below: Values = np.concatenate([[-np.inf], np.maximum.accumulate(best)[:-1]])
    return below


def _fresh(pool: Population, taken: Population) -> NDArray[np.bool_]:
    seen = {row.tobytes() for row in np.ascontiguousarray(taken)}
    return np.array([row.tobytes() not in seen for row in np.ascontiguousarray(pool)], dtype=bool)


def _without(pool: Population, taken: Population) -> Population:
    pool = pool[unique(pool)]
    found: Population = pool[_fresh(pool, taken)]
    return found
