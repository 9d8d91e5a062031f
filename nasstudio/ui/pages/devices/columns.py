"""Columns added and taken away, as changes that can be undone."""

from __future__ import annotations

from nasstudio.engine.cost.table import Cells, LatencyTable
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput
from nasstudio.ui.tables.actions import TableActions
from nasstudio.ui.tables.change import Block, TableChange
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.undo import RemoveDevice


def added(table: LatencyTable, name: str) -> TableChange:
    """An empty column for a device known by its name only.

    Raises
    ------
    InvalidInput
        There is one of that name.
    """
    device = Device(name, "table", title=name)
    if any(device.id == other.id for other in table.devices):
        raise InvalidInput(f"There is a device {name} already.", remedy="Give another name.")
    return TableChange((Block(device, (), Cells.missing((0,))),))


def remove(actions: TableActions, model: LatencyModel, device_id: str) -> None:
    """Take a column out of the table, with its calibration."""
    device = next((d for d in model.table.devices if d.id == device_id), None)
    if device is None:
        return
    name = device.name
    actions.change(
        lambda: TableChange(remove_devices=(device_id,)),
        lambda change, back: RemoveDevice(model, change, name, back),
        cells=max(1, len(model.table.labels)),
    )
