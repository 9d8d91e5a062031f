"""One of a few: segments in a frame, or tabs with a line under the chosen one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from nasstudio.ui import fonts


class _Choice(QFrame):
    changed = Signal(str)

    def __init__(
        self,
        options: Sequence[str | tuple[str, str]],
        kind: str,
        name: str,
        parent: QWidget | None,
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._row = QHBoxLayout(self)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._buttons: dict[str, QPushButton] = {}
        for option in options:
            key, text = (option, option) if isinstance(option, str) else option
            button = QPushButton(text, self)
            button.setProperty("kind", kind)
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setAccessibleName(f"{name}: {text}" if name else text)
            self._group.addButton(button)
            self._row.addWidget(button)
            self._buttons[key] = button
        if self._buttons:
            next(iter(self._buttons.values())).setChecked(True)
        self._group.buttonClicked.connect(self._clicked)

    def key(self) -> str:
        """Key of the chosen option."""
        return next((key for key, b in self._buttons.items() if b.isChecked()), "")

    def set_key(self, key: str) -> None:
        """Choose `key` without a signal."""
        self._buttons[key].setChecked(True)

    def button(self, key: str) -> QPushButton:
        """The button of `key`."""
        return self._buttons[key]

    def _clicked(self, button: QPushButton) -> None:
        self.changed.emit(next(key for key, b in self._buttons.items() if b is button))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        if not step:
            super().keyPressEvent(event)
            return
        keys = list(self._buttons)
        key = keys[(keys.index(self.key()) + step) % len(keys)]
        self._buttons[key].click()
        self._buttons[key].setFocus()


class SegmentedControl(_Choice):
    """A few options side by side. Options are texts or (key, text); `changed(key)` when a person chooses."""

    def __init__(
        self,
        options: Sequence[str | tuple[str, str]],
        name: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(options, "segment", name, parent)
        self.setProperty("kind", "segments")
        self._row.setContentsMargins(3, 3, 3, 3)
        self._row.setSpacing(2)
        for button in self._buttons.values():
            button.setFont(fonts.font(12, fonts.MEDIUM))
            button.setFixedHeight(24)


class Tabs(_Choice):
    """Tabs of a card, with a line under the chosen one; `changed(key)` when a person chooses."""

    def __init__(
        self,
        options: Sequence[str | tuple[str, str]],
        name: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(options, "tab", name, parent)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(22)
        for button in self._buttons.values():
            button.setFont(fonts.font(13, fonts.SEMIBOLD))
