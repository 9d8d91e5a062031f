"""Metric: what a limit or an objective is about.

Every metric maps a population to one number a member and knows its unit, its device and how far off it may be. Search,
limits and plots see metrics and nothing of what is behind them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost import counts
from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import MissingLayers
from nasstudio.engine.space.space import Population, SearchSpace

Values = NDArray[np.float64]


class Metric(Protocol):
    """One number for each architecture.

    Attributes
    ----------
    key : stable name, e.g. ``latency:ort-1t-3f9c2a``, ``macs``, ``params``, ``memory``.
    title, unit : as shown.
    device : where it holds; None for counts.
    error : half the width of a prediction's interval as a share of the value; 0 for exact counts.
    """

    @property
    def key(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def device(self) -> Device | None: ...
    @property
    def error(self) -> float: ...

    def of(self, population: Population) -> Values:
        """Value of each member. `(n,)`."""
        ...


@dataclass(frozen=True)
class CountMetric:
    """An exact count: MACs (M), parameters (M) or peak activation memory (MiB)."""

    key: str
    title: str
    unit: str
    space: SearchSpace
    counter: Callable[[SearchSpace, Population], Values]
    divisor: float = 1.0
    device: Device | None = None
    error: float = 0.0

    def of(self, population: Population) -> Values:
        """Value of each member, in `unit`. `(n,)`."""
        return self.counter(self.space, population) / self.divisor


class TableLatency:
    """Latency on one device: the sum of a network's rows and the device's calibrated correction (ms).

    Raises
    ------
    MissingLayers
        The table lacks a layer of the space.
    """

    unit = "ms"

    def __init__(self, space: SearchSpace, table: LatencyTable, device: Device) -> None:
        self.space = space
        self.device = device
        self.key = f"latency:{device.id}"
        self.title = f"Latency, {device.name}"
        self.calibration = table.calibrations.get(device.id)
        # The last row is zero: an absent layer.
        self.times_ms = np.append(table.times_ms(space.layers, device), 0.0)

    @property
    def error(self) -> float:
        """Twice the calibration's mean error: about nine predictions of ten lie inside; 0.1 if not calibrated."""
        return 2 * self.calibration.mape if self.calibration else 0.1

    def sums(self, population: Population) -> Values:
        """Plain sum of the rows of each member, ms. `(n,)`."""
        total: Values = self.times_ms[self.space.rows(population)].sum(axis=1)
        return total

    def of(self, population: Population) -> Values:
        """Latency of each member, ms. `(n,)`."""
        sums = self.sums(population)
        return self.calibration.apply(sums) if self.calibration else sums


def count_metrics(space: SearchSpace) -> list[CountMetric]:
    """MACs, parameters and peak memory of a space."""
    return [
        CountMetric("macs", "MACs", "M", space, counts.macs, 1e6),
        CountMetric("params", "Parameters", "M", space, counts.params, 1e6),
        CountMetric("memory", "Peak memory", "MiB", space, counts.memory_mib),
    ]


def latency_metrics(space: SearchSpace, table: LatencyTable) -> list[TableLatency]:
    """Latency on every device of the table that has a time for every layer of the space."""
    found = []
    for device in table.devices:
        try:
            found.append(TableLatency(space, table, device))
        except MissingLayers:
            continue
    return found


def available(space: SearchSpace, table: LatencyTable) -> list[Metric]:
    """Everything that a network of the space can be limited by: latencies first, then counts."""
    return [*latency_metrics(space, table), *count_metrics(space)]
