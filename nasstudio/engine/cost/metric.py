"""Metric: what a limit or an objective is about.

Every metric maps a population to one number a member and knows its unit, its device and how far off it may be. Search,
limits and plots see metrics and nothing of what is behind them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost import counts, liveness
from nasstudio.engine.cost.additive import AdditiveLatency, gaps
from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.device.calibration import UNKNOWN_ERROR, Calibration
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
    """A count: MACs (M), parameters (M), peak activation memory (MiB) or model size (MiB)."""

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


@dataclass(frozen=True, eq=False)
class TableLatency:
    """Latency on one device: the sum of the effective times of a network's rows, and the device's constant (ms).

    A network can't take less than no time: where a negative constant would make it so, its latency is 0.

    Attributes
    ----------
    calibration : the device's correction; None: the plain sum is all that is known.
    times_ms : of each of the space's layers as the table has it, and 0 for an absent one. `(layers + 1,)`.
    effective_ms : what each counts for in a network; the same shape.
    constant_ms : once a network.

    Raises
    ------
    MissingLayers
        The table lacks a layer of the space.
    """

    space: SearchSpace
    table: InitVar[LatencyTable]
    device: Device
    calibration: Calibration | None = field(init=False)
    times_ms: Values = field(init=False)
    effective_ms: Values = field(init=False)
    constant_ms: float = field(init=False)

    unit = "ms"

    def __post_init__(self, table: LatencyTable) -> None:
        layers = self.space.layers
        times = effective = table.times_ms(layers, self.device)
        calibration = table.calibrations.get(self.device.id)
        if calibration is not None:
            effective = calibration.effective_ms(layers, times)
        found = {
            "calibration": calibration,
            # The last row is an absent layer.
            "times_ms": np.append(times, 0.0),
            "effective_ms": np.append(effective, 0.0),
            "constant_ms": calibration.constant_ms if calibration is not None else 0.0,
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)

    @property
    def key(self) -> str:
        return f"latency:{self.device.id}"

    @property
    def title(self) -> str:
        return f"Latency, {self.device.name}"

    @property
    def error(self) -> float:
        """Half the width that holds nine predictions of ten, as a share; 0.1 if not calibrated."""
        return self.calibration.interval if self.calibration is not None else UNKNOWN_ERROR

    def sums(self, population: Population) -> Values:
        """Plain sum of the rows of each member, ms. `(n,)`."""
        total: Values = self.times_ms[self.space.rows(population)].sum(axis=1)
        return total

    def of(self, population: Population) -> Values:
        """Latency of each member, ms. `(n,)`."""
        total = self.effective_ms[self.space.rows(population)].sum(axis=1) + self.constant_ms
        latency: Values = np.maximum(total, 0.0)
        return latency


def count_metrics(space: SearchSpace) -> list[CountMetric]:
    """MACs, parameters, peak memory and model size of a space.

    Memory is that of one image's activations in fp32 by ONNX Runtime's rules, `cost.liveness`; size is the ONNX file's.
    """
    return [
        CountMetric("macs", "MACs", "M", space, counts.macs, 1e6),
        CountMetric("params", "Parameters", "M", space, counts.params, 1e6),
        CountMetric("memory", "Peak memory", "MiB", space, liveness.memory_mib),
        CountMetric("size", "Model size", "MiB", space, counts.size_mib),
    ]


def latency_metrics(
    space: SearchSpace, table: LatencyTable
) -> list[TableLatency | AdditiveLatency]:
    """Latency on every device of the table that has a time for every layer of the space, or a model of its genes."""
    found: list[TableLatency | AdditiveLatency] = []
    for device in table.devices:
        try:
            found.append(TableLatency(space, table, device))
        except MissingLayers:
            model = table.fitted.get(device.id)
            if model is not None and not gaps(model, space):
                found.append(AdditiveLatency(space, model, device))
    return found


def available(space: SearchSpace, table: LatencyTable) -> list[Metric]:
    """Everything that a network of the space can be limited by: latencies first, then counts."""
    return [*latency_metrics(space, table), *count_metrics(space)]
