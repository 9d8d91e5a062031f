"""The header of a page: what it is, one sentence on how things stand, and what to do."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.labels import ElidedLabel, label


class PageHeader(QFrame):
    """64 px: title 18/600, a sentence in muted text, actions at the right (the primary one last)."""

    def __init__(self, title: str, subtitle: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("ground", "window")
        self.setFixedHeight(metrics.HEADER_HEIGHT)
        row = QHBoxLayout(self)
        row.setContentsMargins(metrics.GAP, 0, metrics.GAP, 0)
        row.setSpacing(metrics.GAP_SMALL)
        text = QVBoxLayout()
        text.setSpacing(2)
        text.addStretch(1)
        self.title_label = label(title, "page")
        self.subtitle_label = ElidedLabel(subtitle, "base", "muted")
        text.addWidget(self.title_label)
        text.addWidget(self.subtitle_label)
        text.addStretch(1)
        row.addLayout(text, 1)
        self._actions = row
        self.setAccessibleName(title)

    def set_title(self, title: str) -> None:
        """Change the title."""
        self.title_label.setText(title)
        self.setAccessibleName(title)

    def set_subtitle(self, subtitle: str) -> None:
        """Change the sentence on how things stand."""
        self.subtitle_label.setText(subtitle)

    def add_action(self, widget: QWidget) -> QWidget:
        """Add a button at the right; the primary one is added last. Returns it."""
        self._actions.addWidget(widget)
        return widget
