"""The smallest and largest value of each metric over a whole space, and whether limits can be met at all.

Exact for metrics that are a sum or a maximum over the layers of a chain of stages: each stage is minimised on its own,
for each resolution and each width before and behind it. For everything else a descent from samples gives an estimate,
and says that it is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.counts import count
from nasstudio.engine.cost.liveness import row_mib
from nasstudio.engine.cost.metric import CountMetric, Metric, TableLatency
from nasstudio.engine.errors import InfeasibleLimits
from nasstudio.engine.search.limit import Limit
from nasstudio.engine.search.local import neighbours
from nasstudio.engine.search.problem import SearchProblem
from nasstudio.engine.space.mobilenet import STEM_LAYERS, MobileNetSpace
from nasstudio.engine.space.space import Genome, Population, SearchSpace

Values = NDArray[np.float64]
Combine = Literal["sum", "max"]
_SUMMED = {"macs": "macs", "params": "params", "size": "file_bytes"}


@dataclass(frozen=True)
class Extremes:
    """The ends of one metric over a space.

    Attributes
    ----------
    key : of the metric.
    smallest, largest : in the metric's unit.
    at_smallest, at_largest : networks that have these values.
    exact : False if `smallest` is the best that a descent found. `largest` is likewise exact, but for peak memory,
        which is more than a largest of layers.
    """

    key: str
    smallest: float
    largest: float
    at_smallest: Genome
    at_largest: Genome
    exact: bool


def extremes(space: SearchSpace, metric: Metric, rng: np.random.Generator) -> Extremes:
    """The ends of a metric. `rng` is used where they must be estimated."""
    if isinstance(space, MobileNetSpace) and _is_memory(metric):
        return _memory_ends(space, metric, rng)
    weights = _layer_weights(space, metric)
    exact = isinstance(space, MobileNetSpace) and weights is not None
    if isinstance(space, MobileNetSpace) and weights is not None:
        low = _chain_end(space, *weights, largest=False)
        high = _chain_end(space, *weights, largest=True)
    else:
        low = descend(space, metric.of, rng)
        high = descend(space, lambda population: -metric.of(population), rng)
    smallest, largest = metric.of(np.stack([low, high]))
    return Extremes(metric.key, float(smallest), float(largest), low, high, exact)


def _layer_weights(space: SearchSpace, metric: Metric) -> tuple[Values, Combine] | None:
    """Value of each layer and how a network's value comes from them, up to a rising function; None if not known."""
    if isinstance(metric, TableLatency):
        return metric.effective_ms[:-1], "sum"
    if isinstance(metric, CountMetric) and metric.key in _SUMMED:
        counted = [getattr(count(layer), _SUMMED[metric.key]) for layer in space.layers]
        return np.array(counted, dtype=float), "sum"
    return None


def _is_memory(metric: Metric) -> bool:
    return isinstance(metric, CountMetric) and metric.key == "memory"


def _memory_ends(space: MobileNetSpace, metric: Metric, rng: np.random.Generator) -> Extremes:
    """The ends of peak memory: no network needs less than its largest layer, and some need no more."""
    alone = row_mib(space)
    every = np.tile(space.smallest(), (len(space.options.resolution), 1))
    every[:, 0] = np.arange(len(every))
    alone[space.rows(every)[:, 0]] = 0.0  # the first layer's input is not counted
    low = _chain_end(space, alone, "max", largest=False)
    least = np.append(alone, 0.0)[space.rows(low[None])[0]].max()
    exact = bool(metric.of(low[None])[0] <= least * (1 + 1e-9))
    if not exact:
        low = descend(space, metric.of, rng)
    high = descend(space, lambda population: -metric.of(population), rng, starts=3)
    smallest, largest = metric.of(np.stack([low, high]))
    return Extremes(metric.key, float(smallest), float(largest), low, high, exact)


# -- exact: chains of stages ------------------------------------------------------------------------------------


