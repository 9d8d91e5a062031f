"""The line under the table: what the marks of the cells mean, what is selected, and the heat scale."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.icons import pixmap
from nasstudio.ui.kit.labels import label
from nasstudio.ui.kit.segmented import SegmentedControl
from nasstudio.ui.tables.scale import BY_COLUMN, BY_ROW
from nasstudio.ui.theme import theme


class _HeatScale(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(96, 10)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        gradient = QLinearGradient(0, 0, self.width(), 0)
        for step in range(11):
            gradient.setColorAt(step / 10, theme().heat(step / 10))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(gradient)
        painter.drawRoundedRect(QRectF(self.rect()), 3, 3)


class Legend(QWidget):
    """Marks at the left, selection, heat scale at the right; `heat_by(way)` when a person chooses what it compares."""

    heat_by = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(38)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(6)
        self._marks: list[tuple[QLabel, str, str]] = []
        for icon, text, tone in (
            ("gauge", self.tr("measured"), "muted"),
            ("import", self.tr("imported"), "muted"),
            ("pencil", self.tr("edited"), "muted"),
            ("interp", self.tr("interpolated"), "muted"),
            ("warn", self.tr("flagged"), "bad"),
        ):
            mark = QLabel(self)
            self._marks.append((mark, icon, tone))
            row.addWidget(mark)
            row.addWidget(label(text, "secondary", "muted"))
            row.addSpacing(12)
        row.addStretch(1)
        self._selection = QLabel(self)
        self._selection.setFont(fonts.font(11, fonts.SEMIBOLD))
        self._selection.setProperty("kind", "tag")
        self._selection.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._selection.hide()
        row.addWidget(self._selection)
        row.addSpacing(12)
        self._scale = QWidget(self)
        scale = QHBoxLayout(self._scale)
        scale.setContentsMargins(0, 0, 0, 0)
        self._low = label("", "secondary", "muted")
        self._high = label("", "secondary", "muted")
        scale.addWidget(self._low)
        scale.addWidget(_HeatScale())
        scale.addWidget(self._high)
        row.addWidget(self._scale)
        row.addSpacing(8)
        self.by = SegmentedControl(
            [(BY_COLUMN, self.tr("by column")), (BY_ROW, self.tr("by row"))], self.tr("Colours")
        )
        self.by.button(BY_COLUMN).setToolTip(
            self.tr("Colours compare the cells of one column, on a logarithmic scale")
        )
        self.by.button(BY_ROW).setToolTip(
            self.tr("Colours compare the devices of one row, on a logarithmic scale")
        )
        self.by.changed.connect(self.heat_by)
        row.addWidget(self.by)
        theme().changed.connect(self._recolor)
        self._recolor()
        self.set_mode("ms")

    def set_mode(self, mode: str) -> None:
        """Words at the ends of the scale; counts have none."""
        words = {
            "ms": (self.tr("fast"), self.tr("slow")),
            "spread": (self.tr("steady"), self.tr("noisy")),
        }
        self._scale.setVisible(mode in words)
        low, high = words.get(mode, ("", ""))
        self._low.setText(low)
        self._high.setText(high)
        self.by.setVisible(mode in words)

    def set_selection(self, text: str) -> None:
        """What is selected, where the table has no room to say it."""
        self._selection.setText(text)
        self._selection.setVisible(bool(text))

    def _recolor(self) -> None:
        for mark, icon, tone in self._marks:
            mark.setPixmap(pixmap(icon, 14, tone))
        self.update()
