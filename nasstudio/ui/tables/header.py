"""The head of the latency table: names that shorten in the middle, so that the unit stays, and a mark of the order."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QHeaderView, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.icons import pixmap
from nasstudio.ui.tables.latency_model import OPERATION, LatencyModel
from nasstudio.ui.theme import theme


class LatencyHeader(QHeaderView):
    """Column heads, 11/600; the chosen device's in the colour of text."""

    def __init__(self, model: LatencyModel, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._table = model
        self._font = fonts.font(11, fonts.SEMIBOLD)
        self.chosen = ""
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setMinimumSectionSize(56)
        self.setFixedHeight(40)
        self.setMouseTracking(True)
        theme().changed.connect(self.viewport().update)

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
        # A device without a title of its own takes two lines: its runtime, and its threads with the unit.
        lines = text.split(", ", 1) if device is not None and not device.title else [text]
        shown = "\n".join(
            metrics.elidedText(line, Qt.TextElideMode.ElideMiddle, room.width()) for line in lines
        )
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
