"""The card: a surface with a border, a title and a body."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.labels import label


class Card(QFrame):
    """A titled surface. Put content into `body` (a vertical layout), actions into the header.

    Parameters
    ----------
    title : 15/600 at the left of the header; without title, caption and trailing there is no header.
    caption : quiet text beside the title.
    trailing : a widget at the right of the header.
    flush : no margins around the body, for tables that reach the border.
    """

    def __init__(
        self,
        title: str = "",
        caption: str = "",
        trailing: QWidget | None = None,
        parent: QWidget | None = None,
        *,
        flush: bool = False,
    ) -> None:
        super().__init__(parent)
        self.setProperty("kind", "card")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(1, 1, 1, 1)
        outer.setSpacing(0)
        self._header = QWidget(self)
        self._row = QHBoxLayout(self._header)
        self._row.setContentsMargins(metrics.GAP, 8, metrics.GAP, 8)
        self._row.setSpacing(metrics.GAP_SMALL)
        self.title_label = label(title, "title")
        self.caption_label = label(caption, "secondary", "muted")
        self._row.addWidget(self.title_label)
        self._row.addWidget(self.caption_label)
        self._row.addStretch(1)
        self._header.setMinimumHeight(44)
        if trailing is not None:
            self._row.addWidget(trailing)
        outer.addWidget(self._header)
        self.body = QVBoxLayout()
        side = 0 if flush else metrics.GAP
        self._has_header = bool(title or caption or trailing)
        top = 0 if self._has_header or flush else metrics.GAP
        self.body.setContentsMargins(side, top, side, side)
        self.body.setSpacing(metrics.GAP_SMALL)
        outer.addLayout(self.body, 1)
        self._header.setVisible(self._has_header)
        self.caption_label.setVisible(bool(caption))
        if title:
            self.setAccessibleName(title)

    def set_title(self, title: str) -> None:
        """Change the title."""
        self.title_label.setText(title)
        self._header.setVisible(True)
        self.setAccessibleName(title)

    def set_caption(self, caption: str) -> None:
        """Change the quiet text beside the title."""
        self.caption_label.setText(caption)
        self.caption_label.setVisible(bool(caption))

    def add_trailing(self, widget: QWidget) -> None:
        """Add a widget at the right end of the header."""
        self._row.addWidget(widget)
        self._header.setVisible(True)


class Panel(QFrame):
    """The panel at the left of a page or the inspector at its right, with a border towards the page."""

    def __init__(self, side: str = "left", width: int = 0, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", f"panel-{side}")
        self.setFixedWidth(
            width or (metrics.PANEL_WIDTH if side == "left" else metrics.INSPECTOR_WIDTH)
        )
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(metrics.GAP, metrics.GAP, metrics.GAP, metrics.GAP)
        self.body.setSpacing(metrics.GAP_SMALL)


class Inset(QFrame):
    """A quieter card inside a card, on the window's ground."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "inset")
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(12, 12, 12, 12)
        self.body.setSpacing(metrics.GAP_SMALL)
