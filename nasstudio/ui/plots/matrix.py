"""The device matrix: what the network that is best for one device costs on another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QFontMetricsF, QLinearGradient, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.kit.heads import in_lines
from nasstudio.ui.plots.front_preview import paint_star
from nasstudio.ui.theme import theme

_NAME, _HEAD, _GAP, _SCALE = 156, 50, 4, 26
_LEAST_SPAN = 1.2  # a few per cent must not look like a fire
_ROW, _LOW_ROW, _FEW, _WIDE = 40, 28, 8, 72


class MatrixView(QWidget):
    """Rows: best for this device; columns: run on that one. The diagonal is marked with a frame and, where
    there is room, a star.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: tuple[str, ...] = ()
        self._heat: NDArray[np.float64] = np.zeros((0, 0))
        self._texts: list[list[str]] = []
        self._ends = ("", "")
        self.setMinimumHeight(150)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(self.tr("Best for one device, run on another"))
        theme().changed.connect(self.update)

    def show_matrix(
        self,
        names: Sequence[str],
        values: NDArray[np.float64],
        texts: Sequence[Sequence[str]],
        ends: tuple[str, str],
    ) -> None:
        """Show a matrix.

        Parameters
        ----------
        names : of the devices.
        values : (k, k) ratios; the smallest is cool, the largest hot.
        texts : what stands in the cells.
        ends : the smallest and largest value under the scale; empty for none.
        """
        self._names, self._heat = tuple(names), values
        self._texts = [list(row) for row in texts]
        self._ends = ends
        row = (_ROW if len(names) <= _FEW else _LOW_ROW) + _GAP
        self.setMinimumHeight(max(150, _HEAD + row * len(names) + _SCALE))
        said = [
            self.tr("best for {0}, on {1}: {2}").format(a, b, self._texts[i][j])
            for i, a in enumerate(names)
            for j, b in enumerate(names)
        ]
        self.setAccessibleDescription("; ".join(said))
        self.update()

    @staticmethod
    def hottest(values: NDArray[np.float64]) -> float:
        """The value at the hot end of the scale."""
        return max(float(values.max()), _LEAST_SPAN * float(values.min()))

    def sizeHint(self) -> QSize:
        return QSize(400, _HEAD + 44 * max(2, len(self._names)) + _SCALE)

    def cell(self, row: int, column: int) -> QRectF:
        """Where a cell stands."""
        count = max(1, len(self._names))
        width = (self.width() - _NAME - _GAP * (count - 1)) / count
        height = min(64.0, (self.height() - _HEAD - _SCALE - _GAP * (count - 1)) / count)
        return QRectF(_NAME + column * (width + _GAP), _HEAD + row * (height + _GAP), width, height)

    def mouseMoveEvent(self, event) -> None:
        for i, a in enumerate(self._names):
            for j, b in enumerate(self._names):
                if self.cell(i, j).contains(event.position()):
                    text = self.tr("The network that is best for {0}, run on {1}: {2}").format(
                        a, b, self._texts[i][j]
                    )
                    QToolTip.showText(event.globalPosition().toPoint(), text, self)
                    return
        QToolTip.hideText()

    def paintEvent(self, event) -> None:
        if not self._names:
            return
        colors = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        small, strong = fonts.font(11), fonts.font(12, fonts.SEMIBOLD)
        heads = fonts.font(11, fonts.SEMIBOLD)
        painter.setFont(small)
        painter.setPen(colors.color("muted"))
        painter.drawText(
            QRect(0, _HEAD - 22, _NAME, 18), Qt.AlignmentFlag.AlignVCenter, self.tr("best for")
        )
        run_on = QRect(_NAME, 0, self.width() - _NAME, 16)
        painter.drawText(run_on, Qt.AlignmentFlag.AlignCenter, self.tr("run on"))
        painter.setFont(strong)
        painter.setPen(colors.color("text"))
        for at, name in enumerate(self._names):
            column, row = self.cell(0, at), self.cell(at, 0)
            head = QRectF(column.left(), 16, column.width(), _HEAD - 20)
            painter.setFont(heads)
            shown = in_lines(name, QFontMetrics(heads), int(column.width()))
            painter.drawText(
                head, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom, shown
            )
            painter.setFont(strong)
            side = QRectF(0, row.top(), _NAME - 10, row.height())
            painter.drawText(side, Qt.AlignmentFlag.AlignVCenter, _fitted(name, strong, _NAME - 10))
        low, high = float(self._heat.min()), self.hottest(self._heat)
        for i in range(len(self._names)):
            for j in range(len(self._names)):
                share = (self._heat[i, j] - low) / (high - low) if high > low else 0.0
                self._paint_cell(painter, i, j, float(share))
        self._paint_scale(painter)

    def _paint_cell(self, painter: QPainter, row: int, column: int, share: float) -> None:
        colors = theme()
        box = self.cell(row, column)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colors.heat(share))
        painter.drawRoundedRect(box, 4, 4)
        if row == column:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colors.color("accent"), 2))
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 4, 4)
            if (
                box.height() >= _ROW
            ):  # in a lower row it would lie on the number; the frame says it, too
                paint_star(painter, QPointF(box.left() + 14, box.top() + 13), 6)
        painter.setPen(colors.heat_text())
        painter.setFont(fonts.font(14, fonts.SEMIBOLD))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._texts[row][column])

    def _paint_scale(self, painter: QPainter) -> None:
        if not self._ends[0]:
            return
        colors = theme()
        top = self.cell(len(self._names) - 1, 0).bottom() + 12
        font = fonts.font(11)
        metrics = QFontMetricsF(font)
        left = _NAME + metrics.horizontalAdvance(self._ends[0]) + 8
        right = self.width() - metrics.horizontalAdvance(self._ends[1]) - 8
        gradient = QLinearGradient(left, 0, right, 0)
        for stop in (0.0, 0.5, 1.0):
            gradient.setColorAt(stop, colors.heat(stop))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(gradient)
        painter.drawRoundedRect(QRectF(left, top, right - left, 8), 2, 2)
        painter.setFont(font)
        painter.setPen(colors.color("muted"))
        painter.drawText(QPointF(_NAME, top + 9), self._ends[0])
        painter.drawText(QPointF(right + 8, top + 9), self._ends[1])


def _fitted(text: str, font, room: float) -> str:
    return QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, room)
