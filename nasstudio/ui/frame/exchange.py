"""What goes into a project and out of it as a whole: "Import…" and "Save a copy…"."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from nasstudio.engine.project.copying import copy_project
from nasstudio.engine.project.project import SUFFIX
from nasstudio.ui.workbench import Workbench
from nasstudio.ui.workers.tasks import Task


class Exchange(QObject):
    """Dialogs around a file that comes in and a copy that goes out.

    Parameters
    ----------
    take : what takes a file that was chosen, as if it had been dropped on the window.

    Signals
    -------
    copied(Path) : a copy is complete.
    problem(StudioError) : it could not be made.
    """

    copied = Signal(object)
    problem = Signal(object)

    def __init__(self, workbench: Workbench, window: QWidget, take: Callable[[Path], None]) -> None:
        super().__init__(window)
        self._workbench = workbench
        self._window = window
        self._take = take
        self._folder = ""

    def import_file(self) -> None:
        """Ask for a file and hand it to the page that knows its kind."""
        name, _ = QFileDialog.getOpenFileName(
            self._window,
            self.tr("Import"),
            self._folder,
            self.tr("Latency tables and networks (*.csv *.json *.onnx);;All files (*)"),
        )
        if name:
            self._folder = str(Path(name).parent)
            self._take(Path(name))

    def save_copy(self) -> None:
        """Ask for a place and copy the project there; `copied` or `problem` follows."""
        snapshot = self._workbench.snapshot
        if snapshot is None:
            return
        source = snapshot.path
        name, _ = QFileDialog.getSaveFileName(
            self._window,
            self.tr("Save a copy"),
            str(source.with_name(f"{source.stem} copy{SUFFIX}")),
            self.tr("NAS Studio project (*{0})").format(SUFFIX),
            # A copy never replaces anything: no use to ask whether it may.
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if name:
            target = Path(name)
            Task(
                self, lambda: copy_project(source, target), self.copied.emit, self.problem.emit
            ).start()
