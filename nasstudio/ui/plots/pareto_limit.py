"""A limit in the Pareto plot: the line that one drags, and the shade over what exceeds it."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QCoreApplication, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem

from nasstudio.ui import fonts
from nasstudio.ui.plots.pareto_layer import Layer
from nasstudio.ui.theme import theme

GRAB = 16.0  # width of the area in which the line can be taken, px
GRIP = (16.0, 32.0)
_PILL_HEIGHT = 22.0
_HATCH = 7.0


class LimitShade(Layer):
    """Tint and hatch over the side that exceeds the limits, with the words "over the limit"."""

    def __init__(self, plot: pg.PlotItem, z: float) -> None:
        self._x: float | None = None
        self._y: float | None = None
        super().__init__(plot, z)

    def set_limits(self, x: float | None, y: float | None) -> None:
        """Limits on the axes; None where there is none."""
        self._x, self._y = x, y
        self.update()

    def _parts(self) -> list[tuple[QRectF, bool]]:
        """What is shaded; whether it is over the limit on x."""
        area = self.area
        parts: list[tuple[QRectF, bool]] = []
        left = area.right()
        if self._x is not None:
            left = min(max(float(self.x_px(self._x)), 0.0), area.right())
            parts.append((QRectF(left, 0, area.right() - left, area.height()), True))
        if self._y is not None:
            bottom = min(max(float(self.y_px(self._y)), 0.0), area.bottom())
            parts.append((QRectF(0, 0, left, bottom), False))
        return [part for part in parts if part[0].width() > 0.5 and part[0].height() > 0.5]

    def draw(self, painter: QPainter) -> None:
        colors = theme()
        for part, upright in self._parts():
            painter.save()
            painter.setClipRect(part)
            painter.fillRect(part, colors.color("limit", 0.07 if colors.is_dark else 0.06))
            painter.setPen(QPen(colors.color("limit", 0.16 if colors.is_dark else 0.18), 0.8))
            start = part.left() - part.height()
            offset = start - start % _HATCH
            while offset < part.right():
                painter.drawLine(
                    QPointF(offset, part.bottom()),
                    QPointF(offset + part.height(), part.bottom() - part.height()),
                )
                offset += _HATCH
            painter.restore()
            self._say(painter, part, upright=upright)

    def _say(self, painter: QPainter, part: QRectF, *, upright: bool) -> None:
        text = QCoreApplication.translate("LimitShade", "over the limit")
        font = fonts.font(11, fonts.SEMIBOLD)
        size = QFontMetricsF(font).boundingRect(text).size()
        if part.width() < size.width() + 24 or part.height() < size.height() + 16:
            return
        painter.setFont(font)
        painter.setPen(theme().color("limit_text"))
        y = part.bottom() - 12 if upright else part.top() + 18
        # Beside an upright line names of references stand, so the words keep to the far side.
        x = part.right() - size.width() - 12 if upright else part.left() + 12
        painter.drawText(QPointF(x, y), text)


class LimitLine(Layer):
    """The line itself: 2 px, a pill with the value on top, a grip in its middle.

    It is dragged with the mouse, or with the arrow keys when it has the focus (Shift: five times as far, Page keys: ten
    times). `began` when a change begins, `moved(value)` with each step, `ended` when it is let go.
    """

    began = Signal()
    moved = Signal(float)
    ended = Signal()

    def __init__(self, plot: pg.PlotItem, z: float, *, upright: bool) -> None:
        self.upright = upright
        self.value: float | None = None
        self._text = ""
        self._step = 0.1
        self._offset: float | None = None
        super().__init__(plot, z)
        self.setAcceptedMouseButtons(Qt.MouseButton.LeftButton)
        self.setAcceptHoverEvents(True)
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIsFocusable)
        self.setCursor(Qt.CursorShape.SplitHCursor if upright else Qt.CursorShape.SplitVCursor)
        self.setVisible(False)

    @property
    def dragging(self) -> bool:
        return self._offset is not None

    def set_limit(self, value: float | None, text: str = "", step: float = 0.1) -> None:
        """Where the line stands (value of its axis), what its pill says, how far an arrow key goes."""
        self.prepareGeometryChange()
        self.value, self._text, self._step = value, text, step
        self.setVisible(value is not None)
        self.update()

    # -- geometry -----------------------------------------------------------------------------------------------

    def place(self) -> float:
        """Where the line is, px from the left or the top, kept inside the axes so that it can be taken back."""
        area = self.area
        if self.value is None:
            return 0.0
        if self.upright:
            return min(max(float(self.x_px(self.value)), 0.0), area.width())
        return min(max(float(self.y_px(self.value)), 0.0), area.height())

    def grip(self) -> QRectF:
        """The grip's rectangle, px."""
        area, at = self.area, self.place()
        if self.upright:
            return QRectF(at - GRIP[0] / 2, 0.66 * area.height() - GRIP[1] / 2, *GRIP)
        return QRectF(0.4 * area.width() - GRIP[1] / 2, at - GRIP[0] / 2, GRIP[1], GRIP[0])

    def pill(self) -> QRectF:
        """The rectangle of the label, px."""
        area, at = self.area, self.place()
        width = QFontMetricsF(fonts.font(12, fonts.SEMIBOLD)).horizontalAdvance(self._text) + 18
        if self.upright:
            left = min(max(at - width / 2, -6.0), max(area.width() - width + 6, 0.0))
            return QRectF(left, -_PILL_HEIGHT - 6, width, _PILL_HEIGHT)
        return QRectF(area.width() - width - 6, at - _PILL_HEIGHT / 2, width, _PILL_HEIGHT)

    def _line(self) -> tuple[QPointF, QPointF]:
        at, area = self.place(), self.area
        if self.upright:
            return QPointF(at, -6), QPointF(at, area.height())
        return QPointF(0, at), QPointF(area.width(), at)

    def shape(self) -> QPainterPath:
        path = QPainterPath()
        if self.value is None:
            return path
        start, end = self._line()
        path.addRect(
            QRectF(start, end).normalized().adjusted(-GRAB / 2, -GRAB / 2, GRAB / 2, GRAB / 2)
        )
        path.addRect(self.pill())
        path.setFillRule(Qt.FillRule.WindingFill)
        return path

    # -- hand and keys ------------------------------------------------------------------------------------------

    def mousePressEvent(self, event) -> None:
        if self.value is None or event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        at = event.pos().x() if self.upright else event.pos().y()
        self._offset = at - self.place()
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.began.emit()
        self.update()
        event.accept()

    def mouseMoveEvent(self, event) -> None:
        if self._offset is None:
            return
        x, y = self.value_at(event.pos() - QPointF(self._offset, self._offset))
        self.moved.emit(x if self.upright else y)

    def mouseReleaseEvent(self, event) -> None:
        if self._offset is not None:
            self._offset = None
            self.update()
            self.ended.emit()

    def keyPressEvent(self, event) -> None:
        back, forth = (
            (Qt.Key.Key_Left, Qt.Key.Key_Right)
            if self.upright
            else (Qt.Key.Key_Down, Qt.Key.Key_Up)
        )
        steps = {back: -1, forth: 1, Qt.Key.Key_PageDown: -10, Qt.Key.Key_PageUp: 10}
        if self.value is None or event.key() not in steps:
            super().keyPressEvent(event)
            return
        times = 5 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        self.moved.emit(self.value + steps[event.key()] * times * self._step)
        self.ended.emit()
        event.accept()

    def focusInEvent(self, event) -> None:
        self.began.emit()
        self.update()

    def focusOutEvent(self, event) -> None:
        self.update()

    # -- painting -----------------------------------------------------------------------------------------------

    def draw(self, painter: QPainter) -> None:
        if self.value is None:
            return
        colors = theme()
        limit = colors.color("limit")
        painter.setPen(QPen(limit, 2))
        painter.drawLine(*self._line())
        pill = self.pill()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colors.color("limit_pill"))
        painter.drawRoundedRect(pill, 4, 4)
        painter.setFont(fonts.font(12, fonts.SEMIBOLD))
        painter.setPen(colors.color("on_limit_pill"))
        painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, self._text)
        self._draw_grip(painter)

    def _draw_grip(self, painter: QPainter) -> None:
        colors = theme()
        limit, grip = colors.color("limit"), self.grip()
        if self.hasFocus():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colors.color("limit", 0.35))
            painter.drawRoundedRect(grip.adjusted(-4, -4, 4, 4), 12, 12)
        painter.setPen(QPen(limit, 2))
        painter.setBrush(colors.color("limit_pill" if self.dragging else "raised"))
        painter.drawRoundedRect(grip.adjusted(1, 1, -1, -1), 7, 7)
        pen = QPen(colors.color("on_limit_pill") if self.dragging else limit, 1.4)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        centre = grip.center()
        painter.save()
        painter.translate(centre)
        if not self.upright:
            painter.rotate(90)
        painter.setPen(pen)
        for dy in (-4.0, 0.0, 4.0):
            painter.drawLine(QPointF(-3, dy), QPointF(3, dy))
        pen.setColor(limit)
        pen.setWidthF(1.6)
        painter.setPen(pen)
        for side in (-1, 1):
            painter.drawPolyline(
                [QPointF(13 * side, -4), QPointF(17 * side, 0), QPointF(13 * side, 4)]
            )
        painter.restore()
