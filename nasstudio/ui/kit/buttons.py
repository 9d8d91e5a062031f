"""Buttons: one primary a page, secondary with a border, soft for the next step in a card, ghost for the quiet ones."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QPushButton, QToolButton, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.icons import bind_icon
from nasstudio.ui.kit import metrics

_ICON_ROLE = {
    "primary": "on_accent",
    "secondary": "text",
    "soft": "on_soft",
    "ghost": "muted",
    "link": "accent_text",
}


class Button(QPushButton):
    """A button of the kit; `set_icon` changes its icon, `set_small` its height from 32 to 28."""

    def __init__(
        self, text: str, kind: str, icon: str | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._kind = kind
        self._icon = ""
        self.setProperty("kind", kind)
        self.setFont(fonts.font(13, fonts.MEDIUM if kind == "ghost" else fonts.SEMIBOLD))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves no ring behind
        self.setFixedHeight(24 if kind == "link" else metrics.CONTROL_HEIGHT)
        self.set_icon(icon)
        self.set_text(text)

    def set_text(self, text: str) -> None:
        """Change the text; its accessible name follows."""
        self.setText(f" {text}" if self._icon and text else text)
        self.setAccessibleName(text.replace("&", ""))

    def set_icon(self, icon: str | None) -> None:
        """Show another icon, or none."""
        if icon and icon != self._icon:
            bind_icon(self, icon, metrics.ICON_BUTTON, _ICON_ROLE[self._kind])
            self._icon = icon

    def set_small(self) -> Button:
        """Height 28, as in tables and strips. Returns the button."""
        self.setProperty("small", "true")
        self.setFont(fonts.font(12, self.font().weight()))
        self.setFixedHeight(metrics.CONTROL_HEIGHT_SMALL)
        return self


def primary_button(text: str, icon: str | None = None, parent: QWidget | None = None) -> Button:
    """The one thing to do on a page, at the right of its header."""
    return Button(text, "primary", icon, parent)


def secondary_button(text: str, icon: str | None = None, parent: QWidget | None = None) -> Button:
    """Any other thing to do."""
    return Button(text, "secondary", icon, parent)


def soft_button(text: str, icon: str | None = None, parent: QWidget | None = None) -> Button:
    """The next step inside a card."""
    return Button(text, "soft", icon, parent)


def ghost_button(text: str, icon: str | None = None, parent: QWidget | None = None) -> Button:
    """A quiet action, as "Copy as command"."""
    return Button(text, "ghost", icon, parent)


def link_button(text: str, icon: str | None = None, parent: QWidget | None = None) -> Button:
    """A small action beside a caption, as "+ Add"."""
    return Button(text, "link", icon, parent)


class ToolButton(QToolButton):
    """An icon that does something, 32 x 32 (28 x 28 when `small`)."""

    def __init__(
        self,
        icon: str,
        tooltip: str,
        *,
        checkable: bool = False,
        small: bool = False,
        role: str = "muted",
        size: int | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._role = role
        self._size = metrics.ICON_TOOL if size is None else size
        side = metrics.CONTROL_HEIGHT_SMALL if small else metrics.CONTROL_HEIGHT
        self.setFixedSize(QSize(side, side))
        self.setCheckable(checkable)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.set_icon(icon)
        self.set_tooltip(tooltip)

    def set_icon(self, icon: str, role: str | None = None) -> None:
        """Show another icon, in the colour of the token `role`."""
        bind_icon(self, icon, self._size, role or self._role)

    def set_tooltip(self, tooltip: str) -> None:
        """What the button does: its tooltip and its accessible name."""
        self.setToolTip(tooltip)
        self.setAccessibleName(tooltip)


def tool_button(
    icon: str,
    tooltip: str,
    *,
    checkable: bool = False,
    small: bool = False,
    role: str = "muted",
    parent: QWidget | None = None,
) -> ToolButton:
    """A button that is only an icon; `tooltip` says what it does and is its accessible name."""
    return ToolButton(icon, tooltip, checkable=checkable, small=small, role=role, parent=parent)
