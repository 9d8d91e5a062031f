"""Total cost against the number of targets: one network for all, or one for each.

The measured networks are dots on the line of the lone route, in their order; where the lines cross is the break-even.
"""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QCoreApplication, Qt

from nasstudio.engine.study.cost import Route, break_even
from nasstudio.engine.study.report import Routes
from nasstudio.ui import fonts
from nasstudio.ui.kit.number import written
from nasstudio.ui.plots.plot import Plot
from nasstudio.ui.theme import theme

TRAINING, SEARCHED = "training", "searched"
_LEAST, _MOST = 6, 200  # targets on the axis


class CostPlot(Plot):
    """Cost of both routes."""

    def __init__(self) -> None:
        super().__init__(
            self.tr("Targets"), self.tr("Total cost"), name=self.tr("Cost against targets")
        )
        self._shared = pg.PlotDataItem(name=self.tr("One network for all"))
        self._lone = pg.PlotDataItem(name=self.tr("Each alone"))
        self._both = pg.PlotDataItem(name=self.tr("Each alone, with every rate that was tried"))
        self._dots = pg.ScatterPlotItem(size=8, symbol="t1")
        self._cross = pg.ScatterPlotItem(size=11)
        self._fall = pg.PlotDataItem()
        self._texts = {key: pg.TextItem() for key in ("shared", "lone", "both", "cross")}
        for item in (
            self._fall, self._both, self._lone, self._shared, self._dots, self._cross,
        ):  # fmt: skip
            self.addItem(item)
        for text in self._texts.values():
            self.addItem(text, ignoreBounds=True)
        self.setMouseEnabled(x=False, y=False)
        self.restyled.connect(self.restyle_items)
        self.restyle_items()

    def show_routes(self, routes: Routes | None, measured: list[float], kind: str) -> None:
        """Show both routes.

        Parameters
        ----------
        measured : cost of each network that was trained alone, in the routes' unit.
        kind : ``training``, or ``searched``: each route with the search it needs.
        """
        items = (
            self._shared, self._lone, self._both, self._dots, self._cross, self._fall,
            *self._texts.values(),
        )  # fmt: skip
        for item in items:
            item.setVisible(routes is not None)
        if routes is None:
            return
        plain = kind == TRAINING
        shared = routes.shared if plain else routes.shared_with_search
        lone = routes.lone if plain else routes.lone_with_search
        crossing = break_even(shared, lone)
        most = _LEAST if crossing is None else min(_MOST, max(_LEAST, math.ceil(1.6 * crossing)))
        most = max(most, len(measured) + 1)
        top = max(shared.cost(most), lone.cost(most))
        factor, unit = _unit(routes.unit, top)
        self.set_axes(self.tr("Targets"), self.tr("Total cost ({0})").format(unit))
        x = np.array([0.0, most])
        self._draw(self._shared, x, shared, factor)
        self._draw(self._lone, x, lone, factor)
        self._both.setVisible(plain)
        self._draw(self._both, x, routes.lone_both, factor)
        self._dots.setVisible(plain)
        total = np.cumsum(measured)
        self._dots.setData(x=np.arange(1, len(total) + 1), y=factor * total)
        self._crossing(
            crossing if crossing is not None and crossing <= most else None, shared, factor
        )
        self._ticks(most)
        room = factor * 1.2 * top
        self.setXRange(0, most, padding=0.02)
        self.setYRange(0, room, padding=0)
        self._word("shared", self.tr("One network for all"), (1.0, 1.1), most, shared, factor)
        self._word("lone", self.tr("Each alone"), (1.02, 1.05), most, lone, factor)
        # The steeper line leaves at the top: its name stands left of where it does.
        each = routes.lone_both.each
        at = min(float(most), 1.2 * top / each) if each else float(most)
        self._texts["both"].setVisible(plain)
        self._word("both", self.tr("with every rate"), (1.25, 0.0), at, routes.lone_both, factor)

    @staticmethod
    def _draw(item: pg.PlotDataItem, x: np.ndarray, route: Route, factor: float) -> None:
        item.setData(x, factor * np.array([route.cost(float(n)) for n in x]))

    def _crossing(self, crossing: float | None, shared: Route, factor: float) -> None:
        shown = crossing is not None
        for item in (self._cross, self._fall, self._texts["cross"]):
            item.setVisible(shown)
        if crossing is None:
            return
        y = factor * shared.cost(crossing)
        self._cross.setData(x=[crossing], y=[y])
        self._fall.setData([crossing, crossing], [0.0, y])
        self._texts["cross"].setText(self.tr("break-even {0}").format(written(crossing, 1)))
        self._texts["cross"].setAnchor((0.0, 1.0))
        self._texts["cross"].setPos(crossing, 0.0)

    def _ticks(self, most: int) -> None:
        step = next(s for s in (1, 2, 5, 10, 20, 50) if most <= 8 * s or s == 50)
        ticks = [(float(n), str(n)) for n in range(0, most + 1, step)]
        self.getPlotItem().getAxis("bottom").setTicks([ticks])

    def _word(
        self,
        key: str,
        text: str,
        anchor: tuple[float, float],
        targets: float,
        route: Route,
        factor: float,
    ) -> None:
        """A line's name, at so many targets on it."""
        item = self._texts[key]
        item.setText(text)
        item.setAnchor(anchor)
        item.setPos(targets, factor * route.cost(targets))

    def restyle_items(self) -> None:
        """Pens and brushes in the theme's colours."""
        colors = theme()
        self._shared.setPen(self.pen("front", 2.0))
        self._lone.setPen(self.pen("star", 2.0))
        self._both.setPen(self.pen("star", 1.4, Qt.PenStyle.DashLine))
        self._fall.setPen(self.pen("muted", 1.2, Qt.PenStyle.DotLine))
        edge = pg.mkPen(colors.color("surface"), width=1)
        for item, token in ((self._dots, "star"), (self._cross, "text")):
            item.setBrush(pg.mkBrush(colors.color(token)))
            item.setPen(edge)
        for key, token in (
            ("shared", "front"), ("lone", "text"), ("both", "muted"), ("cross", "muted"),
        ):  # fmt: skip
            self._texts[key].setColor(colors.color(token))
            self._texts[key].setFont(self.text_font(11, fonts.MEDIUM))


def _tr(text: str) -> str:
    return QCoreApplication.translate("Compare", text)


def _unit(unit: str, top: float) -> tuple[float, str]:
    """Factor and name of the unit in which costs up to `top` read well."""
    if unit != "seconds":
        return 1e-6, _tr("million image-passes")
    if top > 3 * 3600:
        return 1 / 3600, _tr("h")
    return (1 / 60, _tr("min")) if top > 180 else (1.0, _tr("s"))
