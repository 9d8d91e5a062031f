"""What a person changes in a latency table, as a value that can be applied, undone and sent to the project.

The same change is applied to the table in the window and, by a worker, to the table of the project; its inverse is
computed from the table before. A change never measures; it overwrites whole cells with their spread, count and source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from nasstudio.engine.cost.table import Cells, LatencyTable
from nasstudio.engine.device.calibration import Calibration
from nasstudio.engine.device.device import Device


@dataclass(frozen=True)
class Block:
    """Cells of one device, one for each label."""

    device: Device
    labels: tuple[str, ...]
    cells: Cells


@dataclass(frozen=True)
class TableChange:
    """Blocks to write after some columns and rows have been taken away.

    Attributes
    ----------
    blocks : written in order; rows and columns that are not there are added.
    remove_devices : ids of columns that go.
    remove_labels : rows that go, where they hold no time after the rest has been done.
    calibrations : put back with their columns.
    """

    blocks: tuple[Block, ...] = ()
    remove_devices: tuple[str, ...] = ()
    remove_labels: tuple[str, ...] = ()
    calibrations: dict[str, Calibration] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(len(block.labels) for block in self.blocks)


def apply(table: LatencyTable, change: TableChange) -> LatencyTable:
    """The table after the change; the one that was given is altered, or replaced if rows go."""
    known = {device.id for device in table.devices}
    for device_id in change.remove_devices:
        if device_id in known:
            table.remove_device(device_id)
    for block in change.blocks:
        column = table.add_device(block.device)
        rows = table.add_rows(block.labels)
        table.put(rows, [column] * len(rows), block.cells)
    here = {device.id for device in table.devices}
    table.calibrations.update({k: v for k, v in change.calibrations.items() if k in here})
    return without_rows(table, change.remove_labels) if change.remove_labels else table


def without_rows(table: LatencyTable, labels: Sequence[str]) -> LatencyTable:
    """The table without those of the rows that hold no time."""
    gone = set(labels)
    empty = np.asarray(np.isnan(table.cells.ms).all(axis=1), dtype=bool)
    keep = [i for i, label in enumerate(table.labels) if label not in gone or not empty[i]]
    return LatencyTable(
        [table.labels[i] for i in keep],
        [table.specs[i] for i in keep],
        list(table.devices),
        table.cells.at(np.asarray(keep, dtype=np.intp)),
        dict(table.calibrations),
    )


def inverse(table: LatencyTable, change: TableChange) -> TableChange:
    """The change that takes `change` back; `table` is the one before it."""
    by_id = {device.id: column for column, device in enumerate(table.devices)}
    added = tuple(dict.fromkeys(b.device.id for b in change.blocks if b.device.id not in by_id))
    blocks = []
    for device_id in change.remove_devices:
        if device_id in by_id:
            column = by_id[device_id]
            cells = table.cells.at((slice(None), column))
            blocks.append(Block(table.devices[column], tuple(table.labels), cells))
    for block in change.blocks:
        if block.device.id in by_id:
            blocks.append(Block(block.device, block.labels, _before(table, block, by_id)))
    labels = dict.fromkeys(label for block in change.blocks for label in block.labels)
    new = tuple(label for label in labels if table.row(label) is None)
    lost = {k: v for k, v in table.calibrations.items() if k in change.remove_devices}
    return TableChange(tuple(blocks), added, new, lost)


def _before(table: LatencyTable, block: Block, by_id: dict[str, int]) -> Cells:
    found = [table.row(label) for label in block.labels]
    there = np.array([row is not None for row in found], dtype=bool)
    before = Cells.missing((len(found),))
    rows = np.array([row for row in found if row is not None], dtype=np.intp)
    columns = np.full(len(rows), by_id[block.device.id], dtype=np.intp)
    before.put((np.flatnonzero(there),), table.cells.at((rows, columns)))  # type: ignore[arg-type]
    return before


def whole(table: LatencyTable) -> TableChange:
    """Every time of another table: an import."""
    blocks = []
    for column, device in enumerate(table.devices):
        rows = np.flatnonzero(~np.isnan(table.cells.ms[:, column]))
        cells = table.cells.at((rows, np.full(len(rows), column, dtype=np.intp)))
        blocks.append(Block(device, tuple(table.labels[i] for i in rows), cells))
    return TableChange(tuple(blocks), calibrations=dict(table.calibrations))
