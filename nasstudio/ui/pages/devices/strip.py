"""The strip over the table while a profile runs: how far, how long, pause and stop."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from nasstudio.ui.kit.buttons import tool_button
from nasstudio.ui.kit.labels import label
from nasstudio.ui.kit.number import written
from nasstudio.ui.kit.progress import ProgressBar
from nasstudio.ui.kit.statemark import StateMark
from nasstudio.ui.pages.devices.state import mark_of, spoken_left
from nasstudio.ui.theme import theme
from nasstudio.ui.workbench import LiveRun


class ProfilingStrip(QFrame):
    """Shows a live profile; hidden when there is none. `pause_asked(run)`, `resume_asked(run)`, `stop_asked(run)`."""

    pause_asked = Signal(str)
    resume_asked = Signal(str)
    stop_asked = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(36)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 12, 0)
        row.setSpacing(12)
        self._mark = StateMark("running")
        self._text = label("", "base", "soft")
        self._bar = ProgressBar()
        self._note = label("", "secondary", "muted")
        self._pause = tool_button("pause", self.tr("Pause profiling"), small=True, role="on_soft")
        self._stop = tool_button(
            "stop", self.tr("Stop profiling; what is measured is kept"), small=True, role="on_soft"
        )
        row.addWidget(self._mark)
        row.addWidget(self._text)
        row.addWidget(self._bar, 1)
        row.addWidget(self._note)
        row.addWidget(self._pause)
        row.addWidget(self._stop)
        self._run: LiveRun | None = None
        self._pause.clicked.connect(self._toggle)
        self._stop.clicked.connect(self._ask_stop)
        theme().changed.connect(self.update)
        self.hide()

    def show_run(self, run: LiveRun | None, device: str = "", *, others_wait: bool = False) -> None:
        """Show a live profile on a device, or hide (None)."""
        self._run = run
        self.setVisible(run is not None)
        if run is None:
            return
        paused = run.state == "paused"
        self._mark.set_state(mark_of(run))
        self._text.setText(self._said(run, device))
        self._bar.set_progress(run.done, run.total or None)
        self._note.setText(run.said or (self.tr("Other jobs wait") if others_wait else ""))
        self._pause.set_icon("play" if paused else "pause")
        self._pause.set_tooltip(
            self.tr("Go on profiling") if paused else self.tr("Pause profiling")
        )
        self.setAccessibleName(self._text.text())

    def _said(self, run: LiveRun, device: str) -> str:
        if run.state == "paused":
            what = self.tr("Paused at")
        elif run.state == "waiting":
            return self.tr("Waiting to profile {0}").format(device)
        else:
            what = self.tr("Profiling")
        if not run.total:
            return f"{what} {device}" if run.state != "paused" else self.tr("Paused")
        unit = {"layers": self.tr("rows"), "rounds": self.tr("rounds of whole networks")}
        text = f"{what} {written(run.done)} of {written(run.total)} {unit.get(run.unit, run.unit)}"
        left = spoken_left(run.left_s) if run.state == "running" else ""
        return f"{text} · {left}" if left else text

    def text(self) -> str:
        """What is said."""
        return self._text.text()

    def _toggle(self) -> None:
        if self._run is not None:
            signal = self.resume_asked if self._run.state == "paused" else self.pause_asked
            signal.emit(self._run.id)

    def _ask_stop(self) -> None:
        if self._run is not None:
            self.stop_asked.emit(self._run.id)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), theme().color("soft"))
