"""An architecture as a diagram: one row a layer, from input to output, grouped by stage.

Bar width is the layer's output channels, its height the expand ratio, its tone the kernel; on the same row stands the
layer's latency as a bar and a number, so that shape and cost are read together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from nasstudio.engine.space.layer import LayerSpec, text
from nasstudio.engine.space.space import Genome, SearchSpace
from nasstudio.ui import fonts
from nasstudio.ui.kit.number import written
from nasstudio.ui.theme import blend, theme

ROW, GAP = 17, 9
_SHAPE, _LABEL, _BAR = (36, 112), 120, 166
_NUMBER = 48
_TONES = (0.42, 0.7, 1.0)
KERNELS = (3, 5, 7)


@dataclass(frozen=True)
class LayerRow:
    """One layer of the diagram. `expand` is 0 and `searched` False for fixed layers; `ms` is nan without a time."""

    stage: str
    label: str
    channels: int
    kernel: int
    expand: float
    size: int
    searched: bool
    ms: float
    layer: LayerSpec


def layer_rows(
    space: SearchSpace, genome: Genome, times_ms: NDArray[np.float64] | None
) -> list[LayerRow]:
    """The rows of a network. `times_ms` is the time of each of the space's layers."""
    rows = []
    for block in space.blocks(genome):
        layer = block.layer
        searched = block.stage not in ("In", "Out")
        ratio = layer.expand_ratio or 0.0
        label = f"k{layer.kernel} e{ratio:g}" if layer.kind == "mbconv" else layer.kind
        if layer.kind == "mbconv" and not searched:
            label = "dw"
        if layer.kind == "bottleneck":
            label = f"e{ratio:g}" if ratio else f"m{layer.middle}"
        ms = float("nan") if times_ms is None else float(times_ms[block.row])
        rows.append(
            LayerRow(
                block.stage, label, layer.channels_out, layer.kernel, ratio, layer.height,
                searched, ms, layer,
            )
        )  # fmt: skip
    return rows


def kernel_tone(kernel: int) -> QColor:
    """Colour of a kernel size: the larger, the stronger."""
    at = min(range(len(KERNELS)), key=lambda i: abs(KERNELS[i] - kernel))
    return blend(theme().color("surface"), theme().color("front"), _TONES[at])


