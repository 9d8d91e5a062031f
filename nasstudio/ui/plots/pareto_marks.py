"""What stands out in the Pareto plot: the star with its callout, pins, verified pairs, references, the selection.

Every mark has a shape of its own and, but for the ring of the selection, a label: colour alone tells nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

from nasstudio.ui import fonts
from nasstudio.ui.plots.pareto_layer import Layer, diamond, star_path
from nasstudio.ui.theme import theme


@dataclass(frozen=True)
class Pin:
    """A pinned network: its number, its place as predicted."""

    number: int
    x: float
    y: float
    genome: tuple[int, ...]


@dataclass(frozen=True)
class VerifiedPair:
    """A verified network: predicted and measured place, and the ends of the measured intervals."""

    predicted: tuple[float, float]
    measured: tuple[float, float]
    x_ends: tuple[float, float]
    y_ends: tuple[float, float]
    genome: tuple[int, ...]


@dataclass(frozen=True)
class Reference:
    """A network of the user's own. A coordinate that is not known is nan: it stands at the edge and says so."""

    title: str
    x: float
    y: float
    note: str = ""


@dataclass(frozen=True)
class Marks:
    """Everything that `MarksLayer` draws."""

    pins: tuple[Pin, ...] = ()
    verified: tuple[VerifiedPair, ...] = ()
    references: tuple[Reference, ...] = ()


class MarksLayer(Layer):
    """Pins, verified pairs, references and the ring around the selection."""

    def __init__(self, plot: pg.PlotItem, z: float) -> None:
        self.marks = Marks()
        self._ring: tuple[float, float] | None = None
        self.verified_text = "verified"
        super().__init__(plot, z)

    def set_marks(self, marks: Marks) -> None:
        """Draw these."""
        self.marks = marks
        self.update()

    def set_ring(self, place: tuple[float, float] | None) -> None:
        """Ring around the selected network, or none."""
        self._ring = place
        self.update()

    def genome_at(self, place: QPointF, reach: float = 10.0) -> tuple[int, ...] | None:
        """The pinned or verified network at a place in pixels."""
        found: list[tuple[float, tuple[int, ...]]] = []
        for pin in self.marks.pins:
            found.append((self._far(place, pin.x, pin.y), pin.genome))
            found.append((_length(place - self._tag(pin)), pin.genome))
        for pair in self.marks.verified:
            for end in (pair.predicted, pair.measured):
                found.append((self._far(place, *end), pair.genome))
        found.sort(key=lambda item: item[0])
        return found[0][1] if found and found[0][0] <= reach else None

    def reference_at(self, place: QPointF, reach: float = 10.0) -> Reference | None:
        """The reference at a place in pixels."""
        for reference in self.marks.references:
            if _length(place - self._reference_place(reference)) <= reach:
                return reference
        return None

    def _far(self, place: QPointF, x: float, y: float) -> float:
        return _length(place - self.point(x, y))

    def _tag(self, pin: Pin) -> QPointF:
        return self.point(pin.x, pin.y) + QPointF(-10, -23)

    def _reference_place(self, reference: Reference) -> QPointF:
        area = self.area
        x = float(self.x_px(reference.x)) if np.isfinite(reference.x) else 10.0
        y = float(self.y_px(reference.y)) if np.isfinite(reference.y) else area.height() - 12.0
        # One that lies outside stands at the edge: a reference is never out of sight.
        x = min(max(x, 9.0), max(area.width() - 9.0, 9.0))
        y = min(max(y, 9.0), max(area.height() - 9.0, 9.0))
        return QPointF(x, y)

    def draw(self, painter: QPainter) -> None:
        painter.save()
        painter.setClipRect(self.area.adjusted(0, -ABOVE_AREA, 0, 0))
        for number, pair in enumerate(self.marks.verified):
            self._draw_verified(painter, pair, labelled=number == 0)
        for reference in self.marks.references:
            self._draw_reference(painter, reference)
        for pin in self.marks.pins:
            self._draw_pin(painter, pin)
        if self._ring is not None:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme().color("accent"), 2))
            painter.drawEllipse(self.point(*self._ring), 8, 8)
        painter.restore()

    def _draw_pin(self, painter: QPainter, pin: Pin) -> None:
        colors = theme()
        place, tag = self.point(pin.x, pin.y), self._tag(pin)
        if not self.area.adjusted(-2, -2, 2, 2).contains(place):
            return
        painter.setPen(QPen(colors.color("pin"), 1.2))
        painter.drawLine(place, tag)
        painter.setPen(QPen(colors.color("pin"), 2))
        painter.setBrush(colors.color("surface"))
        painter.drawEllipse(place, 5, 5)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colors.color("pin"))
        painter.drawEllipse(tag, 9, 9)
        painter.setFont(fonts.font(11, fonts.SEMIBOLD))
        painter.setPen(colors.color("on_pin"))
        painter.drawText(
            QRectF(tag.x() - 12, tag.y() - 9, 24, 18), Qt.AlignmentFlag.AlignCenter, str(pin.number)
        )

    def _draw_verified(self, painter: QPainter, pair: VerifiedPair, *, labelled: bool) -> None:
        colors = theme()
        start, end = self.point(*pair.predicted), self.point(*pair.measured)
        painter.setPen(QPen(colors.color("pin"), 1.2))
        painter.drawLine(start, end)
        low, high = (float(self.x_px(v)) for v in pair.x_ends)
        painter.drawLine(QPointF(low, end.y()), QPointF(high, end.y()))
        bottom, top = (float(self.y_px(v)) for v in pair.y_ends)
        painter.drawLine(QPointF(end.x(), bottom), QPointF(end.x(), top))
        for x in (low, high):
            if high - low > 9:
                painter.drawLine(QPointF(x, end.y() - 3), QPointF(x, end.y() + 3))
        painter.setPen(QPen(colors.color("pin"), 1.6))
        painter.setBrush(colors.color("surface"))
        painter.drawEllipse(start, 4, 4)
        painter.setPen(QPen(colors.color("surface"), 1))
        painter.setBrush(colors.color("pin"))
        painter.drawRect(QRectF(end.x() - 4.5, end.y() - 4.5, 9, 9))
        if labelled:
            base = end + QPointF(9, 15)
            painter.setFont(fonts.font(11, fonts.SEMIBOLD))
            box = QFontMetricsF(painter.font()).boundingRect(self.verified_text).translated(base)
            painter.fillRect(box.adjusted(-2, -1, 2, 1), colors.color("surface", 0.75))
            painter.setPen(colors.color("good"))
            painter.drawText(base, self.verified_text)

    def _draw_reference(self, painter: QPainter, reference: Reference) -> None:
        colors = theme()
        place = self._reference_place(reference)
        color = colors.color("reference")
        painter.setPen(QPen(colors.color("surface"), 1))
        painter.setBrush(color)
        painter.drawPolygon(diamond(place, 6.5))
        lines = [reference.title, *([reference.note] if reference.note else [])]
        metrics = QFontMetricsF(fonts.font(11, fonts.SEMIBOLD))
        width = max(metrics.horizontalAdvance(line) for line in lines)
        right = place.x() + 12 + width < self.area.width()
        left = place.x() + 12 if right else place.x() - 12 - width
        top = place.y() + 4 - (14 if len(lines) > 1 and place.y() > self.area.height() - 24 else 0)
        ground = colors.color("surface", 0.82)
        for number, line in enumerate(lines):
            font = fonts.font(11, fonts.SEMIBOLD if not number else fonts.REGULAR)
            painter.setFont(font)
            base = QPointF(left, top + 14 * number)
            box = QFontMetricsF(font).boundingRect(line).translated(base)
            painter.fillRect(box.adjusted(-2, -1, 2, 1), ground)
            painter.setPen(color)
            painter.drawText(base, line)


