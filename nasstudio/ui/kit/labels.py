"""Text in the sizes and tones of the design, and the lines between things."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFont, QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QSizePolicy, QWidget

from nasstudio.ui import fonts

STYLES: dict[str, tuple[int, QFont.Weight]] = {
    "page": (18, fonts.SEMIBOLD),
    "title": (15, fonts.SEMIBOLD),
    "name": (13, fonts.SEMIBOLD),
    "base": (13, fonts.REGULAR),
    "secondary": (12, fonts.REGULAR),
    "section": (11, fonts.SEMIBOLD),
    "caption": (11, fonts.REGULAR),
    "number": (22, fonts.SEMIBOLD),
}


def label(
    text: str = "",
    style: str = "base",
    tone: str = "",
    *,
    wrap: bool = False,
    parent: QWidget | None = None,
) -> QLabel:
    """A text.

    Parameters
    ----------
    style : a key of `STYLES`.
    tone : "" (text), "muted", "faint", "accent", "soft", "good", "warn", "bad" or "limit".
    wrap : break lines; the text then takes the width it is given.
    """
    made = QLabel(text, parent)
    made.setTextFormat(Qt.TextFormat.PlainText)
    size, weight = STYLES[style]
    made.setFont(fonts.font(size, weight))
    made.setWordWrap(wrap)
    if tone:
        made.setProperty("tone", tone)
    if wrap:
        made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
    return made


def set_property(widget: QWidget, name: str, value: object) -> None:
    """Change a property that the style sheet selects by, and restyle the widget if it changed."""
    if widget.property(name) == value:
        return
    widget.setProperty(name, value)
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)
    widget.update()


def set_tone(widget: QWidget, tone: str) -> None:
    """Change the tone of a text, badge, notice or field."""
    set_property(widget, "tone", tone)


def set_shown(widget: QWidget, shown: bool) -> None:
    """Show or hide a part of something; one that has no parent yet never becomes a window of its own."""
    if not shown:
        widget.hide()
    elif widget.parentWidget() is not None:
        widget.show()
    else:
        widget.setAttribute(Qt.WidgetAttribute.WA_WState_ExplicitShowHide, False)


class SectionCaption(QLabel):
    """Caption of a section in a panel, 11/600 in muted text."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setFont(fonts.font(11, fonts.SEMIBOLD))
        self.setProperty("tone", "muted")


class ElidedLabel(QLabel):
    """One line that ends in "…" where it does not fit; the whole text is its tooltip."""

    def __init__(
        self, text: str = "", style: str = "base", tone: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        size, weight = STYLES[style]
        self.setFont(fonts.font(size, weight))
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        if tone:
            self.setProperty("tone", tone)
        self._whole = ""
        self.setText(text)

    def setText(self, text: str) -> None:
        if text != self._whole:
            self._whole = text
            self.updateGeometry()
            self._fit()

    def sizeHint(self) -> QSize:
        wide = self.fontMetrics().horizontalAdvance(self._whole) + 2
        return QSize(wide, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(24, super().minimumSizeHint().height())

    def whole_text(self) -> str:
        """The text before it was shortened."""
        return self._whole

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        room = max(self.contentsRect().width(), 24)
        shown = self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, room)
        self.setToolTip(self._whole if shown != self._whole else "")
        self.setAccessibleName(self._whole)
        if shown != self.text():
            super().setText(shown)


class Divider(QFrame):
    """A line of 1 px across the width, or down the height."""

    def __init__(self, vertical: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "divider")
        if vertical:
            self.setFixedWidth(1)
        else:
            self.setFixedHeight(1)
