"""Badges: a word or a number on a soft ground."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.labels import set_tone

TONES = ("soft", "good", "warn", "bad", "muted")


class Badge(QLabel):
    """20 px, 11/600. `tone` is one of `TONES`; the text must say it too."""

    def __init__(self, text: str = "", tone: str = "soft", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("kind", "badge")
        self.setProperty("tone", tone)
        self.setFont(fonts.font(11, fonts.SEMIBOLD))
        self.setFixedHeight(metrics.BADGE_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)

    def set(self, text: str, tone: str | None = None) -> None:
        """Change text and tone."""
        self.setText(text)
        if tone is not None:
            set_tone(self, tone)