def _chain_end(
    space: MobileNetSpace, weights: Values, combine: Combine, *, largest: bool
) -> Genome:
    """The network of the smallest (largest) value: for each resolution the best chain of stages."""
    sign = -1.0 if largest else 1.0
    join = {"sum": np.add, "max": np.minimum if largest else np.maximum}[combine]
    ended = np.concatenate(
        [
            _ends_at(space, resolution, sign * weights, join)
            for resolution in range(len(space.options.resolution))
        ]
    )
    rows = space.rows(ended)
    table = np.append(weights, 0.0)
    total = table[rows].sum(axis=1) if combine == "sum" else table[rows].max(axis=1)
    end: Genome = ended[int(np.argmin(sign * total))]
    return end


def _ends_at(space: MobileNetSpace, resolution: int, weights: Values, join: np.ufunc) -> Population:
    """The network of least value for each width of the last stage, at one resolution. `(widths, genes)`.

    A dynamic programme: what a stage costs depends on its own width and on that of the stage before, and on nothing
    else that other stages choose.

    Parameters
    ----------
    join : makes one value of two layers' values.
    """
    start = space.largest()  # all blocks run, so that each can be looked at
    start[0] = resolution
    ends, values = start[None], np.zeros(1)
    for s, stage in enumerate(space.options.stages):
        own: list[tuple[float, Genome]] = []
        for width in range(len(stage.width)):
            wide = ends.copy()
            wide[:, space.column(f"stage{s + 1}.width")] = width
            found, costs = _stage_ends(space, s, wide, weights, join)
            reached = join(values, costs) if s else costs
            best = int(np.argmin(reached))
            own.append((float(reached[best]), found[best]))
        ends, values = np.stack([end for _, end in own]), np.array([value for value, _ in own])
    return space.canonical(ends)


def _stage_ends(
    space: MobileNetSpace, s: int, population: Population, weights: Values, join: np.ufunc
) -> tuple[Population, Values]:
    """Each network with the best kernels, expand ratios and depth in one stage, and the value of the stage in it."""
    stage, ends = space.options.stages[s], population
    values = np.empty((len(population), max(stage.depth)))
    first = STEM_LAYERS + space.slots.index((s, 0))
    for b in range(max(stage.depth)):
        column = space.column(f"stage{s + 1}.block{b + 1}.kernel")
        choices = _choices(ends, column, len(stage.kernel), len(stage.expand))
        rows = space.rows(choices.reshape(-1, choices.shape[-1]))[:, first + b]
        found = weights[rows].reshape(choices.shape[:2])
        ends = choices[np.arange(len(ends)), found.argmin(axis=1)]
        values[:, b] = found.min(axis=1)
    at_depth = join.accumulate(values, axis=1)[:, np.asarray(stage.depth) - 1]
    ends[:, space.column(f"stage{s + 1}.depth")] = at_depth.argmin(axis=1)
    return ends, at_depth.min(axis=1)


def _choices(population: Population, column: int, kernels: int, expands: int) -> Population:
    """Each network with every kernel and expand of one block. `(n, kernels * expands, genes)`."""
    choices = np.repeat(population[:, None], kernels * expands, axis=1)
    choices[:, :, column] = np.repeat(np.arange(kernels), expands)
    choices[:, :, column + 1] = np.tile(np.arange(expands), kernels)
    return choices


# -- estimate: descent ------------------------------------------------------------------------------------------


def descend(
    space: SearchSpace,
    score: Callable[[Population], Values],
    rng: np.random.Generator,
    *,
    samples: int = 2000,
    starts: int = 8,
    most_sweeps: int = 200,
) -> Genome:
    """A network of small score: steepest descent over one-gene changes from the best samples."""
    drawn = np.concatenate(
        [space.smallest()[None], space.largest()[None], space.sample(samples, rng)]
    )
    scores = score(drawn)
    chosen = np.argsort(scores, kind="stable")[:starts]
    best: Genome = drawn[chosen[0]]
    best_score = float(scores[chosen[0]])
    for start in chosen:
        genome, value = drawn[start], float(scores[start])
        for _ in range(most_sweeps):
            around = neighbours(space, genome[None])
            if not len(around):
                break
            values = score(around)
            step = int(np.argmin(values))
            if not values[step] < value:
                break
            genome, value = around[step], float(values[step])
        if value < best_score:
            best, best_score = genome, value
    return best