ABOVE_AREA = 20.0


def _length(vector: QPointF) -> float:
    return float(np.hypot(vector.x(), vector.y()))


class Star(Layer):
    """The best network that meets the limits: a star, and a callout in the emptiest corner."""

    def __init__(self, plot: pg.PlotItem, z: float) -> None:
        self.place: tuple[float, float] | None = None
        self._title = self._name = ""
        self._rows: tuple[tuple[str, str], ...] = ()
        self._crowd = (np.zeros(0), np.zeros(0))
        self._marks = (np.zeros(0), np.zeros(0))
        self._corner = 0
        self._box: QRectF | None = None
        super().__init__(plot, z)

    def set_star(
        self,
        place: tuple[float, float] | None,
        title: str = "",
        name: str = "",
        rows: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Where the star is, and what the callout says: a title, the network's name, rows of word and number."""
        self.place, self._title, self._name, self._rows = place, title, name, tuple(rows)
        self.changed()

    def set_crowd(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        """Some of the networks: the callout keeps away from them."""
        self._crowd = (x, y)
        self.changed()

    def set_obstacles(self, marks: Marks) -> None:
        """Marks that the callout must not hide."""
        places = [(pin.x, pin.y) for pin in marks.pins]
        places += [end for pair in marks.verified for end in (pair.predicted, pair.measured)]
        places += [(reference.x, reference.y) for reference in marks.references]
        found = np.array(places, dtype=float).reshape(-1, 2)
        self._marks = (found[:, 0], found[:, 1])
        self.changed()

    def changed(self) -> None:
        self._box = None
        self.update()

    def callout(self) -> QRectF:
        """The callout's rectangle, px; empty without a star."""
        if self._box is None:
            self._box = self._placed()
        return self._box

    def _placed(self) -> QRectF:
        if self.place is None or not self._rows:
            return QRectF()
        head = QFontMetricsF(fonts.font(12, fonts.SEMIBOLD))
        small = QFontMetricsF(fonts.font(11))
        words = QFontMetricsF(fonts.font(12))
        width = head.horizontalAdvance(self._title) + small.horizontalAdvance(self._name) + 40
        for word, number in self._rows:
            width = max(width, words.horizontalAdvance(word) + head.horizontalAdvance(number) + 24)
        size = (width + 24, 34 + 19 * len(self._rows))
        corners = self._corners(*size)
        costs = [self._cost(box) for box in corners]
        best = int(np.argmin(costs))
        # A corner is left only for one that is clearly better: the callout must not flicker.
        if self._corner >= len(corners) or costs[best] < 0.7 * costs[self._corner] - 3:
            self._corner = best
        return corners[self._corner]

    def _corners(self, width: float, height: float) -> list[QRectF]:
        area = self.area.adjusted(10, 8, -10, -10)
        left, right = area.left(), area.right() - width
        top, bottom = area.top(), area.bottom() - height
        return [QRectF(x, y, width, height) for y in (top, bottom) for x in (left, right)]

    def _cost(self, box: QRectF) -> float:
        """How much a callout would hide there."""
        crowd = max(1, len(self._crowd[0]))
        hidden = 1000.0 * self._inside(box, *self._crowd) / crowd
        hidden += 60.0 * self._inside(box.adjusted(-8, -8, 8, 8), *self._marks)
        assert self.place is not None
        star = self.point(*self.place)
        if box.adjusted(-14, -14, 14, 14).contains(star):
            hidden += 10_000
        between = abs(box.center().x() - star.x()) / max(1.0, self.area.width())
        return hidden + 10 * between

    def _inside(self, box: QRectF, x: NDArray[np.float64], y: NDArray[np.float64]) -> int:
        """How many points lie in a box; those outside the axes stand at their edge."""
        width, height = self.area.width(), self.area.height()
        a = np.clip(np.where(np.isnan(x), 10.0, self.x_px(x)), 9.0, max(9.0, width - 9))
        b = np.clip(np.where(np.isnan(y), height - 12, self.y_px(y)), 9.0, max(9.0, height - 9))
        inside = (a > box.left()) & (a < box.right()) & (b > box.top()) & (b < box.bottom())
        return int(np.count_nonzero(inside))

    def draw(self, painter: QPainter) -> None:
        if self.place is None:
            return
        star = self.point(*self.place)
        inside = self.area.adjusted(-1, -1, 1, 1).contains(star)
        box = self.callout()
        if not box.isEmpty() and inside:
            self._draw_elbow(painter, star, box)
        if not box.isEmpty():
            self._draw_callout(painter, box)
        if inside:
            colors = theme()
            painter.setPen(QPen(colors.color("star_outline"), 1.4))
            painter.setBrush(colors.color("star"))
            painter.drawPath(star_path(star, 11))

    def _draw_elbow(self, painter: QPainter, star: QPointF, box: QRectF) -> None:
        painter.setPen(QPen(theme().color("star"), 1.4))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        middle = box.center()
        if box.left() - 10 < star.x() < box.right() + 10:
            edge = box.bottom() if star.y() > box.bottom() else box.top()
            x = min(max(star.x(), box.left() + 8), box.right() - 8)
            painter.drawPolyline([QPointF(x, edge), QPointF(x, star.y()), star])
            return
        edge = box.right() if star.x() > middle.x() else box.left()
        height = min(max(middle.y(), 0.0), self.area.height())
        painter.drawPolyline([QPointF(edge, height), QPointF(star.x(), height), star])

    def _draw_callout(self, painter: QPainter, box: QRectF) -> None:
        colors = theme()
        painter.setPen(Qt.PenStyle.NoPen)
        for grow in (5, 3, 1):
            shadow = colors.color("shadow")
            shadow.setAlphaF(0.10 if colors.is_dark else 0.035)
            painter.setBrush(shadow)
            painter.drawRoundedRect(
                box.adjusted(-grow, 2 - grow, grow, 2 + grow), 8 + grow, 8 + grow
            )
        painter.setPen(QPen(colors.color("control_border"), 1))
        painter.setBrush(colors.color("raised"))
        painter.drawRoundedRect(box, 8, 8)
        y = box.top() + 19
        painter.setPen(QPen(colors.color("star_outline"), 0.6))
        painter.setBrush(colors.color("star"))
        painter.drawPath(star_path(QPointF(box.left() + 18, y - 4), 7))
        head, words, small = fonts.font(12, fonts.SEMIBOLD), fonts.font(12), fonts.font(11)
        right = box.right() - 12
        _text(painter, QPointF(box.left() + 30, y), self._title, head, "text")
        _text_right(painter, QPointF(right, y), self._name, small, "muted")
        for word, number in self._rows:
            y += 19
            _text(painter, QPointF(box.left() + 12, y), word, words, "muted")
            _text_right(painter, QPointF(right, y), number, head, "text")


def _text(painter: QPainter, base: QPointF, text: str, font, token: str) -> None:
    painter.setFont(font)
    painter.setPen(theme().color(token))
    painter.drawText(base, text)


def _text_right(painter: QPainter, base: QPointF, text: str, font, token: str) -> None:
    width = QFontMetricsF(font).horizontalAdvance(text)
    _text(painter, base - QPointF(width, 0), text, font, token)
