"""Opening projects: new, existing, the sample, recent ones, and what is dropped on the window."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QStandardPaths, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from nasstudio.engine.project.project import SUFFIX
from nasstudio.engine.project.records import Snapshot
from nasstudio.engine.project.sample import own_sample
from nasstudio.ui.settings import Settings
from nasstudio.ui.workbench import Workbench
from nasstudio.ui.workers.tasks import Task

KEPT = 10


class Opening(QObject):
    """Dialogs and memory around `Workbench.open`.

    `recents_changed` follows every change of the recent projects; `problem(StudioError)` what went wrong.
    """

    recents_changed = Signal()
    problem = Signal(object)

    def __init__(self, workbench: Workbench, settings: Settings, window: QWidget) -> None:
        super().__init__(window)
        self._workbench = workbench
        self._settings = settings
        self._window = window
        workbench.opened.connect(self._remember)

    def recents(self) -> list[dict[str, Any]]:
        """Recent projects, the newest first: path, title, opened (s since the epoch)."""
        kept = self._settings.recall("recents", [])
        return [r for r in kept if isinstance(r, dict) and isinstance(r.get("path"), str)][:KEPT]

    def forget(self, path: str) -> None:
        """Take a project out of the list."""
        self._keep([r for r in self.recents() if r["path"] != path])

    def new(self) -> None:
        """Ask for a folder and make a project there."""
        name, _ = QFileDialog.getSaveFileName(
            self._window,
            self.tr("New project"),
            str(self._home() / f"Project{SUFFIX}"),
            self.tr("NAS Studio project (*{0})").format(SUFFIX),
        )
        if name:
            path = Path(name)
            self._workbench.create(path, path.stem)

    def ask(self) -> None:
        """Ask for a project folder and open it."""
        name = QFileDialog.getExistingDirectory(
            self._window, self.tr("Open project"), str(self._home())
        )
        if name:
            self._workbench.open(Path(name))

    def sample(self) -> None:
        """Open the user's own copy of the sample, copying it first if it is not there."""
        Task(self, own_sample, self._workbench.open, self.problem.emit).start()

    def _home(self) -> Path:
        place = QStandardPaths.StandardLocation.DocumentsLocation
        return Path(QStandardPaths.writableLocation(place) or ".")

    def _remember(self, snapshot: Snapshot) -> None:
        path = str(snapshot.path)
        fresh = {"path": path, "title": snapshot.title, "opened": time.time()}
        self._keep([fresh, *(r for r in self.recents() if r["path"] != path)])

    def _keep(self, recents: list[dict[str, Any]]) -> None:
        self._settings.remember("recents", recents[:KEPT])  # type: ignore[arg-type]
        self.recents_changed.emit()
