"""Chips: options that are allowed or not, side by side."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.kit import metrics


class Chip(QPushButton):
    """An option that can be on or off. `toggled(bool)` when it changes."""

    def __init__(self, text: str, checked: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setProperty("kind", "chip")
        self.setCheckable(True)
        self.setChecked(checked)
        self.setFont(fonts.font(12, fonts.MEDIUM))
        self.setFixedHeight(metrics.CHIP_HEIGHT)
        self.setMinimumWidth(metrics.CHIP_WIDTH)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(text)

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        text = self.fontMetrics().horizontalAdvance(self.text()) + 22
        hint.setWidth(max(metrics.CHIP_WIDTH, text))
        return hint
