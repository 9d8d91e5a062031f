"""The evaluated networks of the Pareto plot, as one picture.

100,000 translucent dots drawn one by one would take the time of several frames. Here they are counted into pixels,
spread over the shape of a dot and composed as translucent layers are (1 - (1 - a)^n), which takes the same few
milliseconds whatever they hide. The picture is kept until view, networks or colours change, and what changes while a
limit is dragged is redrawn at most 30 times a second.
"""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtSvg import QSvgGenerator

from nasstudio.ui.plots.pareto_layer import Layer
from nasstudio.ui.theme import theme

RADIUS = 2.0
OPACITY, OPACITY_OVER = 0.4, 0.2
CROWD = 3000  # with more dots than these each is fainter
DENSEST = 0.72  # opacity of a crowd's dots without number on each other
MOST_STAMPS = 900_000  # dots times pixels of a dot that one picture may take
_MOST_VECTORS = 4000
_FRAME_MS = 33

Values = NDArray[np.float64]


class Cloud(Layer):
    """Dots of 2 px radius, 40 % opaque, 20 % where a limit is exceeded."""

    def __init__(self, plot: pg.PlotItem, z: float) -> None:
        self._image: QImage | None = None
        self._pixels: NDArray[np.uint32] | None = None
        self._x = self._y = np.zeros(0)
        self._weight = np.zeros(0, dtype=np.float32)
        self._shown: NDArray[np.intp] = np.zeros(0, dtype=np.intp)
        super().__init__(plot, z)
        self._timer = QTimer(self, singleShot=True, interval=_FRAME_MS)
        self._timer.timeout.connect(self.changed)
        theme().changed.connect(self.changed)

    def set_networks(self, x: Values, y: Values) -> None:
        """Values of all networks. `(n,)` each. Which of them are drawn, should there be too many, is fixed here."""
        self._x, self._y = x, y
        self._weight = np.full(len(x), _weight(OPACITY), dtype=np.float32)
        # Without an order of its own, so that thinning takes away from everywhere alike.
        self._shown = np.random.default_rng(0).permutation(len(x))
        self.changed()

    def set_feasible(self, mask: NDArray[np.bool_], shown: NDArray[np.bool_] | None) -> None:
        """Which networks meet the limits, and which are shown at all; the picture follows within a frame or two."""
        weight = np.where(mask, np.float32(_weight(OPACITY)), np.float32(_weight(OPACITY_OVER)))
        if shown is not None:
            weight *= shown
        self._weight = weight
        if not self._timer.isActive():
            self._timer.start()

    def stop(self) -> None:
        """Draw no more."""
        self._timer.stop()

    def changed(self) -> None:
        self._image = None
        self.update()

    def draw(self, painter: QPainter) -> None:
        if not len(self._x) or self.area.isEmpty():
            return
        painter.save()
        painter.setClipRect(self.area)
        if isinstance(painter.device(), QSvgGenerator):
            self._draw_vectors(painter)
        else:
            ratio = painter.deviceTransform().m11() or 1.0
            if self._image is None or self._image.devicePixelRatio() != ratio:
                self._image = self._picture(ratio)
            painter.drawImage(QPointF(0, 0), self._image)
        painter.restore()

    def _picture(self, ratio: float) -> QImage:
        width = max(1, math.ceil(self.area.width() * ratio))
        height = max(1, math.ceil(self.area.height() * ratio))
        dy, dx, cover = _stamp(RADIUS * ratio)
        most = max(1000, MOST_STAMPS // len(dx))
        chosen = self._shown[:most]
        x = self.x_px(self._x[chosen]) * ratio
        y = self.y_px(self._y[chosen]) * ratio
        pad = int(dx.max()) + 1
        inside = (x > -pad) & (x < width + pad) & (y > -pad) & (y < height + pad)
        weight = self._weight[chosen]
        inside &= weight > 0
        column, row = x[inside].astype(np.intp) + pad, y[inside].astype(np.intp) + pad
        stride, rows = width + 2 * pad + 2, height + 2 * pad + 2
        # Dots in the same pixel are one with their weights' sum.
        flat = row * stride + column
        counted = np.bincount(flat, weights=weight[inside], minlength=stride * rows)
        cells = np.flatnonzero(counted) if len(flat) else flat
        heavy = counted[cells].astype(np.float32)
        depth = np.zeros(stride * rows, dtype=np.float32)
        for shift, share in zip((dy * stride + dx).tolist(), cover.tolist(), strict=True):
            at = cells + shift
            keep = (at >= 0) & (at < len(depth)) if shift else slice(None)
            depth[at[keep]] += heavy[keep] * np.float32(share)
        # A crowd stays a cloud and never a wall in front of which the front is lost.
        depth *= min(1.0, math.sqrt(CROWD / max(1, len(chosen))))
        inner = depth.reshape(rows, stride)[pad : pad + height, pad : pad + width]
        densest = 1.0 - (1.0 - DENSEST) * min(1.0, len(chosen) / CROWD)
        return self._colored(densest * (1.0 - np.exp(-inner)), ratio)

    def _colored(self, opacity: NDArray[np.floating], ratio: float) -> QImage:
        color = theme().color("point")
        table = _ramp(color)
        pixels = np.ascontiguousarray(table[(opacity * 255).astype(np.uint8)])
        height, width = pixels.shape
        image = QImage(
            pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied
        )
        self._pixels = pixels  # the image does not own them
        image.setDevicePixelRatio(ratio)
        return image

    def _draw_vectors(self, painter: QPainter) -> None:
        """For SVG: single dots, thinned to what a drawing program can open."""
        chosen = self._shown[:_MOST_VECTORS]
        x, y = self.x_px(self._x[chosen]), self.y_px(self._y[chosen])
        over = self._weight[chosen] < _weight(OPACITY) - 1e-6
        painter.setPen(Qt.PenStyle.NoPen)
        area = self.area
        for a, b, faint, weight in zip(
            x.tolist(), y.tolist(), over.tolist(), self._weight[chosen].tolist(), strict=True
        ):
            if weight > 0 and area.contains(a, b):
                painter.setBrush(theme().color("point", OPACITY_OVER if faint else OPACITY))
                painter.drawEllipse(QRectF(a - RADIUS, b - RADIUS, 2 * RADIUS, 2 * RADIUS))


def _weight(opacity: float) -> float:
    """Optical depth: that of layers on each other adds up."""
    return -math.log(1.0 - opacity)


def _stamp(radius: float) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Pixels of a dot and how much of each it covers."""
    reach = math.ceil(radius)
    grid = np.arange(-reach, reach + 1)
    dy, dx = (a.ravel() for a in np.meshgrid(grid, grid, indexing="ij"))
    cover = np.clip(radius + 0.5 - np.hypot(dy, dx), 0.0, 1.0)
    on = cover > 0.05
    return dy[on], dx[on], cover[on]


def _ramp(color: QColor) -> NDArray[np.uint32]:
    """The colour at every opacity, premultiplied. `(256,)`."""
    alpha = np.arange(256, dtype=np.uint32)
    parts = [alpha * part // 255 for part in (color.red(), color.green(), color.blue())]
    packed = (alpha << 24) | (parts[0] << 16) | (parts[1] << 8) | parts[2]
    return packed.astype(np.uint32)
