"""The log of a run: what the job said, and what its process printed."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from nasstudio.engine.errors import StudioError
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.supervise import last_words
from nasstudio.ui import fonts
from nasstudio.ui.kit.buttons import ghost_button, secondary_button
from nasstudio.ui.kit.labels import label
from nasstudio.ui.workers.tasks import Task


def log_text(path: Path) -> str:
    """Lines for people from a run's events, and the end of its process's output."""
    lines = []
    for event in ev.EventReader(path / "events.jsonl").read():
        said = _said(event)
        if said:
            lines.append(f"{time.strftime('%H:%M:%S', time.localtime(event.t))}  {said}")
    printed = last_words(RunFolder(path), lines=200)
    if printed:
        lines += ["", "Printed by the job's process:", printed]
    return "\n".join(lines) or "Nothing has been said yet."


def _said(event: ev.AnyEvent) -> str:
    match event:
        case ev.Started():
            return f"started, version {event.version}, process {event.pid} on {event.machine.get('processor', '?')}"
        case ev.Log() | ev.Waiting():
            return event.text
        case ev.Warned():
            return f"warning: {event.text}"
        case ev.Artefact() if event.rows is None:
            return f"wrote {event.path}"
        case ev.Failed():
            return f"failed: {event.what} {event.where} {event.remedy}\n{event.trace}".rstrip()
        case ev.Paused() | ev.Resumed() | ev.Stopped() | ev.Done():
            return type(event).__name__.lower()
        case _:
            return ""


class LogDialog(QDialog):
    """Shows one run's log. Not modal."""

    def __init__(self, path: Path, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Log of {0}").format(name))
        self.resize(820, 520)
        self._path = path
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setFont(fonts.monospace())
        self.text.setAccessibleName(self.tr("Log"))
        again = ghost_button(self.tr("Read again"), "refresh")
        folder = ghost_button(self.tr("Open the folder"), "folder")
        copy = secondary_button(self.tr("Copy"), "copy")
        again.clicked.connect(self.read)
        folder.clicked.connect(self._open_folder)
        copy.clicked.connect(self._copy)
        row = QHBoxLayout()
        row.addWidget(label(str(path.name), "secondary", "muted"))
        row.addStretch(1)
        for button in (again, folder, copy):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.addLayout(row)
        column.addWidget(self.text)
        self.read()

    def read(self) -> None:
        """Read the log anew."""
        Task(self, lambda: log_text(self._path), self._show, self._failed).start()

    def _show(self, text: str) -> None:
        self.text.setPlainText(text)
        self.text.verticalScrollBar().setValue(self.text.verticalScrollBar().maximum())

    def _failed(self, problem: StudioError) -> None:
        self.text.setPlainText(str(problem))

    def _open_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._path)))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())
