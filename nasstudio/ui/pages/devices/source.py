"""TableSource: the table that the editor shows: the project's, what has not been saved yet, and the chosen device."""

from __future__ import annotations

from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.device.device import Device
from nasstudio.ui.pages.devices.saver import TableSaver, with_changes
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.workbench import Workbench


class TableSource:
    """Gives the model what to show; a table that is shown already is not laid out again."""

    def __init__(self, workbench: Workbench, saver: TableSaver, model: LatencyModel) -> None:
        self._bench = workbench
        self._saver = saver
        self._model = model
        self._shown: tuple[object, ...] | None = None

    def forget(self) -> None:
        """What is shown is not the project's any more."""
        self._shown = None

    def show(self, chosen: Device | None) -> None:
        """Show the project's table, with a column for the chosen device of this machine."""
        snapshot, space = self._bench.snapshot, self._bench.space
        if snapshot is None:
            return
        extra = chosen if chosen is not None and chosen.runtime != "table" else None
        changes = self._saver.unsaved
        key = (snapshot.path, snapshot.table_sha256, space, extra.id if extra is not None else "")
        if key == self._shown and not changes and self._model.settled:
            return  # another part of the project has changed
        self._shown = key if not changes else None

        def make() -> LatencyTable:
            table = with_changes(snapshot.table, changes)
            if extra is not None:
                table.add_device(extra)
            return table

        self._model.show(make, space, cells=snapshot.table.cells.ms.size)
