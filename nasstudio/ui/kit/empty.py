"""What a page or a card says when it has nothing to show: what it needs, and the button that gets it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from nasstudio.ui.icons import pixmap
from nasstudio.ui.kit.buttons import primary_button, secondary_button
from nasstudio.ui.kit.labels import label
from nasstudio.ui.theme import theme


class EmptyState(QWidget):
    """Icon, title, a sentence and a button; `clicked` when it is pressed."""

    clicked = Signal()

    def __init__(
        self,
        icon: str,
        title: str,
        text: str = "",
        button_text: str = "",
        *,
        button_icon: str | None = None,
        primary: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._icon_name = icon
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(6)
        column.addStretch(1)
        self._icon = QLabel(self)
        self._icon.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.title_label = label(title, "title")
        self.title_label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.text_label = label(text, "secondary", "muted", wrap=True)
        self.text_label.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        self.text_label.setMaximumWidth(440)
        column.addWidget(self._icon)
        column.addSpacing(4)
        column.addWidget(self.title_label)
        # A wrapped label of limited width stays in the middle only between two stretches.
        line = QHBoxLayout()
        line.addStretch(1)
        line.addWidget(self.text_label, 100)
        line.addStretch(1)
        column.addLayout(line)
        column.addSpacing(8)
        make = primary_button if primary else secondary_button
        self.button = make(button_text, button_icon)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        self.text_label.setMinimumWidth(240)
        self.text_label.setVisible(bool(text))
        self.button.setVisible(bool(button_text))
        self.button.clicked.connect(self._pressed)
        theme().changed.connect(self._recolor)
        self._recolor()

    def set_text(self, title: str, text: str) -> None:
        """Say something else."""
        self.title_label.setText(title)
        self.text_label.setText(text)
        self.text_label.setVisible(bool(text))

    def _pressed(self) -> None:
        self.clicked.emit()

    def _recolor(self) -> None:
        self._icon.setPixmap(pixmap(self._icon_name, 32, "accent"))
