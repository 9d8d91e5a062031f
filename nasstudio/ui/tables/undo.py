"""Undo commands of the latency table. Each holds a change and its inverse; the model applies them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QUndoCommand

from nasstudio.ui.tables.change import TableChange, inverse

if TYPE_CHECKING:
    from nasstudio.ui.tables.latency_model import LatencyModel


class ChangeTable(QUndoCommand):
    """A change of the table that can be taken back."""

    def __init__(self, model: LatencyModel, change: TableChange, text: str) -> None:
        super().__init__(text)
        self._model = model
        self._change = change
        self._inverse = inverse(model.table, change)

    def redo(self) -> None:
        self._model.apply(self._change)

    def undo(self) -> None:
        self._model.apply(self._inverse)


class EditCell(ChangeTable):
    """One cell typed in."""

    def __init__(self, model: LatencyModel, change: TableChange) -> None:
        block = change.blocks[0]
        super().__init__(model, change, f"edit {block.labels[0]}")


class PasteCells(ChangeTable):
    """A rectangle from a spreadsheet."""

    def __init__(self, model: LatencyModel, change: TableChange) -> None:
        super().__init__(model, change, f"paste {_cells(change)}")


class ClearCells(ChangeTable):
    """Cells emptied."""

    def __init__(self, model: LatencyModel, change: TableChange) -> None:
        super().__init__(model, change, f"clear {_cells(change)}")


class FillCells(ChangeTable):
    """Missing cells estimated."""

    def __init__(self, model: LatencyModel, change: TableChange) -> None:
        super().__init__(model, change, f"fill {_cells(change)}")


class ImportTable(ChangeTable):
    """A table file taken in."""

    def __init__(self, model: LatencyModel, change: TableChange, name: str) -> None:
        super().__init__(model, change, f"import {name}")


class AddDevice(ChangeTable):
    """An empty column."""

    def __init__(self, model: LatencyModel, change: TableChange) -> None:
        super().__init__(model, change, f"add {change.blocks[0].device.name}")


class RemoveDevice(ChangeTable):
    """A column taken away, with its calibration."""

    def __init__(self, model: LatencyModel, change: TableChange, name: str) -> None:
        super().__init__(model, change, f"remove {name}")


def _cells(change: TableChange) -> str:
    return "1 cell" if len(change) == 1 else f"{len(change):,} cells"
