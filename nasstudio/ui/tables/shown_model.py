"""ShownModel: what is shown of a latency table, as Qt asks for it. Only lookups by row; nothing here changes a cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.device.device import Device
from nasstudio.engine.space.space import SearchSpace
from nasstudio.ui.tables import captions
from nasstudio.ui.tables.facts import RowFacts
from nasstudio.ui.tables.layout import Layout
from nasstudio.ui.tables.scale import BY_COLUMN, place_in_row
from nasstudio.ui.tables.shown import FIRST_DEVICE, OPERATION, Shown, Wish, numbers

Index = QModelIndex | QPersistentModelIndex
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_USUAL = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
_EDITED = _USUAL | Qt.ItemFlag.ItemIsEditable
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class ShownModel(QAbstractTableModel):
    """Operations by devices.

    Attributes
    ----------
    editable : whether times may be changed.
    heat_by : what colours compare, the cells of a column (`BY_COLUMN`) or of a row (`BY_ROW`).
    flags_of, flagged : what looks wrong, by row and column of the table, and the same as an array.
    measuring : device id and row of the cell that is being measured now.
    origin_of : where a cell's time comes from, in words; empty if it is not known.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.editable = True
        self.heat_by = BY_COLUMN
        self.wish = Wish()
        self.flags_of: dict[tuple[int, int], Any] = {}
        self.flagged: NDArray[np.bool_] | None = None
        self.measuring: tuple[str, int] | None = None
        self.origin_of: Callable[[int, int], str] = lambda row, column: ""
        self._shown = Shown()

    @property
    def shown(self) -> Shown:
        return self._shown

    @property
    def table(self) -> LatencyTable:
        return self._shown.table

    @property
    def space(self) -> SearchSpace | None:
        return self._shown.space

    @property
    def facts(self) -> RowFacts:
        return self._shown.facts

    @property
    def layout(self) -> Layout:
        return self._shown.layout

    @property
    def mode(self) -> str:
        return self.wish.mode

    @property
    def query(self) -> str:
        return self.wish.query

    @property
    def sorting(self) -> tuple[int, bool] | None:
        return self.wish.sorting

    @property
    def collapsed(self) -> frozenset[str]:
        return self.wish.collapsed

    # -- indices ------------------------------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._shown.layout.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.table.devices) + 3

    @property
    def ratio_column(self) -> int:
        return len(self.table.devices) + FIRST_DEVICE

    def table_row(self, row: int) -> int | None:
        """Row of the table shown at `row`; None for the head of a group."""
        found = int(self._shown.layout.rows[row])
        return found if found >= 0 else None

    def group_at(self, row: int) -> int | None:
        """Group whose head is shown at `row`."""
        found = int(self._shown.layout.rows[row])
        return -found - 1 if found < 0 else None

    def device_at(self, column: int) -> Device | None:
        """Device of a shown column."""
        number = column - FIRST_DEVICE
        return self.table.devices[number] if 0 <= number < len(self.table.devices) else None

    def cell_at(self, index: Index) -> tuple[int, int] | None:
        """Row and column of the table behind an index; None if it is not a time."""
        if not index.isValid():
            return None
        row = self.table_row(index.row())
        if row is None or self.device_at(index.column()) is None:
            return None
        return row, index.column() - FIRST_DEVICE

    def shown_row(self, row: int) -> int | None:
        """Where a row of the table is shown; None if it is filtered out or in a closed group."""
        found = int(self.layout.place[row])
        return found if found >= 0 else None

    # -- data ---------------------------------------------------------------------------------------------------

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        number = int(self._shown.layout.rows[index.row()])
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return captions.text_of(self._shown, self.mode, number, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _LEFT if column == OPERATION else _RIGHT
        if role == Qt.ItemDataRole.EditRole:
            return captions.raw_of(self._shown, self.mode, number, column)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            return self._said(number, column)
        return None

    def _said(self, number: int, column: int) -> str:
        if number < 0:
            return self.tr("Click, or press Space, to open or close the group")
        if self.device_at(column) is None:
            return self.table.labels[number] if column == OPERATION else ""
        at = (number, column - FIRST_DEVICE)
        flag = self.flags_of.get(at)
        return captions.tip(
            self.table, at, str(flag.reason) if flag is not None else "", self.origin_of(*at)
        )

    def heat_at(self, at: tuple[int, int]) -> float:
        """0 fast to 1 slow; nan without a number."""
        if self.mode == "n":
            return float("nan")
        cells = self.table.cells
        if self.heat_by == BY_COLUMN:
            value = float(cells.ms[at])
            if self.mode == "spread":
                value = captions.spread_percent(cells, at) / 100
            return self._shown.scale.place(value, at[1])
        row = numbers(cells.at((slice(at[0], at[0] + 1),)), self.mode)[0]
        return place_in_row(float(row[at[1]]), row)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _LEFT if section == OPERATION else _RIGHT
        if role == Qt.ItemDataRole.ToolTipRole:
            return captions.head_tip(self.table, section)
        if role == Qt.ItemDataRole.DisplayRole:
            return captions.head_text(self.table, section, self.mode)
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        if self._shown.layout.rows[index.row()] < 0:
            return Qt.ItemFlag.ItemIsEnabled
        time = 0 <= index.column() - FIRST_DEVICE < len(self._shown.table.devices)
        return _EDITED if time and self.editable and self.mode == "ms" else _USUAL
