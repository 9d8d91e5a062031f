"""Fields for text and choices: search, combination box, check box."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QIcon, QKeyEvent, QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QWidget,
)

from nasstudio.ui import fonts
from nasstudio.ui.icons import pixmap
from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.labels import label, set_property
from nasstudio.ui.theme import theme


class SearchField(QFrame):
    """A line to filter or search by; `changed(str)` with every letter, `submitted()` on Enter. Esc empties it."""

    changed = Signal(str)
    submitted = Signal()

    def __init__(
        self, placeholder: str = "", icon: str = "find", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setProperty("kind", "search")
        self.setFixedHeight(metrics.CONTROL_HEIGHT)
        self._icon_name = icon
        row = QHBoxLayout(self)
        row.setContentsMargins(9, 0, 9, 0)
        row.setSpacing(8)
        self._icon = QLabel(self)
        self.edit = QLineEdit(self)
        self.edit.setFont(fonts.font())
        self.edit.setPlaceholderText(placeholder)
        self.edit.setAccessibleName(placeholder or self.tr("Filter"))
        self.edit.installEventFilter(self)
        self.count_label = label("", "caption", "muted")
        row.addWidget(self._icon)
        row.addWidget(self.edit, 1)
        row.addWidget(self.count_label)
        self.setFocusProxy(self.edit)
        self.edit.textChanged.connect(self.changed)
        self.edit.returnPressed.connect(self.submitted)
        theme().changed.connect(self._recolor)
        self._recolor()

    def text(self) -> str:
        """What is typed."""
        return self.edit.text()

    def set_text(self, text: str) -> None:
        """Type `text`; `changed` is emitted."""
        self.edit.setText(text)

    def set_count(self, count: int | None) -> None:
        """Show how many matches there are, at the right."""
        self.count_label.setText("" if count is None else str(count))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            set_property(self, "focused", "true" if kind == QEvent.Type.FocusIn else "false")
        if isinstance(event, QKeyEvent) and kind == QEvent.Type.KeyPress and self._clears(event):
            self.edit.clear()
            return True
        return super().eventFilter(watched, event)

    def _clears(self, event: QKeyEvent) -> bool:
        return event.key() == Qt.Key.Key_Escape and bool(self.text())

    def _recolor(self) -> None:
        self._icon.setPixmap(pixmap(self._icon_name, metrics.ICON_BUTTON, "muted"))


class Combo(QComboBox):
    """A choice from a list. Items are texts, or (key, text) pairs; `chosen(key)` when a person chooses."""

    chosen = Signal(object)

    def __init__(
        self,
        items: Sequence[str | tuple[object, str]] = (),
        *,
        name: str = "",
        small: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setView(QListView(self))
        self.view().setAccessibleName(name or self.tr("Choices"))
        self.setFont(fonts.font(13, fonts.MEDIUM))
        self.setFixedHeight(metrics.CONTROL_HEIGHT_SMALL if small else metrics.CONTROL_HEIGHT)
        if small:
            self.setProperty("small", "true")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.setMinimumContentsLength(6)
        if name:
            self.setAccessibleName(name)
        self.set_items(items)
        self.activated.connect(self._activated)

    def set_items(self, items: Sequence[str | tuple[object, str]]) -> None:
        """Replace the choices; the chosen key stays if it is still there."""
        kept = self.key()
        self.blockSignals(True)
        self.clear()
        for item in items:
            key, text = (item, item) if isinstance(item, str) else item
            self.addItem(text, key)
        self.blockSignals(False)
        if kept is not None:
            self.set_key(kept)

    def add_item(self, key: object, text: str, icon: QIcon | None = None) -> None:
        """Add a choice at the end."""
        if icon is None:
            self.addItem(text, key)
        else:
            self.addItem(icon, text, key)

    def key(self) -> object:
        """Key of the choice, None if there is none."""
        return self.currentData()

    def set_key(self, key: object) -> bool:
        """Choose `key` without a signal. Returns False if it is not in the list."""
        index = next((i for i in range(self.count()) if self.itemData(i) == key), -1)
        if index >= 0:
            self.blockSignals(True)
            self.setCurrentIndex(index)
            self.blockSignals(False)
            self.update()
        return index >= 0

    def _activated(self, index: int) -> None:
        self.chosen.emit(self.itemData(index))

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


def labelled(text: str, field: QWidget) -> QWidget:
    """A row "text ... field", as in the panels; the text is the field's buddy and its accessible name."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(metrics.GAP_SMALL)
    caption = label(text)
    caption.setBuddy(field)
    layout.addWidget(caption)
    layout.addStretch(1)
    layout.addWidget(field)
    if not field.accessibleName():
        field.setAccessibleName(text)
    return row
