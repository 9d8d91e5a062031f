"""The ground of a cell, drawn once for each look and then copied: colour of heat, mark of the source, border.

A viewport holds some 300 cells, a table a few dozen looks. Copying a picture takes a tenth of drawing it.
"""

from __future__ import annotations

import math
from functools import lru_cache

from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap

from nasstudio.engine.cost.table import Source
from nasstudio.ui.icons import pixel_ratio, pixmap
from nasstudio.ui.kit import metrics
from nasstudio.ui.theme import theme

SOURCE_ICONS = {
    Source.MEASURED: "gauge",
    Source.IMPORTED: "import",
    Source.EDITED: "pencil",
    Source.INTERPOLATED: "interp",
}
STEPS = 48
# Room for the number inside a pill, px from its left and right.
TEXT_LEFT, TEXT_RIGHT = 24, 10


def step_of(heat: float) -> int:
    """Step of the heat scale, -1 without heat."""
    return -1 if math.isnan(heat) else round(heat * STEPS)


def pill(
    width: int, height: int, step: int, source: int, *, flagged: bool, chosen: bool
) -> QPixmap:
    """The ground of a cell. source: of `Source`; `chosen` is part of the selection."""
    return _drawn(width, height, step, source, flagged, chosen, theme().name, pixel_ratio())


def ink(step: int) -> QColor:
    """Text on a pill."""
    return theme().heat_text() if step >= 0 else theme().color("text")


def ground(step: int) -> QColor:
    """Colour of a pill."""
    return theme().heat(step / STEPS) if step >= 0 else theme().color("sunk")


@lru_cache(maxsize=4096)
def _drawn(
    width: int,
    height: int,
    step: int,
    source: int,
    flagged: bool,
    chosen: bool,
    name: str,
    ratio: float,
) -> QPixmap:
    made = QPixmap(math.ceil(width * ratio), math.ceil(height * ratio))
    made.setDevicePixelRatio(ratio)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    colors = theme()
    box = QRectF(0.5, 0.5, width - 1, height - 1)
    radius = metrics.RADIUS_CELL
    if source == Source.MISSING and not flagged:
        painter.setPen(QPen(colors.color("border"), 1, Qt.PenStyle.DashLine))
        painter.setBrush(colors.color("accent", 0.14) if chosen else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box, radius, radius)
        painter.end()
        return made
    painter.setPen(QPen(colors.color("bad"), 1.5) if flagged else Qt.PenStyle.NoPen)
    painter.setBrush(ground(step))
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5) if flagged else box, radius, radius)
    if chosen:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colors.color("accent", 0.14))
        painter.drawRoundedRect(box, radius, radius)
    if flagged:
        mark = pixmap("warn", metrics.ICON_CELL, "text" if colors.is_dark else "bad")
    else:
        # The mark stays quieter than the number, but it has to be seen on the darkest heat as well.
        mark = pixmap(SOURCE_ICONS[Source(source)], metrics.ICON_CELL, ink(step))
        painter.setOpacity(0.62)
    painter.drawPixmap(QPoint(8, (height - metrics.ICON_CELL) // 2), mark)
    painter.end()
    return made
