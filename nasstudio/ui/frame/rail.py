"""The rail: the stations in the order of the work, each with its state."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QFrame, QVBoxLayout, QWidget

from nasstudio.ui import fonts
from nasstudio.ui.commands import STATIONS, Commands, translated
from nasstudio.ui.icons import pixmap
from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.statemark import StateMark, state_text
from nasstudio.ui.theme import theme

_TILE = 60
_PITCH = 68


class StationButton(QAbstractButton):
    """One station: icon, name, state mark at the top right."""

    def __init__(self, station: str, text: str, icon: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.station = station
        self._icon_name = icon
        self.setText(text)
        self.setCheckable(True)
        self.setFixedSize(metrics.RAIL_WIDTH, _PITCH)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.mark = StateMark("empty", metrics.STATE_MARK, self)
        self.mark.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.mark.move(49, 5)
        self._say()

    def set_state(self, state: str) -> None:
        """Show another state mark."""
        self.mark.set_state(state)
        self._say()

    def set_shortcut_text(self, text: str) -> None:
        """The shortcut, for the tooltip."""
        self.setToolTip(f"{self.text()} ({text})" if text else self.text())

    def _say(self) -> None:
        self.setAccessibleName(self.text())
        self.setAccessibleDescription(state_text(self.mark.state))

    def sizeHint(self) -> QSize:
        return QSize(metrics.RAIL_WIDTH, _PITCH)

    def paintEvent(self, event: QPaintEvent) -> None:
        colors = theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        tile = QRectF((self.width() - _TILE) / 2, 0, _TILE, _TILE)
        on = self.isChecked()
        if on or self.underMouse():
            painter.setBrush(colors.color("soft" if on else "hover"))
            painter.drawRoundedRect(tile, metrics.RADIUS, metrics.RADIUS)
        if on:
            painter.setBrush(colors.color("accent"))
            painter.drawRoundedRect(QRectF(-3, 14, 6, 32), 3, 3)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colors.color("accent"), 1.5))
            painter.drawRoundedRect(tile.adjusted(1, 1, -1, -1), metrics.RADIUS, metrics.RADIUS)
        ink = "on_soft" if on else "muted"
        place = (self.width() - metrics.ICON_RAIL) // 2
        painter.drawPixmap(place, 9, pixmap(self._icon_name, metrics.ICON_RAIL, ink))
        painter.setPen(colors.color(ink))
        painter.setFont(fonts.font(12, fonts.SEMIBOLD if on else fonts.MEDIUM))
        painter.drawText(QRectF(0, 36, self.width(), 18), Qt.AlignmentFlag.AlignCenter, self.text())


class Rail(QFrame):
    """The stations from Start to Export. `station_chosen(str)` when a person chooses one."""

    station_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "rail")
        self.setFixedWidth(metrics.RAIL_WIDTH)
        self.setAccessibleName(self.tr("Stations"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 8)
        column.setSpacing(0)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._buttons: dict[str, StationButton] = {}
        for key, text, icon in STATIONS:
            button = StationButton(key, translated(text), icon, self)
            self._group.addButton(button)
            column.addWidget(button)
            self._buttons[key] = button
        column.addStretch(1)
        self._buttons["start"].setChecked(True)
        self._group.buttonClicked.connect(self._clicked)

    def bind(self, commands: Commands) -> None:
        """Let the commands "view.<station>" (Ctrl+1 to Ctrl+8) choose stations."""
        for key, button in self._buttons.items():
            action = commands.bind(f"view.{key}", button.click)
            button.set_shortcut_text(action.shortcut().toString())

    def station(self) -> str:
        """The chosen station."""
        return next(key for key, button in self._buttons.items() if button.isChecked())

    def set_station(self, station: str) -> None:
        """Choose a station without a signal. Raises `KeyError` for one that is none."""
        self._buttons[station].setChecked(True)

    def set_state(self, station: str, state: str) -> None:
        """Show the state of a station: "empty", "running", "done", "stale" or "failed"."""
        self._buttons[station].set_state(state)

    def state(self, station: str) -> str:
        """The state that is shown."""
        return self._buttons[station].mark.state

    def button(self, station: str) -> StationButton:
        """The button of a station."""
        return self._buttons[station]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()), 0)
        if not step:
            super().keyPressEvent(event)
            return
        keys = list(self._buttons)
        focused = next((k for k, b in self._buttons.items() if b.hasFocus()), self.station())
        self._buttons[keys[(keys.index(focused) + step) % len(keys)]].setFocus(
            Qt.FocusReason.TabFocusReason
        )

    def _clicked(self, button: StationButton) -> None:
        self.station_chosen.emit(button.station)
