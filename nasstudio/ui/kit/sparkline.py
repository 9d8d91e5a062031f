"""A line as small as a word."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from nasstudio.ui.theme import theme


class Sparkline(QWidget):
    """The last values of something, 64 x 16, with a tinted ground under the line.

    Parameters
    ----------
    low, high : ends of the scale; None takes them from the values.
    """

    def __init__(
        self,
        tone: str = "front",
        *,
        low: float | None = 0.0,
        high: float | None = None,
        points: int = 60,
        size: QSize | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._tone, self._low, self._high = tone, low, high
        self._values: deque[float] = deque(maxlen=points)
        self.setFixedSize(size or QSize(64, 16))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def push(self, value: float) -> None:
        """Add a value at the right; the oldest goes. A value that is no number leaves a gap out."""
        if math.isfinite(value):
            self._values.append(value)
            self.update()

    def set_values(self, values: Iterable[float]) -> None:
        """Show these."""
        self._values.clear()
        self._values.extend(v for v in values if math.isfinite(v))
        self.update()

    def values(self) -> list[float]:
        """What is shown."""
        return list(self._values)

    def _points(self) -> list[QPointF]:
        values = self._values
        low = min(values) if self._low is None else self._low
        high = max(values) if self._high is None else self._high
        span = (high - low) or 1.0
        step = (self.width() - 2) / max(1, (values.maxlen or len(values)) - 1)
        first = self.width() - 1 - step * (len(values) - 1)
        room = self.height() - 3
        return [
            QPointF(first + i * step, 1.5 + room * (1 - max(0.0, min(1.0, (v - low) / span))))
            for i, v in enumerate(values)
        ]

    def paintEvent(self, event: QPaintEvent) -> None:
        if len(self._values) < 2:
            return
        points = self._points()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().color(self._tone, 0.18))
        bottom = float(self.height())
        ends = [QPointF(points[-1].x(), bottom), QPointF(points[0].x(), bottom)]
        painter.drawPolygon(QPolygonF(points + ends))
        pen = QPen(theme().color(self._tone), 1.4)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(QPolygonF(points))
