"""RunWatcher: the QThread that starts, watches and reaps one child process.

It tails the run's events, takes them into the project and hands them to the window's thread in batches, at most ten a
second. It never decides anything: the workbench does.
"""

from __future__ import annotations

import subprocess
import threading

from PySide6.QtCore import QThread, Signal

from nasstudio.engine.errors import StudioError
from nasstudio.engine.job import supervise
from nasstudio.engine.job.folder import FINISHED, RunFolder
from nasstudio.engine.project.ingest import Intake
from nasstudio.engine.project.project import Project


class RunWatcher(QThread):
    """Follows one run until its process has gone.

    Signals
    -------
    batch : an `Ingested`, a `CellUpdate` or None, a `Snapshot` or None.
    failed : the run's id and a `StudioError` of starting or reading.
    left : the run's id; nothing more comes.
    """

    batch = Signal(object, object)
    failed = Signal(str, object)
    left = Signal(str)

    def __init__(
        self, project: Project, lock: threading.RLock, run_id: str, *, start: bool, interpreter: str
    ) -> None:
        super().__init__()
        self.run_id = run_id
        self._project = project
        self._lock = lock
        self._start = start
        self._interpreter = interpreter or None
        self._leave = threading.Event()
        self._end = threading.Event()

    def leave(self) -> None:
        """Stop watching and let the job go on."""
        self._leave.set()

    def end(self) -> None:
        """Climb the stop ladder: stop, terminate, kill."""
        self._end.set()

    def run(self) -> None:
        """The thread's work."""
        child: subprocess.Popen[bytes] | None = None
        try:
            folder = self._project.folder(self.run_id)
            if self._start:
                self._await_predecessor(folder)
                with self._lock:  # a run whose events do not read is not started
                    Intake(self._project, self.run_id).read()
                child = supervise.start(folder, self._interpreter)
            self._follow(folder, child)
        except StudioError as problem:
            self.failed.emit(self.run_id, problem)
        except Exception as problem:  # a defect of ours must not end the window
            self.failed.emit(
                self.run_id, StudioError(f"Unexpected {type(problem).__name__}: {problem}")
            )
            raise
        finally:
            if child is not None and child.poll() is None:
                child.returncode = 0  # it goes on without us; nobody waits for it
            self.left.emit(self.run_id)

    def _await_predecessor(self, folder: RunFolder) -> None:
        """The process of a run that has just ended may still be going."""
        for _ in range(100):
            if folder.process() is None or self._leave.wait(0.1):
                return

    def _follow(self, folder: RunFolder, child: subprocess.Popen[bytes] | None) -> None:
        with self._lock:
            intake = Intake(self._project, self.run_id)
        ending: threading.Thread | None = None
        while not self._leave.is_set():
            if child is not None:
                child.poll()
            with self._lock:
                found = intake.read()
                snapshot = self._project.snapshot() if found.kinds or found.cells else None
            if found.events or snapshot is not None:
                self.batch.emit(found, snapshot)
            if found.state in FINISHED:
                break
            if self._end.is_set() and ending is None:
                ending = threading.Thread(target=supervise.end, args=(folder,), daemon=True)
                ending.start()
            self._leave.wait(0.1)
        self._reap(child)

    def _reap(self, child: subprocess.Popen[bytes] | None) -> None:
        if child is None or self._leave.is_set():
            return
        try:
            child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            pass  # torch can take its time; the system reaps it with the window
