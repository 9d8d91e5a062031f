"""FrozenColumn: the operations stay at the left when many devices are scrolled sideways."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect
from PySide6.QtGui import QLinearGradient, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.shown import OPERATION
from nasstudio.ui.theme import theme

_SHADE = 6


class FrozenColumn:
    """Paints the first column again over what has been scrolled under it, and says what it covers."""

    def __init__(
        self, view: QTableView, model: LatencyModel, delegate: QStyledItemDelegate
    ) -> None:
        self._view = view
        self._model = model
        self._delegate = delegate
        view.horizontalScrollBar().valueChanged.connect(view.viewport().update)

    @property
    def width(self) -> int:
        """How much of the viewport it takes now; 0 while it is where it belongs."""
        scrolled = self._view.horizontalScrollBar().value() > 0
        return self._view.columnWidth(OPERATION) if scrolled else 0

    def covers(self, x: int) -> bool:
        """Whether a place in the viewport is the column's."""
        return 0 <= x < self.width

    def uncover(self, index: QModelIndex | QPersistentModelIndex) -> None:
        """Scroll a cell out from under the column."""
        if not index.isValid() or index.column() == OPERATION:
            return
        hidden = self.width - self._view.visualRect(index).left()
        if hidden > 0 and self.width:
            bar = self._view.horizontalScrollBar()
            bar.setValue(bar.value() - hidden)

    def paint(self, painter: QPainter) -> None:
        """Paint the column at the left of the viewport."""
        width, view, model = self.width, self._view, self._model
        if not width:
            return
        height = view.viewport().height()
        painter.fillRect(0, 0, width, height, theme().color("surface"))
        option = QStyleOptionViewItem()
        first = max(view.rowAt(0), 0)
        last = view.rowAt(height - 1)
        selected = view.selectionModel()
        for row in range(first, (last if last >= 0 else model.rowCount() - 1) + 1):
            index = model.index(row, OPERATION)
            option.rect = QRect(0, view.rowViewportPosition(row), width, view.rowHeight(row))
            chosen = selected.isSelected(index)
            option.state = (
                QStyle.StateFlag.State_Selected if chosen else QStyle.StateFlag.State_None
            )
            painter.setClipRect(0, 0, width, height)
            self._delegate.paint(painter, option, index)
        painter.setClipping(False)
        shade = QLinearGradient(width, 0, width + _SHADE, 0)
        shade.setColorAt(0, theme().color("text", 0.12))
        shade.setColorAt(1, theme().color("text", 0.0))
        painter.fillRect(width, 0, _SHADE, height, shade)
