"""The 6 px bar."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from nasstudio.ui.theme import theme


class ProgressBar(QWidget):
    """How much is done. `set_progress(done, total)`; without a total it says so by a half-tone bar.

    Parameters
    ----------
    tone : a token: "accent" while it runs, "pin" when done, "star" when stale.
    """

    def __init__(
        self, tone: str = "accent", height: int = 6, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._tone = tone
        self._share: float | None = 0.0
        self.setFixedHeight(height)
        self.setMinimumWidth(24)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Progress"))

    @property
    def share(self) -> float | None:
        """0 to 1; None if it is not known."""
        return self._share

    def set_progress(self, done: float, total: float | None) -> None:
        """Show `done` of `total`; a total of None or 0 is "not known"."""
        share = None if not total else max(0.0, min(1.0, done / total))
        if share != self._share:
            self._share = share
            text = self.tr("not known") if share is None else f"{share:.0%}"
            self.setAccessibleDescription(text)
            self.update()

    def set_tone(self, tone: str) -> None:
        """Colour of the bar, a token."""
        if tone != self._tone:
            self._tone = tone
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        box = QRectF(self.rect())
        radius = box.height() / 2
        painter.setBrush(theme().color("track"))
        painter.drawRoundedRect(box, radius, radius)
        if self._share is None:
            painter.setBrush(theme().color(self._tone, 0.45))
            painter.drawRoundedRect(box, radius, radius)
        elif self._share > 0:
            box.setWidth(max(box.height(), box.width() * self._share))
            painter.setBrush(theme().color(self._tone))
            painter.drawRoundedRect(box, radius, radius)
