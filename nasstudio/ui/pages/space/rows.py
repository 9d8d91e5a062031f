"""Small painted pieces of the right column: compact rows of name and value, and the shapes of the extremes."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.theme import theme

ROW = 21
Row = tuple[str, str, str]


class ValueRows(QWidget):
    """Names at the left, shortened where they must be, and values at the right; `(name, value, tone)`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[Row, ...] = ()
        self._name_font = fonts.font(12)
        self._value_font = fonts.font(12, fonts.SEMIBOLD)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these; a tone is a token's name or empty."""
        if tuple(rows) == self._rows:
            return
        self._rows = tuple(rows)
        self.setFixedHeight(ROW * len(self._rows))
        said = "; ".join(f"{name}: {value}" for name, value, _ in self._rows)
        self.setAccessibleName(said)
        self.setToolTip("\n".join(f"{name}: {value}" for name, value, _ in self._rows))
        self.update()

    def rows(self) -> tuple[Row, ...]:
        """What is shown."""
        return self._rows

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colors = QPainter(self), theme()
        names, values = QFontMetrics(self._name_font), QFontMetrics(self._value_font)
        middle = Qt.AlignmentFlag.AlignVCenter
        for number, (name, value, tone) in enumerate(self._rows):
            box = QRectF(0, number * ROW, self.width(), ROW)
            if number:
                painter.setPen(colors.color("border"))
                painter.drawLine(box.topLeft(), box.topRight())
            painter.setFont(self._value_font)
            painter.setPen(colors.color(tone or "text"))
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | middle, value)
            room = int(box.width()) - values.horizontalAdvance(value) - 10
            painter.setFont(self._name_font)
            painter.setPen(colors.color("muted"))
            shown = names.elidedText(name, Qt.TextElideMode.ElideMiddle, room)
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft | middle, shown)


class Shape(QWidget):
    """The mark of a series: "triangle" (smallest) or "circle" (largest)."""

    def __init__(self, shape: str, tone: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shape, self._tone = shape, tone
        self.setFixedSize(12, 12)
        theme().changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().color(self._tone))
        if self._shape == "circle":
            painter.drawEllipse(QRectF(1, 1, 10, 10))
        else:
            corners = [QPointF(6, 1), QPointF(11.5, 11), QPointF(0.5, 11)]
            painter.drawPolygon(QPolygonF(corners))
