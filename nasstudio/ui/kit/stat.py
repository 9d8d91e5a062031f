"""A card with one number."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.kit.labels import label


class StatCard(QFrame):
    """A caption, one number with its unit, and a note; `trailing` may hold a sparkline."""

    def __init__(
        self,
        caption: str,
        value: str = "–",
        unit: str = "",
        note: str = "",
        trailing: QWidget | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("kind", "card")
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 10, 16, 10)
        column = QVBoxLayout()
        column.setSpacing(1)
        self.caption_label = label(caption, "section", "muted")
        self.value_label = label(value, "number")
        self.value_label.setFont(fonts.font(22, fonts.SEMIBOLD))
        self.unit_label = label(unit, "secondary", "muted")
        self.note_label = label(note, "secondary", "muted")
        number = QHBoxLayout()
        number.setSpacing(5)
        number.addWidget(self.value_label)
        number.addWidget(self.unit_label, 0, Qt.AlignmentFlag.AlignBottom)
        self.unit_label.setContentsMargins(0, 0, 0, 4)
        number.addStretch(1)
        column.addWidget(self.caption_label)
        column.addLayout(number)
        column.addWidget(self.note_label)
        row.addLayout(column, 1)
        if trailing is not None:
            row.addWidget(trailing, 0, Qt.AlignmentFlag.AlignVCenter)
        self._name()

    def set(self, value: str, unit: str | None = None, note: str | None = None) -> None:
        """Show another number."""
        self.value_label.setText(value)
        if unit is not None:
            self.unit_label.setText(unit)
        if note is not None:
            self.note_label.setText(note)
        self._name()

    def _name(self) -> None:
        parts = (self.caption_label, self.value_label, self.unit_label, self.note_label)
        self.setAccessibleName(" ".join(part.text() for part in parts if part.text()))
