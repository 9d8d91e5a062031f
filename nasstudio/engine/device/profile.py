"""Profiling one device: the time of every layer, then of whole networks, and the correction between the two.

What a layer costs is its measured time less that of an empty call, which a network pays once and not once a layer; so
the plain sum is nearly right already, and the calibration takes care of the rest. Nothing here knows run folders.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost import counts
from nasstudio.engine.device.calibration import Calibration, fit
from nasstudio.engine.device.lowered import LoweredFiles
from nasstudio.engine.device.measure import bench_of_files
from nasstudio.engine.device.timing import Timing
from nasstudio.engine.space.layer import LayerSpec
from nasstudio.engine.space.space import Population, SearchSpace, unique

NETWORKS_SPREAD = 0.005
_POOL = 4000


class LayerProfile:
    """The measurement of a set of layers on one device.

    The empty call is measured beside the layers, in the same rounds and processes, and taken off every one of them.

    Attributes
    ----------
    layers : what is measured, in this order.
    """

    def __init__(
        self,
        layers: Sequence[LayerSpec],
        lowered: LoweredFiles,
        rng: np.random.Generator,
        check: Callable[[], None] = lambda: None,
        on_lowered: Callable[[int], None] = lambda done: None,
        on_load: Callable[[int], None] = lambda index: None,
    ) -> None:
        self.layers = tuple(layers)
        files = lowered.chains([[], *([layer] for layer in layers)], check, on_lowered)
        self.bench = bench_of_files([*files[1:], files[0]], lowered.device, rng, check, on_load)

    @property
    def overhead(self) -> Timing:
        """Time of the empty call."""
        return self.bench.timing(len(self.layers))

    def measured(self, index: int) -> bool:
        """Whether a layer and the empty call have been measured."""
        return self.bench.measured(index) and self.bench.measured(len(self.layers))

    def first_rounds_ms(self, rounds: int) -> list[float]:
        """What each layer would have been known to take after so many rounds, ms, without the empty call."""
        empty = self.bench.first_rounds_ms(len(self.layers), rounds)
        found = [self.bench.first_rounds_ms(i, rounds) for i in range(len(self.layers))]
        return [max(ms - empty, 0.02 * ms) for ms in found]

    def timing(self, index: int) -> Timing:
        """Time of a layer without the overhead of a call."""
        return self.bench.timing(index).less(self.overhead.median_ms)


def spread_evenly(
    space: SearchSpace, times_ms: NDArray[np.float64], n: int, rng: np.random.Generator
) -> Population:
    """Up to `n` distinct members spread evenly over predicted latency, with both ends of the space.

    Uniform samples crowd in the middle; so members are also drawn near the smallest and the largest network.

    Parameters
    ----------
    times_ms : of each of the space's layers. `(layers,)`.
    """
    ends = np.stack([space.smallest(), space.largest()])
    pool = space.sample(_POOL, rng)
    rate = rng.random((_POOL, 1)) * (np.arange(_POOL) % 3 > 0)[:, None]
    kept_end = ends[np.arange(_POOL) % 3 % 2]
    pool = np.where(rng.random(pool.shape) < rate, kept_end, pool).astype(np.int16)
    pool = space.canonical(np.concatenate([ends, pool]))
    pool = pool[unique(pool)]
    sums = sums_ms(space, times_ms, pool)
    chosen = _nearest_each(sums, np.linspace(sums[0], sums[1], n) if n > 1 else sums[:1])
    return pool[chosen]


def _nearest_each(values: NDArray[np.float64], targets: NDArray[np.float64]) -> list[int]:
    """Index of the value nearest to each target, none twice; the first two values are taken in any case."""
    free = np.ones(len(values), dtype=bool)
    chosen: list[int] = []
    for position, target in enumerate(targets):
        if not free.any():
            break
        if position in (0, len(targets) - 1) and free[min(position, 1)]:
            index = min(position, 1)
        else:
            index = int(np.argmin(np.where(free, np.abs(values - target), np.inf)))
        free[index] = False
        chosen.append(index)
    return chosen


def sums_ms(
    space: SearchSpace, times_ms: NDArray[np.float64], population: Population
) -> NDArray[np.float64]:
    """Plain sum of the layers of each member, ms. `(n,)`."""
    summed: NDArray[np.float64] = np.append(times_ms, 0.0)[space.rows(population)].sum(axis=1)
    return summed


@dataclass(frozen=True)
class NetworkTimes:
    """Whole networks, each measured twice: the second time later and in other processes.

    Attributes
    ----------
    first, second : timings of the two passes.
    """

    first: list[Timing]
    second: list[Timing]

    @cached_property
    def medians_ms(self) -> NDArray[np.float64]:
        """Medians of each pass. `(2, n)`."""
        return np.stack([_medians(self.first), _medians(self.second)])

    @property
    def spread(self) -> NDArray[np.float64]:
        """(p90 - p10) / median. `(n,)`."""
        both = [[(t.p90_ms - t.p10_ms) / t.median_ms for t in p] for p in (self.first, self.second)]
        mean: NDArray[np.float64] = np.mean(np.array(both), axis=0)
        return mean

    @property
    def busy(self) -> bool:
        return any(t.busy for t in (*self.first, *self.second))


def _medians(timings: Iterable[Timing]) -> NDArray[np.float64]:
    return np.array([t.median_ms for t in timings])


def measure_networks(
    space: SearchSpace,
    population: Population,
    lowered: LoweredFiles,
    *,
    budget_s: float,
    rng: np.random.Generator,
    check: Callable[[], None] = lambda: None,
    on_lowered: Callable[[int], None] = lambda done: None,
    on_row: Callable[[int], None] = lambda index: None,
) -> NetworkTimes:
    """Measure whole networks with random weights, twice.

    Parameters
    ----------
    budget_s : time for both passes together, s.
    on_lowered : told how many networks are ready to be measured.
    on_row : called with 0 or 1, the pass, after every round of a network.
    """
    networks = [[block.layer for block in space.blocks(genome)] for genome in population]
    files = lowered.chains(networks, check, on_lowered)
    passes = []
    for number in range(2):
        bench = bench_of_files(files, lowered.device, rng, check)
        bench.run(
            spread=NETWORKS_SPREAD,
            budget_s=budget_s / 2,
            check=check,
            on_row=lambda index, number=number: on_row(number),  # type: ignore[misc]
        )
        passes.append([bench.timing(index) for index in range(len(files))])
    return NetworkTimes(*passes)


def calibrate(
    space: SearchSpace,
    times_ms: NDArray[np.float64],
    population: Population,
    networks: NetworkTimes,
    rng: np.random.Generator,
) -> Calibration:
    """The correction from sums to measured networks. The networks are shuffled: folds must not follow their size.

    Parameters
    ----------
    times_ms : of each of the space's layers. `(layers,)`.
    """
    order = rng.permutation(len(population))
    shuffled = population[order]
    return fit(
        space.layers,
        times_ms,
        space.rows(shuffled),
        networks.medians_ms[0, order],
        counts.macs(space, shuffled),
        second_ms=networks.medians_ms[1, order],
        spread=networks.spread[order].tolist(),
        space_hash=space.hash,
        genomes=[tuple(int(i) for i in genome) for genome in shuffled],
        measured_at=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    )
