"""InspectorModel: what is known of the selected network, predicted and verified, without a screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QThreadPool, Signal

from nasstudio.engine.cost.metric import TableLatency
from nasstudio.engine.errors import StudioError
from nasstudio.engine.project.records import Snapshot, SubnetRecord
from nasstudio.engine.search.archive import ACCURACY
from nasstudio.engine.space.space import SearchSpace
from nasstudio.ui.kit.number import written
from nasstudio.ui.plots.layer_times import LayerTimes, layer_times
from nasstudio.ui.views.diagram import LayerRow, layer_rows
from nasstudio.ui.views.network import as_genome, depths, fits, network_name
from nasstudio.ui.views.quantity import Quantity, quantities
from nasstudio.ui.views.search_runs import of_space
from nasstudio.ui.views.seen import Ground, ground, predictor_file
from nasstudio.ui.workbench import Workbench
from nasstudio.ui.workers.tasks import Task


@dataclass(frozen=True)
class MetricRow:
    """A row of the metrics table, as text. `verified` is empty where the network was not verified."""

    name: str
    predicted: str
    verified: str
    exact: bool


class InspectorModel(QObject):
    """Follows the project and the selection. `changed` when anything shown is different; `failed(StudioError)`."""

    changed = Signal()
    failed = Signal(object)

    def __init__(self, workbench: Workbench, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.workbench = workbench
        self.ground: Ground | None = None
        self.quantities: dict[str, Quantity] = {}
        self.device = ""
        self.best: tuple[int, ...] | None = None
        self._key: Any = None
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        workbench.changed.connect(self._project_changed)
        workbench.closed.connect(self._closed)
        workbench.selected.connect(lambda genome: self.changed.emit())
        if workbench.snapshot is not None:
            self._project_changed(workbench.snapshot)

    def close(self) -> None:
        """Wait for what is being read."""
        self._key = None
        self._pool.waitForDone()

    def _closed(self) -> None:
        self.ground, self._key, self.best = None, None, None
        self.changed.emit()

    def _project_changed(self, snapshot: Snapshot) -> None:
        space = self.workbench.space
        if space is None:
            self.ground, self._key = None, None
            self.changed.emit()
            return
        predictor = of_space(snapshot, space, "predictor")
        path = predictor.path if predictor else ""
        key = (snapshot.path, space.hash, snapshot.table_sha256, path)
        if key == self._key:
            self.changed.emit()
            return
        self._key = key
        file = predictor_file(snapshot.path, path)

        def work() -> tuple[Ground, StudioError | None]:
            try:
                return ground(space, snapshot.table, file), None
            except StudioError as problem:
                return ground(space, snapshot.table, None), problem

        def arrived(result: tuple[Ground, StudioError | None]) -> None:
            if key == self._key:
                self.ground, problem = result
                self.quantities = quantities(self.ground.metrics, self.ground.ends)
                if self.latency is None:
                    self.device = next((m.device.id for m in self.latencies), "")
                self.changed.emit()
                if problem is not None:
                    self.failed.emit(problem)

        Task(self, work, arrived, self.failed.emit).start(self._pool)

    # -- what is shown ------------------------------------------------------------------------------------------

    @property
    def space(self) -> SearchSpace | None:
        return self.ground.space if self.ground is not None else None

    @property
    def genome(self) -> tuple[int, ...] | None:
        """The selected network, None if there is none of this space."""
        chosen = self.workbench.selection
        return chosen if self.space is not None and fits(self.space, chosen) else None

    @property
    def latencies(self) -> list[TableLatency]:
        """Latency on every device that has a time for every layer."""
        metrics = self.ground.metrics if self.ground is not None else ()
        return [metric for metric in metrics if isinstance(metric, TableLatency)]

    @property
    def latency(self) -> TableLatency | None:
        """Latency on the chosen device."""
        return next((m for m in self.latencies if m.device.id == self.device), None)

    def set_device(self, device_id: str) -> None:
        """Show latencies of another device."""
        if device_id != self.device and any(m.device.id == device_id for m in self.latencies):
            self.device = device_id
            self.changed.emit()

    def set_best(self, genome: Sequence[int] | None) -> None:
        """Which network is the best under the limits of the Search page."""
        best = None if genome is None else tuple(genome)
        if best != self.best:
            self.best = best
            self.changed.emit()

    @property
    def record(self) -> SubnetRecord | None:
        """What the project knows of the network."""
        snapshot = self.workbench.snapshot
        if snapshot is None or self.space is None or self.genome is None:
            return None
        return snapshot.subnet(self.space.hash, self.genome)

    @property
    def pin(self) -> int | None:
        record = self.record
        return record.pin if record else None

    def name(self) -> str:
        """The network's short name."""
        if self.space is None or self.genome is None:
            return ""
        return network_name(self.space, as_genome(self.genome))

    def badge(self) -> tuple[str, str]:
        """What is special about it, and the badge's tone; empty if nothing is."""
        record = self.record
        if self.genome is not None and self.genome == self.best:
            return self.tr("best feasible"), "soft"
        if record is not None and record.pin is not None:
            return self.tr("pinned {0}").format(record.pin), "good"
        if record is not None and record.verified:
            return self.tr("verified"), "good"
        return "", "soft"

    def subtitle(self) -> str:
        """Size and origin in one line."""
        if self.space is None or self.genome is None:
            return ""
        row = as_genome(self.genome)[None]
        words = self.tr("{0} blocks at {1} px").format(
            int(depths(self.space, row)[0]), int(self.space.resolution(row)[0])
        )
        snapshot = self.workbench.snapshot
        made = of_space(snapshot, self.space, "supernet") if snapshot else None
        run = snapshot.run(made.run) if snapshot and made else None
        return self.tr("{0}, from {1}").format(words, run.name) if run else words

    def metric_rows(self) -> list[MetricRow]:
        """Accuracy and every metric, predicted beside verified."""
        if self.ground is None or self.genome is None:
            return []
        row = as_genome(self.genome)[None]
        verified = self.record.verified if self.record else {}
        rows = [self._accuracy_row(row, verified)]
        measured = verified.get("latency") or {}
        for metric in self.ground.metrics:
            quantity = self.quantities[metric.key]
            value = float(metric.of(row)[0])
            name = f"{quantity.short} ({quantity.unit})"
            if metric.device is None:
                rows.append(MetricRow(name, quantity.text(value, unit=False), "", True))
                continue
            found = measured.get(metric.device.id)
            text = _measured(quantity, found) if found else ""
            rows.append(MetricRow(name, quantity.interval(value), text, False))
        return rows

    def _accuracy_row(self, row: np.ndarray, verified: dict[str, Any]) -> MetricRow:
        assert self.ground is not None
        quantity = self.quantities[ACCURACY]
        predicted = "–"
        if self.ground.predictor is not None:
            half = float(self.ground.predictor.interval(row)[0])
            predicted = quantity.interval(float(self.ground.predictor.of(row)[0]), half)
        share = verified.get("accuracy")
        text = ""
        if isinstance(share, int | float):
            images = verified.get("images") or 0
            # Standard error of a share of so many images.
            half = float(np.sqrt(share * (1 - share) / images)) if images else 0.0
            text = quantity.interval(float(share), half)
        return MetricRow(f"{quantity.name} ({quantity.unit})", predicted, text, False)

    def layers(self) -> list[LayerRow]:
        """The diagram's rows."""
        if self.space is None or self.genome is None:
            return []
        latency = self.latency
        times = latency.effective_ms[:-1] if latency is not None else None
        return layer_rows(self.space, as_genome(self.genome), times)

    def most_channels(self) -> int:
        """The widest searched layer of the space: the diagram's scale."""
        if self.space is None:
            return 1
        kinds = ("mbconv", "bottleneck")
        blocks = [layer.channels_out for layer in self.space.layers if layer.kind in kinds]
        return max(blocks or [layer.channels_out for layer in self.space.layers])

    def sums(self) -> list[tuple[str, str]]:
        """The sum of the layers as they count in a network, and what a network costs beside them."""
        latency = self.latency
        if latency is None or self.genome is None:
            return []
        row = as_genome(self.genome)[None]
        places = self.quantities[latency.key].decimals + 1
        total = float(latency.of(row)[0])
        if latency.calibration is None:
            return [(self.tr("Sum of layers (ms)"), written(total, places))]
        layers = total - latency.constant_ms
        return [
            (self.tr("Sum of layers, corrected (ms)"), written(layers, places)),
            (self.tr("Once a network (ms)"), written(latency.constant_ms, places)),
            (self.tr("Latency (ms)"), written(total, places)),
        ]

    def layer_times(self) -> LayerTimes | None:
        """Layer by layer on every device; None without a network."""
        if self.ground is None or self.space is None or self.genome is None:
            return None
        return layer_times(self.space, as_genome(self.genome), self.ground.metrics)


def _measured(quantity: Quantity, found: Any) -> str:
    """A measured latency with half its spread."""
    if isinstance(found, int | float):
        return quantity.text(float(found), unit=False)
    value = found.get("measured_ms")
    if not isinstance(value, int | float):
        return ""
    low, high = found.get("p10_ms"), found.get("p90_ms")
    half = (high - low) / 2 if low is not None and high is not None else 0.0
    return quantity.interval(float(value), half)
