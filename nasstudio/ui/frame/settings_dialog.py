"""Settings, made from the options of `ui.settings`; every change holds at once, there is nothing to apply."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from nasstudio.ui import fonts
from nasstudio.ui.frame.interpreter import InterpreterCheck
from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.buttons import primary_button, secondary_button
from nasstudio.ui.kit.fields import Combo
from nasstudio.ui.kit.labels import Divider, SectionCaption, label, set_tone
from nasstudio.ui.kit.number import NumberField
from nasstudio.ui.kit.segmented import SegmentedControl
from nasstudio.ui.settings import (
    DATA_FOLDER,
    INTERPRETER,
    OPTIONS,
    THEME,
    Option,
    Settings,
    words,
)

_FIELD_WIDTH = 240


class SettingsDialog(QDialog):
    """All options, by section. Open it with `open()`."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.setWindowTitle(self.tr("Settings"))
        self.setMinimumWidth(700)
        self._fields: dict[str, QWidget] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        inner = QVBoxLayout()
        inner.setContentsMargins(24, 20, 24, 20)
        inner.setSpacing(10)
        inner.addWidget(label(self.tr("Settings"), "page"))
        section = ""
        for option in OPTIONS:
            if option.section != section:
                section = option.section
                inner.addSpacing(6)
                inner.addWidget(SectionCaption(words(section)))
                inner.addWidget(Divider())
            inner.addWidget(self._row(option))
            if option is INTERPRETER:
                inner.addWidget(self._verdict_row())
        inner.addStretch(1)
        column.addLayout(inner, 1)
        column.addWidget(Divider())
        column.addWidget(self._foot())
        self._check = InterpreterCheck(self)
        self._check.answered.connect(self._judged)
        self.finished.connect(self._check.cancel)

    def field(self, option: Option) -> QWidget:
        """The control of an option."""
        return self._fields[option.key]

    def verdict(self) -> str:
        """What the last check of the interpreter said."""
        return self._verdict.text()

    def check_interpreter(self) -> None:
        """Ask the engine interpreter what it has."""
        set_tone(self._verdict, "muted")
        self._verdict.setText(self.tr("Asking…"))
        self._check.ask(self._settings.get(INTERPRETER))

    def _foot(self) -> QWidget:
        foot = QFrame()
        row = QHBoxLayout(foot)
        row.setContentsMargins(24, 12, 24, 12)
        reset = secondary_button(self.tr("Reset to defaults"))
        reset.clicked.connect(self._reset)
        close = primary_button(self.tr("Done"))
        close.setDefault(True)
        close.clicked.connect(self.accept)
        row.addWidget(reset)
        row.addStretch(1)
        row.addWidget(close)
        return foot

    def _row(self, option: Option) -> QWidget:
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 2, 0, 2)
        row.setSpacing(metrics.GAP)
        text = QVBoxLayout()
        text.setSpacing(1)
        caption = label(words(option.title), "base")
        caption.setFont(fonts.font(13, fonts.MEDIUM))
        text.addWidget(caption)
        if option.tip:
            text.addWidget(label(words(option.tip), "secondary", "muted", wrap=True))
        row.addLayout(text, 1)
        field = self._make_field(option)
        caption.setBuddy(field)
        field.setAccessibleName(words(option.title))
        field.setAccessibleDescription(words(option.tip))
        self._fields[option.key] = field
        row.addWidget(field, 0, Qt.AlignmentFlag.AlignVCenter)
        if option.kind in ("folder", "program"):
            browse = secondary_button(self.tr("Choose…"))
            browse.setObjectName(option.key)
            browse.setAccessibleName(self.tr("Choose: {what}").format(what=words(option.title)))
            browse.clicked.connect(self._browse)
            row.addWidget(browse)
        return made

    def _make_field(self, option: Option) -> QWidget:
        value = self._settings.get(option)
        if option is THEME:
            segments = SegmentedControl(
                [(k, words(t)) for k, t in option.choices], words(option.title)
            )
            segments.set_key(value)
            segments.changed.connect(_Set(self._settings, option))
            return segments
        if option.kind == "choice":
            combo = Combo([(k, words(t)) for k, t in option.choices])
            combo.set_key(value)
            combo.chosen.connect(_Set(self._settings, option))
            return combo
        if option.kind == "switch":
            check = QCheckBox()
            check.setChecked(value)
            check.toggled.connect(_Set(self._settings, option))
            return check
        if option.kind == "number":
            number = NumberField(value, "", 0, option.minimum, option.maximum)
            number.setFixedWidth(90)
            number.committed.connect(_Set(self._settings, option, int))
            return number
        line = QLineEdit(value)
        line.setFont(fonts.font())
        line.setFixedWidth(_FIELD_WIDTH)
        line.setFixedHeight(metrics.CONTROL_HEIGHT)
        line.setPlaceholderText(
            str(self._settings.data_folder()) if option is DATA_FOLDER else self.tr("this one")
        )
        line.editingFinished.connect(_SetLine(self._settings, option, line))
        return line

    def _verdict_row(self) -> QWidget:
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        self._verdict = label("", "secondary", "muted", wrap=True)
        check = secondary_button(self.tr("Check")).set_small()
        check.setAccessibleName(self.tr("Check the engine interpreter"))
        check.clicked.connect(self.check_interpreter)
        row.addWidget(self._verdict, 1)
        row.addWidget(check, 0, Qt.AlignmentFlag.AlignTop)
        return made

    def _judged(self, tone: str, text: str) -> None:
        set_tone(self._verdict, tone)
        self._verdict.setText(text)

    def _browse(self) -> None:
        key = self.sender().objectName()
        option = next(o for o in OPTIONS if o.key == key)
        dialog = QFileDialog(self, words(option.title))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        modes = QFileDialog.FileMode
        dialog.setFileMode(modes.Directory if option.kind == "folder" else modes.ExistingFile)
        line = self._fields[key]

        def take(path: str) -> None:
            if isinstance(line, QLineEdit):
                line.setText(path)
            self._settings.set(option, path)

        dialog.fileSelected.connect(take)
        dialog.open()

    def _reset(self) -> None:
        for option in OPTIONS:
            self._settings.reset(option)
            self._show_value(option)

    def _show_value(self, option: Option) -> None:
        field, value = self._fields[option.key], self._settings.get(option)
        field.blockSignals(True)
        if isinstance(field, SegmentedControl | Combo):
            field.set_key(value)
        elif isinstance(field, QCheckBox):
            field.setChecked(value)
        elif isinstance(field, NumberField):
            field.set_value(value)
        elif isinstance(field, QLineEdit):
            field.setText(value)
        field.blockSignals(False)


class _Set:
    """Writes what a control says into its option."""

    def __init__(self, settings: Settings, option: Option, kind: type = object) -> None:
        self._settings, self._option, self._kind = settings, option, kind

    def __call__(self, value: object) -> None:
        self._settings.set(self._option, int(value) if self._kind is int else value)  # type: ignore[call-overload]


class _SetLine:
    def __init__(self, settings: Settings, option: Option, line: QLineEdit) -> None:
        self._settings, self._option, self._line = settings, option, line

    def __call__(self) -> None:
        self._settings.set(self._option, self._line.text().strip())
