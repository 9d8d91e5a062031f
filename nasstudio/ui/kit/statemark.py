"""State marks: empty, running, done, stale, failed; told apart by shape, then by colour."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QHideEvent, QPainter, QPaintEvent, QPen, QPolygonF, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from nasstudio.ui.kit import metrics
from nasstudio.ui.theme import theme

STATES = ("empty", "running", "done", "stale", "failed", "paused", "queued")

_TURN_MS = 50
_TURN_DEGREES = 18


def state_text(state: str) -> str:
    """The state in words."""
    words = {
        "empty": QCoreApplication.translate("StateMark", "nothing here yet"),
        "running": QCoreApplication.translate("StateMark", "running"),
        "done": QCoreApplication.translate("StateMark", "done"),
        "stale": QCoreApplication.translate(
            "StateMark", "made from something that has changed since"
        ),
        "failed": QCoreApplication.translate("StateMark", "failed"),
        "paused": QCoreApplication.translate("StateMark", "paused"),
        "queued": QCoreApplication.translate("StateMark", "waiting"),
    }
    return words[state]


def paint_state(painter: QPainter, rect: QRectF, state: str, angle: float = 0.0) -> None:
    """Paint the mark of `state` into a square `rect`; `angle` in degrees turns the ring of "running"."""
    colors = theme()
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    unit = rect.width() / 12.0
    painter.translate(rect.topLeft())
    painter.scale(unit, unit)
    if state == "running":
        _ring(painter, angle)
    elif state == "done":
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colors.color("pin"))
        painter.drawEllipse(QRectF(0.5, 0.5, 11, 11))
        ink = QColor("#0C1220") if colors.is_dark else QColor("#FFFFFF")
        painter.setPen(_pen(ink, 1.6))
        painter.drawPolyline(QPolygonF([QPointF(3.5, 6.2), QPointF(5.3, 8.0), QPointF(8.6, 4.3)]))
    elif state == "stale":
        painter.setPen(_pen(colors.color("star"), 1.2))
        painter.setBrush(colors.color("star"))
        painter.drawPolygon(QPolygonF([QPointF(6, 1), QPointF(11.2, 10.6), QPointF(0.8, 10.6)]))
        painter.setPen(_pen(QColor("#1A1408"), 1.5))
        painter.drawLine(QPointF(6, 4.4), QPointF(6, 6.8))
        painter.drawPoint(QPointF(6, 9.0))
    elif state == "failed":
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colors.color("limit"))
        painter.drawRoundedRect(QRectF(0.5, 0.5, 11, 11), 2.5, 2.5)
        ink = QColor("#160B04") if colors.is_dark else QColor("#FFFFFF")
        painter.setPen(_pen(ink, 1.6))
        painter.drawLine(QPointF(4, 4), QPointF(8, 8))
        painter.drawLine(QPointF(8, 4), QPointF(4, 8))
    elif state == "paused":
        painter.setPen(_pen(colors.color("accent"), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(QRectF(1, 1, 10, 10))
        painter.drawLine(QPointF(4.7, 4.4), QPointF(4.7, 7.6))
        painter.drawLine(QPointF(7.3, 4.4), QPointF(7.3, 7.6))
    else:
        pen = _pen(colors.color("faint"), 1.5)
        if state == "queued":
            pen.setDashPattern([1.2, 1.8])
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(QRectF(1.25, 1.25, 9.5, 9.5))
    painter.restore()


def _pen(color: QColor, width: float) -> QPen:
    return QPen(
        color, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin
    )


def _ring(painter: QPainter, angle: float) -> None:
    box = QRectF(1.6, 1.6, 8.8, 8.8)
    flat = Qt.PenCapStyle.FlatCap
    accent = theme().color("accent")
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme().color("accent", 0.35), 2.2, Qt.PenStyle.SolidLine, flat))
    painter.drawEllipse(box)
    painter.setPen(QPen(accent, 2.2, Qt.PenStyle.SolidLine, flat))
    painter.drawArc(box, int((90 - angle) * 16), -250 * 16)


class StateMark(QWidget):
    """The mark of a state, 12 px; the ring of "running" turns unless motion is reduced."""

    def __init__(
        self, state: str = "empty", size: int = metrics.STATE_MARK, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._angle = 0.0
        self._state = ""
        self.setFixedSize(size, size)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._timer = QTimer(self)
        self._timer.setInterval(_TURN_MS)
        self._timer.timeout.connect(self._turn)
        theme().changed.connect(self._run_timer)
        self.set_state(state)

    @property
    def state(self) -> str:
        return self._state

    def set_state(self, state: str) -> None:
        """Show another of `STATES`."""
        if state not in STATES:
            raise ValueError(f"no such state: {state}")
        if state == self._state:
            return
        self._state = state
        self.setToolTip(state_text(state))
        self.setAccessibleName(state_text(state))
        self._run_timer()
        self.update()

    def is_turning(self) -> bool:
        """True while the ring moves."""
        return self._timer.isActive()

    def _run_timer(self) -> None:
        moves = self._state == "running" and self.isVisible() and not theme().reduced_motion
        if moves and not self._timer.isActive():
            self._timer.start()
        elif not moves:
            self._timer.stop()
        self.update()

    def _turn(self) -> None:
        self._angle = (self._angle + _TURN_DEGREES) % 360
        self.update()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._run_timer()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_state(painter, QRectF(self.rect()), self._state, self._angle)
