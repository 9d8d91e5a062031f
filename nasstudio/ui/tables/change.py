"""What a person changes in a latency table, as a value that can be applied, undone and sent to the project.

The same change is applied to the table in the window and, by a worker, to the table of the project; its inverse is
computed from the table before. A change never measures; it overwrites whole cells with their spread, count and source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.additive import AdditiveModel
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
    calibrations, fitted : put back with their columns.
    """

    blocks: tuple[Block, ...] = ()
    remove_devices: tuple[str, ...] = ()
    remove_labels: tuple[str, ...] = ()
    calibrations: dict[str, Calibration] = field(default_factory=dict)
    fitted: dict[str, AdditiveModel] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(len(block.labels) for block in self.blocks)


def in_place(table: LatencyTable, change: TableChange, *, most: int) -> NDArray[np.intp] | None:
    """Apply a change that touches at most so many cells of rows and columns that are there.

    Returns the rows it touched, each once; None, and nothing is changed, if it is not such a change.
    """
    others = (change.remove_devices, change.remove_labels, change.calibrations, change.fitted)
    if any(others) or len(change) > most:
        return None
    columns = {device.id: column for column, device in enumerate(table.devices)}
    if any(block.device.id not in columns for block in change.blocks):
        return None
    found = rows_of(table, change.blocks)
    if any((rows < 0).any() for rows in found):
        return None
    for block, rows in zip(change.blocks, found, strict=True):
        at = np.full(len(rows), columns[block.device.id], dtype=np.intp)
        table.cells.put((rows, at), block.cells)
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.intp)


def rows_of(table: LatencyTable, blocks: Sequence[Block]) -> list[NDArray[np.intp]]:
    """Rows of each block, -1 for a label that is not there; blocks that share their labels are looked up once."""
    known: dict[int, NDArray[np.intp]] = {}
    for block in blocks:
        if id(block.labels) not in known:
            found = (row if (row := table.row(label)) is not None else -1 for label in block.labels)
            known[id(block.labels)] = np.fromiter(found, np.intp, len(block.labels))
    return [known[id(block.labels)] for block in blocks]


def apply(table: LatencyTable, change: TableChange) -> LatencyTable:
    """The table after the change; the one that was given is altered, or replaced if rows go."""
    known = {device.id for device in table.devices}
    for device_id in change.remove_devices:
        if device_id in known:
            table.remove_device(device_id)
    found = rows_of(table, change.blocks)
    for block, rows in zip(change.blocks, found, strict=True):
        column = table.add_device(block.device)
        if (rows < 0).any():
            rows = np.array(table.add_rows(block.labels), dtype=np.intp)
        table.cells.put((rows, np.full(len(rows), column, dtype=np.intp)), block.cells)
    here = {device.id for device in table.devices}
    table.calibrations.update({k: v for k, v in change.calibrations.items() if k in here})
    table.fitted.update({k: v for k, v in change.fitted.items() if k in here})
    return without_rows(table, change.remove_labels) if change.remove_labels else table


def without_rows(table: LatencyTable, labels: Sequence[str]) -> LatencyTable:
    """The table without those of the rows that hold no time."""
    gone = set(labels)
    empty = np.asarray((~table.cells.filled).all(axis=1), dtype=bool)
    keep = [i for i, label in enumerate(table.labels) if label not in gone or not empty[i]]
    return LatencyTable(
        [table.labels[i] for i in keep],
        [table.specs[i] for i in keep],
        list(table.devices),
        table.cells.at(np.asarray(keep, dtype=np.intp)),
        dict(table.calibrations),
        dict(table.fitted),
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
    found = rows_of(table, change.blocks)
    new: dict[str, None] = {}
    for block, rows in zip(change.blocks, found, strict=True):
        if block.device.id in by_id:
            before = _before(table, rows, by_id[block.device.id])
            blocks.append(Block(block.device, block.labels, before))
        new |= dict.fromkeys(block.labels[i] for i in np.flatnonzero(rows < 0))
    gone = {*change.remove_devices, *change.calibrations}
    lost = {k: v for k, v in table.calibrations.items() if k in gone}
    gone = {*change.remove_devices, *change.fitted}
    unfitted = {k: v for k, v in table.fitted.items() if k in gone}
    return TableChange(tuple(blocks), added, tuple(new), lost, unfitted)


def _before(table: LatencyTable, rows: NDArray[np.intp], column: int) -> Cells:
    """Cells of a column, missing where a row is not there (-1)."""
    before = Cells.missing((len(rows),))
    there = np.flatnonzero(rows >= 0)
    cells = table.cells.at((rows[there], np.full(len(there), column, dtype=np.intp)))
    before.put((there,), cells)  # type: ignore[arg-type]
    return before


def whole(table: LatencyTable, into: LatencyTable) -> TableChange:
    """What a table would take of another one (`LatencyTable.brings`): an import."""
    wanted = into.brings(table)
    blocks: list[Block] = []
    last: tuple[NDArray[np.intp], tuple[str, ...]] = (np.zeros(0, np.intp), ())
    for column, device in enumerate(table.devices):
        rows = np.flatnonzero(wanted[:, column])
        if not np.array_equal(rows, last[0]):
            last = rows, tuple(table.labels[i] for i in rows)
        cells = table.cells.at((rows, np.full(len(rows), column, dtype=np.intp)))
        blocks.append(Block(device, last[1], cells))
    return TableChange(
        tuple(blocks), calibrations=dict(table.calibrations), fitted=dict(table.fitted)
    )
