"""Choosing a set: a card for each family, and a form for the options that the family declares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from nasstudio.engine.data.catalog import SetDescription
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.data.family import Option
from nasstudio.ui.kit.badge import Badge
from nasstudio.ui.kit.buttons import tool_button
from nasstudio.ui.kit.labels import label, set_property
from nasstudio.ui.theme import theme


class SourceCard(QFrame):
    """A family of sets; `chosen(family)` when it is clicked, or with the keyboard."""

    chosen = Signal(str)

    def __init__(self, description: SetDescription) -> None:
        super().__init__()
        self.description = description
        self.setProperty("kind", "inset")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(3)
        top = QHBoxLayout()
        top.addWidget(label(description.title, "name"), 1)
        self.badge = Badge()
        top.addWidget(self.badge)
        column.addLayout(top)
        column.addWidget(label(description.about, "caption", "muted", wrap=True))
        self.set_state(used=False, chosen=False)

    def set_state(self, *, used: bool, chosen: bool) -> None:
        """Whether it is the project's set, and whether it is the one that is shown."""
        self._chosen = chosen
        if used:
            self.badge.set(self.tr("in use"), "good")
        elif not self.description.present:
            self.badge.set(self.tr("not here"), "muted")
        self.badge.setVisible(used or not self.description.present)
        set_property(self, "kind", "card" if chosen else "inset")
        words = [self.description.title, self.description.about]
        words += [self.tr("in use")] if used else []
        words += [self.tr("shown")] if chosen else []
        self.setAccessibleName(", ".join(words))
        self.update()

    def paintEvent(self, event) -> None:
        super().paintEvent(event)
        if self._chosen or self.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme().color("accent"), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)

    def mousePressEvent(self, event) -> None:
        self.chosen.emit(self.description.family)

    def keyPressEvent(self, event) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit(self.description.family)
        else:
            super().keyPressEvent(event)


class OptionForm(QWidget):
    """Fields for the options of a family; `changed` after an edit."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._options: tuple[Option, ...] = ()
        self._fields: dict[str, QLineEdit | QCheckBox] = {}

    def show_options(self, options: Sequence[Option], values: dict[str, Any]) -> None:
        """Build the form, filled with `values`."""
        while (item := self._column.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._options, self._fields = tuple(options), {}
        for option in sorted(options, key=lambda o: (o.kind != "folder", o.kind == "flag")):
            self._add(option, values.get(option.name, option.default))

    def _add(self, option: Option, value: Any) -> None:
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        if option.kind == "flag":
            box = QCheckBox(option.title)
            box.setChecked(bool(value))
            box.toggled.connect(self.changed)
            row.addWidget(box, 1)
            field: QLineEdit | QCheckBox = box
        else:
            caption = label(option.title, "secondary", "muted")
            caption.setMinimumWidth(108)
            edit = QLineEdit("" if value is None else str(value))
            edit.setProperty("small", "true")
            edit.setPlaceholderText(self.tr("needed") if option.required else self.tr("usual"))
            edit.editingFinished.connect(self._edited)
            caption.setBuddy(edit)
            row.addWidget(caption)
            row.addWidget(edit, 1)
            field = edit
            if option.kind == "folder":
                choose = tool_button("folder", self.tr("Choose a folder"), small=True)
                choose.clicked.connect(lambda: self._ask_folder(edit))
                row.addWidget(choose)
        field.setToolTip(option.about)
        field.setAccessibleName(f"{option.title}. {option.about}")
        self._said = self.values_of({**self._fields, option.name: field})
        self._fields[option.name] = field
        self._column.addWidget(holder)

    def _edited(self) -> None:
        if self.values() != self._said:
            self._said = self.values()
            self.changed.emit()

    def _ask_folder(self, edit: QLineEdit) -> None:
        name = QFileDialog.getExistingDirectory(self, self.tr("Image folder"), edit.text())
        if name:
            self.set_folder(name)

    def set_folder(self, folder: str) -> None:
        """Fill in the folder; `changed` follows."""
        edit = self._fields.get("folder")
        if isinstance(edit, QLineEdit):
            edit.setText(folder)
            self._edited()

    def complete(self) -> bool:
        """Whether every option that is needed is given."""
        values = self.values()
        return all(option.name in values for option in self._options if option.required)

    def values(self) -> dict[str, Any]:
        """What was given; options at their default are left out."""
        return self.values_of(self._fields)

    def values_of(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Typed values of some fields; text that is no number stays text: the engine says what is wrong with it."""
        found: dict[str, Any] = {}
        for option in self._options:
            field = fields.get(option.name)
            if field is None:
                continue
            value = (
                field.isChecked() if isinstance(field, QCheckBox) else _typed(option, field.text())
            )
            if value is not None and value != option.default:
                found[option.name] = value
        return found

    def document(self, family: str) -> DataDocument:
        """The set that the form describes."""
        return DataDocument(family, self.values())


def _typed(option: Option, text: str) -> Any:
    text = text.strip()
    if not text:
        return None
    if option.kind == "folder":
        return text
    try:
        return int(text) if option.kind == "integer" else float(text.replace(",", "."))
    except ValueError:
        return text
