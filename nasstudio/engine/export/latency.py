"""What the table promised for a network and what the device says.

A promise is the table's sum with the device's correction and the interval of that; a measurement runs the network
itself: as a torch module where the runtime takes modules, as its ONNX file elsewhere. A device that is not here has a
promise and no measurement, and the reason is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from torch import nn

from nasstudio.engine.cost.metric import TableLatency
from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.device.device import Device
from nasstudio.engine.device.measure import time_calls
from nasstudio.engine.device.runtime.registry import runtime_of
from nasstudio.engine.device.runtime.runtime import Call, ModuleRuntime, Runtime
from nasstudio.engine.errors import InvalidInput, MissingLayers, NeedsExtra
from nasstudio.engine.export.card import Latency
from nasstudio.engine.net.static import fused
from nasstudio.engine.space.space import Genome, SearchSpace

BUDGET_S = 3.0
"""Time to measure one network on one device, s."""


@dataclass(frozen=True)
class Subject:
    """A network to be timed.

    Attributes
    ----------
    network : in torch; it is copied and folded before it is timed.
    shape : of one image: channels, height, width.
    onnx : gives its ONNX file; only called for a runtime that needs it.
    """

    network: nn.Module
    shape: tuple[int, int, int]
    onnx: Callable[[], Path]


@dataclass
class Bench:
    """Promises and measurements on several devices.

    Attributes
    ----------
    devices : in the order of the results.
    table : for the promises; None: nothing is promised.
    say : told, once each, why a device can't be measured or has no promise.
    check : called often; may hold, may raise to stop.
    """

    space: SearchSpace
    devices: tuple[Device, ...]
    table: LatencyTable | None
    say: Callable[[str], None] = lambda text: None
    check: Callable[[], None] = lambda: None
    budget_s: float = BUDGET_S
    _said: set[str] = field(default_factory=set)

    def latencies(self, genome: Genome, subject: Subject) -> tuple[Latency, ...]:
        """Promise and measurement on each device."""
        found = []
        for device in self.devices:
            self.check()
            found.append(self._measured(self._promised(genome, device), subject))
        return tuple(found)

    def _promised(self, genome: Genome, device: Device) -> Latency:
        if self.table is None:
            return Latency(device)
        try:
            metric = TableLatency(self.space, self.table, device)
        except (InvalidInput, MissingLayers) as gap:
            self._once(f"No latency is promised on {device.name}: {gap}")
            return Latency(device)
        promised_ms = float(metric.of(genome[None])[0])
        return Latency(device, promised_ms=promised_ms, promised_error=metric.error)

    def _measured(self, promised: Latency, subject: Subject) -> Latency:
        device = promised.device
        try:
            runtime = runtime_of(device)
        except (InvalidInput, NeedsExtra) as gap:
            self._once(f"The latency on {device.name} is not measured: {gap}")
            return promised
        timing = time_calls(
            [_call(runtime, subject, device)], device, self.budget_s, check=self.check
        )[0]
        return msgspec.structs.replace(
            promised,
            measured_ms=timing.median_ms,
            p10_ms=timing.p10_ms,
            p90_ms=timing.p90_ms,
            n=timing.n,
            busy=timing.busy,
        )

    def _once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.say(text)


def _call(runtime: Runtime, subject: Subject, device: Device) -> Call:
    if isinstance(runtime, ModuleRuntime):
        shape = (device.batch, *subject.shape)
        return runtime.prepare_module(fused(subject.network), shape, device)
    return runtime.prepare_onnx(subject.onnx(), device)
