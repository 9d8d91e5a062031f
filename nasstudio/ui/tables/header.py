"""The head of the latency table: names that shorten in the middle, so that the unit stays, and a mark of the order."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtGui import QFontMetrics, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHeaderView, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.icons import pixmap
from nasstudio.ui.kit.heads import in_lines
from nasstudio.ui.tables.latency_model import LatencyModel
from nasstudio.ui.tables.shown import OPERATION
from nasstudio.ui.theme import theme


class LatencyHeader(QHeaderView):
    """Column heads, 11/600; the chosen device's in the colour of text. The operations' stays at the left.

    `sort_asked(column)` for a click, `select_asked(column)` for a click with Ctrl.
    """

    sort_asked = Signal(int)
    select_asked = Signal(int)

    def __init__(self, model: LatencyModel, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._table = model
        self._font = fonts.font(11, fonts.SEMIBOLD)
        self.chosen = ""
        self._held = False  # Ctrl, when the pointer went down
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setMinimumSectionSize(56)
        self.setFixedHeight(40)
        self.setMouseTracking(True)
        self.sectionClicked.connect(self._clicked)
        theme().changed.connect(self.viewport().update)

    def _clicked(self, column: int) -> None:
        held, self._held = self._held, False
        (self.select_asked if held else self.sort_asked).emit(column)

    def _frozen(self) -> int:
        """Width of the operations' head where others have been scrolled under it."""
        return self.sectionSize(OPERATION) if self.offset() > 0 and self.count() else 0

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        width = self._frozen()
        if width:
            painter = QPainter(self.viewport())
            self.paintSection(painter, QRect(0, 0, width, self.height()), OPERATION)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._held = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if event.position().x() < self._frozen() - 4:
            self._clicked(OPERATION)
            return
        super().mousePressEvent(event)

    def set_chosen(self, device_id: str) -> None:
        """Mark the column of a device."""
        if device_id != self.chosen:
            self.chosen = device_id
            self.viewport().update()

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:
        colors, column = theme(), section
        painter.save()
        painter.fillRect(rect, colors.color("surface"))
        device = self._table.device_at(column)
        chosen = device is not None and device.id == self.chosen
        sorted_here = self._table.sorting is not None and self._table.sorting[0] == column
        left = column == OPERATION
        room = rect.adjusted(16 if left else 8, 0, -12, 0)
        if sorted_here:
            room.adjust(0, 0, -16, 0)
        text = str(self._table.headerData(column, Qt.Orientation.Horizontal) or "")
        metrics = QFontMetrics(self._font)
        shown = in_lines(text, metrics, room.width())
        painter.setFont(self._font)
        painter.setPen(colors.color("text" if chosen or sorted_here else "muted"))
        side = Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignRight
        painter.drawText(room, side | Qt.AlignmentFlag.AlignVCenter, shown)
        if sorted_here and self._table.sorting is not None:
            place = QPoint(
                room.left() + metrics.horizontalAdvance(shown) + 4 if left else room.right() + 4,
                rect.center().y() - 6,
            )
            descending = self._table.sorting[1]
            painter.drawPixmap(place, pixmap("down" if descending else "up", 12, "text"))
        painter.setPen(colors.color("border"))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        painter.restore()
