"""The first-run tour: three cards beside the things that they are about.

A card is a part of the window and takes nothing from the hand: what it speaks of can be done while it is shown, and it
follows what it points at. Enter goes on, Esc ends it. `Tour` knows places and words; `search_steps` says which ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QObject, QPoint, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget
from shiboken6 import isValid

from nasstudio.ui.kit.buttons import ghost_button, primary_button, secondary_button
from nasstudio.ui.kit.labels import label
from nasstudio.ui.kit.popover import add_shadow
from nasstudio.ui.theme import theme

if TYPE_CHECKING:
    from nasstudio.ui.window import Window

_WIDTH = 320
_GAP = 16
_EDGE = 8
_FOLLOW_MS = 50


@dataclass(frozen=True)
class Step:
    """One card: what it says, and where that is, in the window's pixels."""

    title: str
    text: str
    place: Callable[[], QRect]


class Card(QFrame):
    """The card of a step, with its buttons."""

    next = Signal()
    back = Signal()
    skip = Signal()

    def __init__(self, step: Step, number: int, count: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("kind", "popover")
        self.setFixedWidth(_WIDTH)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAccessibleName(f"{step.title}. {step.text}")
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(6)
        counted = self.tr("{0} of {1}").format(number, count)
        column.addWidget(label(counted, "section", "muted"))
        column.addWidget(label(step.title, "title"))
        column.addWidget(label(step.text, "base", wrap=True))
        row = QHBoxLayout()
        row.setSpacing(8)
        self.skip_button = ghost_button(self.tr("Skip")).set_small()
        self.skip_button.setToolTip(self.tr("End the tour (Esc); Help has it again"))
        self.back_button = secondary_button(self.tr("Back")).set_small()
        last = number == count
        self.next_button = primary_button(self.tr("Done") if last else self.tr("Next")).set_small()
        self.next_button.setToolTip(self.tr("Enter"))
        self.back_button.setVisible(number > 1)
        self.skip_button.setVisible(not last)
        row.addWidget(self.skip_button)
        row.addStretch(1)
        row.addWidget(self.back_button)
        row.addWidget(self.next_button)
        column.addSpacing(6)
        column.addLayout(row)
        self.skip_button.clicked.connect(self.skip)
        self.back_button.clicked.connect(self.back)
        self.next_button.clicked.connect(self.next)
        add_shadow(self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            on_back = self.back_button.hasFocus()
            on_skip = self.skip_button.hasFocus()
            (self.back if on_back else self.skip if on_skip else self.next).emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.skip.emit()
        else:
            super().keyPressEvent(event)


class Ring(QWidget):
    """A frame around what a card is about; the mouse goes through it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        theme().changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme().color("accent"), 2))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1.5, 1.5, -1.5, -1.5), 8, 8)


class Tour(QObject):
    """Shows the steps over a window, one after the other. `ended` when it is done or skipped."""

    ended = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._steps: Sequence[Step] = ()
        self._at = 0
        self._ring: Ring | None = None
        self.card: Card | None = None
        self._focus: QWidget | None = None
        self._timer = QTimer(self, interval=_FOLLOW_MS)
        self._timer.timeout.connect(self._follow)

    @property
    def is_running(self) -> bool:
        return self.card is not None

    @property
    def at(self) -> int:
        """Number of the step that is shown, from 0."""
        return self._at

    def start(self, steps: Sequence[Step]) -> None:
        """Begin with the first step."""
        self.end()
        self._focus = self._window.focusWidget()
        self._steps = steps
        self._ring = Ring(self._window)
        self._show(0)
        self._timer.start()

    def next(self) -> None:
        """The next step, or the end after the last."""
        if self._at + 1 < len(self._steps):
            self._show(self._at + 1)
        else:
            self.end()

    def back(self) -> None:
        """The step before."""
        self._show(max(0, self._at - 1))

    def end(self) -> None:
        """Take everything away; the focus goes back to where it was."""
        if self.card is None:
            return
        self._timer.stop()
        for part in (self.card, self._ring):
            if part is not None:
                part.hide()
                part.deleteLater()
        self.card = self._ring = None
        focus, self._focus = self._focus, None
        if focus is not None and isValid(focus) and focus.isVisible():
            focus.setFocus(Qt.FocusReason.OtherFocusReason)
        self.ended.emit()

    def _show(self, at: int) -> None:
        old, self._at = self.card, at
        card = Card(self._steps[at], at + 1, len(self._steps), self._window)
        card.next.connect(self.next)
        card.back.connect(self.back)
        card.skip.connect(self.end)
        self.card = card
        if self._ring is not None:
            self._ring.show()
            self._ring.raise_()
        card.adjustSize()
        self._follow()
        card.show()
        card.raise_()
        card.next_button.setFocus(Qt.FocusReason.TabFocusReason)
        if old is not None:
            old.hide()
            old.deleteLater()

    def _follow(self) -> None:
        card, ring = self.card, self._ring
        if card is None or ring is None:
            return
        target = self._steps[self._at].place()
        around = target.adjusted(-6, -6, 6, 6).intersected(self._window.rect())
        if ring.geometry() != around:
            ring.setGeometry(around)
        height = card.heightForWidth(_WIDTH)
        if card.height() != height:
            card.setFixedHeight(height)
        place = beside(around, card.size().width(), height, self._window.rect())
        if card.pos() != place:
            card.move(place)


def beside(target: QRect, width: int, height: int, room: QRect) -> QPoint:
    """Top left corner of a card beside `target`: at the right, left, below or above, wherever `room` holds it.

    Where no side has room it stands in the corner of `room` that is the farthest from the middle of `target`.
    """
    inner = room.adjusted(_EDGE, _EDGE, -_EDGE, -_EDGE)
    y = min(max(target.center().y() - height // 2, inner.top()), inner.bottom() - height)
    x = min(max(target.center().x() - width // 2, inner.left()), inner.right() - width)
    places = (
        QPoint(target.right() + _GAP, y),
        QPoint(target.left() - _GAP - width, y),
        QPoint(x, target.bottom() + _GAP),
        QPoint(x, target.top() - _GAP - height),
    )
    for place in places:
        if inner.contains(QRect(place, place + QPoint(width, height))):
            return place
    corners = [
        QPoint(left, top)
        for left in (inner.left(), inner.right() - width)
        for top in (inner.top(), inner.bottom() - height)
    ]
    half = QPoint(width // 2, height // 2)
    return max(corners, key=lambda c: (c + half - target.center()).manhattanLength())


# -- the three steps ----------------------------------------------------------------------------------------------


def search_steps(window: Window) -> tuple[Step, ...]:
    """The tour of the Search station; with nothing to search in yet, it points at the rail."""
    drag = QCoreApplication.translate(
        "Tour",
        "The line is the longest that a network may take on this device. Drag it: what lies beyond is out, "
        "and the rest answers at once. The sliders at the left set limits for every device, memory and size.",
    )
    if window.workbench.snapshot is None:
        drag = QCoreApplication.translate(
            "Tour",
            "Search draws every network that it has tried. A limit is a line in that plot: the longest that a network "
            "may take on a device. You drag it, and what lies beyond is out. Open the sample project to try it.",
        )
    return (
        Step(QCoreApplication.translate("Tour", "Drag the limit"), drag, lambda: _limit(window)),
        Step(
            QCoreApplication.translate("Tour", "The star is the best network"),
            QCoreApplication.translate(
                "Tour",
                "Of all networks that meet every limit it is the most accurate one, and it moves as you drag. "
                "Click any point to see its layers, and pin those that you want to keep.",
            ),
            lambda: _star(window),
        ),
        Step(
            QCoreApplication.translate("Tour", "Verify and export in the inspector"),
            QCoreApplication.translate(
                "Tour",
                "So far the numbers are predicted. Verify measures accuracy and latency for real; Export then writes "
                "ONNX and PyTorch files with checks and a model card.",
            ),
            lambda: _inspector(window),
        ),
    )


def _limit(window: Window) -> QRect:
    plot = _plot(window)
    if plot is None:
        return _station("search", window)
    line = next((line for line in plot.lines.values() if line.isVisible()), None)
    return _in_window(plot, window) if line is None else _of_layer(plot, line, line.grip(), window)


def _star(window: Window) -> QRect:
    plot = _plot(window)
    if plot is None:
        return _station("search", window)
    place = plot.star.place
    if place is None:
        return _in_window(plot, window)
    point = plot.star.point(*place)
    return _of_layer(plot, plot.star, QRectF(point.x() - 12, point.y() - 12, 24, 24), window)


def _inspector(window: Window) -> QRect:
    inspector = window.inspector
    if not inspector.isVisible():
        return _station("export", window)
    verify, export = inspector.verify_button, inspector.export_button
    if not verify.isVisible():
        return _in_window(inspector, window)
    return _in_window(verify, window).united(_in_window(export, window))


def _plot(window: Window) -> Any:
    """The plot of the Search page, None while it can't be seen."""
    page: Any = window.page_of("search")
    plot = page.chart.plot
    return plot if plot.isVisible() else None


def _station(station: str, window: Window) -> QRect:
    """The tile of a station in the rail."""
    return _in_window(window.rail.button(station), window).adjusted(10, 2, -10, -10)


def _in_window(widget: QWidget, window: QWidget) -> QRect:
    return QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())


def _of_layer(plot: Any, layer: Any, rect: QRectF, window: QWidget) -> QRect:
    """A rectangle in the pixels of a plot's layer, in those of the window."""
    on_view = plot.mapFromScene(layer.mapRectToScene(rect)).boundingRect()
    return QRect(plot.viewport().mapTo(window, on_view.topLeft()), on_view.size())
