"""Hypervolume of a search against evaluated networks, with random search beside it: a small picture, not a tool."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.kit.number import written
from nasstudio.ui.theme import theme

_LEGEND = 66


class HypervolumePlot(QWidget):
    """The curve of the search (filled, with a dot at its end) and that of random search (thin)."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._curve: NDArray[np.float64] = np.zeros((0, 3))
        self._budget = 0.0
        self._name = ""
        self.setFixedHeight(84)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(220, 84)

    def set_curve(self, curve: NDArray[np.float64], budget: float, name: str) -> None:
        """Show `curve`: rows (networks, search, random), nan where not known; the axis goes to `budget`."""
        self._curve, self._name = curve, name
        self._budget = max(budget, float(curve[:, 0].max()) if len(curve) else 1.0, 1.0)
        last = self.last()
        words = "–" if last is None else written(last, 3)
        self.setAccessibleName(self.tr("Hypervolume {0}").format(words))
        self.setToolTip(
            self.tr(
                "Share of the plane between accuracy and cost that the front dominates, against networks evaluated"
            )
        )
        self.update()

    def last(self) -> float | None:
        """The newest value."""
        known = self._curve[np.isfinite(self._curve[:, 1])] if len(self._curve) else self._curve
        return float(known[-1, 1]) if len(known) else None

    def paintEvent(self, event) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(0, 4, self.width() - _LEGEND, self.height() - 24)
        self._axis(painter, area)
        if not len(self._curve):
            return
        top = float(np.nanmax(self._curve[:, 1:])) if np.isfinite(self._curve[:, 1:]).any() else 1.0
        top = max(top * 1.06, 1e-9)
        own = self._points(1, area, top)
        if len(own):
            self._own(painter, own, area)
        self._random(painter, self._points(2, area, top), own, area)

    def _axis(self, painter: QPainter, area: QRectF) -> None:
        painter.setPen(QPen(theme().color("control_border"), 1))
        painter.drawLine(area.bottomLeft(), QPointF(self.width(), area.bottom()))
        painter.setFont(fonts.font(11))
        painter.setPen(theme().color("muted"))
        text = QRectF(0, area.bottom() + 3, self.width(), 16)
        painter.drawText(text, Qt.AlignmentFlag.AlignLeft, "0")
        end = self.tr("{0} networks").format(written(self._budget))
        painter.drawText(text, Qt.AlignmentFlag.AlignRight, end)

    def _points(self, column: int, area: QRectF, top: float) -> list[QPointF]:
        rows = self._curve[np.isfinite(self._curve[:, column])]
        if len(rows) > 400:
            rows = rows[np.linspace(0, len(rows) - 1, 400).astype(int)]
        x = area.left() + rows[:, 0] / self._budget * area.width()
        y = area.bottom() - np.clip(rows[:, column] / top, 0, 1) * area.height()
        return [QPointF(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]

    def _own(self, painter: QPainter, points: list[QPointF], area: QRectF) -> None:
        color = theme().color("front")
        ground = [QPointF(points[-1].x(), area.bottom()), QPointF(points[0].x(), area.bottom())]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().color("front", 0.16))
        painter.drawPolygon(QPolygonF([*points, *ground]))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(color, 1.6))
        painter.drawPolyline(QPolygonF(points))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawEllipse(points[-1], 3.5, 3.5)
        self._word(painter, points[-1], 4, self._name, fonts.SEMIBOLD, "front")

    def _random(
        self, painter: QPainter, points: list[QPointF], own: list[QPointF], area: QRectF
    ) -> None:
        if len(points) < 2:
            return
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme().color("muted"), 1))
        painter.drawPolyline(QPolygonF(points))
        place = points[-1]
        if own and abs(own[-1].y() - place.y()) < 14:
            place = QPointF(place.x(), own[-1].y() + 14)
        self._word(painter, place, 4, self.tr("Random"), fonts.REGULAR, "muted")

    def _word(
        self, painter: QPainter, place: QPointF, dy: float, word: str, weight, token: str
    ) -> None:
        painter.setFont(fonts.font(11, weight))
        painter.setPen(theme().color(token))
        x = min(place.x() + 8, self.width() - _LEGEND + 8)
        painter.drawText(QPointF(x, max(place.y() + dy, 10.0)), word)
