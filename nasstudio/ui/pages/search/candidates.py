"""The table of candidates: the feasible front, or what is brushed, the most accurate first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHeaderView

from nasstudio.engine.search.archive import ACCURACY
from nasstudio.ui import fonts
from nasstudio.ui.icons import icon
from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.table import DataTable
from nasstudio.ui.theme import theme
from nasstudio.ui.views.network import as_key, depths, network_name
from nasstudio.ui.views.quantity import Quantity
from nasstudio.ui.views.search_model import SearchModel

Role = Qt.ItemDataRole
NUMBER = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class CandidatesModel(QAbstractTableModel):
    """Rows are networks; columns rank, name, accuracy, every metric, depth, pin."""

    def __init__(self, model: SearchModel, parent=None) -> None:
        super().__init__(parent)
        self._model = model
        self._rows: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        self._depths = np.zeros(0, dtype=int)
        self._quantities: list[Quantity] = []
        self._pins: dict[tuple[int, ...], int] = {}
        self._names: dict[int, str] = {}
        self._best: int | None = None

    def refresh(self) -> None:
        """Take over what the model holds now."""
        model = self._model
        self.beginResetModel()
        self._rows = model.rows()
        self._names.clear()
        seen, space = model.seen, model.space
        self._quantities = [
            q for key, q in model.quantities.items() if seen is not None and key in seen.values
        ]
        self._best = model.answer.best if model.answer else None
        self._depths = np.zeros(0, dtype=int)
        if seen is not None and space is not None and len(self._rows):
            self._depths = depths(space, seen.genomes[self._rows])
        self.endResetModel()

    def set_pins(self, pins: dict[tuple[int, ...], int]) -> None:
        """Numbers of the pinned networks."""
        if pins != self._pins:
            self._pins = pins
            if len(self._rows):
                last = self.columnCount() - 1
                self.dataChanged.emit(self.index(0, last), self.index(len(self._rows) - 1, last))

    @property
    def pin_column(self) -> int:
        return self.columnCount() - 1

    def column_of(self, key: str) -> int | None:
        """Column of a quantity, None if it is not shown."""
        return next((n + 2 for n, q in enumerate(self._quantities) if q.key == key), None)

    def network(self, row: int) -> int | None:
        """Index of the network of a row."""
        return int(self._rows[row]) if 0 <= row < len(self._rows) else None

    def row_of(self, network: int | None) -> int | None:
        """Row of a network, None if it is not listed."""
        if network is None:
            return None
        found = np.flatnonzero(self._rows == network)
        return int(found[0]) if len(found) else None

    def genome(self, row: int) -> tuple[int, ...]:
        """Genome of a row."""
        assert self._model.seen is not None
        return as_key(self._model.seen.genomes[self._rows[row]])

    # -- as Qt asks ---------------------------------------------------------------------------------------------

    def rowCount(self, parent: Any = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Any = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._quantities) + 4

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        quantity = self._quantity(section)
        if role == Role.DisplayRole:
            if section == self.pin_column:
                return self.tr("Pin")
            plain = {
                0: self.tr("Rank"),
                1: self.tr("Network"),
                self.pin_column - 1: self.tr("Depth"),
            }
            if quantity is None:
                return plain.get(section, "")
            return f"{quantity.short} ({quantity.unit})" if quantity.unit else quantity.short
        if role == Role.ToolTipRole and quantity is not None:
            return quantity.axis_title
        if role == Role.TextAlignmentRole and section not in (1, self.pin_column):
            return NUMBER
        return None

    def _quantity(self, column: int) -> Quantity | None:
        at = column - 2
        return self._quantities[at] if 0 <= at < len(self._quantities) else None

    def data(self, index: Any, role: int = Role.DisplayRole) -> Any:
        row, column = index.row(), index.column()
        network = self.network(row)
        if network is None or self._model.seen is None:
            return None
        if role in (Role.DisplayRole, Role.EditRole):
            return self._value(row, column, network, shown=role == Role.DisplayRole)
        if role == Role.TextAlignmentRole and column not in (1, self.pin_column):
            return NUMBER
        if role == Role.FontRole and (network == self._best and self._strong(column)):
            return fonts.font(13, fonts.SEMIBOLD)
        if role == Role.ForegroundRole:
            return self._color(column, network)
        if role == Role.DecorationRole:
            return self._decoration(row, column, network)
        return None

    def _strong(self, column: int) -> bool:
        quantity = self._quantity(column)
        return quantity is not None and quantity.key in (ACCURACY, self._model.x_key)

    def _value(self, row: int, column: int, network: int, *, shown: bool) -> Any:
        if column == 0:
            return row + 1
        if column == 1:
            return self._name(network)
        if column == self.pin_column:
            number = self._pins.get(self.genome(row))
            return (str(number) if number is not None else "") if shown else number
        if column == self.pin_column - 1:
            return int(self._depths[row])
        quantity = self._quantity(column)
        assert quantity is not None
        assert self._model.seen is not None
        value = float(self._model.seen.values[quantity.key][network])
        return quantity.text(value, unit=False) if shown else value * quantity.factor

    def _name(self, network: int) -> str:
        if network not in self._names and self._model.space is not None:
            assert self._model.seen is not None
            self._names[network] = network_name(
                self._model.space, self._model.seen.genomes[network]
            )
        return self._names.get(network, "")

    def _color(self, column: int, network: int) -> QColor | None:
        if column == 0:
            return theme().color("muted")
        answer = self._model.answer
        if answer is not None and network < len(answer.mask) and not answer.mask[network]:
            return theme().color("muted")
        return None

    def _decoration(self, row: int, column: int, network: int) -> Any:
        if column == 0 and network == self._best:
            return icon("star-filled", metrics.ICON_CELL, "star")
        if column == self.pin_column:
            pinned = self.genome(row) in self._pins
            name, role = ("pin-filled", "pin") if pinned else ("pin", "faint")
            return icon(name, metrics.ICON_CELL, role)
        return None


class CandidatesTable(DataTable):
    """The table. `chosen(genome)` when a person selects a row, `pin_wanted(genome)` when they click its pin."""

    chosen = Signal(object)
    pin_wanted = Signal(object)

    def __init__(self, model: SearchModel, parent=None) -> None:
        super().__init__(parent, name=self.tr("Candidates"))
        self.rows = CandidatesModel(model, self)
        self.setModel(self.rows)
        self.setEditTriggers(DataTable.EditTrigger.NoEditTriggers)
        self.setSelectionMode(DataTable.SelectionMode.SingleSelection)
        self._model = model
        self._columns = 0
        # Many metrics share little room.
        self.horizontalHeader().setStyleSheet("QHeaderView::section { padding: 0 4px; }")
        self.selectionModel().currentRowChanged.connect(self._current_changed)
        self.clicked.connect(self._clicked)
        theme().changed.connect(self.viewport().update)

    def refresh(self, selection: tuple[int, ...] | None) -> None:
        """Show what the model holds now, with the selected network's row selected."""
        self.rows.refresh()
        if self.rows.columnCount() != self._columns:
            self._columns = self.rows.columnCount()
            self._size_columns()
        self.show_selection(selection)

    def show_selection(self, selection: tuple[int, ...] | None) -> None:
        """Select the row of a network, without saying so."""
        row = self.rows.row_of(self._model.index(selection))
        chosen = self.selectionModel()
        chosen.blockSignals(True)
        if row is None:
            chosen.clear()
        else:
            index = self.rows.index(row, 0)
            flags = QItemSelectionModel.SelectionFlag
            chosen.setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        chosen.blockSignals(False)
        if row is not None and self.currentIndex().row() == row:
            self.scrollTo(self.rows.index(row, 1), DataTable.ScrollHint.EnsureVisible)
        self.viewport().update()

    def _size_columns(self) -> None:
        """Heads as wide as their words; MACs give way where that is too wide, the name takes what is left."""
        wanted = []
        for column in range(self._columns):
            words = str(self.rows.headerData(column, Qt.Orientation.Horizontal, Role.DisplayRole))
            fixed = {0: 48, 1: 104, self.rows.pin_column: 40}
            room = fonts.width(words, 11, fonts.SEMIBOLD) + 12
            wanted.append(fixed.get(column, max(46, room)))
        macs = self.rows.column_of("macs")
        over = sum(wanted) - self.viewport().width()
        if macs is not None:
            self.setColumnHidden(macs, over > 0)
            over -= wanted[macs] if over > 0 else 0
        head = self.horizontalHeader()
        for column, width in enumerate(wanted):
            self.setColumnWidth(column, width)
        if self._columns:
            mode = QHeaderView.ResizeMode
            head.setSectionResizeMode(1, mode.Stretch if over <= 0 else mode.Interactive)

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        self._size_columns()

    def _current_changed(self, current: QModelIndex, before: QModelIndex) -> None:
        if current.isValid():
            self.chosen.emit(self.rows.genome(current.row()))

    def _clicked(self, index: QModelIndex) -> None:
        if index.column() == self.rows.pin_column:
            self.pin_wanted.emit(self.rows.genome(index.row()))

    def keyPressEvent(self, event) -> None:
        if event.key() == Qt.Key.Key_P and self.currentIndex().isValid():
            self.pin_wanted.emit(self.rows.genome(self.currentIndex().row()))
            event.accept()
            return
        super().keyPressEvent(event)
