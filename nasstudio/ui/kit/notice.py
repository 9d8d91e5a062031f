"""Notices where they belong: a callout in a page, and an error with its place and remedy."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from nasstudio.engine.errors import StudioError
from nasstudio.ui.icons import pixmap
from nasstudio.ui.kit.buttons import Button, ghost_button, secondary_button, tool_button
from nasstudio.ui.kit.labels import label, set_shown, set_tone
from nasstudio.ui.theme import theme

_ICONS = {"soft": "info", "muted": "info", "good": "check", "warn": "warn", "bad": "warn"}
_ICON_TOKEN = {"soft": "on_soft", "muted": "muted", "good": "good", "warn": "warn", "bad": "bad"}


class InlineNotice(QFrame):
    """A sentence that matters, on a toned ground, with at most one button.

    Parameters
    ----------
    tone : "soft" (news), "muted" (a tip), "good", "warn" or "bad".
    """

    clicked = Signal()
    closed = Signal()

    def __init__(
        self,
        tone: str = "soft",
        title: str = "",
        text: str = "",
        button: str = "",
        *,
        icon: str | None = None,
        button_icon: str | None = None,
        closable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("kind", "notice")
        self._tone = tone
        self._icon_name = icon
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 10, 14, 10)
        row.setSpacing(12)
        self._icon = QLabel(self)
        self._icon.setFixedSize(18, 18)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        column = self._column = QVBoxLayout()
        column.setSpacing(2)
        self.title_label = label(title, "name", wrap=True)
        self.text_label = label(text, "secondary", "muted", wrap=True)
        column.addWidget(self.title_label)
        column.addWidget(self.text_label)
        row.addLayout(column, 1)
        self.button = secondary_button(button, button_icon)
        self.button.clicked.connect(self._pressed)
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignVCenter)
        self._buttons = row
        if closable:
            close = tool_button("close", self.tr("Close this notice"), small=True)
            close.clicked.connect(self._close)
            row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self.button.setVisible(bool(button))
        theme().changed.connect(self._recolor)
        self.set_notice(tone, title, text)

    def set_notice(self, tone: str, title: str, text: str = "") -> None:
        """Say something else."""
        self._tone = tone
        set_tone(self, tone)
        self.title_label.setText(title)
        self.text_label.setText(text)
        self.title_label.setVisible(bool(title))
        self.text_label.setVisible(bool(text))
        self.setAccessibleName(f"{title} {text}".strip())
        self._recolor()

    def add_button(self, button: Button) -> Button:
        """Add another button at the right. Returns it."""
        self._buttons.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        return button

    def _pressed(self) -> None:
        self.clicked.emit()

    def _close(self) -> None:
        self.hide()
        self.closed.emit()

    def _recolor(self) -> None:
        name = self._icon_name or _ICONS[self._tone]
        self._icon.setPixmap(pixmap(name, 18, _ICON_TOKEN[self._tone]))


Callout = InlineNotice


class ErrorNotice(InlineNotice):
    """A `StudioError` where it belongs: what, where, remedy; "Copy" and, if there is one, "Show log".

    `log_requested` when the log is asked for.
    """

    log_requested = Signal()

    def __init__(
        self,
        error: StudioError | None = None,
        *,
        has_log: bool = False,
        closable: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("bad", closable=False, parent=parent)
        self._error = error
        self.where_label = label("", "caption", "muted", wrap=True)
        self._column.insertWidget(1, self.where_label)
        self._log = self.add_button(ghost_button(self.tr("Show log"), "terminal"))
        self._log.clicked.connect(self._ask_for_log)
        self._copy = self.add_button(ghost_button(self.tr("Copy"), "copy"))
        self._copy.clicked.connect(self._to_clipboard)
        if closable:
            close = tool_button("close", self.tr("Close this notice"), small=True)
            close.clicked.connect(self._close)
            self._buttons.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        self._log.setVisible(has_log)
        self.set_error(error, has_log=has_log)

    @property
    def error(self) -> StudioError | None:
        return self._error

    def set_error(self, error: StudioError | None, *, has_log: bool = False) -> None:
        """Show another error, or hide (None)."""
        self._error = error
        set_shown(self, error is not None)
        if error is None:
            return
        self.set_notice("bad", error.what, error.remedy)
        self.where_label.setText(error.where)
        self.where_label.setVisible(bool(error.where))
        self._log.setVisible(has_log)

    def text(self) -> str:
        """What "Copy" puts on the clipboard."""
        if self._error is None:
            return ""
        parts = (
            type(self._error).__name__,
            self._error.where,
            self._error.what,
            self._error.remedy,
        )
        return "\n".join(part for part in parts if part)

    def _ask_for_log(self) -> None:
        self.log_requested.emit()

    def _to_clipboard(self) -> None:
        QGuiApplication.clipboard().setText(self.text())
