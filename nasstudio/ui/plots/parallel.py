"""Parallel coordinates: one axis a quantity, one line a network; a brush on an axis keeps what crosses it.

All lines are drawn into one picture that is kept until networks, brush or size change.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.kit.number import written
from nasstudio.ui.theme import theme

MOST_LINES = 500
_TOP, _BOTTOM, _SIDE = 34, 22, 56
Values = NDArray[np.float64]


class ParallelPlot(QWidget):
    """The plot.

    `brushed(axis, (low, high) or None)` when a person brushes an axis (values as shown) or takes its brush away.
    Keys: Left and Right choose an axis, Up and Down move its brush, Escape takes all brushes away.
    """

    brushed = Signal(int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._titles: list[str] = []
        self._decimals: list[int] = []
        self._values: Values = np.zeros((0, 0))
        self._bright: NDArray[np.bool_] = np.zeros(0, dtype=bool)
        self._faint: NDArray[np.bool_] = np.zeros(0, dtype=bool)
        self._star: Values | None = None
        self._ranges: dict[int, tuple[float, float]] = {}
        self._lows = self._highs = np.zeros(0)
        self._axis = 0
        self._drag: tuple[int, float] | None = None
        self._picture: QPixmap | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Parallel coordinates of the networks"))
        self.setToolTip(
            self.tr(
                "Drag along an axis to keep the networks in that range; click an axis to take its range away"
            )
        )
        theme().changed.connect(self._renew)

    def sizeHint(self) -> QSize:
        return QSize(640, 190)

    def set_axes(self, titles: Sequence[str], decimals: Sequence[int]) -> None:
        """Titles of the axes with their unit, and the decimals of their ends."""
        self._titles, self._decimals = list(titles), list(decimals)
        self._axis = min(self._axis, max(0, len(titles) - 1))
        self._renew()

    def set_networks(
        self,
        values: Values,
        bright: NDArray[np.bool_],
        faint: NDArray[np.bool_],
        star: Values | None,
    ) -> None:
        """Show networks. values: `(n, axes)`; `bright`: the front or what is brushed; `faint`: what exceeds a limit."""
        self._values, self._bright, self._faint, self._star = values, bright, faint, star
        if len(values):
            self._lows, self._highs = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
        self._renew()

    def set_ranges(self, ranges: dict[int, tuple[float, float]]) -> None:
        """Show brushes, by axis."""
        if ranges != self._ranges:
            self._ranges = dict(ranges)
            self.update()

    def ranges(self) -> dict[int, tuple[float, float]]:
        """The brushes that are shown."""
        return dict(self._ranges)

    def _renew(self) -> None:
        self._picture = None
        self.update()

    # -- geometry -----------------------------------------------------------------------------------------------

    def axis_x(self, axis: int) -> float:
        """Where an axis stands, px."""
        n = max(1, len(self._titles) - 1)
        return _SIDE + axis / n * max(1.0, self.width() - 2 * _SIDE)

    def _y(self, share: Values) -> Values:
        return self.height() - _BOTTOM - share * max(1.0, self.height() - _TOP - _BOTTOM)

    def _shares(self, values: Values) -> Values:
        span = np.where(self._highs > self._lows, self._highs - self._lows, 1.0)
        return (values - self._lows) / span

    def value_at(self, axis: int, y: float) -> float:
        """The value of an axis at a height in pixels."""
        room = max(1.0, self.height() - _TOP - _BOTTOM)
        share = min(max((self.height() - _BOTTOM - y) / room, 0.0), 1.0)
        return float(self._lows[axis] + share * (self._highs[axis] - self._lows[axis]))

    def y_of(self, axis: int, value: float) -> float:
        """The height in pixels of a value of an axis."""
        span = float(self._highs[axis] - self._lows[axis]) or 1.0
        return float(self._y(np.array((value - self._lows[axis]) / span)))

    # -- hand and keys ------------------------------------------------------------------------------------------

    def _axis_near(self, x: float) -> int | None:
        if not len(self._values):
            return None
        far = [abs(self.axis_x(axis) - x) for axis in range(len(self._titles))]
        best = int(np.argmin(far)) if far else 0
        return best if far and far[best] <= 14 else None

    def mousePressEvent(self, event) -> None:
        axis = self._axis_near(event.position().x())
        if event.button() != Qt.MouseButton.LeftButton or axis is None:
            return
        self._axis = axis
        self._drag = (axis, event.position().y())
        self.update()

    def mouseMoveEvent(self, event) -> None:
        if self._drag is None:
            return
        axis, start = self._drag
        if abs(event.position().y() - start) < 3:
            return
        ends = sorted((self.value_at(axis, start), self.value_at(axis, event.position().y())))
        self._brush(axis, (ends[0], ends[1]))

    def mouseReleaseEvent(self, event) -> None:
        if self._drag is None:
            return
        axis, start = self._drag
        self._drag = None
        if abs(event.position().y() - start) < 3:
            self._brush(axis, None)

    def keyPressEvent(self, event) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and self._titles:
            step = 1 if key == Qt.Key.Key_Right else -1
            self._axis = (self._axis + step) % len(self._titles)
            self.update()
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and len(self._values):
            self._shift(1 if key == Qt.Key.Key_Up else -1)
        elif key == Qt.Key.Key_Escape and self._ranges:
            for axis in list(self._ranges):
                self._brush(axis, None)
        else:
            super().keyPressEvent(event)

    def _shift(self, step: int) -> None:
        axis = self._axis
        span = float(self._highs[axis] - self._lows[axis])
        low, high = self._ranges.get(axis, (float(self._lows[axis]), float(self._highs[axis])))
        # From nothing, Up lifts the lower end and Down lowers the upper one: that is how a brush begins.
        if axis not in self._ranges:
            low, high = (low + span / 20, high) if step > 0 else (low, high - span / 20)
        else:
            low, high = low + step * span / 20, high + step * span / 20
        self._brush(axis, (low, high))

    def _brush(self, axis: int, ends: tuple[float, float] | None) -> None:
        if ends is None:
            if self._ranges.pop(axis, None) is None:
                return
        else:
            self._ranges[axis] = ends
        self.update()
        self.brushed.emit(axis, ends)

    # -- painting -----------------------------------------------------------------------------------------------

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        self._renew()

    def paintEvent(self, event) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not len(self._values):
            return
        ratio = self.devicePixelRatioF()
        if self._picture is None or self._picture.devicePixelRatio() != ratio:
            self._picture = self._lines(ratio)
        painter.drawPixmap(0, 0, self._picture)
        if self._star is not None:
            self._line(painter, self._shares(self._star), theme().color("star"), 2.2)
        for axis in range(len(self._titles)):
            self._draw_axis(painter, axis)

    def _lines(self, ratio: float) -> QPixmap:
        picture = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors = theme()
        shares = self._shares(self._values)
        plain = ~self._bright
        for mask, color, width in (
            (plain & self._faint, colors.color("point", 0.07), 1.0),
            (plain & ~self._faint, colors.color("point", 0.18), 1.0),
            (self._bright, colors.color("front", 0.7), 1.2),
        ):
            chosen = np.flatnonzero(mask)
            if len(chosen) > MOST_LINES:
                chosen = chosen[np.linspace(0, len(chosen) - 1, MOST_LINES).astype(int)]
            for row in chosen:
                self._line(painter, shares[row], color, width)
        painter.end()
        return picture

    def _line(self, painter: QPainter, shares: Values, color: QColor, width: float) -> None:
        painter.setPen(QPen(color, width))
        points = [
            QPointF(self.axis_x(axis), float(y)) for axis, y in enumerate(self._y(shares).tolist())
        ]
        painter.drawPolyline(QPolygonF(points))

    def _draw_axis(self, painter: QPainter, axis: int) -> None:
        colors = theme()
        x = self.axis_x(axis)
        top, bottom = _TOP, self.height() - _BOTTOM
        chosen = self.hasFocus() and axis == self._axis
        painter.setPen(
            QPen(colors.color("accent" if chosen else "control_border"), 2 if chosen else 1)
        )
        painter.drawLine(QPointF(x, top), QPointF(x, bottom))
        if axis in self._ranges:
            low, high = (self.y_of(axis, value) for value in self._ranges[axis])
            painter.setPen(QPen(colors.color("accent"), 1.5))
            painter.setBrush(colors.color("accent", 0.22))
            painter.drawRoundedRect(QRectF(x - 6, high, 12, max(2.0, low - high)), 3, 3)
        painter.setFont(fonts.font(11, fonts.SEMIBOLD))
        painter.setPen(colors.color("muted"))
        step = self.axis_x(1) - self.axis_x(0) if len(self._titles) > 1 else self.width()
        metrics = QFontMetricsF(painter.font())
        title = metrics.elidedText(self._titles[axis], Qt.TextElideMode.ElideRight, step - 8)
        self._centred(painter, x, 2, title)
        painter.setFont(fonts.font(11))
        places = self._decimals[axis]
        self._centred(painter, x, 17, written(float(self._highs[axis]), places))
        self._centred(painter, x, self.height() - 18, written(float(self._lows[axis]), places))

    def _centred(self, painter: QPainter, x: float, top: float, words: str) -> None:
        width = QFontMetricsF(painter.font()).horizontalAdvance(words)
        left = min(max(x - width / 2, 2.0), max(2.0, self.width() - width - 2))
        painter.drawText(QRectF(left, top, width + 2, 16), Qt.AlignmentFlag.AlignLeft, words)
