"""Rows of a caption and a value, as in the inspector."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.labels import Divider, label, set_tone


class KeyValueList(QWidget):
    """Captions in muted text at the left, values 13/600 at the right, a line under each row."""

    def __init__(
        self,
        rows: Sequence[tuple[str, str]] = (),
        parent: QWidget | None = None,
        *,
        lines: bool = True,
    ) -> None:
        super().__init__(parent)
        self._lines = lines
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(metrics.GAP_SMALL)
        self._grid.setVerticalSpacing(0)
        self._grid.setColumnStretch(0, 1)
        self._rows: list[tuple[QLabel, QLabel]] = []
        self.set_rows(rows)

    def set_rows(self, rows: Sequence[tuple[str, str]]) -> None:
        """Show these rows; those that are there already are reused."""
        if len(rows) != len(self._rows):
            self.clear()
            for name, value in rows:
                self.add_row(name, value)
            return
        for (caption, shown), (name, value) in zip(self._rows, rows, strict=True):
            caption.setText(name)
            shown.setText(value)
            shown.setAccessibleName(f"{name}: {value}")

    def add_row(self, name: str, value: str, tone: str = "") -> None:
        """Add a row at the end."""
        at = len(self._rows) * 2
        caption, shown = label(name, "secondary", "muted"), label(value, "name", tone)
        shown.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        shown.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        shown.setAccessibleName(f"{name}: {value}")
        if self._lines and at:
            self._grid.addWidget(Divider(), at - 1, 0, 1, 2)
        self._grid.addWidget(caption, at, 0)
        self._grid.addWidget(shown, at, 1, Qt.AlignmentFlag.AlignRight)
        self._grid.setRowMinimumHeight(at, metrics.ROW_HEIGHT_INSPECTOR)
        self._rows.append((caption, shown))

    def set_value(self, name: str, value: str, tone: str | None = None) -> None:
        """Change the value of the row `name`. Raises `KeyError` if there is none."""
        for caption, shown in self._rows:
            if caption.text() == name:
                shown.setText(value)
                shown.setAccessibleName(f"{name}: {value}")
                if tone is not None:
                    set_tone(shown, tone)
                return
        raise KeyError(name)

    def rows(self) -> list[tuple[str, str]]:
        """What is shown."""
        return [(caption.text(), value.text()) for caption, value in self._rows]

    def clear(self) -> None:
        """Take all rows away."""
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._rows.clear()
