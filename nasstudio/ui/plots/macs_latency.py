"""MACs against measured latency: how much a count of operations says about time on this device.

Two networks with nearly equal MACs and the largest ratio of latencies are joined: "FLOPs is not speed".
"""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike
from PySide6.QtCore import Qt

from nasstudio.engine.device.calibration import Calibration
from nasstudio.ui import fonts
from nasstudio.ui.plots.plot import Plot
from nasstudio.ui.theme import theme

SAME_MACS = 0.03


class MacsLatencyPlot(Plot):
    """Shows the networks of one device's `Calibration`."""

    def __init__(self) -> None:
        super().__init__(
            self.tr("MACs (M)"),
            self.tr("Measured (ms)"),
            name=self.tr("MACs against measured latency"),
        )
        self._points = pg.ScatterPlotItem(size=7, hoverable=True, hoverSize=9, tip=None)
        self._join = pg.PlotDataItem()
        self._pair = pg.ScatterPlotItem(size=10)
        self._text = pg.TextItem()
        for item in (self._points, self._join, self._pair, self._text):
            self.addItem(item)
        self.setMouseEnabled(x=False, y=False)
        self.restyle_items()
        self.restyled.connect(self.restyle_items)

    def show_calibration(self, calibration: Calibration | None) -> None:
        """Show a calibration's networks, or nothing (None)."""
        for item in (self._points, self._join, self._pair, self._text):
            item.setVisible(calibration is not None)
        if calibration is None or not calibration.measured_ms:
            return
        macs, ms = np.asarray(calibration.macs) / 1e6, np.asarray(calibration.measured_ms)
        self._points.setData(x=macs, y=ms)
        pair = unequal_pair(macs, ms)
        for item in (self._join, self._pair, self._text):
            item.setVisible(pair is not None)
        if pair is not None:
            slow, fast = pair
            self._join.setData(macs[[slow, fast]], ms[[slow, fast]])
            self._pair.setData(x=macs[[slow, fast]], y=ms[[slow, fast]])
            self._text.setText(
                self.tr("nearly the same MACs, {0}× the latency").format(
                    f"{ms[slow] / ms[fast]:.2f}"
                )
            )
            right = macs[fast] > (macs.min() + macs.max()) / 2
            self._text.setAnchor((1.04, 0.2) if right else (-0.04, 0.2))
            self._text.setPos(macs[fast], ms[fast])
        for values, set_range in ((macs, self.setXRange), (ms, self.setYRange)):
            room = (values.max() - values.min() or values.max()) * 0.08
            set_range(max(0.0, values.min() - 1.4 * room), values.max() + room, padding=0)
        self.restyle_items()

    def restyle_items(self) -> None:
        """Pens and brushes in the theme's colours."""
        colors = theme()
        self._points.setBrush(pg.mkBrush(colors.color("star")))
        self._points.setPen(pg.mkPen(colors.color("surface"), width=1))
        self._join.setPen(self.pen("text", 1.3, Qt.PenStyle.DashLine))
        self._pair.setBrush(pg.mkBrush(colors.color("surface")))
        self._pair.setPen(self.pen("text", 1.8))
        self._text.setColor(colors.color("text"))
        self._text.setFont(self.text_font(11, fonts.SEMIBOLD))


def unequal_pair(macs: ArrayLike, ms: ArrayLike) -> tuple[int, int] | None:
    """(slow, fast): among networks whose MACs differ by less than 3 %, the pair with the largest ratio of latencies.

    None if there is no such pair, or if its latencies differ by less than a tenth.
    """
    x, y = np.asarray(macs, dtype=float), np.asarray(ms, dtype=float)
    if len(x) < 2:
        return None
    near = np.abs(x[:, None] - x) <= SAME_MACS * np.maximum(x[:, None], x)
    ratio = np.where(near, y[:, None] / y, 0.0)
    slow, fast = np.unravel_index(int(ratio.argmax()), ratio.shape)
    return (int(slow), int(fast)) if ratio[slow, fast] > 1.1 else None
