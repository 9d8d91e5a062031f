"""LatencyTable: rows are operations, columns are devices, as in the lecture.

Each cell knows its median, its spread, the number of measurements behind it and where it came from. A row is a label
with an optional LayerSpec: rows without one are shown, edited and exported, and no space uses them. The table never
measures and never invents: a missing time is missing until somebody fills it. A cell may hold a number that is no time
(imported tables do: 0, negative, not finite); it is kept as it came, and counts as missing wherever a time is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.additive import AdditiveModel
from nasstudio.engine.device.calibration import Calibration
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput, MissingLayers
from nasstudio.engine.space.layer import LayerSpec, parse, text


class Source(IntEnum):
    """Where a cell's time came from."""

    MISSING = 0
    MEASURED = 1
    IMPORTED = 2
    EDITED = 3
    INTERPOLATED = 4


@dataclass
class Cells:
    """A block of cells; every array has the same shape.

    Attributes
    ----------
    ms : median, ms; nan where missing.
    p10, p90 : quantiles of the measurements, ms; nan where not measured.
    n : number of measurements.
    source : a `Source`.
    """

    ms: NDArray[np.float64]
    p10: NDArray[np.float64]
    p90: NDArray[np.float64]
    n: NDArray[np.int32]
    source: NDArray[np.uint8]

    @classmethod
    def missing(cls, shape: tuple[int, ...]) -> Cells:
        """Cells without a time."""
        return cls(
            np.full(shape, np.nan),
            np.full(shape, np.nan),
            np.full(shape, np.nan),
            np.zeros(shape, np.int32),
            np.zeros(shape, np.uint8),
        )

    @classmethod
    def of(cls, ms: NDArray[np.float64], source: Source) -> Cells:
        """Cells of one source with neither spread nor count; nan stays missing."""
        cells = cls.missing(ms.shape)
        cells.ms[...] = ms
        cells.source[...] = np.where(np.isnan(ms), Source.MISSING, source)
        return cells

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which cells hold a time: a finite number above 0."""
        with np.errstate(invalid="ignore"):
            known: NDArray[np.bool_] = (self.ms > 0) & np.isfinite(self.ms)
        return known

    @property
    def filled(self) -> NDArray[np.bool_]:
        """Which cells hold anything, a time or not."""
        filled: NDArray[np.bool_] = (self.source != Source.MISSING) | ~np.isnan(self.ms)
        return filled

    @property
    def flawed(self) -> NDArray[np.bool_]:
        """Which cells hold something that is no time."""
        flawed: NDArray[np.bool_] = self.filled & ~self.known
        return flawed

    def at(self, index: Any) -> Cells:
        """A copy of the cells at a numpy index."""
        return self._each(lambda a: np.array(a[index]))

    def copy(self) -> Cells:
        """Cells that share nothing."""
        return self._each(np.copy)

    def without_column(self, column: int) -> Cells:
        """The cells less one column."""
        return self._each(lambda a: np.delete(a, column, axis=1))

    def _each(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Cells:
        return Cells(
            change(self.ms), change(self.p10), change(self.p90), change(self.n), change(self.source)
        )

    def put(self, index: tuple[NDArray[np.intp], NDArray[np.intp]], cells: Cells) -> None:
        """Overwrite the cells at an index."""
        for name in ("ms", "p10", "p90", "n", "source"):
            getattr(self, name)[index] = getattr(cells, name)


@dataclass
class LatencyTable:
    """Times of operations on devices.

    Attributes
    ----------
    labels, specs : of each row; a spec is None where the label is not a layer.
    devices : of each column.
    cells : arrays of shape (rows, devices).
    calibrations : by device id.
    fitted : models of whole-network latencies, by device id; such a device needs no operations.
    notes : what the reader of a file found worth saying; not stored.
    """

    labels: list[str] = field(default_factory=list)
    specs: list[LayerSpec | None] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)
    cells: Cells = field(default_factory=lambda: Cells.missing((0, 0)))
    calibrations: dict[str, Calibration] = field(default_factory=dict)
    fitted: dict[str, AdditiveModel] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._row = {label: index for index, label in enumerate(self.labels)}

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.labels), len(self.devices)

    def row(self, label: str) -> int | None:
        """Index of a row by its label, None if there is none."""
        return self._row.get(label)

    def column(self, device: Device | str) -> int:
        """Index of a device's column.

        Raises
        ------
        InvalidInput
            The table has no such device.
        """
        wanted = device if isinstance(device, str) else device.id
        for index, known in enumerate(self.devices):
            if wanted == known.id:
                return index
        titles = ", ".join(d.id for d in self.devices) or "none"
        raise InvalidInput(
            f"The table has no device '{wanted}'.",
            where="latency table",
            remedy=f"It has: {titles}.",
        )

    def add_device(self, device: Device) -> int:
        """Column of the device; a new one, all missing, if it was not there."""
        for index, known in enumerate(self.devices):
            if known.id == device.id:
                return index
        self.devices.append(device)
        self.cells = _grown(self.cells, self.shape)
        return len(self.devices) - 1

    def remove_device(self, device_id: str) -> None:
        """Take a column away, with its calibration and its fitted model."""
        column = self.column(device_id)
        del self.devices[column]
        self.cells = self.cells.without_column(column)
        self.calibrations.pop(device_id, None)
        self.fitted.pop(device_id, None)

    def add_rows(self, rows: Iterable[str | LayerSpec]) -> list[int]:
        """Index of each row, in order; new rows, all missing, where a label was not there."""
        found = []
        for item in rows:
            label = item if isinstance(item, str) else text(item)
            index = self._row.get(label)
            if index is None:
                index = self._row[label] = len(self.labels)
                self.labels.append(label)
                self.specs.append(item if isinstance(item, LayerSpec) else _layer_or_none(label))
            found.append(index)
        self.cells = _grown(self.cells, self.shape)
        return found

    def put(self, rows: Sequence[int], columns: Sequence[int], cells: Cells) -> Cells:
        """Overwrite single cells, one for each pair of row and column, and return what was there."""
        index = (np.asarray(rows, dtype=np.intp), np.asarray(columns, dtype=np.intp))
        before = self.cells.at(index)
        self.cells.put(index, cells)
        return before

    def times_ms(self, layers: Sequence[LayerSpec], device: Device | str) -> NDArray[np.float64]:
        """Time of each layer on a device. `(layers,)` ms.

        Raises
        ------
        MissingLayers
            Some have no time; all of them are named.
        """
        column = self.column(device)
        labels = [text(layer) for layer in layers]
        # The last one stands for the rows that are not there.
        ms = np.append(
            np.where(self.cells.known[:, column], self.cells.ms[:, column], np.nan), np.nan
        )
        times: NDArray[np.float64] = ms[[self._row.get(label, -1) for label in labels]]
        gone = [labels[index] for index in np.flatnonzero(np.isnan(times))]
        if gone:
            raise MissingLayers(self.devices[column].name, gone)
        return times

    def missing(self, layers: Sequence[LayerSpec], device: Device | str) -> list[LayerSpec]:
        """The layers that have no time on a device, each once."""
        try:
            self.times_ms(layers, device)
        except MissingLayers as gap:
            gone = set(gap.layers)
            return [layer for layer in dict.fromkeys(layers) if text(layer) in gone]
        except InvalidInput:
            return list(dict.fromkeys(layers))
        return []

    def brings(self, other: LatencyTable) -> NDArray[np.bool_]:
        """Which cells of another table this one would take: those with a value, but no estimate over a measurement.

        Returns
        -------
        `(rows, devices)` of the other table.
        """
        wanted: NDArray[np.bool_] = other.cells.filled.copy()
        own = {device.id: column for column, device in enumerate(self.devices)}
        estimates = other.cells.source == Source.INTERPOLATED
        for column, device in enumerate(other.devices):
            if device.id not in own:
                continue
            for row in np.flatnonzero(wanted[:, column] & estimates[:, column]):
                here = self.row(other.labels[row])
                if here is not None:
                    measured = self.cells.source[here, own[device.id]] == Source.MEASURED
                    wanted[row, column] = not measured
        return wanted

    def take_in(self, other: LatencyTable) -> None:
        """Add the cells of another table that `brings` names, its calibrations and its fitted models."""
        wanted = self.brings(other)
        for column, device in enumerate(other.devices):
            rows = np.flatnonzero(wanted[:, column])
            target = self.add_device(device)
            own = self.add_rows([other.labels[row] for row in rows])
            self.put(own, [target] * len(own), other.cells.at((rows, np.full(len(rows), column))))
        self.calibrations |= other.calibrations
        self.fitted |= other.fitted

    def copy(self) -> LatencyTable:
        """A table of its own, sharing nothing that can change."""
        return LatencyTable(
            list(self.labels),
            list(self.specs),
            list(self.devices),
            self.cells.copy(),
            dict(self.calibrations),
            dict(self.fitted),
            self.notes,
        )


def _grown(cells: Cells, shape: tuple[int, int]) -> Cells:
    if cells.ms.shape == shape:
        return cells
    grown = Cells.missing(shape)
    old = cells.ms.shape
    for name in ("ms", "p10", "p90", "n", "source"):
        getattr(grown, name)[: old[0], : old[1]] = getattr(cells, name)
    return grown


def _layer_or_none(label: str) -> LayerSpec | None:
    try:
        return parse(label)
    except InvalidInput:
        return None