class Diagram(QWidget):
    """The diagram. `set_rows` shows a network; `most_channels` fixes the scale over a whole space."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[LayerRow] = []
        self._most_channels = 1
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        theme().changed.connect(self.update)

    def set_rows(self, rows: list[LayerRow], most_channels: int) -> None:
        """Show these layers; `most_channels` is the widest searched layer of the space."""
        self._rows = rows
        self._most_channels = max(1, most_channels)
        self.setAccessibleName(self.tr("Architecture, {0} layers").format(len(rows)))
        self.setAccessibleDescription("; ".join(self.describe(row) for row in rows))
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    def rows(self) -> list[LayerRow]:
        """What is shown."""
        return self._rows

    def describe(self, row: LayerRow) -> str:
        """A row in words."""
        time = "" if np.isnan(row.ms) else f", {written(row.ms, 3)} ms"
        return f"{text(row.layer)}{time}"

    def sizeHint(self) -> QSize:
        if not self._rows:
            return QSize(288, 0)
        tops = self._tops()
        return QSize(288, int(tops[-1]) + ROW + 2)

    def _tops(self) -> list[float]:
        """Top of each row, with a gap between stages."""
        tops, y, before = [], 0.0, None
        for row in self._rows:
            if before is not None and row.stage != before:
                y += GAP
            tops.append(y)
            y += ROW
            before = row.stage
        return tops

    def _row_at(self, y: float) -> LayerRow | None:
        for top, row in zip(self._tops(), self._rows, strict=True):
            if top <= y < top + ROW:
                return row
        return None

    def event(self, event) -> bool:
        if event.type() == QEvent.Type.ToolTip:
            row = self._row_at(event.pos().y())
            if row is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), self.describe(row), self)
            return True
        return super().event(event)

    # -- painting -----------------------------------------------------------------------------------------------

    def paintEvent(self, event) -> None:
        if not self._rows:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tops = self._tops()
        times = [row.ms for row in self._rows if not np.isnan(row.ms)]
        slowest = max(times, default=1.0) or 1.0
        places = 3 if slowest < 2 else 2
        for top, row in zip(tops, self._rows, strict=True):
            self._draw_shape(painter, top, row)
            self._draw_time(painter, top, row, slowest, places)
        self._draw_stages(painter, tops)

    def _draw_stages(self, painter: QPainter, tops: list[float]) -> None:
        start = 0
        for end in range(1, len(self._rows) + 1):
            if end < len(self._rows) and self._rows[end].stage == self._rows[start].stage:
                continue
            row = self._rows[start]
            self._write(painter, 0, tops[start], row.stage, 11, fonts.SEMIBOLD, "text")
            if end - start > 1 and row.searched:
                words = self.tr("{0} px").format(self._rows[end - 1].size)
                self._write(painter, 0, tops[start] + 13, words, 10, fonts.REGULAR, "muted")
            painter.setPen(QPen(theme().color("border"), 1))
            painter.drawLine(QPointF(31.5, tops[start] + 2), QPointF(31.5, tops[end - 1] + ROW - 2))
            start = end

    def _draw_shape(self, painter: QPainter, top: float, row: LayerRow) -> None:
        left, right = _SHAPE
        share = min(1.0, row.channels / self._most_channels)
        width = max(4.0, share * (right - left))
        height = 5.0 if not row.searched else min(14.0, 4.0 + 1.6 * row.expand)
        color = kernel_tone(row.kernel) if row.searched else theme().color("faint")
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        middle = (left + right) / 2
        box = QRectF(middle - width / 2, top + (ROW - height) / 2, width, height)
        painter.drawRoundedRect(box, 1.5, 1.5)
        self._write(painter, _LABEL, top, row.label, 11, fonts.REGULAR, "muted")

    def _draw_time(
        self, painter: QPainter, top: float, row: LayerRow, slowest: float, places: int
    ) -> None:
        if np.isnan(row.ms):
            self._write_right(painter, top, "–", "faint")
            return
        room = self.width() - _NUMBER - _BAR
        width = max(2.0, row.ms / slowest * room)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().color("star"))
        painter.drawRoundedRect(QRectF(_BAR, top + ROW / 2 - 3.5, width, 7), 1.5, 1.5)
        self._write_right(painter, top, written(row.ms, places), "text")

    def _write(
        self, painter: QPainter, x: float, top: float, words: str, size: int, weight, token: str
    ) -> None:
        painter.setFont(fonts.font(size, weight))
        painter.setPen(theme().color(token))
        box = QRectF(x, top, 80, ROW)
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)

    def _write_right(self, painter: QPainter, top: float, words: str, token: str) -> None:
        font = fonts.font(11, fonts.SEMIBOLD)
        painter.setFont(font)
        painter.setPen(theme().color(token))
        width = QFontMetricsF(font).horizontalAdvance(words)
        box = QRectF(self.width() - width - 1, top, width + 2, ROW)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, words)


class KernelLegend(QWidget):
    """What width, height and tone mean."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(18)
        self._text = self.tr("Width: channels. Height: expand. Tone: kernel 3, 5, 7")
        self.setAccessibleName(self._text)
        theme().changed.connect(self.update)

    def paintEvent(self, event) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(fonts.font(10))
        painter.setPen(theme().color("muted"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, self._text)
        painter.setPen(Qt.PenStyle.NoPen)
        for number, kernel in enumerate(KERNELS):
            painter.setBrush(kernel_tone(kernel))
            x = self.width() - 12 * (len(KERNELS) - number)
            painter.drawRoundedRect(QRectF(x, 4, 10, 10), 2, 2)
