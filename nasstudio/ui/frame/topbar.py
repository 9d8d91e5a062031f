"""The top bar: logo, menus, the project's name, undo and redo, the way to every action, theme and notifications."""

from __future__ import annotations

import sys

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenuBar,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from nasstudio.ui import fonts
from nasstudio.ui.commands import Commands
from nasstudio.ui.icons import bind_icon, pixmap
from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.buttons import ToolButton, tool_button
from nasstudio.ui.kit.labels import ElidedLabel, label
from nasstudio.ui.theme import theme


class BellButton(ToolButton):
    """The bell, with a dot while something is unread."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("bell", "", small=True, parent=parent)
        self._unread = 0
        self.set_unread(0)

    def set_unread(self, count: int) -> None:
        """Show or hide the dot."""
        self._unread = count
        text = self.tr("Notifications")
        self.set_tooltip(
            self.tr("{text}, {count} unread").format(text=text, count=count) if count else text
        )
        self.update()

    @property
    def unread(self) -> int:
        return self._unread

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._unread:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(theme().color("surface"))
            painter.setBrush(theme().color("limit"))
            painter.drawEllipse(QRectF(16, 4, 8, 8))


class FindButton(QPushButton):
    """Looks like a field; opens the palette."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "find")
        self.setFixedSize(240, metrics.CONTROL_HEIGHT_SMALL)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(9, 0, 9, 0)
        row.setSpacing(8)
        self._picture = QLabel(self)
        text = label(self.tr("Find an action"), "base", "muted")
        self._keys = label("Ctrl K", "section", "muted")
        row.addWidget(self._picture)
        row.addWidget(text, 1)
        row.addWidget(self._keys)
        for child in (self._picture, text, self._keys):
            child.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName(self.tr("Find an action"))
        theme().changed.connect(self._recolor)
        self._recolor()

    def _recolor(self) -> None:
        self._picture.setPixmap(pixmap("find", metrics.ICON_BUTTON, "muted"))


class TopBar(QFrame):
    """40 px. `bind` makes its menus and buttons; its signals ask the window to open what opens."""

    palette_wanted = Signal()
    notifications_wanted = Signal()
    theme_toggled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "topbar")
        self.setFixedHeight(metrics.TOPBAR_HEIGHT)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 8, 1)
        row.setSpacing(6)
        self._logo = QLabel(self)
        self._logo.setFixedWidth(metrics.RAIL_WIDTH)
        self._logo.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.menu_bar = QMenuBar(self)
        self.menu_bar.setNativeMenuBar(sys.platform == "darwin")
        self.menu_bar.setFont(fonts.font(13, fonts.MEDIUM))
        self.menu_bar.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self._title = _Title(self)
        self.undo_button = self._action_button()
        self.redo_button = self._action_button()
        self.find_button = FindButton(self)
        self.theme_button = tool_button("moon", "", small=True, parent=self)
        self.bell = BellButton(self)
        row.addWidget(self._logo)
        row.addWidget(self.menu_bar)
        row.addStretch(1)
        row.addWidget(self.undo_button)
        row.addWidget(self.redo_button)
        row.addSpacing(8)
        row.addWidget(self.find_button)
        row.addSpacing(2)
        row.addWidget(self.theme_button)
        row.addWidget(self.bell)
        self.find_button.clicked.connect(self._find)
        self.theme_button.clicked.connect(self._toggle)
        self.bell.clicked.connect(self._bell)
        theme().changed.connect(self._recolor)
        self._recolor()
        self.set_project("")

    def _action_button(self) -> QToolButton:
        button = QToolButton(self)
        button.setFixedSize(metrics.CONTROL_HEIGHT_SMALL, metrics.CONTROL_HEIGHT_SMALL)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        return button

    def bind(self, commands: Commands) -> None:
        """Make the menus, and let undo, redo, palette, theme and notifications be the commands they are."""
        commands.fill_menu_bar(self.menu_bar)
        for button, command in ((self.undo_button, "edit.undo"), (self.redo_button, "edit.redo")):
            action = commands.action(command)
            button.setDefaultAction(action)
            button.setAccessibleName(action.text())
            bind_icon(button, commands.command(command).icon, metrics.ICON_TOOL, "muted")
        commands.bind("edit.palette", self._find)
        commands.bind("view.theme", self._toggle)
        commands.bind("view.notifications", self._bell)

    def set_project(self, name: str, edited: bool = False, note: str = "") -> None:
        """Show the project's name and "Saved" or "Edited" (or `note`, as "read-only"); no name is no project."""
        state = note or (self.tr("Edited") if edited else self.tr("Saved"))
        self._title.show_text(name or self.tr("No project open"), state if name else "")
        self._place_title()

    def project_text(self) -> tuple[str, str]:
        """What is shown: name and state."""
        return self._title.texts()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_title()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._place_title()

    def _place_title(self) -> None:
        # In the middle of the window, as long as the menus and buttons leave it room there.
        left = self.menu_bar.geometry().right() + 16
        right = self.undo_button.geometry().left() - 16
        wanted = min(self._title.sizeHint().width(), max(60, right - left))
        x = max(left, min((self.width() - wanted) // 2, right - wanted))
        self._title.setGeometry(x, 0, wanted, self.height() - 1)

    def _find(self) -> None:
        self.palette_wanted.emit()

    def _toggle(self) -> None:
        self.theme_toggled.emit()

    def _bell(self) -> None:
        self.notifications_wanted.emit()

    def _recolor(self) -> None:
        self._logo.setPixmap(pixmap("logo", 24, "accent"))
        dark = theme().is_dark
        self.theme_button.set_icon("sun" if dark else "moon")
        self.theme_button.set_tooltip(
            self.tr("Switch to light") if dark else self.tr("Switch to dark")
        )


class _Title(QWidget):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self._name = ElidedLabel("", "name")
        self._state = label("", "secondary", "muted")
        row.addWidget(self._name, 1)
        row.addWidget(self._state)

    def show_text(self, name: str, state: str) -> None:
        self._name.setText(name)
        self._state.setText(state)
        self._state.setVisible(bool(state))
        self.setAccessibleName(f"{name} {state}".strip())

    def texts(self) -> tuple[str, str]:
        return self._name.whole_text(), self._state.text()

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        name = self._name.fontMetrics().horizontalAdvance(self._name.whole_text()) + 4
        state = self._state.sizeHint().width() + 14 if self._state.text() else 0
        hint.setWidth(name + state)
        return hint
