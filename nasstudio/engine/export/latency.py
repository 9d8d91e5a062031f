"""What the table promised for a network and what the device says.

A promise is the table's sum with the device's correction and the interval of that; a measurement runs the network
itself in fresh processes: its ONNX file where the runtime takes such files, else the same layers with random weights,
which take the same time. A device that is not here has a promise and no measurement, and the reason is given. Beside
the network run those of the calibration that are most like it, and say at which pace the device ran.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from nasstudio.engine.cost.metric import TableLatency
from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.device.device import Device
from nasstudio.engine.device.lowered import LoweredFiles
from nasstudio.engine.device.measure import time_files
from nasstudio.engine.device.pace import Anchors, anchors, pace
from nasstudio.engine.errors import InvalidInput, MissingLayers, NeedsExtra
from nasstudio.engine.export.card import Latency
from nasstudio.engine.space.layer import LayerSpec
from nasstudio.engine.space.space import Genome, SearchSpace

BUDGET_S = 3.0
"""Time to measure one network on one device, s; each anchor beside it has as much."""
ANCHORS = 2


@dataclass(frozen=True)
class Subject:
    """A network to be timed.

    Attributes
    ----------
    layers : of the network, from input to output.
    onnx : gives its ONNX file; only called for a runtime that takes it.
    """

    layers: Sequence[LayerSpec]
    onnx: Callable[[], Path]


@dataclass
class Bench:
    """Promises and measurements on several devices.

    Attributes
    ----------
    devices : in the order of the results.
    table : for the promises; None: nothing is promised.
    folder : for what the runtimes load; whoever made it removes it.
    say : told, once each, why a device can't be measured or has no promise.
    check : called often; may hold, may raise to stop.
    """

    space: SearchSpace
    devices: tuple[Device, ...]
    table: LatencyTable | None
    folder: Path
    say: Callable[[str], None] = lambda text: None
    check: Callable[[], None] = lambda: None
    budget_s: float = BUDGET_S
    _said: set[str] = field(default_factory=set)

    def latencies(self, genome: Genome, subject: Subject) -> tuple[Latency, ...]:
        """Promise and measurement on each device."""
        found = []
        for device in self.devices:
            self.check()
            promised = self._promised(genome, device)
            found.append(self._measured(promised, subject, self._anchors(promised)))
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

    def _anchors(self, promised: Latency) -> Anchors | None:
        """Networks of the calibration as slow as the promise; None without a promise or a calibration."""
        if self.table is None or not promised.promised_ms:
            return None
        calibration = self.table.calibrations.get(promised.device.id)
        return anchors(calibration, self.space, ANCHORS, near_ms=promised.promised_ms)

    def _measured(self, promised: Latency, subject: Subject, beside: Anchors | None) -> Latency:
        device = promised.device
        try:
            lowered = LoweredFiles(self.folder, device)
        except (InvalidInput, NeedsExtra) as gap:
            self._once(f"The latency on {device.name} is not measured: {gap}")
            return promised
        files = [_lowered(lowered, subject)]
        if beside is not None:
            known = [[b.layer for b in self.space.blocks(genome)] for genome in beside.population]
            files += lowered.chains(known, self.check)
        own, *others = time_files(files, device, self.budget_s * len(files), self.check)
        files[0].unlink()
        now = None if beside is None else pace([t.median_ms for t in others], beside.then_ms)
        return msgspec.structs.replace(
            promised,
            measured_ms=own.median_ms,
            p10_ms=own.p10_ms,
            p90_ms=own.p90_ms,
            n=own.n,
            busy=own.busy,
            pace=now,
        )

    def _once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.say(text)


def _lowered(lowered: LoweredFiles, subject: Subject) -> Path:
    """The network's own file where the runtime takes it, else its layers."""
    if lowered.takes_onnx:
        return lowered.onnx(subject.onnx())
    return lowered.chain(subject.layers)
