"""A front as small as a stamp: evaluated networks, the step line, a limit and the best network under it.

It paints what it is given and reads nothing; for thumbnails in lists there is `paint_front`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from nasstudio.engine.search import pareto
from nasstudio.ui.theme import theme

Values = NDArray[np.float64]
_MOST_POINTS = 500


@dataclass(frozen=True, eq=False)
class Front:
    """Networks on the axes of a search.

    Attributes
    ----------
    cost, accuracy : (n,) of some evaluated networks, for the cloud.
    front_cost, front_accuracy : (k,) of the front, both rising; accuracy as a share.
    seen : how many networks the search has evaluated.
    """

    cost: Values
    accuracy: Values
    front_cost: Values
    front_accuracy: Values
    seen: int

    def best_under(self, most: float) -> tuple[float, float] | None:
        """(cost, accuracy) of the best network that costs at most `most`; None if there is none."""
        at = int(np.searchsorted(self.front_cost, most, side="right")) - 1
        return None if at < 0 else (float(self.front_cost[at]), float(self.front_accuracy[at]))

    @property
    def ends(self) -> tuple[float, float]:
        """Cost of the cheapest network of the front and of the best one."""
        return float(self.front_cost[0]), float(self.front_cost[-1])


def front_of(cost: Values, accuracy: Values) -> Front | None:
    """The front of evaluated networks; None if there are none."""
    known = np.isfinite(cost) & np.isfinite(accuracy)
    cost, accuracy = cost[known], accuracy[known]
    if not len(cost):
        return None
    chosen = pareto.front(accuracy, cost)
    some = np.unique(np.linspace(0, len(cost) - 1, min(len(cost), _MOST_POINTS)).astype(int))
    return Front(cost[some], accuracy[some], cost[chosen], accuracy[chosen], len(cost))


@dataclass(frozen=True)
class _Scale:
    box: QRectF
    x: tuple[float, float]
    y: tuple[float, float]

    def point(self, cost: float, accuracy: float) -> QPointF:
        across = (cost - self.x[0]) / (self.x[1] - self.x[0] or 1.0)
        up = (accuracy - self.y[0]) / (self.y[1] - self.y[0] or 1.0)
        return QPointF(
            self.box.left() + min(1.0, max(0.0, across)) * self.box.width(),
            self.box.bottom() - min(1.0, max(0.0, up)) * self.box.height(),
        )


def _scale(front: Front, box: QRectF) -> _Scale:
    low, high = front.ends
    high = max(high, float(np.quantile(front.cost, 0.9)))
    room = 0.06 * (high - low or 1.0)
    bottom = float(np.quantile(front.accuracy, 0.1))
    bottom = min(bottom, float(front.front_accuracy[0]))
    top = float(front.front_accuracy[-1])
    lift = 0.10 * (top - bottom or 0.01)
    return _Scale(box, (low - room, high + room), (bottom - lift, top + lift))


def paint_front(
    painter: QPainter, box: QRectF, front: Front, limit: float | None = None, *, marks: bool = True
) -> None:
    """Paint a front into `box`; `marks`: circles and the star, for boxes that are large enough."""
    colors = theme()
    scale = _scale(front, box.adjusted(1, 1, -1, -1))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colors.color("control_border"), 1))
    painter.drawLine(box.bottomLeft(), box.bottomRight())
    painter.drawLine(box.bottomLeft(), box.topLeft())
    painter.setClipRect(box)
    if limit is not None:
        _paint_beyond(painter, box, scale.point(limit, 0).x())
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colors.color("point", 0.35))
    radius = 1.8 if marks else 0.8
    for cost, accuracy in zip(front.cost, front.accuracy, strict=True):
        if accuracy >= scale.y[0] and cost <= scale.x[1]:
            painter.drawEllipse(scale.point(float(cost), float(accuracy)), radius, radius)
    _paint_line(painter, front, scale, marks=marks)
    if limit is not None:
        x = scale.point(limit, 0).x()
        painter.setPen(QPen(colors.color("limit"), 2))
        painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
        found = front.best_under(limit)
        if found is not None:
            painter.setClipping(False)
            paint_star(painter, scale.point(*found), 8.0 if marks else 4.0)
    painter.restore()


def _paint_beyond(painter: QPainter, box: QRectF, x: float) -> None:
    beyond = QRectF(x, box.top(), box.right() - x, box.height())
    painter.fillRect(beyond, theme().color("limit", 0.06))
    painter.fillRect(beyond, QBrush(theme().color("limit", 0.16), Qt.BrushStyle.BDiagPattern))


def _paint_line(painter: QPainter, front: Front, scale: _Scale, *, marks: bool) -> None:
    points = [
        scale.point(float(c), float(a))
        for c, a in zip(front.front_cost, front.front_accuracy, strict=True)
    ]
    steps: list[QPointF] = []
    for point in points:
        if steps:
            steps.append(QPointF(point.x(), steps[-1].y()))
        steps.append(point)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme().color("front"), 2 if marks else 1.4))
    painter.drawPolyline(QPolygonF(steps))
    if not marks:
        return
    painter.setPen(QPen(theme().color("surface"), 1))
    painter.setBrush(theme().color("front"))
    last: QPointF | None = None
    for point in points:  # no more circles than one can tell apart
        if last is None or (point - last).manhattanLength() > 14:
            painter.drawEllipse(point, 3.4, 3.4)
            last = point


def paint_star(painter: QPainter, centre: QPointF, radius: float) -> None:
    """The star of the best network."""
    angles = [-np.pi / 2 + np.pi / 5 * k for k in range(10)]
    shape = QPolygonF(
        [
            QPointF(
                centre.x() + (radius if k % 2 == 0 else radius * 0.45) * float(np.cos(a)),
                centre.y() + (radius if k % 2 == 0 else radius * 0.45) * float(np.sin(a)),
            )
            for k, a in enumerate(angles)
        ]
    )
    painter.setPen(QPen(theme().color("star_outline"), 1.2))
    painter.setBrush(theme().color("star"))
    painter.drawPolygon(shape)


class FrontPreview(QWidget):
    """A small picture of a front."""

    def __init__(self, name: str, *, least: QSize | None = None) -> None:
        super().__init__()
        self._front: Front | None = None
        self._limit: float | None = None
        self.setAccessibleName(name)
        self.setMinimumSize(least or QSize(110, 90))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        theme().changed.connect(self.update)

    def show_front(self, front: Front | None, limit: float | None = None) -> None:
        """Show a front and a limit on its cost."""
        self._front, self._limit = front, limit
        self.update()

    def paintEvent(self, event) -> None:
        if self._front is None:
            return
        painter = QPainter(self)
        box = QRectF(self.rect()).adjusted(2, 6, -6, -4)
        paint_front(painter, box, self._front, self._limit)