# -- limits -----------------------------------------------------------------------------------------------------


def check_feasible(problem: SearchProblem, rng: np.random.Generator) -> Genome | None:
    """A network that meets the limits; None if there are no limits.

    Raises
    ------
    InfeasibleLimits
        No network can meet them: the limit to blame and the nearest possible value are named.
    """
    if not problem.limits:
        return None
    ends = [
        extremes(problem.space, problem.metrics[problem.column(limit.metric)], rng)
        for limit in problem.limits
    ]
    for limit, end in zip(problem.limits, ends, strict=True):
        if not end.smallest <= limit.most:
            raise _impossible(problem, limit, end)
    starts = np.stack([end.at_smallest for end in ends])
    excess = problem.excess(problem.limited_values(starts))
    met = np.flatnonzero(excess.sum(axis=1) == 0)
    if len(met):
        first: Genome = starts[met[0]]
        return first

    def together(population: Population) -> Values:
        total: Values = problem.excess(problem.limited_values(population)).sum(axis=1)
        return total

    found = descend(problem.space, together, rng)
    if together(found[None])[0] == 0:
        return found
    raise _together_impossible(problem, rng)


def _impossible(problem: SearchProblem, limit: Limit, end: Extremes) -> InfeasibleLimits:
    metric = problem.metrics[problem.column(limit.metric)]
    about = "" if end.exact else "about "
    return InfeasibleLimits(
        f"No network of {problem.space.name} has {metric.title} of {limit.most:.4g} {metric.unit} or less.",
        where=f"limit on {limit.metric}",
        remedy=f"The smallest possible value is {about}{end.smallest:.4g} {metric.unit}: loosen the limit to it.",
    )


def _together_impossible(problem: SearchProblem, rng: np.random.Generator) -> InfeasibleLimits:
    """Each limit can be met, all of them can't: the nearest value of each, the others being met."""
    offers = []
    for number, limit in enumerate(problem.limits):
        nearest = _nearest(problem, number, rng)
        if nearest is not None:
            offers.append((nearest / limit.most - 1 if limit.most else nearest, limit, nearest))
    names = ", ".join(_title(problem, limit) for limit in problem.limits)
    if not offers:
        return InfeasibleLimits(
            f"No network was found that meets the limits on {names} together.",
            where="limits",
            remedy="Loosen more than one of them.",
        )
    offers.sort(key=lambda offer: offer[0])
    ways = " or ".join(
        f"{_title(problem, limit)} to about {nearest:.4g} {_unit(problem, limit)}"
        for _, limit, nearest in offers[:3]
    )
    return InfeasibleLimits(
        f"No network was found that meets the limits on {names} together.",
        where=f"limit on {offers[0][1].metric}",
        remedy=f"Loosen one of them: {ways}.",
    )


def _nearest(problem: SearchProblem, number: int, rng: np.random.Generator) -> float | None:
    """Smallest value of one limited metric among networks that meet the other limits; None if none was found."""

    def score(population: Population) -> Values:
        limited = problem.limited_values(population)
        others = np.delete(problem.excess(limited), number, axis=1).sum(axis=1)
        own = limited[:, number]
        # Others first: a share of excess weighs more than any value of this metric.
        return np.where(others > 0, 1e12 * (1 + others), own)

    found = descend(problem.space, score, rng)
    value = float(score(found[None])[0])
    return value if value < 1e12 else None


def _title(problem: SearchProblem, limit: Limit) -> str:
    return problem.metrics[problem.column(limit.metric)].title


def _unit(problem: SearchProblem, limit: Limit) -> str:
    return problem.metrics[problem.column(limit.metric)].unit


def all_extremes(
    space: SearchSpace, metrics: Sequence[Metric], rng: np.random.Generator
) -> dict[str, Extremes]:
    """The ends of every metric, by key."""
    return {metric.key: extremes(space, metric, rng) for metric in metrics}
