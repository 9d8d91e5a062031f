"""A histogram of one metric over random members of a space, with the share that meets a limit."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike
from PySide6.QtCore import Signal

from nasstudio.ui import fonts
from nasstudio.ui.plots.plot import Plot
from nasstudio.ui.theme import theme


class HistogramPlot(Plot):
    """Bars, and a limit that can be dragged; `limit_moved(value)` while it is.

    Bars within the limit are full, those beyond it pale.
    """

    limit_moved = Signal(float)

    def __init__(self) -> None:
        super().__init__(name=self.tr("Histogram of random members"), small=True)
        self._values = np.empty(0)
        self._unit = ""
        self._within = pg.BarGraphItem(x=[0], height=[0], width=1)
        self._beyond = pg.BarGraphItem(x=[0], height=[0], width=1)
        self._limit = pg.InfiniteLine(angle=90, movable=True)
        self._text = pg.TextItem(anchor=(0, 0))
        for item in (self._within, self._beyond, self._limit, self._text):
            self.addItem(item)
            item.setVisible(False)
        self._limit.sigPositionChanged.connect(self._moved)
        self.setMouseEnabled(x=False, y=False)
        self.restyle_items()
        self.restyled.connect(self.restyle_items)

    @property
    def limit(self) -> float:
        """Where the limit stands."""
        return float(self._limit.value())

    def show_values(
        self, values: ArrayLike, title: str, unit: str, limit: float | None = None
    ) -> None:
        """Show values; without a `limit` it stands at the first quartile."""
        self._values = np.asarray(values, dtype=float)
        self._unit = unit
        self.set_axes(f"{title} ({unit})" if unit else title, "")
        some = len(self._values) > 0
        for item in (self._within, self._beyond, self._limit, self._text):
            item.setVisible(some)
        if not some:
            return
        low, high = float(self._values.min()), float(self._values.max())
        room = (high - low or abs(high) or 1.0) * 0.04
        self.setXRange(low - room, high + room, padding=0)
        place = float(np.percentile(self._values, 25)) if limit is None else limit
        self._limit.blockSignals(True)
        self._limit.setBounds((low - room, high + room))
        self._limit.setValue(min(max(place, low - room), high + room))
        self._limit.blockSignals(False)
        self._draw()

    def share_within(self) -> float:
        """Share of the values that meet the limit, 0 to 1."""
        return float((self._values <= self.limit).mean()) if len(self._values) else 0.0

    def _moved(self) -> None:
        self._draw()
        self.limit_moved.emit(self.limit)

    def _draw(self) -> None:
        heights, edges = np.histogram(self._values, bins=24)
        middle, width = (edges[:-1] + edges[1:]) / 2, (edges[1] - edges[0]) * 0.82
        within = middle <= self.limit
        for item, chosen in ((self._within, within), (self._beyond, ~within)):
            item.setOpts(x=middle[chosen], height=heights[chosen], width=width)
        top = float(heights.max()) * 1.28
        self.setYRange(0, top, padding=0)
        share = f"{100 * self.share_within():.0f} %"
        self._text.setText(
            self.tr("{0} within {1} {2}").format(share, _written(self.limit), self._unit).rstrip()
        )
        low, high = self.viewRange()[0]
        self._text.setAnchor((1.04, 0) if self.limit > (low + high) / 2 else (-0.04, 0))
        self._text.setPos(self.limit, top)

    def restyle_items(self) -> None:
        """Pens and brushes in the theme's colours."""
        colors = theme()
        none = pg.mkPen(None)
        self._within.setOpts(brush=pg.mkBrush(colors.color("front", 0.86)), pen=none)
        self._beyond.setOpts(brush=pg.mkBrush(colors.color("front", 0.36)), pen=none)
        self._limit.setPen(self.pen("limit", 2))
        self._limit.setHoverPen(self.pen("limit", 3))
        self._text.setColor(colors.color("limit_text"))
        self._text.setFont(self.text_font(11, fonts.SEMIBOLD))


def _written(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
