"""Predicted against measured: is the latency that the table promises the one that whole networks have?

Points are whole networks, each predicted by a correction that has not seen it, against the measured median. The
dashed line is equality, the shaded band the noise of measuring, the dotted lines hold nine networks in ten. The network
that is furthest off is named if it leaves the noise by far.
"""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt

from nasstudio.engine.device.calibration import Calibration
from nasstudio.engine.device.verdict import percent
from nasstudio.ui import fonts
from nasstudio.ui.kit.number import written
from nasstudio.ui.plots.plot import Plot
from nasstudio.ui.theme import theme

OUTLIER = 0.10


class CalibrationPlot(Plot):
    """Shows one device's `Calibration`."""

    def __init__(self) -> None:
        super().__init__(
            self.tr("Predicted without having seen it (ms)"),
            self.tr("Measured (ms)"),
            name=self.tr("Predicted against measured latency"),
        )
        self._upper, self._lower = pg.PlotDataItem(), pg.PlotDataItem()
        self._band = pg.FillBetweenItem(self._lower, self._upper)
        self._interval = [pg.PlotDataItem(), pg.PlotDataItem()]
        self._line = pg.PlotDataItem()
        self._points = pg.ScatterPlotItem(size=7, hoverable=True, hoverSize=9, tip=_tip)
        self._worst = pg.ScatterPlotItem(symbol="s", size=9, hoverable=True, tip=_tip)
        self._worst_text = pg.TextItem(anchor=(1.08, 0.5))
        self._band_text = pg.TextItem(anchor=(1, 1))
        self._items = (
            self._band,
            *self._interval,
            self._line,
            self._points,
            self._worst,
            self._worst_text,
            self._band_text,
        )
        for item in self._items:
            self.addItem(item)
        self.setMouseEnabled(x=False, y=False)
        self.restyle_items()
        self.restyled.connect(self.restyle_items)

    def show_calibration(
        self, calibration: Calibration | None, names: tuple[str, ...] = ()
    ) -> None:
        """Show a calibration, or nothing (None). `names` are the networks' identities."""
        shown = calibration is not None and bool(calibration.measured_ms)
        for item in self._items:
            item.setVisible(shown)
        if calibration is None or not shown:
            return
        y, x = np.asarray(calibration.measured_ms), np.asarray(calibration.predicted_ms)
        low, high = _range(x, y)
        ends, noise = np.array([low, high]), band(calibration)
        self._line.setData(ends, ends)
        self._upper.setData(ends, ends * (1 + noise))
        self._lower.setData(ends, ends * (1 - noise))
        for line, side in zip(self._interval, (-1, 1), strict=True):
            line.setData(ends, ends * (1 + side * calibration.interval))
        self._band_text.setText(self._words(calibration))
        self._band_text.setPos(high, low)
        called = [names[i] if i < len(names) else str(i + 1) for i in range(len(y))]
        off = (y - x) / y
        worst = int(np.abs(off).argmax())
        outlying = bool(abs(off[worst]) > max(OUTLIER, noise))
        keep = np.flatnonzero(np.arange(len(y)) != worst) if outlying else np.arange(len(y))
        self._points.setData(x=x[keep], y=y[keep], data=[called[i] for i in keep])
        self._worst.setVisible(outlying)
        self._worst_text.setVisible(outlying)
        if outlying:
            self._worst.setData(x=[x[worst]], y=[y[worst]], data=[called[worst]])
            name = names[worst] if worst < len(names) else self.tr("network {0}").format(worst + 1)
            said = self.tr("{0} % over") if off[worst] > 0 else self.tr("{0} % under")
            self._worst_text.setText(f"{name}, {said.format(f'{100 * abs(off[worst]):.0f}')}")
            share = (x[worst] - low) / (high - low)
            self._worst_text.setAnchor(_anchor(share, over=bool(off[worst] > 0)))
            self._worst_text.setPos(x[worst], y[worst])
        self.setXRange(low, high, padding=0)
        self.setYRange(low, high, padding=0)
        self.restyle_items()

    def _words(self, calibration: Calibration) -> str:
        known = calibration.noise is not None
        noise = (
            self.tr("shaded: noise of re-measuring, ±{0}")
            if known
            else self.tr("shaded: spread of a measurement, ±{0}")
        )
        nine = self.tr("dotted: nine networks in ten, ±{0}")
        return "\n".join(
            words.format(percent(share))
            for words, share in ((noise, band(calibration)), (nine, calibration.interval))
        )

    def restyle_items(self) -> None:
        """Pens and brushes in the theme's colours."""
        colors = theme()
        none = pg.mkPen(None)
        self._upper.setPen(none)
        self._lower.setPen(none)
        self._band.setBrush(pg.mkBrush(colors.color("front", 0.18)))
        for line in self._interval:
            line.setPen(self.pen("front", 1.2, Qt.PenStyle.DotLine))
        self._line.setPen(self.pen("muted", 1.2, Qt.PenStyle.DashLine))
        self._points.setBrush(pg.mkBrush(colors.color("front")))
        self._points.setPen(pg.mkPen(colors.color("surface"), width=1))
        self._worst.setBrush(pg.mkBrush(colors.color("limit")))
        self._worst.setPen(none)
        for text, token in ((self._worst_text, "limit_text"), (self._band_text, "muted")):
            text.setColor(colors.color(token))
            text.setFont(self.text_font(11, fonts.MEDIUM))


def _tip(x: float, y: float, data: str) -> str:
    return f"{data}\n{written(x, 3)} ms → {written(y, 3)} ms ({100 * (x - y) / y:+.1f} %)"


def _anchor(share: float, *, over: bool) -> tuple[float, float]:
    """Where the text stands to the outlier: on the side of the identity line where there are no points."""
    if over:
        return (1.08, 0.5) if share > 0.3 else (0.0, 1.5)
    return (-0.08, 0.5) if share < 0.7 else (1.0, -0.5)


def band(calibration: Calibration) -> float:
    """Half width of the noise band as a share: the noise of a repeated network, else half the median spread."""
    if calibration.noise is not None:
        return max(calibration.noise, 0.001)
    return max(float(np.median(calibration.spread)) / 2, 0.001) if calibration.spread else 0.05


def _range(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    low, high = float(min(x.min(), y.min())), float(max(x.max(), y.max()))
    room = (high - low or high) * 0.08
    return max(0.0, low - room), high + room
