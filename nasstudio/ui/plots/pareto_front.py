"""The front of the Pareto plot: a step line with filled circles, dashed with hollow circles beyond a limit."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter, QPen

from nasstudio.ui.plots.pareto_layer import Layer, polyline
from nasstudio.ui.theme import theme

Values = NDArray[np.float64]
_RADIUS = 3.2


class Front(Layer):
    """Two fronts: that under the limits, and the whole one."""

    def __init__(self, plot: pg.PlotItem, z: float) -> None:
        self._front = self._whole = (np.zeros(0), np.zeros(0))
        self._beyond: NDArray[np.bool_] = np.zeros(0, dtype=bool)
        super().__init__(plot, z)

    def set_fronts(
        self,
        front: tuple[Values, Values],
        whole: tuple[Values, Values],
        beyond: NDArray[np.bool_],
    ) -> None:
        """X and y of both fronts in order of falling merit on x; `beyond`: which of the whole one exceed a limit."""
        self._front, self._whole, self._beyond = front, whole, beyond
        self.update()

    def draw(self, painter: QPainter) -> None:
        painter.save()
        painter.setClipRect(self.area)
        color = theme().color("front")
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self._beyond.any():
            dashed = QPen(color, 1.3, Qt.PenStyle.CustomDashLine)
            dashed.setDashPattern([4, 3])
            painter.setPen(dashed)
            painter.drawPolyline(polyline(*_steps(*self._pixels(*self._whole))))
        solid = QPen(color, 1.8)
        solid.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
        painter.setPen(solid)
        x, y = self._pixels(*self._front)
        if len(x) > 1:
            painter.drawPolyline(polyline(*_steps(x, y)))
        self._circles(painter)
        painter.restore()

    def _circles(self, painter: QPainter) -> None:
        color, ground = theme().color("front"), theme().color("surface")
        wide = self._pixels(self._whole[0][self._beyond], self._whole[1][self._beyond])
        painter.setPen(QPen(color, 1.2))
        painter.setBrush(ground)
        for a, b in zip(*(part.tolist() for part in wide), strict=True):
            painter.drawEllipse(QPointF(a, b), _RADIUS - 0.6, _RADIUS - 0.6)
        painter.setPen(QPen(ground, 1))
        painter.setBrush(color)
        for a, b in zip(*(part.tolist() for part in self._pixels(*self._front)), strict=True):
            painter.drawEllipse(QPointF(a, b), _RADIUS, _RADIUS)

    def _pixels(self, x: Values, y: Values) -> tuple[Values, Values]:
        return self.x_px(x), self.y_px(y)


def _steps(x: Values, y: Values) -> tuple[Values, Values]:
    """Corners of the staircase: what is reached at one point holds until the next."""
    return np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]
