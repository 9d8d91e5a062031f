"""What happened while one looked elsewhere: a toast in the corner, a list behind the bell, the desktop's message.

The desktop is told only if the window is not active, and only where it has a place for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSystemTrayIcon,
    QVBoxLayout,
    QWidget,
)

from nasstudio.ui.frame.jobs import when
from nasstudio.ui.icons import icon, pixmap
from nasstudio.ui.kit.buttons import link_button, soft_button, tool_button
from nasstudio.ui.kit.labels import Divider, label
from nasstudio.ui.kit.popover import Popover, add_shadow

KEPT = 50
SHOWN_MS = 7000
_WIDTH = 340
_ICONS = {"soft": "info", "good": "check", "warn": "warn", "bad": "error"}
_TOKENS = {"soft": "accent_text", "good": "good", "warn": "warn", "bad": "bad"}


@dataclass(frozen=True)
class Note:
    """One notification. `tone` is "soft", "good", "warn" or "bad"; `action` is what its button does."""

    title: str
    text: str = ""
    tone: str = "soft"
    button: str = ""
    action: Callable[[], object] | None = field(default=None, compare=False)
    at: datetime = field(default_factory=datetime.now)


class Toast(QFrame):
    """A note in the corner of the window; it goes by itself unless the pointer is on it."""

    gone = Signal()

    def __init__(self, note: Note, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("kind", "popover")
        self.setFixedWidth(_WIDTH)
        self.note = note
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 12, 8, 12)
        row.setSpacing(10)
        row.addWidget(_mark(note), 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(3)
        column.addWidget(label(note.title, "name", wrap=True))
        if note.text:
            column.addWidget(label(note.text, "secondary", "muted", wrap=True))
        if note.button and note.action is not None:
            column.addSpacing(4)
            button = soft_button(note.button).set_small()
            button.clicked.connect(self._act)
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        row.addLayout(column, 1)
        close = tool_button("close", self.tr("Close this notice"), small=True)
        close.clicked.connect(self.dismiss)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self.setAccessibleName(f"{note.title} {note.text}".strip())
        add_shadow(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SHOWN_MS)
        self._timer.timeout.connect(self.dismiss)
        self._timer.start()

    def dismiss(self) -> None:
        """Take it away."""
        self._timer.stop()
        self.hide()
        self.gone.emit()
        self.deleteLater()

    def enterEvent(self, event: QEnterEvent) -> None:
        self._timer.stop()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._timer.start()
        super().leaveEvent(event)

    def _act(self) -> None:
        if self.note.action is not None:
            self.note.action()
        self.dismiss()


def _mark(note: Note) -> QLabel:
    shown = QLabel()
    shown.setFixedSize(18, 18)
    shown.setPixmap(pixmap(_ICONS[note.tone], 18, _TOKENS[note.tone]))
    return shown


class Notifications(QObject):
    """Notes of a window. `unread_changed(int)` drives the dot on the bell."""

    unread_changed = Signal(int)

    def __init__(self, window: QWidget, *, bottom_margin: int = 36) -> None:
        super().__init__(window)
        self._window = window
        self._bottom = bottom_margin
        self._notes: list[Note] = []
        self._toasts: list[Toast] = []
        self._unread = 0
        self._desktop: QSystemTrayIcon | None = None
        self.desktop_wanted = True
        window.installEventFilter(self)

    def set_bottom_margin(self, height: int) -> None:
        """What stands at the bottom of the window and is not to be covered, px."""
        if height != self._bottom:
            self._bottom = height
            self._place()

    def notes(self) -> list[Note]:
        """All that are kept, newest first."""
        return list(self._notes)

    def toasts(self) -> list[Toast]:
        """Those in the corner now, oldest first."""
        return list(self._toasts)

    @property
    def unread(self) -> int:
        return self._unread

    def notify(
        self,
        title: str,
        text: str = "",
        tone: str = "soft",
        button: str = "",
        action: Callable[[], object] | None = None,
    ) -> Note:
        """Say something. Returns the note."""
        if tone not in _ICONS:
            raise ValueError(f"no such tone: {tone}")
        note = Note(title, text, tone, button, action)
        self._notes.insert(0, note)
        del self._notes[KEPT:]
        self._set_unread(self._unread + 1)
        self._toast(note)
        if not self._window.isActiveWindow():
            self._tell_desktop(note)
        return note

    def mark_read(self) -> None:
        """Everything has been seen."""
        self._set_unread(0)

    def clear(self) -> None:
        """Forget all notes."""
        self._notes.clear()
        self._set_unread(0)

    def open_list(self, anchor: QWidget) -> Popover:
        """Show the list under the bell. Returns it."""
        shown = NoteList(self, self._window)
        shown.show_beside(anchor, "below")
        self.mark_read()
        for toast in self.toasts():
            toast.dismiss()
        return shown

    def _set_unread(self, count: int) -> None:
        if count != self._unread:
            self._unread = count
            self.unread_changed.emit(count)

    def _toast(self, note: Note) -> None:
        toast = Toast(note, self._window)
        toast.gone.connect(self._toast_gone)
        self._toasts.append(toast)
        if len(self._toasts) > 3:
            self._toasts[0].dismiss()
        toast.adjustSize()
        toast.show()
        toast.raise_()
        self._place()

    def _toast_gone(self) -> None:
        gone = self.sender()
        self._toasts = [toast for toast in self._toasts if toast is not gone]
        self._place()

    def _place(self) -> None:
        bottom = self._window.height() - self._bottom - 12
        for toast in reversed(self._toasts):
            height = (
                toast.heightForWidth(_WIDTH)
                if toast.hasHeightForWidth()
                else toast.sizeHint().height()
            )
            toast.setFixedHeight(height)
            bottom -= height
            toast.move(self._window.width() - _WIDTH - 16, bottom)
            bottom -= 8

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self._toasts:
            self._place()
        return super().eventFilter(watched, event)

    def _tell_desktop(self, note: Note) -> None:
        if not self.desktop_wanted or not QSystemTrayIcon.isSystemTrayAvailable():
            return
        if self._desktop is None:
            self._desktop = QSystemTrayIcon(icon("logo", 64, "accent"), self)
            self._desktop.messageClicked.connect(self._come_forward)
            self._desktop.activated.connect(self._come_forward)
        self._desktop.show()
        kinds = QSystemTrayIcon.MessageIcon
        kind = {"bad": kinds.Critical, "warn": kinds.Warning}.get(note.tone, kinds.Information)
        self._desktop.showMessage(note.title, note.text, kind, SHOWN_MS)

    def _come_forward(self, *_args: object) -> None:
        self._window.showNormal() if self._window.isMinimized() else self._window.show()
        self._window.raise_()
        self._window.activateWindow()
        if self._desktop is not None:
            self._desktop.hide()


class NoteList(Popover):
    """The list behind the bell, newest first."""

    def __init__(self, notifications: Notifications, parent: QWidget) -> None:
        super().__init__(parent, width=_WIDTH + 20)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._notifications = notifications
        head = QHBoxLayout()
        head.addWidget(label(self.tr("Notifications"), "name"))
        head.addStretch(1)
        notes = notifications.notes()
        self.setAccessibleName(self.tr("Notifications"))
        if notes:
            clear = link_button(self.tr("Clear"))
            clear.clicked.connect(self._clear)
            head.addWidget(clear)
        self.body.addLayout(head)
        if not notes:
            self.body.addWidget(label(self.tr("Nothing has happened yet."), "secondary", "muted"))
            return
        holder = QWidget()
        holder.setProperty("ground", "none")
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for place, note in enumerate(notes):
            if place:
                column.addWidget(Divider())
            column.addWidget(self._row(note))
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(holder)
        area.setFixedHeight(min(380, holder.sizeHint().height() + 4))
        self.body.addWidget(area)

    def _row(self, note: Note) -> QWidget:
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 8, 0)
        row.setSpacing(10)
        row.addWidget(_mark(note), 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(1)
        column.addWidget(label(note.title, "name", wrap=True))
        if note.text:
            column.addWidget(label(note.text, "secondary", "muted", wrap=True))
        column.addWidget(label(when(note.at), "caption", "muted"))
        row.addLayout(column, 1)
        if note.button and note.action is not None:
            button = link_button(note.button)
            button.clicked.connect(_Act(note, self))
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        return made

    def _clear(self) -> None:
        self._notifications.clear()
        self.close()


class _Act:
    def __init__(self, note: Note, shown: Popover) -> None:
        self._note, self._shown = note, shown

    def __call__(self, checked: bool = False) -> None:
        self._shown.close()
        if self._note.action is not None:
            self._note.action()
