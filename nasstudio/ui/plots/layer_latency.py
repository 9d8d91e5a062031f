"""A network's latency layer by layer on several devices: one row a layer, one mark a device.

Marks differ in colour and shape; a line joins the marks of a row, so that a layer on which devices disagree is seen at
once. The scale is linear and starts at 0. The pointer on a row says the layer and its times.
"""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QTransform
from PySide6.QtWidgets import QGraphicsRectItem, QSizePolicy, QToolTip, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.kit.number import written
from nasstudio.ui.plots.layer_times import LayerTimes
from nasstudio.ui.plots.plot import Plot
from nasstudio.ui.theme import theme

SYMBOLS = ("o", "s", "d", "t1", "x", "star")
SIZES = (10, 10, 13, 11, 10, 16)  # at which they look alike
ROW = 20  # px of a row
_AXIS = 64


def device_color(number: int) -> QColor:
    """Colour of the device of this number, as in every plot of devices."""
    return theme().series[number]


class LayerLatencyPlot(Plot):
    """Shows `LayerTimes`, in ms or as shares of each device's total."""

    def __init__(self) -> None:
        super().__init__(name=self.tr("Latency of each layer on each device"))
        self._times: LayerTimes | None = None
        self._shares = False
        self._bands: list[QGraphicsRectItem] = []
        self._joins = pg.PlotDataItem(connect="pairs")
        self._joins.setZValue(-1)
        self._marks: list[pg.ScatterPlotItem] = []
        self.addItem(self._joins)
        item = self.getPlotItem()
        item.invertY(True)
        item.showGrid(x=True, y=False, alpha=1.0)
        item.getAxis("left").setStyle(tickTextOffset=10)
        self.setMouseEnabled(x=False, y=False)
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        self.restyled.connect(self.restyle_items)

    def show_times(self, times: LayerTimes | None, *, shares: bool = False) -> None:
        """Show a network, or nothing (None)."""
        self._times, self._shares = times, shares
        for item in (*self._bands, *self._marks):
            self.removeItem(item)
        self._bands, self._marks = [], []
        self._joins.setVisible(times is not None and len(times.devices) > 1)
        if times is None or not len(times.devices):
            return
        values, labels = self.values(), self.labels()
        rows = np.arange(len(values))
        self._add_bands(times, len(values))
        ends = np.stack([np.nanmin(values, axis=1), np.nanmax(values, axis=1)], axis=1)
        self._joins.setData(ends.ravel(), np.repeat(rows, 2))
        for number in range(len(times.devices)):
            mark = pg.ScatterPlotItem(
                x=values[:, number], y=rows, symbol=SYMBOLS[number], size=SIZES[number]
            )
            self._marks.append(mark)
            self.addItem(mark)
        title = self.tr("Share of the network's latency (%)") if shares else self.tr("Latency (ms)")
        self.set_axes(title, "")
        self.getPlotItem().getAxis("left").setTicks([list(zip(rows.tolist(), labels, strict=True))])
        low, high = min(0.0, float(np.nanmin(values))), float(np.nanmax(values)) or 1.0
        room = 0.04 * (high - low)
        self.setXRange(low - room if low < 0 else 0.0, high + room, padding=0)
        self.setYRange(-0.6, len(values) - 0.4, padding=0)
        self.setMinimumHeight(len(values) * ROW + _AXIS)
        self.setAccessibleDescription("; ".join(self.said(row) for row in range(len(values))))
        self.restyle_items()

    # -- numbers ------------------------------------------------------------------------------------------------

    def values(self) -> NDArray[np.float64]:
        """What the marks show. `(rows, devices)`.

        Where devices have a constant, it is the last row; nan for a device that has none.
        """
        times = self._times
        if times is None:
            return np.zeros((0, 0))
        shown = times.ms
        if times.has_constant:
            constant = times.constant_ms
            shown = np.vstack([shown, np.where(constant == 0, np.nan, constant)])
        if self._shares:
            totals = times.totals_ms
            shown = 100 * shown / np.where(totals > 0, totals, np.inf)
        return shown

    def labels(self) -> list[str]:
        """Text of each row at the left; the first layer of a stage names it."""
        times = self._times
        if times is None:
            return []
        made, before = [], ""
        for stage, words in zip(times.stages, times.labels, strict=True):
            made.append(f"{stage}   {words}" if stage != before else words)
            before = stage
        return [*made, self.tr("once a network")] if times.has_constant else made

    def said(self, row: int) -> str:
        """A row in words: the layer, and its time and share on each device."""
        times = self._times
        if times is None:
            return ""
        constant = row == len(times.texts)
        ms = times.constant_ms if constant else times.ms[row]
        lines = [self.tr("Once a network, beside its layers") if constant else times.texts[row]]
        for name, value, total in zip(times.names, ms, times.totals_ms, strict=True):
            share = f" ({written(100 * value / total, 1)} %)" if total > 0 else ""
            lines.append(f"{name}: {written(value, 4)} ms{share}")
        return "\n".join(lines)

    # -- looks --------------------------------------------------------------------------------------------------

    def _add_bands(self, times: LayerTimes, rows: int) -> None:
        """A ground behind every second stage."""
        starts = [i for i, s in enumerate(times.stages) if i == 0 or s != times.stages[i - 1]]
        starts += [len(times.stages)] if rows > len(times.stages) else []
        for number, (start, end) in enumerate(zip(starts, [*starts[1:], rows], strict=True)):
            if number % 2:
                band = QGraphicsRectItem(QRectF(-1e6, start - 0.5, 2e6, end - start))
                band.setPen(pg.mkPen(None))
                band.setZValue(-2000)
                self._bands.append(band)
                self.addItem(band, ignoreBounds=True)

    def restyle_items(self) -> None:
        """Pens and brushes in the theme's colours."""
        colors = theme()
        for band in self._bands:
            band.setBrush(pg.mkBrush(colors.color("sunk", 0.6)))
        self._joins.setPen(self.pen("control_border", 1.5))
        for number, mark in enumerate(self._marks):
            mark.setBrush(pg.mkBrush(device_color(number)))
            mark.setPen(pg.mkPen(colors.color("surface"), width=1))
        left = self.getPlotItem().getAxis("left")
        left.setTextPen(colors.color("text"))
        left.setStyle(tickFont=self.text_font(11, fonts.REGULAR))

    def row_at(self, position: QPointF) -> int | None:
        """The row under a point of the viewport."""
        y = self.getPlotItem().vb.mapSceneToView(self.mapToScene(position.toPoint())).y()
        row = round(y)
        return row if 0 <= row < len(self.labels()) else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        row = self.row_at(event.position())
        if row is None:
            QToolTip.hideText()
        else:
            QToolTip.showText(event.globalPosition().toPoint(), self.said(row), self)

    def leaveEvent(self, event: QEvent) -> None:
        QToolTip.hideText()
        super().leaveEvent(event)


class DeviceMark(QWidget):
    """The mark of a device, for a legend."""

    def __init__(self, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._number = number
        self.setFixedSize(QSize(14, 14))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)

    def paintEvent(self, event) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(device_color(self._number))
        size = SIZES[self._number]
        shape = pg.graphicsItems.ScatterPlotItem.Symbols[SYMBOLS[self._number]]
        painter.drawPath(QTransform().translate(7, 7).scale(size, size).map(shape))
