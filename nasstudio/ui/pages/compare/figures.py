"""What the Compare page shows, worked out from a project alone: methods on the same axes, the device matrix, runs.

Nothing is invented: a method that has no run has no figure. Accuracies are shares 0..1, latencies ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.metric import Metric, latency_metrics
from nasstudio.engine.device.device import Device
from nasstudio.engine.project.records import Snapshot
from nasstudio.engine.search import pareto
from nasstudio.engine.search.archive import ACCURACY
from nasstudio.engine.space.space import SearchSpace
from nasstudio.engine.study.result import StudyTable
from nasstudio.ui.views.network import as_genome, network_name
from nasstudio.ui.views.search_runs import shown_runs, sources
from nasstudio.ui.views.seen import Collector

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Searched:
    """Every network that the newest search has seen, on every device with a complete table.

    Attributes
    ----------
    accuracy : (n,) predicted.
    latency : (n, devices) predicted.
    metrics : the latency of any network of the space, by device.
    """

    devices: tuple[Device, ...]
    accuracy: Values
    latency: Values
    metrics: tuple[Metric, ...] = ()

    def __len__(self) -> int:
        return len(self.accuracy)

    def column(self, device_id: str) -> int:
        """Number of a device's column, -1 if there is none."""
        return next((i for i, d in enumerate(self.devices) if d.id == device_id), -1)

    def front(self, column: int) -> tuple[Values, Values]:
        """Latency and accuracy of the front on one device, both rising."""
        cost = self.latency[:, column]
        chosen = pareto.front(self.accuracy, cost)
        return cost[chosen], self.accuracy[chosen]


def searched(snapshot: Snapshot, space: SearchSpace) -> Searched:
    """Read the newest search. Reads files and may take 100 ms: not for the window's thread.

    Raises
    ------
    StudioError
        An archive does not read.
    """
    metrics = tuple(latency_metrics(space, snapshot.table))
    devices = tuple(m.device for m in metrics)
    made = sources(shown_runs(snapshot))
    seen = Collector(space, snapshot.table, snapshot.table_sha256, made).grow()
    latency = np.zeros((len(seen), len(devices)))
    for at, device in enumerate(devices):
        latency[:, at] = seen.values[f"latency:{device.id}"]
    return Searched(devices, np.array(seen.values[ACCURACY]), latency, metrics)


# -- the device matrix ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Matrix:
    """Best for A, run on B.

    Attributes
    ----------
    ms : (k, k) latency on B (column) of the fastest network for A (row) that reaches the floor.
    accuracy : (k,) of these networks.
    """

    devices: tuple[Device, ...]
    floor: float
    ms: Values
    accuracy: Values

    @property
    def slowdown(self) -> Values:
        """(k, k) how many times as long as the network that is best for B takes; 1 on the diagonal."""
        return self.ms / np.diag(self.ms)[None, :]

    def worst(self) -> tuple[int, int]:
        """(best for, run on) of the largest slowdown."""
        row, column = np.unravel_index(int(np.argmax(self.slowdown)), self.ms.shape)
        return int(row), int(column)


def matrix(found: Searched, floor: float) -> Matrix | None:
    """For each device the fastest network of at least `floor` accuracy, on all devices.

    None with fewer than two devices, or if no network reaches the floor.
    """
    able = np.flatnonzero(found.accuracy >= floor)
    if len(found.devices) < 2 or not len(able):
        return None
    latency = found.latency[able]
    best = np.argmin(latency, axis=0)
    return Matrix(found.devices, floor, latency[best], found.accuracy[able[best]])


def usual_floor(found: Searched) -> float:
    """One point under the best accuracy, to a tenth of a point: there is a choice of networks there."""
    return round(float(found.accuracy.max()) - 0.01, 3) if len(found) else 0.0


# -- methods on the same axes -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Point:
    """A network as it was measured on one device. `accuracy` None: not known for this data set."""

    name: str
    ms: float
    accuracy: float | None


def verified_points(snapshot: Snapshot, space: SearchSpace | None, device_id: str) -> list[Point]:
    """Verified networks of the space that were timed on a device."""
    found = []
    for subnet in snapshot.subnets:
        if space is None or subnet.space != space.hash or not subnet.verified:
            continue
        ms = _measured(subnet.verified.get("latency"), device_id)
        if ms is not None:
            name = network_name(space, as_genome(subnet.genome))
            found.append(Point(name, ms, _share(subnet.verified.get("accuracy"))))
    return found


def reference_points(snapshot: Snapshot, device_id: str) -> list[Point]:
    """References that were timed on a device."""
    found = []
    for reference in snapshot.references:
        ms = _measured(reference.measured.get("latency"), device_id)
        if ms is not None:
            found.append(Point(reference.title, ms, _share(reference.measured.get("accuracy"))))
    return found


def alone_points(
    found: Searched | None, column: int, table: StudyTable | None, space: SearchSpace | None
) -> list[Point]:
    """Networks of a study, trained alone: measured accuracy, and latency as the device's table predicts it."""
    if found is None or table is None or space is None or not 0 <= column < len(found.metrics):
        return []
    trained = {row.target.genome: row.ways["alone"] for row in table.rows if "alone" in row.ways}
    if not trained:
        return []
    population = space.checked([list(genome) for genome in trained])
    latency = found.metrics[column].of(population)
    return [
        Point(space.identity(genome), float(ms), alone.accuracy)
        for genome, ms, alone in zip(population, latency, trained.values(), strict=True)
    ]


def _measured(latency: Any, device_id: str) -> float | None:
    value = latency.get(device_id) if isinstance(latency, Mapping) else None
    if isinstance(value, Mapping):
        value = value.get("measured_ms")
    return float(value) if isinstance(value, int | float) else None


def _share(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


# -- FLOPs is not speed -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rank:
    """How well MACs and the table rank the networks that were measured whole on a device (Kendall τ)."""

    device: Device
    networks: int
    macs: float
    table: float


def ranks(snapshot: Snapshot) -> list[Rank]:
    """Of every device on which whole networks were measured."""
    table = snapshot.table
    found = []
    for device in table.devices:
        calibration = table.calibrations.get(device.id)
        if calibration is not None and len(calibration.measured_ms) > 2:
            found.append(
                Rank(device, len(calibration.measured_ms), calibration.tau_macs, calibration.tau)
            )
    return found
