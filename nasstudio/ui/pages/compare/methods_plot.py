"""Methods on the same axes: the searched front as predicted; verified networks, those trained alone and references."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt

from nasstudio.ui import fonts
from nasstudio.ui.pages.compare.figures import Point
from nasstudio.ui.plots.plot import Plot
from nasstudio.ui.theme import theme

Values = NDArray[np.float64]
FRONT, VERIFIED, ALONE, REFERENCES = "front", "verified", "alone", "references"
_MOST_MARKS = 24


class MethodsPlot(Plot):
    """Accuracy (%) against latency (ms) on one device."""

    def __init__(self) -> None:
        super().__init__("", self.tr("Accuracy (%)"), name=self.tr("Methods on the same axes"))
        self._line = pg.PlotDataItem(name=self.tr("Once-for-All, predicted"))
        self._marks = pg.ScatterPlotItem(size=9)
        self._verified = pg.ScatterPlotItem(size=12, symbol="s")
        self._alone = pg.ScatterPlotItem(size=12, symbol="t1")
        self._references = pg.ScatterPlotItem(size=13, symbol="d")
        for item in (self._line, self._marks, self._verified, self._alone, self._references):
            self.addItem(item)
        self._loose: list[pg.InfiniteLine] = []
        self._texts: list[tuple[pg.TextItem, str]] = []
        self._hidden: set[str] = set()
        self._shown: tuple[Values, Values, list[Point], list[Point], list[Point]] | None = None
        self.setMouseEnabled(x=False, y=False)
        self.restyled.connect(self.restyle_items)
        self.restyle_items()

    def set_hidden(self, key: str, hidden: bool) -> None:
        """Show or hide a series."""
        (self._hidden.add if hidden else self._hidden.discard)(key)
        self._draw()

    def show_points(
        self,
        latency: Values,
        accuracy: Values,
        verified: Sequence[Point],
        references: Sequence[Point],
        alone: Sequence[Point] = (),
    ) -> None:
        """Show a front and measured points; accuracies are shares."""
        self._shown = (latency, accuracy, list(verified), list(references), list(alone))
        self._draw()

    def _draw(self) -> None:
        for item, _ in self._texts:
            self.removeItem(item)
        for line in self._loose:
            self.removeItem(line)
        self._texts, self._loose = [], []
        if self._shown is None:
            return
        latency, accuracy, verified, references, alone = self._shown
        if FRONT in self._hidden:
            latency, accuracy = latency[:0], accuracy[:0]
        verified = [] if VERIFIED in self._hidden else verified
        references = [] if REFERENCES in self._hidden else references
        alone = [] if ALONE in self._hidden else alone
        x, y = np.repeat(latency, 2)[1:], np.repeat(100 * accuracy, 2)[:-1]
        self._line.setData(x, y)
        count = len(latency)
        some = np.unique(np.linspace(0, max(0, count - 1), min(count, _MOST_MARKS)).astype(int))
        self._marks.setData(x=latency[some], y=100 * accuracy[some])
        placed = [p for p in references if p.accuracy is not None]
        for item, points in (
            (self._verified, [p for p in verified if p.accuracy is not None]),
            (self._alone, alone),
            (self._references, placed),
        ):
            item.setData(x=[p.ms for p in points], y=[100 * (p.accuracy or 0.0) for p in points])
        self._range(latency, accuracy, [*verified, *alone, *placed])
        for point in verified:
            if point.accuracy is not None:
                self._label(point.name, point.ms, 100 * point.accuracy, "pin", below=True)
        for point in alone:
            self._label(point.name, point.ms, 100 * (point.accuracy or 0.0), "muted", below=True)
        for point in placed:
            self._label(point.name, point.ms, 100 * (point.accuracy or 0.0), "reference")
        for point in references:
            if point.accuracy is None:
                self._stand(point)
        self.restyle_items()

    def _range(self, latency: Values, accuracy: Values, placed: Sequence[Point]) -> None:
        x = [*latency, *(p.ms for p in placed)]
        y = [*(100 * accuracy), *(100 * p.accuracy for p in placed if p.accuracy is not None)]
        if not x:
            return
        for values, set_range in ((x, self.setXRange), (y, self.setYRange)):
            room = 0.07 * (max(values) - min(values)) or 0.05 * abs(max(values)) or 1.0
            set_range(min(values) - room, max(values) + room, padding=0)

    def _label(self, text: str, x: float, y: float, token: str, *, below: bool = False) -> None:
        (low, high), _ = self.getPlotItem().viewRange()
        right = 1.0 if x > low + 0.75 * (high - low) else 0.0  # it stays inside the plot
        item = pg.TextItem(text, anchor=(right, -0.35 if below else 1.35))
        item.setPos(x, y)
        self.addItem(item, ignoreBounds=True)
        self._texts.append((item, token))

    def _stand(self, point: Point) -> None:
        """A reference whose accuracy on this data is not known: only its latency is drawn."""
        (low, high), (bottom, top) = self.getPlotItem().viewRange()
        if not low <= point.ms <= high:
            text = self.tr("{0}: {1} ms →").format(point.name, f"{point.ms:.3g}")
            item = pg.TextItem(text, anchor=(1.0, 1.0))
            item.setPos(high, bottom + (0.02 + 0.07 * len(self._texts)) * (top - bottom))
        else:
            line = pg.InfiniteLine(point.ms, angle=90)
            self.addItem(line, ignoreBounds=True)
            self._loose.append(line)
            item = pg.TextItem(
                self.tr("{0}, accuracy not known").format(point.name), anchor=(0.0, 0.0)
            )
            item.setPos(point.ms, top - 0.02 * (top - bottom))
        self.addItem(item, ignoreBounds=True)
        self._texts.append((item, "reference"))

    def restyle_items(self) -> None:
        """Pens and brushes in the theme's colours."""
        colors = theme()
        edge = pg.mkPen(colors.color("surface"), width=1)
        self._line.setPen(self.pen("front", 2.0))
        for item, token in (
            (self._marks, "front"),
            (self._verified, "pin"),
            (self._alone, "star"),
            (self._references, "reference"),
        ):
            item.setBrush(pg.mkBrush(colors.color(token)))
            item.setPen(edge)
        for line in self._loose:
            line.setPen(self.pen("reference", 1.2, Qt.PenStyle.DashLine))
        for item, token in self._texts:
            item.setColor(colors.color(token))
            item.setFont(self.text_font(11, fonts.MEDIUM))
