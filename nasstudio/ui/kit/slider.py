"""The slider of the design, and the row in which a limit is set."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QCheckBox, QGridLayout, QSlider, QVBoxLayout, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.kit.labels import ElidedLabel, set_tone
from nasstudio.ui.kit.number import NumberField
from nasstudio.ui.theme import theme

STEPS = 10_000
_HANDLE = 14


class Slider(QSlider):
    """A horizontal slider over `STEPS` steps, with a coloured groove and an optional small mark under it."""

    def __init__(self, parent: QWidget | None = None, *, tone: str = "accent") -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setRange(0, STEPS)
        self.setPageStep(STEPS // 10)
        self.setSingleStep(STEPS // 200)
        self.setFixedHeight(23)
        self.setMinimumWidth(60)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._tone = tone
        self._mark: float | None = None

    def set_tone(self, tone: str) -> None:
        """Colour of groove and handle: a token, "accent" or "limit"."""
        self._tone = tone
        self.update()

    def set_mark(self, share: float | None) -> None:
        """Put the small mark at `share` (0 left, 1 right) of the groove, or take it away."""
        self._mark = None if share is None else max(0.0, min(1.0, share))
        self.update()

    def mark(self) -> float | None:
        """Where the mark stands, 0 to 1."""
        return self._mark

    def share(self) -> float:
        """Where the handle stands, 0 to 1."""
        span = self.maximum() - self.minimum()
        return (self.value() - self.minimum()) / span if span else 0.0

    def _groove(self) -> tuple[float, float, float]:
        inset = _HANDLE / 2 + 1
        return inset, self.width() - inset, 9.0

    def _value_at(self, x: float) -> int:
        left, right, _ = self._groove()
        share = (x - left) / max(1.0, right - left)
        return round(self.minimum() + max(0.0, min(1.0, share)) * (self.maximum() - self.minimum()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self.setSliderPosition(self._value_at(event.position().x()))
            event.accept()
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self.setSliderPosition(self._value_at(event.position().x()))
            event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self.setSliderDown(False)
            event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        colors = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        left, right, middle = self._groove()
        x = left + self.share() * (right - left)
        enabled = self.isEnabled()
        color = colors.color(self._tone if enabled else "control_border")
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colors.color("track"))
        painter.drawRoundedRect(QRectF(left - 7, middle - 2, right - left + 14, 4), 2, 2)
        painter.setBrush(color)
        if enabled:
            painter.drawRoundedRect(QRectF(left - 7, middle - 2, x - left + 7, 4), 2, 2)
        if self._mark is not None:
            self._paint_mark(painter, left + self._mark * (right - left), middle)
        painter.setBrush(colors.color("surface"))
        painter.setPen(QPen(color, 2))
        painter.drawEllipse(QPointF(x, middle), _HANDLE / 2 - 0.5, _HANDLE / 2 - 0.5)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colors.color(self._tone, 0.45), 2))
            painter.drawEllipse(QPointF(x, middle), _HANDLE / 2 + 2, _HANDLE / 2 + 2)

    def _paint_mark(self, painter: QPainter, x: float, middle: float) -> None:
        painter.setBrush(theme().color("text" if self.isEnabled() else "faint"))
        top = middle + 7
        painter.drawPolygon(
            QPolygonF([QPointF(x, top), QPointF(x + 3.5, top + 6), QPointF(x - 3.5, top + 6)])
        )


class LimitSlider(QWidget):
    """A limit: whether it holds, what it is about, its value as a field and as a slider.

    `moved(float)` follows the handle, `committed(float)` comes once when it is let go or the field is left, and
    `toggled(bool)` when the limit is switched. Setting values from code emits nothing.

    Parameters
    ----------
    name, runtime : what is limited ("Pixel-class CPU") and where it is measured ("XNNPACK").
    unit, decimals : of the value.
    minimum, maximum : ends of the slider; the field takes the same range.
    log : a logarithmic slider; `minimum` must be positive.
    """

    moved = Signal(float)
    committed = Signal(float)
    toggled = Signal(bool)

    def __init__(
        self,
        name: str,
        runtime: str = "",
        unit: str = "",
        minimum: float = 0.0,
        maximum: float = 100.0,
        value: float | None = None,
        decimals: int = 1,
        *,
        log: bool = False,
        checked: bool = True,
        tone: str = "accent",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._log = log
        self._best: float | None = None
        self.check = QCheckBox(self)
        self.check.setAccessibleName(self.tr("Limit {name}").format(name=name))
        self.check.setFixedWidth(16)
        self.name_label = ElidedLabel(name, "base")
        self.name_label.setFont(fonts.font(13, fonts.MEDIUM))
        self.runtime_label = ElidedLabel(runtime, "caption", "muted")
        self.field = NumberField(
            maximum if value is None else value,
            unit,
            decimals,
            minimum,
            maximum,
            name=name,
            small=True,
        )
        self.field.setFixedWidth(78)
        self.slider = Slider(self)
        self.slider.setAccessibleName(self.tr("Limit of {name}").format(name=name))
        self._lay_out()
        self.runtime_label.setVisible(bool(runtime))
        self.set_range(minimum, maximum)
        self.set_value(self.field.value())
        self.set_tone(tone)
        self.check.setChecked(checked)
        self._enable(checked)
        self.check.toggled.connect(self._toggled)
        self.slider.valueChanged.connect(self._slid)
        self.slider.sliderReleased.connect(self._let_go)
        self.field.committed.connect(self._typed)

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(0)
        text = QVBoxLayout()
        text.setSpacing(0)
        text.addStretch(1)
        text.addWidget(self.name_label)
        text.addWidget(self.runtime_label)
        text.addStretch(1)
        grid.addWidget(self.check, 0, 0, Qt.AlignmentFlag.AlignVCenter)
        grid.addLayout(text, 0, 1)
        grid.addWidget(self.field, 0, 2)
        grid.addWidget(self.slider, 1, 1, 1, 2)
        grid.setColumnStretch(1, 1)
        self.setTabOrder(self.check, self.field)
        self.setTabOrder(self.field, self.slider)

    def value(self) -> float:
        """The limit, in its unit."""
        return self.field.value()

    def is_checked(self) -> bool:
        """True if the limit holds."""
        return self.check.isChecked()

    def set_checked(self, checked: bool) -> None:
        """Let the limit hold or not, without a signal."""
        self.check.blockSignals(True)
        self.check.setChecked(checked)
        self.check.blockSignals(False)
        self._enable(checked)

    def set_value(self, value: float) -> None:
        """Show another limit, without a signal."""
        self.field.set_value(value)
        self._place_handle(self.field.value())

    def set_range(self, minimum: float, maximum: float) -> None:
        """Change the ends; a value outside moves to the nearer end."""
        if not minimum < maximum or (self._log and minimum <= 0):
            raise ValueError(f"no slider from {minimum} to {maximum}")
        self._minimum, self._maximum = minimum, maximum
        self.field.blockSignals(True)
        self.field.setRange(minimum, maximum)
        self.field.blockSignals(False)
        self.set_value(self.field.value())
        self.set_best(self._best)

    def set_best(self, value: float | None) -> None:
        """Mark where the best network stands, or nothing."""
        self._best = value
        self.slider.set_mark(None if value is None else self._share(value))

    def set_tone(self, tone: str) -> None:
        """Colour of the row: "accent", or "limit" for the one that is in the hand or binds."""
        self.slider.set_tone(tone)
        self.field.set_tone("limit" if tone == "limit" else "")

    def _share(self, value: float) -> float:
        low, high = self._minimum, self._maximum
        if self._log:
            return (math.log(max(value, low)) - math.log(low)) / (math.log(high) - math.log(low))
        return (value - low) / (high - low)

    def _value(self, share: float) -> float:
        low, high = self._minimum, self._maximum
        return low * (high / low) ** share if self._log else low + (high - low) * share

    def _place_handle(self, value: float) -> None:
        self.slider.blockSignals(True)
        self.slider.setValue(round(self._share(value) * STEPS))
        self.slider.blockSignals(False)
        self.slider.update()

    def _enable(self, on: bool) -> None:
        self.field.setEnabled(on)
        self.slider.setEnabled(on)
        set_tone(self.name_label, "" if on else "muted")

    def _toggled(self, on: bool) -> None:
        self._enable(on)
        self.toggled.emit(on)

    def _slid(self, step: int) -> None:
        self.field.set_value(self._value(step / STEPS))
        self.moved.emit(self.field.value())
        if not self.slider.isSliderDown():
            self.committed.emit(self.field.value())

    def _let_go(self) -> None:
        self.committed.emit(self.field.value())

    def _typed(self, value: float) -> None:
        self._place_handle(value)
        self.moved.emit(value)
        self.committed.emit(value)
