"""Undo commands of the latency table. Each holds a change and its inverse; the model applies them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QUndoCommand

from nasstudio.ui.tables.change import TableChange, inverse

if TYPE_CHECKING:
    from nasstudio.ui.tables.latency_model import LatencyModel


class ChangeTable(QUndoCommand):
    """A change of the table that can be taken back.

    It holds the changed cells only, before and after. `back` is the inverse where another thread has made it already.
    """

    def __init__(
        self, model: LatencyModel, change: TableChange, text: str, back: TableChange | None = None
    ) -> None:
        super().__init__(text)
        self._model = model
        self._change = change
        self._inverse = back if back is not None else inverse(model.table, change)

    @property
    def empty(self) -> bool:
        """Whether it changes nothing."""
        return not self._change.blocks and not self._change.remove_devices

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

    def __init__(
        self, model: LatencyModel, change: TableChange, back: TableChange | None = None
    ) -> None:
        super().__init__(model, change, f"paste {_cells(change)}", back)


class ClearCells(ChangeTable):
    """Cells emptied, or cut."""

    def __init__(
        self,
        model: LatencyModel,
        change: TableChange,
        back: TableChange | None = None,
        verb: str = "clear",
    ) -> None:
        super().__init__(model, change, f"{verb} {_cells(change)}", back)


class FillCells(ChangeTable):
    """Missing cells estimated, or cells copied over others: `how`, e.g. "copy down"."""

    def __init__(
        self,
        model: LatencyModel,
        change: TableChange,
        back: TableChange | None = None,
        how: str = "fill",
    ) -> None:
        super().__init__(model, change, f"{how} {_cells(change)}", back)


class TakeOver(ChangeTable):
    """Times of another table or column taken over."""

    def __init__(
        self, model: LatencyModel, change: TableChange, name: str, back: TableChange | None = None
    ) -> None:
        super().__init__(model, change, f"take over {_cells(change)} from {name}", back)


class ImportTable(ChangeTable):
    """A table file taken in."""

    def __init__(
        self, model: LatencyModel, change: TableChange, name: str, back: TableChange | None = None
    ) -> None:
        super().__init__(model, change, f"import {name}", back)


class AddDevice(ChangeTable):
    """An empty column."""

    def __init__(self, model: LatencyModel, change: TableChange) -> None:
        super().__init__(model, change, f"add {change.blocks[0].device.name}")


class RemoveDevice(ChangeTable):
    """A column taken away, with its calibration."""

    def __init__(
        self, model: LatencyModel, change: TableChange, name: str, back: TableChange | None = None
    ) -> None:
        super().__init__(model, change, f"remove {name}", back)


def _cells(change: TableChange) -> str:
    return "1 cell" if len(change) == 1 else f"{len(change):,} cells"
