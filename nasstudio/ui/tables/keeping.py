"""PlaceKeeper: the current cell, the selection and the scroll position stay when the rows are laid out anew.

Rows are remembered by their operation, columns by their device, so that they are found again in another order, under
another filter, or after an import.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QItemSelection, QItemSelectionModel, QModelIndex
from PySide6.QtWidgets import QTableView

from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.shown import FIRST_DEVICE

# More selected rows than this are not looked up again.
MOST_ROWS = 2000


@dataclass(frozen=True)
class _Place:
    """A cell: its operation, its column or device, and how far below the top of the viewport it is shown."""

    label: str
    column: int | str
    y: int


@dataclass(frozen=True)
class _Part:
    labels: tuple[str, ...]
    left: int | str
    right: int | str


class PlaceKeeper:
    """Remembers before a reset and restores after it."""

    def __init__(self, view: QTableView, model: LatencyModel) -> None:
        self._view = view
        self._model = model
        self._current: _Place | None = None
        self._top: _Place | None = None
        self._parts: list[_Part] = []
        self.sorted = False  # another order is coming: what is first in it is wanted

    def remember(self) -> None:
        """The model is about to be reset."""
        view, model = self._view, self._model
        self._current = self._place(view.currentIndex())
        # The first row in sight; under the head of a group the row after it.
        first = max(view.rowAt(0), 0)
        rows = [
            r
            for r in range(first, min(first + 2, model.rowCount()))
            if model.table_row(r) is not None
        ]
        self._top = self._place(model.index(rows[0], 0)) if rows else None
        self._parts = self._selected()

    def _place(self, index: QModelIndex) -> _Place | None:
        if not index.isValid() or index.row() >= self._model.rowCount():
            return None
        row = self._model.table_row(index.row())
        if row is None:
            return None
        y = self._view.rowViewportPosition(index.row())
        return _Place(self._model.table.labels[row], self._column(index.column()), y)

    def _column(self, column: int) -> int | str:
        device = self._model.device_at(column)
        if device is not None:
            return device.id
        return -1 if column == self._model.ratio_column else column

    def _selected(self) -> list[_Part]:
        parts, left = [], MOST_ROWS
        for span in self._view.selectionModel().selection().toList():
            rows = self._model.layout.rows[span.top() : span.bottom() + 1]
            rows = rows[rows >= 0]
            left -= len(rows)
            if left < 0:
                return []
            labels = tuple(self._model.table.labels[row] for row in rows)
            parts.append(_Part(labels, self._column(span.left()), self._column(span.right())))
        return parts

    def restore(self) -> None:
        """The model has been reset."""
        view = self._view
        flags = QItemSelectionModel.SelectionFlag
        for part in self._parts:
            self._select(part)
        index = self._index(self._current)
        if index.isValid():
            view.selectionModel().setCurrentIndex(index, flags.NoUpdate)
        in_sight = self._current is not None and 0 <= self._current.y < view.viewport().height()
        anchor = self._current if in_sight and index.isValid() else self._top
        if self.sorted and not (in_sight and index.isValid()):
            anchor = None
            view.verticalScrollBar().setValue(0)
        self.sorted = False
        found = self._index(anchor)
        if anchor is not None and found.isValid():
            bar = view.verticalScrollBar()
            bar.setValue(view.verticalHeader().sectionPosition(found.row()) - anchor.y)

    def _index(self, place: _Place | None) -> QModelIndex:
        row = None if place is None else self._model.table.row(place.label)
        shown = None if row is None else self._model.shown_row(row)
        column = None if place is None else self._numbered(place.column)
        if shown is None or column is None:
            return QModelIndex()
        return self._model.index(shown, column)

    def _numbered(self, column: int | str) -> int | None:
        if isinstance(column, int):
            return self._model.ratio_column if column < 0 else column
        ids = [device.id for device in self._model.table.devices]
        return ids.index(column) + FIRST_DEVICE if column in ids else None

    def _select(self, part: _Part) -> None:
        model = self._model
        left, right = self._numbered(part.left), self._numbered(part.right)
        found = [model.table.row(label) for label in part.labels]
        places = np.array([-1 if r is None else model.layout.place[r] for r in found], np.intp)
        places = np.sort(places[places >= 0])
        if left is None or right is None or not len(places) or left > right:
            return
        chosen = QItemSelection()
        # Runs of rows that are still side by side; heads of groups are not selected.
        for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1):
            chosen.select(model.index(int(run[0]), left), model.index(int(run[-1]), right))
        self._view.selectionModel().select(chosen, QItemSelectionModel.SelectionFlag.Select)
