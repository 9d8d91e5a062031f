"""The card of a device in the left panel: what it is, and how many rows it has a time for.

A device without any time takes one line: a machine has a dozen of them under its runtimes.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from nasstudio.engine.device.verdict import percent
from nasstudio.ui.icons import pixmap
from nasstudio.ui.kit import metrics
from nasstudio.ui.kit.labels import ElidedLabel, label
from nasstudio.ui.kit.number import written
from nasstudio.ui.kit.progress import ProgressBar
from nasstudio.ui.kit.statemark import StateMark, state_text
from nasstudio.ui.pages.devices.state import DeviceState, icon_of
from nasstudio.ui.theme import theme

_TONES = {"done": "pin", "stale": "star"}


class DeviceCard(QAbstractButton):
    """One device; checked when it is the chosen one."""

    def __init__(self, state: DeviceState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 9, 8, 9)
        row.setSpacing(12)
        self._icon = QLabel(self)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(1)
        top = QHBoxLayout()
        top.setSpacing(6)
        self._name = ElidedLabel("", "name")
        self._mark = StateMark()
        self._load = label("", "caption", "muted")
        top.addWidget(self._name, 1)
        top.addWidget(self._load)
        top.addWidget(self._mark)
        self._setting = ElidedLabel("", "caption", "muted")
        self._where = ElidedLabel("", "caption", "warn")
        bottom = QHBoxLayout()
        bottom.setSpacing(12)
        self._bar = ProgressBar(height=4)
        self._count = label("", "caption", "muted")
        bottom.addWidget(self._bar, 1)
        bottom.addWidget(self._count)
        column.addLayout(top)
        column.addWidget(self._setting)
        column.addWidget(self._where)
        self._progress = QWidget()
        self._progress.setLayout(bottom)
        bottom.setContentsMargins(0, 4, 0, 0)
        column.addWidget(self._progress)
        row.addLayout(column, 1)
        for child in self.findChildren(QWidget):
            child.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            child.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.toggled.connect(self._recolor)
        theme().changed.connect(self._recolor)
        self.device = state.device
        self.show_state(state)

    def show_state(self, state: DeviceState) -> None:
        """Show how far the device is."""
        self.device = device = state.device
        table = device.runtime == "table"
        bare = state.bare
        self._name.setText(device.title or (device.name if table else device.runtime_title))
        self._load.setText("" if table or device.title else device.load_title)
        detail = device.setting if device.title else device.hardware
        if table:
            detail = self.tr("imported times") if state.fitted is None else self.tr("fitted model")
        self._setting.setText(detail)
        for part in (self._setting, self._progress):
            part.setVisible(not bare)
        self._where.setVisible(state.foreign and not bare)
        self._where.setText(self.tr("measured on {0}").format(device.hardware))
        self._bar.setVisible(state.fitted is None)
        self._bar.set_progress(state.known, state.total or 1)
        self._bar.set_tone(_TONES.get(state.state, "accent"))
        count, rows, said = self._words(state)
        self._count.setText(count)
        self._mark.set_state(state.state)
        self.setAccessibleName(f"{device.name}, {rows}, {said}")
        self.setToolTip(f"{device.name}\n{device.hardware}\n{rows}: {said}")
        self._recolor()
        self.updateGeometry()

    def _words(self, state: DeviceState) -> tuple[str, str, str]:
        """How far it is in short, in words, and what that means."""
        if state.fitted is not None:
            error = percent(state.fitted.mape)
            networks = self.tr("{0} whole networks").format(written(state.fitted.n))
            return (
                self.tr("{0}, error {1}").format(networks, error),
                networks,
                self.tr("a model fitted to them, {0} off on networks held back").format(error),
            )
        count = self.tr("{0} of {1}").format(written(state.known), written(state.total))
        stale = state.state == "stale"
        said = self.tr("some rows have no time") if stale else state_text(state.state)
        return count, self.tr("{0} rows").format(count), said

    def sizeHint(self) -> QSize:
        layout = self.layout()
        return layout.sizeHint() if layout is not None else super().sizeHint()

    def _recolor(self) -> None:
        tone = "on_soft" if self.isChecked() else "muted"
        self._icon.setPixmap(pixmap(icon_of(self.device), 22, tone))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors = theme()
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(Qt.PenStyle.NoPen)
        if self.isChecked() or self.underMouse():
            painter.setBrush(colors.color("soft" if self.isChecked() else "hover"))
            painter.drawRoundedRect(box, metrics.RADIUS, metrics.RADIUS)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colors.color("accent"), 1))
            painter.drawRoundedRect(box, metrics.RADIUS, metrics.RADIUS)
