"""Training curves against epochs: accuracies with the band of random subnets, and losses.

Phase boundaries are dashed lines, the phase that is trained now is tinted. Each series has its own shape at its end and
in the legend, so that colour is never alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike
from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from nasstudio.ui.plots.plot import Plot
from nasstudio.ui.theme import theme

_MOST_POINTS = 4000
_EPOCH_STEPS = (1, 2, 5, 10, 20, 40, 50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class Series:
    """One curve. `symbol` is circle "o", square "s", triangle "t1" or diamond "d"; `token` a colour of the theme."""

    key: str
    title: str
    token: str
    symbol: str
    dashed: bool = False


class CurvesPlot(Plot):
    """Curves of several series over the epochs of a schedule.

    Parameters
    ----------
    band : keys of the lower and upper end of a band, drawn in the colour of `band_of`.
    factor : from stored to shown values.
    """

    def __init__(
        self,
        series: Sequence[Series],
        y_title: str,
        name: str,
        *,
        band: tuple[str, str] | None = None,
        band_of: str = "",
        factor: float = 1.0,
    ) -> None:
        super().__init__(self.tr("Epoch"), y_title, name=name)
        self._series = tuple(series)
        self._factor = factor
        self._band_keys = band
        self._band_of = band_of
        self._phases: tuple[int, ...] = ()
        self._tint = pg.LinearRegionItem(movable=False)
        self._tint.setZValue(-20)
        self._tint.hide()
        self.addItem(self._tint)
        self._bounds: list[pg.InfiniteLine] = []
        self._low, self._high = pg.PlotDataItem(), pg.PlotDataItem()
        self._fill = pg.FillBetweenItem(self._low, self._high)
        self._fill.setZValue(-10)
        self.addItem(self._fill)
        self._lines = {s.key: pg.PlotDataItem(name=s.title) for s in self._series}
        self._ends = {s.key: pg.ScatterPlotItem(size=9) for s in self._series}
        for item in (*self._lines.values(), *self._ends.values()):
            self.addItem(item)
        self.setMouseEnabled(x=False, y=False)
        self.restyled.connect(self.restyle_items)
        self.restyle_items()

    @property
    def series(self) -> tuple[Series, ...]:
        return self._series

    def show_phases(self, ends: Sequence[int], current: int | None) -> None:
        """Epochs at which phases end, and the index of the one that is trained; None: none is."""
        ends = tuple(ends)
        if ends != self._phases:
            self._phases = ends
            for line in self._bounds:
                self.removeItem(line)
            self._bounds = []
            for end in ends[:-1]:
                line = pg.InfiniteLine(end, angle=90)
                line.setZValue(-15)
                self._bounds.append(line)
                self.addItem(line, ignoreBounds=True)
            self._show_epochs(max(ends, default=1))
            self.restyle_items()
        shown = current is not None and current < len(ends)
        self._tint.setVisible(shown)
        if shown and current is not None:
            self._tint.setRegion((ends[current - 1] if current else 0, ends[current]))

    def _show_epochs(self, last: int) -> None:
        """Whole epochs under the axis, at most nine."""
        step = next(s for s in _EPOCH_STEPS if last <= 8 * s or s == _EPOCH_STEPS[-1])
        ticks = [(float(at), str(at)) for at in range(0, last + 1, step)]
        self.getPlotItem().getAxis("bottom").setTicks([ticks])
        self.setXRange(0, last, padding=0.015)

    def show_curves(self, curves: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> None:
        """Epochs and stored values of each series and of the band's ends, by key."""
        highest, lowest = -np.inf, np.inf
        for key, line in self._lines.items():
            x, y = self._points(curves, key)
            line.setData(x, y)
            self._ends[key].setData(x=x[-1:], y=y[-1:])
            if len(y):
                highest, lowest = max(highest, float(y.max())), min(lowest, float(y.min()))
        if self._band_keys is not None:
            (x, low), (xh, high) = (self._points(curves, key) for key in self._band_keys)
            count = min(len(x), len(xh))
            self._low.setData(x[:count], low[:count])
            self._high.setData(xh[:count], high[:count])
            self._fill.setVisible(count > 1)
        if highest >= lowest:
            room = 0.08 * (highest - lowest) or 0.1 * abs(highest) or 1.0
            self.setYRange(max(0.0, lowest - room), highest + room, padding=0)

    def _points(
        self, curves: Mapping[str, tuple[ArrayLike, ArrayLike]], key: str
    ) -> tuple[np.ndarray, np.ndarray]:
        x, y = curves.get(key, ((), ()))
        epochs, values = np.asarray(x, dtype=float), np.asarray(y, dtype=float) * self._factor
        if len(epochs) > _MOST_POINTS:
            keep = np.unique(np.linspace(0, len(epochs) - 1, _MOST_POINTS).astype(int))
            epochs, values = epochs[keep], values[keep]
        return epochs, values

    def restyle_items(self) -> None:
        """Pens and brushes in the theme's colours."""
        colors = theme()
        tint = colors.color("accent", 0.10)
        self._tint.setBrush(pg.mkBrush(tint))
        for line in self._tint.lines:
            line.setPen(pg.mkPen(None))
        for line in self._bounds:
            line.setPen(self.pen("control_border", 1, Qt.PenStyle.DashLine))
        for series in self._series:
            style = Qt.PenStyle.DashLine if series.dashed else Qt.PenStyle.SolidLine
            self._lines[series.key].setPen(self.pen(series.token, 2.0, style))
            end = self._ends[series.key]
            end.setSymbol(series.symbol)
            end.setBrush(pg.mkBrush(colors.color(series.token)))
            end.setPen(pg.mkPen(colors.color("surface"), width=1))
        for edge in (self._low, self._high):
            edge.setPen(pg.mkPen(None))
        token = next((s.token for s in self._series if s.key == self._band_of), "front")
        self._fill.setBrush(pg.mkBrush(colors.color(token, 0.20)))


class SeriesMark(QWidget):
    """The shape of a series, for legends."""

    def __init__(self, series: Series, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._series = series
        self.setFixedSize(QSize(12, 12))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)

    def paintEvent(self, event) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(Qt.PenStyle.NoPen))
        painter.setBrush(theme().color(self._series.token))
        paint_symbol(painter, self._series.symbol, QPointF(6, 6), 4.5)


def paint_symbol(painter: QPainter, symbol: str, centre: QPointF, radius: float) -> None:
    """A symbol of pyqtgraph's names, in the painter's pen and brush."""
    x, y = centre.x(), centre.y()
    if symbol == "s":
        painter.drawRect(
            int(x - radius + 1), int(y - radius + 1), int(2 * radius - 1), int(2 * radius - 1)
        )
    elif symbol == "t1":
        points = [(x, y - radius), (x + radius, y + radius * 0.8), (x - radius, y + radius * 0.8)]
        painter.drawPolygon(QPolygonF([QPointF(a, b) for a, b in points]))
    elif symbol == "d":
        points = [(x, y - radius), (x + radius, y), (x, y + radius), (x - radius, y)]
        painter.drawPolygon(QPolygonF([QPointF(a, b) for a, b in points]))
    else:
        painter.drawEllipse(centre, radius, radius)
