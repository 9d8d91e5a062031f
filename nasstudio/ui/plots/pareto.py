"""ParetoPlot: networks on two axes, limits that one drags, and the best network under them.

It knows numbers and places, not archives: the Search page gives it arrays and marks and listens to what the hand does.
What follows the hand (line, star, front) is drawn at once; the cloud of networks is a picture that follows at 30 Hz.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QToolTip

from nasstudio.engine.atomic import write_atomic
from nasstudio.ui.plots.pareto_cloud import Cloud
from nasstudio.ui.plots.pareto_front import Front
from nasstudio.ui.plots.pareto_layer import ABOVE, Layer
from nasstudio.ui.plots.pareto_limit import LimitLine, LimitShade
from nasstudio.ui.plots.pareto_marks import Marks, MarksLayer, Star
from nasstudio.ui.plots.plot import Plot
from nasstudio.ui.theme import theme

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]
Indices = NDArray[np.intp]
_CROWD = 800
_REACH = 7.0


class Pointer(Layer):
    """What the mouse does over the axes, apart from limits: point, click, brush a rectangle.

    Dragging without the brush is left to the view, which pans.
    """

    pointed = Signal(object)
    clicked = Signal(object)
    brushing = Signal(object, bool)

    def __init__(self, plot: pg.PlotItem, z: float) -> None:
        self.brush_tool = False
        self._box: tuple[float, float, float, float] | None = None
        super().__init__(plot, z)

    def set_box(self, box: tuple[float, float, float, float] | None) -> None:
        """Show a brushed rectangle (x0, x1, y0, y1), or none."""
        self._box = box
        self.update()

    def shape(self) -> QPainterPath:
        path = QPainterPath()
        path.addRect(self.area)
        return path

    # names and events of pyqtgraph's scene

    def hoverEvent(self, event) -> None:
        self.pointed.emit(None if event.isExit() else event.pos())

    def mouseClickEvent(self, event) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            event.accept()
            self.clicked.emit(event.pos())

    def mouseDragEvent(self, event) -> None:
        if not self.brush_tool or event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        event.accept()
        x0, y0 = self.value_at(event.buttonDownPos())
        x1, y1 = self.value_at(event.pos())
        box = (min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1))
        self.set_box(box)
        self.brushing.emit(box, bool(event.isFinish()))

    def draw(self, painter: QPainter) -> None:
        if self._box is None:
            return
        x0, x1, y0, y1 = self._box
        box = QRectF(self.point(x0, y1), self.point(x1, y0)).intersected(self.area)
        painter.setPen(QPen(theme().color("accent"), 1.5))
        painter.setBrush(theme().color("accent", 0.10))
        painter.drawRect(box)


class ParetoPlot(Plot):
    """The plot.

    Signals
    -------
    limit_began(axis), limit_moved(axis, value), limit_ended(axis) : of the line on "x" or "y".
    picked(index), picked_genome(genome) : a network, or a pinned or verified one, was clicked.
    brushed(box, finished) : a rectangle (x0, x1, y0, y1) was drawn; None: it was taken away.
    """

    limit_began = Signal(str)
    limit_moved = Signal(str, float)
    limit_ended = Signal(str)
    picked = Signal(int)
    picked_genome = Signal(object)
    brushed = Signal(object, bool)

    def __init__(self, name: str = "") -> None:
        super().__init__(name=name)
        item = self.getPlotItem()
        item.setContentsMargins(4, ABOVE, 14, 4)
        item.vb.setMouseEnabled(True, True)
        item.vb.disableAutoRange()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._x = self._y = np.zeros(0)
        self._shown: Mask | None = None
        self._front: Indices = np.zeros(0, dtype=np.intp)
        self._fitted = True
        self.describe: Callable[[int], str] = lambda index: ""
        self.cloud = Cloud(item, 5)
        self.shade = LimitShade(item, 6)
        self.front = Front(item, 10)
        self.marks = MarksLayer(item, 20)
        self.pointer = Pointer(item, 24)
        self.lines = {
            "x": LimitLine(item, 30, upright=True),
            "y": LimitLine(item, 30, upright=False),
        }
        self.star = Star(item, 40)
        self._csv: Callable[[], str] | None = None
        self._connect()

    def _connect(self) -> None:
        for axis, line in self.lines.items():
            line.began.connect(lambda axis=axis: self.limit_began.emit(axis))
            line.moved.connect(lambda value, axis=axis: self.limit_moved.emit(axis, value))
            line.ended.connect(lambda axis=axis: self.limit_ended.emit(axis))
        self.pointer.clicked.connect(self._clicked)
        self.pointer.pointed.connect(self._pointed)
        self.pointer.brushing.connect(self.brushed)
        self.getPlotItem().vb.sigRangeChangedManually.connect(self._ranged_by_hand)

    # -- what is shown ------------------------------------------------------------------------------------------

    def set_networks(self, x: Values, y: Values) -> None:
        """Values of all networks on the axes. `(n,)` each."""
        self._x, self._y = x, y
        self.cloud.set_networks(x, y)
        some = np.linspace(0, len(x) - 1, min(len(x), _CROWD)).astype(np.intp)
        self.star.set_crowd(x[some], y[some])
        if self._fitted:
            self.show_all()

    def set_feasible(self, mask: Mask, shown: Mask | None) -> None:
        """Which networks meet the limits, and which are shown at all (None: all)."""
        self._shown = shown
        self.cloud.set_feasible(mask, shown)

    def set_fronts(self, front: Indices, whole: Indices, beyond: Mask) -> None:
        """Both fronts as indices of networks; `beyond`: which of the whole one exceed a limit."""
        self._front = whole
        self.front.set_fronts(
            (self._x[front], self._y[front]), (self._x[whole], self._y[whole]), beyond
        )

    def set_limit(self, axis: str, value: float | None, text: str = "", step: float = 0.1) -> None:
        """The limit on an axis, in its unit, or none."""
        self.lines[axis].set_limit(value, text, step)
        x, y = self.lines["x"], self.lines["y"]
        self.shade.set_limits(x.value, y.value)

    def set_marks(self, marks: Marks) -> None:
        """Pins, verified pairs, references."""
        self.marks.set_marks(marks)
        self.star.set_obstacles(marks)
        if self._fitted:
            self.show_all()

    def set_csv(self, make: Callable[[], str]) -> None:
        """What is saved as data: text of a CSV table."""
        self._csv = make

    def set_brush_tool(self, on: bool) -> None:
        """Whether dragging brushes a rectangle or pans."""
        self.pointer.brush_tool = on
        self.pointer.setCursor(Qt.CursorShape.CrossCursor if on else Qt.CursorShape.ArrowCursor)

    def show_all(self) -> None:
        """Fit the axes to the networks and marks; single bad networks far below the front may be left out."""
        x, y = self._x, self._y
        if not len(x):
            return
        self._fitted = True
        marks = self.marks.marks
        extra = [(p.x, p.y) for p in marks.pins]
        extra += [end for pair in marks.verified for end in (pair.predicted, pair.measured)]
        extra += [(r.x, r.y) for r in marks.references]
        more = np.array(extra, dtype=float).reshape(-1, 2)
        bounds = [_bounds(values, more[:, k]) for k, values in enumerate((x, y))]
        self.getPlotItem().vb.setRange(xRange=bounds[0], yRange=bounds[1], padding=0.0)

    def fit_on_next(self) -> None:
        """Fit the axes when the next networks come: other quantities stand on them."""
        self._fitted = True

    def _ranged_by_hand(self, *_: object) -> None:
        self._fitted = False

    # -- mouse --------------------------------------------------------------------------------------------------

    def nearest(self, place: QPointF, reach: float = _REACH) -> int | None:
        """The network nearest to a place in pixels; those of the front come first."""
        for chosen in (self._front, None):
            x = self._x if chosen is None else self._x[chosen]
            y = self._y if chosen is None else self._y[chosen]
            if not len(x):
                continue
            far = np.hypot(self.cloud.x_px(x) - place.x(), self.cloud.y_px(y) - place.y())
            if chosen is None and self._shown is not None:
                far = np.where(self._shown, far, np.inf)
            best = int(np.argmin(far))
            if far[best] <= reach:
                return best if chosen is None else int(chosen[best])
        return None

    def _clicked(self, place: QPointF) -> None:
        genome = self.marks.genome_at(place)
        index = None if genome is not None else self.nearest(place)
        if genome is not None:
            self.picked_genome.emit(genome)
        elif index is not None:
            self.picked.emit(index)
        elif self.pointer._box is not None:
            self.pointer.set_box(None)
            self.brushed.emit(None, True)

    def _pointed(self, place: QPointF | None) -> None:
        text = ""
        if place is not None and not any(line.dragging for line in self.lines.values()):
            reference = self.marks.reference_at(place)
            index = self.nearest(place) if reference is None else None
            if reference is not None:
                text = f"{reference.title}\n{reference.note}".strip()
            elif index is not None:
                text = self.describe(index)
        if not text:
            QToolTip.hideText()
            return
        assert place is not None
        on_view = self.mapFromScene(self.pointer.mapToScene(place))
        QToolTip.showText(self.viewport().mapToGlobal(on_view), text, self.viewport())

    def focusInEvent(self, event) -> None:
        super().focusInEvent(event)
        line = next((line for line in self.lines.values() if line.isVisible()), None)
        if line is not None and event.reason() in (
            Qt.FocusReason.TabFocusReason,
            Qt.FocusReason.BacktabFocusReason,
        ):
            line.setFocus(event.reason())

    # -- saving -------------------------------------------------------------------------------------------------

    def save_csv(self, path: Path) -> None:
        """Write all networks with all their values as CSV. Raises `StudioError` if it can't be written."""
        if self._csv is None:
            super().save_csv(path)
            return
        write_atomic(Path(path), self._csv().encode("utf-8"))


def _bounds(values: Values, more: Values) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0
    # The half per cent at either end that nobody searched for does not squeeze the rest.
    low, high = np.quantile(finite, [0.005, 1.0])
    # A mark far away is drawn at the edge; it does not squeeze the networks.
    reach = 0.35 * (high - low)
    near = more[(more >= low - reach) & (more <= high + reach)]
    low, high = min([low, *near]), max([high, *near])
    room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return float(low - room), float(high + room)
