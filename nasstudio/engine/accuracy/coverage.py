"""Networks that cover a space: every depth and every cost, the ends included.

Uniform genes crowd in the middle: of the sums of many independent choices few are large or small. So half of the
networks are drawn evenly over the total depth, half evenly over multiply-accumulates.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.counts import macs
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.space import Population, SearchSpace, unique

_CANDIDATES = 20  # drawn for each network that is chosen

Scale = Callable[[SearchSpace, Population], NDArray[np.float64]]
Draw = Callable[[SearchSpace, int, np.random.Generator], Population]


def coverage(space: SearchSpace, n: int, rng: np.random.Generator) -> Population:
    """Distinct networks that cover a space, in no order. `(n or fewer, genes)`; fewer only if the space has no more.

    Raises
    ------
    InvalidInput
        `n` is less than 2: the smallest and the largest are always among them.
    """
    if n < 2:
        raise InvalidInput(
            f"{n} networks can't cover a space.", remedy="Choose at least 2, better 100."
        )
    n = min(n, space.size())
    ends = np.stack([space.smallest(), space.largest()])
    found = ends[unique(ends)]
    found = _grown(space, found, (n + len(found) + 1) // 2, rng, _even(depth, _mixed))
    return _grown(space, found, n, rng, _even(_log_macs, _blends))


def depth(space: SearchSpace, population: Population) -> NDArray[np.float64]:
    """Layers of each network. `(n,)`."""
    layers: NDArray[np.float64] = (space.rows(population) >= 0).sum(axis=1).astype(np.float64)
    return layers


def _log_macs(space: SearchSpace, population: Population) -> NDArray[np.float64]:
    logs: NDArray[np.float64] = np.log(macs(space, population))
    return logs


def _even(scale: Scale, candidates: Draw) -> Draw:
    """Draws the candidates that are nearest to evenly spaced targets on a scale."""

    def draw(space: SearchSpace, n: int, rng: np.random.Generator) -> Population:
        low, high = scale(space, np.stack([space.smallest(), space.largest()]))
        drawn = candidates(space, _CANDIDATES * n, rng)
        order = rng.permutation(len(drawn))  # whatever its order: of equally near ones, any
        drawn = drawn[order]
        values = scale(space, drawn)
        targets = low + (high - low) * (np.arange(n) + rng.random(n)) / n
        free = np.ones(len(drawn), dtype=bool)
        chosen = []
        for target in targets:
            distance = np.where(free, np.abs(values - target), np.inf)
            chosen.append(int(distance.argmin()))
            free[chosen[-1]] = False
        found: Population = drawn[chosen]
        return found

    return draw


def _uniform(space: SearchSpace, n: int, rng: np.random.Generator) -> Population:
    return space.sample(n, rng)


def _mixed(space: SearchSpace, n: int, rng: np.random.Generator) -> Population:
    """Uniform ones, and leaning ones for the depths that these do not reach."""
    return np.concatenate([_uniform(space, n // 2, rng), _blends(space, n - n // 2, rng)])


def _blends(space: SearchSpace, n: int, rng: np.random.Generator) -> Population:
    """Members with genes that lean to small or to large options, so that both ends are met."""
    lean = rng.beta(0.5, 0.5, size=(n, 1))
    drawn = rng.random((n, len(space.genes)))
    # The maximum of a few uniform numbers leans up, the minimum down; a power does it smoothly.
    leaning = drawn ** ((1 - lean + 0.1) / (lean + 0.1))
    return space.canonical((leaning * space.cardinalities).astype(np.int16))


def _grown(
    space: SearchSpace, found: Population, n: int, rng: np.random.Generator, draw: Draw
) -> Population:
    """The population with distinct members added until it has `n`."""
    while (before := len(found)) < n:
        both = np.concatenate([found, draw(space, n - before, rng)])
        found = both[unique(both)]
        if len(found) == before:
            draw = _uniform  # nothing new comes that way: take whatever there still is
    return found
