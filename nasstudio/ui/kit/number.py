"""Numbers: how they are written, and the field in which they are edited."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QLocale, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent, QValidator, QWheelEvent
from PySide6.QtWidgets import QDoubleSpinBox, QLabel, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.labels import set_tone

MINUS = "\u2212"


def locale() -> QLocale:
    """Locale of numbers: the application's; English where there is none (the "C" locale groups nothing)."""
    chosen = QLocale()
    if chosen.language() == QLocale.Language.C:
        return QLocale(QLocale.Language.English, QLocale.Country.UnitedStates)
    return chosen


def written(value: float, decimals: int = 0) -> str:
    """`value` with group separators, `decimals` places and the typographic minus; "–" for no number."""
    if value != value or value in (float("inf"), float("-inf")):
        return "–"
    text = locale().toString(float(value), "f", decimals)
    sign = locale().negativeSign()
    if text.startswith(sign):
        digits = text[len(sign) :]
        return digits if not any("1" <= c <= "9" for c in digits) else MINUS + digits
    return text


class NumberField(QDoubleSpinBox):
    """A number with its unit in muted text inside the field.

    `committed(float)` is emitted once per finished change (Enter, leaving the field, arrow keys, wheel with focus);
    `set_value` does not emit it.
    """

    committed = Signal(float)

    def __init__(
        self,
        value: float = 0.0,
        unit: str = "",
        decimals: int = 0,
        minimum: float = 0.0,
        maximum: float = 1e9,
        *,
        name: str = "",
        step: float | None = None,
        small: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setFont(fonts.font(13, fonts.SEMIBOLD))
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setDecimals(decimals)
        self.setRange(minimum, maximum)
        self.setSingleStep(10.0**-decimals if step is None else step)
        self.setLocale(locale())
        self.setKeyboardTracking(False)
        self.setGroupSeparatorShown(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        if small:
            self.setProperty("small", "true")
        self.setFixedHeight(metrics.CONTROL_HEIGHT_SMALL if small else metrics.CONTROL_HEIGHT)
        self._unit = QLabel(self)
        self._unit.setFont(fonts.font(11))
        self._unit.setProperty("tone", "muted")
        self._unit.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.set_unit(unit)
        super().setValue(value)
        self._last = self.value()
        self.valueChanged.connect(self._changed)
        if name:
            self.set_name(name)

    def set_name(self, name: str) -> None:
        """The accessible name, with the unit."""
        unit = self._unit.text()
        self.setAccessibleName(f"{name} ({unit})" if unit else name)

    def set_unit(self, unit: str) -> None:
        """Change the unit shown in the field."""
        self._unit.setText(unit)
        self._unit.adjustSize()
        self._unit.setVisible(bool(unit))
        room = self._unit.width() + 5 if unit else 0
        self.lineEdit().setTextMargins(6, 0, 7 + room, 0)
        self._place_unit()

    def unit(self) -> str:
        """The unit shown in the field."""
        return self._unit.text()

    def set_value(self, value: float) -> None:
        """Show `value` without saying that a person changed it."""
        self.blockSignals(True)
        super().setValue(value)
        self.blockSignals(False)
        self._last = self.value()

    def set_tone(self, tone: str) -> None:
        """Border: "" (usual), "accent", "limit" or "bad"."""
        set_tone(self, tone)

    def _changed(self, value: float) -> None:
        if value != self._last:
            self._last = value
            self.committed.emit(value)

    def textFromValue(self, value: float) -> str:
        return written(value, self.decimals())

    def valueFromText(self, text: str) -> float:
        return super().valueFromText(self._plain(text))

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        plain = self._plain(text)
        state, _, _ = super().validate(plain, position)
        return state, text, position

    def _plain(self, text: str) -> str:
        group = locale().groupSeparator()
        return text.replace(MINUS, "-").replace(group, "").replace("\u00a0", "").strip()

    def wheelEvent(self, event: QWheelEvent) -> None:
        # A page that is scrolled must not change the field under the pointer.
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_unit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if hasattr(self, "_unit"):
            self._place_unit()

    def _place_unit(self) -> None:
        self._unit.adjustSize()
        x = self.width() - self._unit.width() - 9
        self._unit.move(x, (self.height() - self._unit.height()) // 2)

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        hint.setWidth(hint.width() + (self._unit.width() + 6 if self._unit.text() else 0))
        return hint
