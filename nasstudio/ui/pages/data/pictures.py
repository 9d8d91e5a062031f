"""Widgets that paint a set: rows of a class with its share and sample images, the splits, one image in variants."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter, QPainterPath
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.kit.number import written
from nasstudio.ui.pages.data.preview import Pixels, Samples, SetFacts
from nasstudio.ui.theme import theme

_TILE, _GAP, _NAME, _BAR = 40, 6, 120, 150


def as_image(pixels: Pixels) -> QImage:
    """An image of (size, size, channels) bytes, grey or colour."""
    height, width, channels = pixels.shape
    if channels == 1:
        flat = np.ascontiguousarray(pixels[..., 0])
        return QImage(flat.data, width, height, width, QImage.Format.Format_Grayscale8).copy()
    rgb = np.ascontiguousarray(pixels[..., :3])
    return QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


class ClassRows(QWidget):
    """A row for each class: its name, how many images it has as a bar, and a few of them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._facts: SetFacts | None = None
        self._split = "train"
        self._images: dict[int, list[QImage]] = {}
        self.setAccessibleName(self.tr("Classes with sample images"))
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.update)

    def show_samples(self, facts: SetFacts, found: Samples) -> None:
        """Show the classes of a split."""
        self._facts, self._split = facts, found.split
        self._images = {}
        for pixels, label in zip(found.images, found.labels, strict=True):
            self._images.setdefault(int(label), []).append(as_image(pixels))
        counts = facts.counts[found.split]
        self.setAccessibleDescription(
            ", ".join(
                f"{name}: {written(int(n))}" for name, n in zip(facts.classes, counts, strict=True)
            )
        )
        self.setFixedHeight(len(facts.classes) * (_TILE + _GAP) + _GAP)
        self.update()

    def image_count(self) -> int:
        """How many sample images are shown."""
        return sum(len(images) for images in self._images.values())

    def sizeHint(self) -> QSize:
        return QSize(640, self.height())

    def mouseMoveEvent(self, event) -> None:
        at = int((event.position().y() - _GAP) // (_TILE + _GAP))
        if self._facts is not None and 0 <= at < len(self._facts.classes):
            count = int(self._facts.counts[self._split][at])
            text = self.tr("{0}: {1} images").format(self._facts.classes[at], written(count))
            QToolTip.showText(event.globalPosition().toPoint(), text, self)

    def paintEvent(self, event) -> None:
        if self._facts is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        most = max(1, int(self._facts.counts[self._split].max()))
        clip: QRect = event.rect()
        for at, name in enumerate(self._facts.classes):
            top = _GAP + at * (_TILE + _GAP)
            if top + _TILE >= clip.top() and top <= clip.bottom():
                self._paint_row(painter, at, name, top, most)

    def _paint_row(self, painter: QPainter, at: int, name: str, top: int, most: int) -> None:
        assert self._facts is not None
        colors = theme()
        middle = Qt.AlignmentFlag.AlignVCenter
        strong = fonts.font(13, fonts.SEMIBOLD)
        painter.setFont(strong)
        painter.setPen(colors.color("text"))
        shown = QFontMetricsF(strong).elidedText(name, Qt.TextElideMode.ElideRight, _NAME - 8)
        painter.drawText(QRect(0, top, _NAME, _TILE), middle, shown)
        count = int(self._facts.counts[self._split][at])
        track = QRectF(_NAME, top + _TILE / 2 - 4, _BAR - 62, 8)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colors.color("track"))
        painter.drawRoundedRect(track, 4, 4)
        painter.setBrush(colors.color("front"))
        painter.drawRoundedRect(
            QRectF(track.left(), track.top(), max(4.0, track.width() * count / most), 8), 4, 4
        )
        painter.setFont(fonts.font(12))
        painter.setPen(colors.color("text"))
        place = QRect(_NAME + _BAR - 60, top, 48, _TILE)
        painter.drawText(place, middle | Qt.AlignmentFlag.AlignRight, written(count))
        x = _NAME + _BAR + 8
        for image in self._images.get(at, ()):
            if x + _TILE > self.width():
                break
            paint_tile(painter, image, QRectF(x, top, _TILE, _TILE))
            x += _TILE + _GAP


def paint_tile(painter: QPainter, image: QImage, box: QRectF) -> None:
    """An image with rounded corners."""
    painter.save()
    path = QPainterPath()
    path.addRoundedRect(box, 4, 4)
    painter.setClipPath(path)
    painter.drawImage(box, image)
    painter.restore()
    painter.setPen(theme().color("border"))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)


class SplitBar(QWidget):
    """How the images are divided, to scale."""

    TOKENS = ("front", "pin", "star", "reference")

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: tuple[int, ...] = ()
        self.setFixedHeight(14)
        self.setAccessibleName(self.tr("Splits"))
        theme().changed.connect(self.update)

    def show_parts(self, parts: Sequence[int]) -> None:
        """Show how many images each part has."""
        self._parts = tuple(parts)
        self.setAccessibleDescription(", ".join(str(n) for n in parts))
        self.update()

    def paintEvent(self, event) -> None:
        total = sum(self._parts)
        if not total:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        x, room = 0.0, self.width() - 2.0 * (len(self._parts) - 1)
        for count, token in zip(self._parts, self.TOKENS, strict=False):
            width = max(3.0, room * count / total)
            painter.setBrush(theme().color(token))
            painter.drawRoundedRect(QRectF(x, 1, width, 12), 3, 3)
            x += width + 2


class Swatch(QWidget):
    """A small square in the colour of a part."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token
        self.setFixedSize(10, 10)
        theme().changed.connect(self.update)

    def paintEvent(self, event) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().color(self._token))
        painter.drawRoundedRect(self.rect(), 3, 3)


class Pictures(QWidget):
    """A few images side by side, each with a caption; pixels are shown as they are, not smoothed."""

    def __init__(self, name: str, side: int = 76) -> None:
        super().__init__()
        self._items: list[tuple[QImage, str]] = []
        self._side = side
        self.setAccessibleName(name)
        self.setFixedHeight(side + 20)
        theme().changed.connect(self.update)

    def show_pictures(self, items: Sequence[tuple[QImage, str]]) -> None:
        """Show images with their captions."""
        self._items = list(items)
        self.setAccessibleDescription(", ".join(caption for _, caption in items))
        self.update()

    def count(self) -> int:
        """How many there are."""
        return len(self._items)

    def paintEvent(self, event) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        count = max(1, len(self._items))
        side = min(self._side, (self.width() - 8.0 * (count - 1)) / count)
        x = 0.0
        for image, caption in self._items:
            paint_tile(painter, image, QRectF(x, 0, side, side))
            painter.setFont(fonts.font(11))
            painter.setPen(theme().color("muted"))
            painter.drawText(QPointF(x, side + 14), caption)
            x += side + 8


def at_resolution(pixels: Pixels, px: int) -> QImage:
    """The image scaled to `px` x `px`, antialiased as in training."""
    return as_image(pixels).scaled(
        px, px, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
