"""The timeline of a training: phases to scale, done, running and to come, and "now"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.kit.statemark import paint_state, state_text
from nasstudio.ui.theme import theme

_BOX, _GAP, _TOP = 44, 4, 6
_LEAST = 26.0


@dataclass(frozen=True)
class Span:
    """A phase on the timeline: `epochs` long, `state` as in `StateMark`; `note` is the second line."""

    name: str
    note: str
    epochs: int
    state: str


class Timeline(QWidget):
    """Phases side by side, as wide as they are long."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._spans: tuple[Span, ...] = ()
        self._now: float | None = None
        self.setFixedHeight(_TOP + _BOX + 28)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setAccessibleName(self.tr("Phases of the training"))
        theme().changed.connect(self.update)

    def show_phases(self, spans: Sequence[Span], now: float | None) -> None:
        """Show phases; `now` in epochs from the begin, None if nothing runs."""
        spans = tuple(spans)
        if (spans, now) == (self._spans, self._now):
            return
        self._spans, self._now = spans, now
        self.setAccessibleDescription(
            "; ".join(f"{s.name}, {self._epochs(s)}, {state_text(s.state)}" for s in spans)
        )
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(600, self.height())

    def _epochs(self, span: Span) -> str:
        return self.tr("1 epoch") if span.epochs == 1 else self.tr("{0} epochs").format(span.epochs)

    def boxes(self) -> list[QRectF]:
        """Where each phase stands; short ones get a least width."""
        count = len(self._spans)
        if not count:
            return []
        room = self.width() - _GAP * (count - 1)
        total = sum(span.epochs for span in self._spans) or 1
        widths = [room * span.epochs / total for span in self._spans]
        least = min(_LEAST, room / count)
        lacking = sum(max(0.0, least - width) for width in widths)
        spare = sum(max(0.0, width - least) for width in widths) or 1.0
        widths = [
            least if width < least else width - lacking * (width - least) / spare
            for width in widths
        ]
        found, x = [], 0.0
        for width in widths:
            found.append(QRectF(x, _TOP, width, _BOX))
            x += width + _GAP
        return found

    def now_x(self) -> float | None:
        """Where "now" stands."""
        if self._now is None:
            return None
        first = 0.0
        boxes = self.boxes()
        for span, box in zip(self._spans, boxes, strict=True):
            if self._now <= first + span.epochs:
                return box.left() + box.width() * (self._now - first) / max(1, span.epochs)
            first += span.epochs
        return boxes[-1].right() if boxes else None

    def mouseMoveEvent(self, event) -> None:
        for span, box in zip(self._spans, self.boxes(), strict=True):
            if box.contains(event.position()):
                text = f"{span.name}: {self._epochs(span)}\n{span.note}\n{state_text(span.state)}"
                QToolTip.showText(event.globalPosition().toPoint(), text, self)
                return
        QToolTip.hideText()

    # -- painting -----------------------------------------------------------------------------------------------

    def paintEvent(self, event) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        now = self.now_x()
        for span, box in zip(self._spans, self.boxes(), strict=True):
            self._paint_ground(painter, span, box, now)
            self._paint_text(painter, span, box)
        if now is not None:
            self._paint_now(painter, now)

    def _paint_ground(self, painter: QPainter, span: Span, box: QRectF, now: float | None) -> None:
        colors = theme()
        inner = box.adjusted(1, 1, -1, -1)
        path = QPainterPath()
        path.addRoundedRect(inner, 5, 5)
        painter.setPen(Qt.PenStyle.NoPen)
        if span.state == "done":
            painter.fillPath(path, colors.color("good_ground"))
        elif span.state in ("running", "paused"):
            painter.fillPath(path, colors.color("soft"))
            if now is not None:
                painter.save()
                painter.setClipPath(path)
                filled = QRectF(inner.left(), inner.top(), now - inner.left(), inner.height())
                painter.fillRect(filled, colors.color("accent", 0.28))
                painter.restore()
            painter.setPen(QPen(colors.color("accent"), 2))
            painter.drawPath(path)
        else:
            pen = QPen(colors.color("control_border"), 1)
            pen.setDashPattern([4, 3])
            painter.setPen(pen)
            painter.drawPath(path)

    def _paint_text(self, painter: QPainter, span: Span, box: QRectF) -> None:
        colors = theme()
        left = box.left() + 10
        name = QFontMetricsF(fonts.font(13, fonts.SEMIBOLD)).horizontalAdvance(span.name)
        if box.width() >= min(120.0, name + 42):
            paint_state(painter, QRectF(left, box.center().y() - 6, 12, 12), span.state)
            left += 20
        room = box.right() - left - 6
        if room > 18:
            muted = span.state == "empty"
            lines = (
                (span.name, fonts.font(13, fonts.SEMIBOLD), "muted" if muted else "text", 6),
                (span.note, fonts.font(11), "muted", 24),
            )
            for text, font, token, top in lines:
                painter.setFont(font)
                painter.setPen(colors.color(token))
                shown = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, room)
                painter.drawText(
                    QRectF(left, box.top() + top, room, 16), Qt.AlignmentFlag.AlignVCenter, shown
                )
        small = fonts.font(11)
        painter.setFont(small)
        painter.setPen(colors.color("muted"))
        text = self._epochs(span)
        if QFontMetricsF(small).horizontalAdvance(text) > box.width():
            text = str(span.epochs)
        painter.drawText(
            QRectF(box.left(), box.bottom() + 6, box.width(), 16),
            Qt.AlignmentFlag.AlignVCenter,
            text,
        )

    def _paint_now(self, painter: QPainter, x: float) -> None:
        colors = theme()
        painter.setPen(QPen(colors.color("text"), 2))
        painter.drawLine(QPointF(x, 2), QPointF(x, _TOP + _BOX + 8))
        font = fonts.font(11, fonts.SEMIBOLD)
        text = self.tr("now")
        width = QFontMetricsF(font).horizontalAdvance(text) + 20
        left = max(0.0, min(x - width / 2, self.width() - width))
        tag = QRectF(left, _TOP + _BOX + 8, width, 18)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colors.color("text"))
        painter.drawRoundedRect(tag, 4, 4)
        painter.setPen(colors.color("surface"))
        painter.setFont(font)
        painter.drawText(tag, Qt.AlignmentFlag.AlignCenter, text)
