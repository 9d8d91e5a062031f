"""Layer: a part of the Pareto plot that paints itself in pixels over the axes.

Lines of 2 px, pills, grips and stars keep their size while the view zooms, so a layer maps values to pixels itself. It
asks the theme for its colours when it paints.
"""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike, NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPolygonF
from PySide6.QtWidgets import QGraphicsObject, QStyleOptionGraphicsItem, QWidget

ABOVE = 36  # room over the axes for the pill of a limit, px


class Layer(QGraphicsObject):
    """Paints over a view box in its pixels; (0, 0) is the top left corner of the axes."""

    def __init__(self, plot: pg.PlotItem, z: float) -> None:
        super().__init__(plot)
        self.view: pg.ViewBox = plot.vb
        self.setZValue(z)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.view.sigResized.connect(self._moved)
        self.view.geometryChanged.connect(self._moved)
        self.view.sigRangeChanged.connect(self._ranged)
        self._moved()

    def _moved(self) -> None:
        self.prepareGeometryChange()
        self.setPos(self.view.pos())
        self.changed()

    def _ranged(self) -> None:
        self.changed()

    def changed(self) -> None:
        """The view or the data changed."""
        self.update()

    # -- geometry -----------------------------------------------------------------------------------------------

    @property
    def area(self) -> QRectF:
        """The axes' rectangle, px."""
        return QRectF(0, 0, self.view.width(), self.view.height())

    def boundingRect(self) -> QRectF:
        return self.area.adjusted(-8, -ABOVE, 8, 8)

    def x_px(self, values: ArrayLike) -> NDArray[np.float64]:
        """Pixels from the left of values on x."""
        (low, high), _ = self.view.viewRange()
        return (np.asarray(values, dtype=float) - low) / ((high - low) or 1.0) * self.area.width()

    def y_px(self, values: ArrayLike) -> NDArray[np.float64]:
        """Pixels from the top of values on y."""
        _, (low, high) = self.view.viewRange()
        share = (np.asarray(values, dtype=float) - low) / ((high - low) or 1.0)
        return (1.0 - share) * self.area.height()

    def point(self, x: float, y: float) -> QPointF:
        """A point of the plot in pixels."""
        return QPointF(float(self.x_px(x)), float(self.y_px(y)))

    def value_at(self, place: QPointF) -> tuple[float, float]:
        """Values at a place in pixels."""
        (x0, x1), (y0, y1) = self.view.viewRange()
        width, height = max(self.area.width(), 1.0), max(self.area.height(), 1.0)
        return x0 + place.x() / width * (x1 - x0), y1 - place.y() / height * (y1 - y0)

    # -- painting -----------------------------------------------------------------------------------------------

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.draw(painter)

    def draw(self, painter: QPainter) -> None:
        """Paint the layer. To be overridden."""
        raise NotImplementedError


def polyline(x: NDArray[np.float64], y: NDArray[np.float64]) -> QPolygonF:
    """Points as a polyline."""
    return QPolygonF([QPointF(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)])


def star_path(centre: QPointF, radius: float) -> QPainterPath:
    """A five-pointed star."""
    angles = -np.pi / 2 + np.arange(10) * np.pi / 5
    radii = np.where(np.arange(10) % 2, 0.46 * radius, radius)
    path = QPainterPath()
    path.addPolygon(
        polyline(centre.x() + radii * np.cos(angles), centre.y() + radii * np.sin(angles))
    )
    path.closeSubpath()
    return path


def diamond(centre: QPointF, radius: float) -> QPolygonF:
    """A square on its corner."""
    x, y = centre.x(), centre.y()
    return QPolygonF(
        [
            QPointF(x, y - radius),
            QPointF(x + radius, y),
            QPointF(x, y + radius),
            QPointF(x - radius, y),
        ]
    )
