"""The plot that all plots are built from: pyqtgraph in the look of the theme.

It follows the theme live, writes plain numbers on its axes (no automatic SI prefix), and replaces pyqtgraph's menu by
four things people do with a plot: copy it, save it as PNG or SVG, save its data as CSV.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pyqtgraph as pg
import pyqtgraph.exporters as exporters
from PySide6.QtCore import QBuffer, QIODevice, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QFont, QGuiApplication, QImage, QPainter, QPen
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QFileDialog

from nasstudio.engine.atomic import replace_atomic, write_atomic
from nasstudio.engine.errors import InvalidInput, StudioError
from nasstudio.ui import fonts
from nasstudio.ui.kit.number import MINUS
from nasstudio.ui.kit.popover import menu
from nasstudio.ui.theme import theme

pg.setConfigOptions(antialias=True)

SCALE_OF_SAVED_IMAGES = 2.0


class PlainAxis(pg.AxisItem):
    """An axis with plain numbers: no SI prefix, typographic minus, group separators from 10,000 on."""

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation, maxTickLength=0)
        self.enableAutoSIPrefix(False)
        self._pixels_per_tick = 90.0 if orientation in ("bottom", "top") else 40.0

    def tickSpacing(self, low: float, high: float, size: float) -> list[tuple[float, float]]:
        """One level of ticks, at steps of 1, 2, 2.5 or 5 times a power of ten."""
        span = abs(high - low)
        if not span or not math.isfinite(span):
            return []
        raw = span / max(2.0, size / self._pixels_per_tick)
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(s for s in (1.0, 2.0, 2.5, 5.0, 10.0) if s * power >= raw * 0.999)
        return [(step * power, 0.0)]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        if self.logMode:
            return [f"{10**v:,.6g}" for v in values]
        # pyqtgraph rounds steps of 2.5 to one place too few: 82.5 would read 82.
        places = _places(spacing * scale)
        return [_plain(f"{value * scale:.{places}f}") for value in values]


def _places(spacing: float) -> int:
    """Decimals that write every multiple of `spacing` (1, 2, 2.5 or 5 times a power of ten) exactly."""
    if not spacing or not math.isfinite(spacing):
        return 0
    exact = (p for p in range(12) if abs(spacing * 10**p - round(spacing * 10**p)) < 1e-6)
    return next(exact, 6)


def _plain(text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        return text
    if abs(number) >= 10_000 and number == int(number):
        text = f"{int(number):,}"
    return text.replace("-", MINUS)


class Plot(pg.PlotWidget):
    """A themed plot.

    `restyled` after the plot took over a changed theme: whoever added items gives them their new pens there, or
    overrides `restyle`. `failed(StudioError)` when an image could not be saved.
    """

    restyled = Signal()
    failed = Signal(object)

    def __init__(
        self, x_title: str = "", y_title: str = "", *, name: str = "", small: bool = False
    ) -> None:
        axes = {side: PlainAxis(side) for side in ("bottom", "left")}
        super().__init__(axisItems=axes, enableMenu=False)
        self._small = small
        self._titles = ("", "")
        self.setAntialiasing(True)
        self.setFrameShape(self.Shape.NoFrame)
        self.setAccessibleName(name or y_title or self.tr("Plot"))
        item = self.getPlotItem()
        item.hideButtons()
        item.setContentsMargins(4, 8, 12, 4)
        item.showGrid(x=True, y=True, alpha=1.0)
        for axis in axes.values():
            # pyqtgraph draws the grid as long ticks of the axis, behind the data when the axis is below it.
            axis.setZValue(-1000)
        item.vb.setBorder(None)
        self.set_axes(x_title, y_title)
        theme().changed.connect(self._theme_changed)
        self.restyle()

    def set_axes(self, x_title: str, y_title: str) -> None:
        """Titles of the axes, with their unit in brackets: "Latency (ms)"."""
        self._titles = (x_title, y_title)
        self._style_titles()

    def axis_titles(self) -> tuple[str, str]:
        """Titles of x and y."""
        return self._titles

    def restyle(self) -> None:
        """Take over the colours of the theme. Subclasses extend it for their items."""
        colors = theme()
        self.setBackground(colors.color("surface"))
        tick_font = self.text_font(11)
        line = pg.mkPen(colors.color("control_border"), width=1)
        for side in ("bottom", "left"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(line)
            axis.setTickPen(pg.mkPen(colors.color("grid"), width=1))
            axis.setTextPen(colors.color("muted"))
            axis.setStyle(tickFont=tick_font, tickTextOffset=6)
        self._style_titles()

    @staticmethod
    def text_font(size: int = 11, weight: QFont.Weight = fonts.REGULAR) -> QFont:
        """Font for text inside the plot."""
        return fonts.font(size, weight)

    @staticmethod
    def pen(token: str | QColor, width: float = 1.5, style: Qt.PenStyle | None = None) -> QPen:
        """A cosmetic pen in the colour of a token."""
        color = theme().color(token) if isinstance(token, str) else token
        return pg.mkPen(color, width=width, style=style or Qt.PenStyle.SolidLine)

    def _style_titles(self) -> None:
        for side, title in zip(("bottom", "left"), self._titles, strict=True):
            axis = self.getPlotItem().getAxis(side)
            if title:
                axis.setLabel(title, color=theme().color("muted").name())
                axis.label.setFont(self.text_font(11, fonts.MEDIUM))
            axis.showLabel(bool(title))

    def _theme_changed(self) -> None:
        if self.getPlotItem() is None:  # closed: pyqtgraph has taken it apart
            return
        self.restyle()
        self.restyled.emit()

    # what people do with a plot

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        made = menu(parent=self)
        made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        made.addAction(self.tr("Copy image"), self.copy_image)
        made.addAction(self.tr("Save as PNG…"), self._ask_png)
        made.addAction(self.tr("Save as SVG…"), self._ask_svg)
        made.addAction(self.tr("Save data as CSV…"), self._ask_csv)
        made.addSeparator()
        made.addAction(self.tr("Show everything"), self.show_all)
        made.popup(event.globalPos())
        event.accept()

    def show_all(self) -> None:
        """Fit the axes to the data."""
        self.getPlotItem().enableAutoRange()

    def image(self, scale: float = SCALE_OF_SAVED_IMAGES) -> QImage:
        """The plot as it is shown, `scale` times as many pixels."""
        size = QSize(round(self.width() * scale), round(self.height() * scale))
        made = QImage(size, QImage.Format.Format_ARGB32_Premultiplied)
        made.fill(theme().color("surface"))
        painter = QPainter(made)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.render(painter, QRectF(0, 0, size.width(), size.height()), self.viewport().rect())
        painter.end()
        return made

    def copy_image(self) -> None:
        """Put the plot on the clipboard."""
        QGuiApplication.clipboard().setImage(self.image())

    def save_png(self, path: Path) -> None:
        """Write the plot as PNG. Raises `StudioError` if it can't be written."""
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        self.image().save(buffer, "PNG")  # type: ignore[call-overload]  # the stubs ask for bytes
        write_atomic(Path(path), bytes(buffer.data().data()))

    def save_svg(self, path: Path) -> None:
        """Write the plot as SVG. Raises `StudioError` if it can't be written."""
        replace_atomic(Path(path), self._write_svg)

    def _write_svg(self, path: Path) -> None:
        generator = QSvgGenerator()
        generator.setFileName(str(path))
        generator.setSize(self.size())
        generator.setViewBox(self.rect())
        generator.setTitle(self.accessibleName())
        painter = QPainter(generator)
        painter.fillRect(self.rect(), theme().color("surface"))
        self.render(painter, QRectF(self.rect()), self.viewport().rect())
        painter.end()

    def save_csv(self, path: Path) -> None:
        """Write the data of the curves as CSV. Raises `StudioError` if there are none or it can't be written."""
        if not self.getPlotItem().listDataItems():
            raise InvalidInput(
                self.tr("This plot has no data yet."),
                where=path,
                remedy=self.tr("Save it when something is drawn."),
            )
        exporter = exporters.CSVExporter(self.getPlotItem())
        replace_atomic(Path(path), lambda temporary: exporter.export(str(temporary)))

    def _ask_png(self) -> None:
        self._ask(self.tr("PNG image (*.png)"), ".png", self.save_png)

    def _ask_svg(self) -> None:
        self._ask(self.tr("SVG image (*.svg)"), ".svg", self.save_svg)

    def _ask_csv(self) -> None:
        self._ask(self.tr("CSV table (*.csv)"), ".csv", self.save_csv)

    def _ask(self, kind: str, ending: str, save) -> None:
        dialog = QFileDialog(self, self.tr("Save the plot"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(kind)
        dialog.setDefaultSuffix(ending[1:])
        dialog.selectFile(f"{self.accessibleName()}{ending}")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def write(name: str) -> None:
            try:
                save(Path(name))
            except StudioError as error:
                self.failed.emit(error)

        dialog.fileSelected.connect(write)
        dialog.open()
