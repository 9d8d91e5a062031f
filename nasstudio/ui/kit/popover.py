"""What floats: a raised frame with a shadow beside the thing it is about, and menus in the same look."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import (
    QFrame,
    QGraphicsDropShadowEffect,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from nasstudio.ui import fonts
from nasstudio.ui.kit import metrics
from nasstudio.ui.theme import theme

_SHADOW = 14


class Popover(QWidget):
    """A raised frame; put content into `body`. It closes with Esc or a click elsewhere; `closed` then."""

    closed = Signal()

    def __init__(self, parent: QWidget | None = None, *, width: int = 0) -> None:
        super().__init__(
            parent,
            Qt.WindowType.Popup
            | Qt.WindowType.FramelessWindowHint
            | Qt.WindowType.NoDropShadowWindowHint,
        )
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(_SHADOW, _SHADOW, _SHADOW, _SHADOW)
        self.frame = QFrame(self)
        self.frame.setProperty("kind", "popover")
        outer.addWidget(self.frame)
        self.body = QVBoxLayout(self.frame)
        self.body.setContentsMargins(metrics.GAP, 12, metrics.GAP, 12)
        self.body.setSpacing(metrics.GAP_SMALL)
        if width:
            self.frame.setFixedWidth(width)
        add_shadow(self.frame)

    def show_beside(self, anchor: QWidget, side: str = "below") -> None:
        """Show at a side of `anchor`: "below", "above", "left" or "right", inside the screen."""
        self.adjustSize()
        size = self.sizeHint()
        top_left = anchor.mapToGlobal(QPoint(0, 0))
        places = {
            "below": top_left + QPoint(-_SHADOW, anchor.height() - _SHADOW + 4),
            "above": top_left + QPoint(-_SHADOW, -size.height() + _SHADOW - 4),
            "right": top_left + QPoint(anchor.width() - _SHADOW + 4, -_SHADOW),
            "left": top_left + QPoint(-size.width() + _SHADOW - 4, -_SHADOW),
        }
        self.show_at(places[side])

    def show_at(self, place: QPoint) -> None:
        """Show with the top left corner at `place` (global), moved to be inside the screen."""
        self.adjustSize()
        screen = self.screen().availableGeometry()
        size = self.sizeHint()
        x = max(screen.left(), min(place.x(), screen.right() - size.width()))
        y = max(screen.top(), min(place.y(), screen.bottom() - size.height()))
        self.move(x, y)
        self.show()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.closed.emit()


def add_shadow(widget: QWidget) -> None:
    """The soft shadow of what floats."""
    effect = QGraphicsDropShadowEffect(widget)
    effect.setBlurRadius(24)
    effect.setOffset(0, 4)
    effect.setColor(theme().color("shadow"))
    widget.setGraphicsEffect(effect)


def menu(title: str = "", parent: QWidget | None = None) -> QMenu:
    """A menu with rounded corners."""
    made = QMenu(title, parent)
    made.setFont(fonts.font())
    made.setProperty("rounded", "true")
    made.setWindowFlag(Qt.WindowType.FramelessWindowHint, True)
    made.setWindowFlag(Qt.WindowType.NoDropShadowWindowHint, True)
    made.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
    made.setToolTipsVisible(True)
    return made
