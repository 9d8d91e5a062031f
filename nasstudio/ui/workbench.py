"""The workbench: the open project and its running jobs, for every page.

It lives on the window's thread and never waits: the project itself is used by worker threads under one lock, and what
they bring arrives as signals. Pages ask the workbench and listen to it; they know neither files nor processes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QThreadPool, QTimer, Signal

from nasstudio.engine.errors import StudioError
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.folder import FINISHED, State
from nasstudio.engine.job.specification import AnySpec
from nasstudio.engine.project.ingest import Ingested, take_all
from nasstudio.engine.project.project import Project
from nasstudio.engine.project.records import Snapshot
from nasstudio.engine.project.stations import StationState, built_space, station_states
from nasstudio.engine.space.space import SearchSpace
from nasstudio.ui.workers.tasks import Task
from nasstudio.ui.workers.watcher import RunWatcher

Make = Callable[[Project], AnySpec]
Genome = tuple[int, ...]
_Opened = tuple[Project, Snapshot, list[StudioError]]


@dataclass
class LiveRun:
    """A run that is being watched, as the tray shows it.

    `said` is the last line for people: a log line, a warning, what it waits for.
    """

    id: str
    name: str
    kind: str
    state: State = "created"
    done: float = 0.0
    total: float = 0.0
    unit: str = ""
    label: str = ""
    left_s: float | None = None
    said: str = ""
    failure: StudioError | None = None
    rests_for: str = ""
    ended: bool = False
    again: bool = False
    watcher: RunWatcher | None = field(default=None, repr=False)


class Workbench(QObject):
    """The open project.

    `interpreter` runs the jobs (empty: this one), `threads` is how many threads a training takes (0: all but one).

    Signals
    -------
    opened(Snapshot) / closed() : a project was opened or closed.
    closing() : the project is about to be closed; what a page still holds is handed to `do` now.
    changed(Snapshot) : anything in the project changed.
    run_events(run_id, list) : new events of a run, in batches.
    cells_changed(Device, list of labels) : a profile brought times; the snapshot that follows holds them.
    runs_changed() : a live run changed; see `live`.
    run_ended(LiveRun) : a run has ended, with its last state.
    selected(genome or None) : the network that inspector, plot and tables show.
    problem(StudioError) : something went wrong that no page asked about.
    """

    opened = Signal(object)
    closing = Signal()
    closed = Signal()
    changed = Signal(object)
    run_events = Signal(str, object)
    cells_changed = Signal(object, object)
    runs_changed = Signal()
    run_ended = Signal(object)
    selected = Signal(object)
    problem = Signal(object)

    def __init__(
        self, parent: QObject | None = None, *, interpreter: str = "", threads: int = 0
    ) -> None:
        super().__init__(parent)
        self.interpreter = interpreter
        self.set_threads(threads)
        self.snapshot: Snapshot | None = None
        self.live: dict[str, LiveRun] = {}
        self.selection: Genome | None = None
        self._project: Project | None = None
        self._lock = threading.RLock()
        self._sequel: dict[str, list[Make]] = {}
        # One thread: changes of the project take effect in the order in which they were asked for.
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._runs_timer = QTimer(self, singleShot=True, interval=50)
        self._runs_timer.timeout.connect(self.runs_changed)

    def set_threads(self, threads: int) -> None:
        """Threads of a training from now on; 0: all but one."""
        self.threads = threads or max(1, (os.cpu_count() or 2) - 1)

    # -- the project --------------------------------------------------------------------------------------------

    @property
    def space(self) -> SearchSpace | None:
        """The project's space, built."""
        return built_space(self.snapshot) if self.snapshot else None

    @property
    def stations(self) -> dict[str, StationState]:
        return station_states(self.snapshot)

    @property
    def writable(self) -> bool:
        return self.snapshot is not None and self.snapshot.writable

    def open(self, path: Path) -> None:
        """Open a project; `opened` follows, or `problem`. The one that is open already keeps its lock and its jobs."""
        if self.snapshot is not None and path.resolve() == self.snapshot.path:
            self.opened.emit(self.snapshot)
            self.changed.emit(self.snapshot)
            return
        self._open(lambda: Project.open(path))

    def create(self, path: Path, title: str = "") -> None:
        """Make a project and open it."""
        self._open(lambda: Project.create(path, title))

    def _open(self, make: Callable[[], Project]) -> None:
        def work() -> _Opened:
            project = make()
            try:
                found = take_all(project)
                snapshot = project.snapshot()
            except StudioError:
                project.close()  # else this very window would hold its lock until it is closed
                raise
            return project, snapshot, [run.problem for run in found if run.problem is not None]

        self._task(work, self._opened)

    def _opened(self, result: _Opened) -> None:
        self.close()
        self._project, self.snapshot, problems = result
        self.opened.emit(self.snapshot)
        self.changed.emit(self.snapshot)
        for run in self.snapshot.runs:
            if run.state in ("running", "paused", "waiting"):
                self._watch(run.id, run.name, run.kind, start=False)
        for problem in problems:
            self.problem.emit(problem)

    def close(self) -> None:
        """Close the project; running jobs go on and are found again next time."""
        if self._project is None:
            return
        self.closing.emit()
        for run in self.live.values():
            if run.watcher is not None:
                run.watcher.leave()
                run.watcher.wait()
        self._pool.waitForDone()
        self.live.clear()
        self._sequel.clear()
        self._project.close()
        self._project = self.snapshot = self.selection = None
        self.closed.emit()
        self.runs_changed.emit()

    def do(
        self,
        change: Callable[[Project], Any],
        then: Callable[[Any], None] | None = None,
        problem: Callable[[StudioError], None] | None = None,
    ) -> None:
        """Change the project off the window's thread; `changed` follows, then `then(result)`."""
        project = self._project
        if project is None:
            return

        def work() -> tuple[Any, Snapshot]:
            with self._lock:
                result = change(project)
                return result, project.snapshot()

        def arrived(answer: tuple[Any, Snapshot]) -> None:
            self._arrived(project, answer[1])
            if then is not None:
                then(answer[0])

        self._task(work, arrived, problem)

    def _arrived(self, project: Project, snapshot: Snapshot) -> None:
        if project is self._project:
            self.snapshot = snapshot
            self.changed.emit(snapshot)

    def _task(
        self,
        work: Callable[[], Any],
        then: Callable[[Any], None],
        problem: Callable[[StudioError], None] | None = None,
    ) -> None:
        Task(self, work, then, problem or self.problem.emit).start(self._pool)

    def select(self, genome: Genome | None) -> None:
        """Show a network everywhere."""
        if genome != self.selection:
            self.selection = genome
            self.selected.emit(genome)

    # -- jobs ---------------------------------------------------------------------------------------------------

    def start(self, *makes: Make, problem: Callable[[StudioError], None] | None = None) -> None:
        """Start a job, and when it is done the next, and so on.

        `makes` give the specification from the project as it is when their turn has come (see `project.plan`).
        """
        first, *rest = makes

        def begin(project: Project) -> tuple[str, AnySpec]:
            spec = first(project)
            return project.new_run(spec).id, spec

        def begun(answer: tuple[str, AnySpec]) -> None:
            run_id, spec = answer
            self._sequel[run_id] = rest
            self._watch(run_id, spec.name or spec.kind.capitalize(), spec.kind, start=True)
            if spec.exclusive:
                self._rest_for(run_id)

        self.do(begin, begun, problem)

    def resume_run(self, run_id: str) -> None:
        """Go on with a run that was stopped or interrupted."""
        run = self.snapshot.run(run_id) if self.snapshot else None
        live = self.live.get(run_id)
        if run is None or (live is not None and live.state not in FINISHED):
            return
        if live is not None and live.watcher is not None:
            # Its last process is still going; the resumption follows when nobody watches that any more.
            live.again = True
            return
        self._watch(run_id, run.name, run.kind, start=True)
        if run.spec is not None and run.spec.exclusive:
            self._rest_for(run_id)

    def pause(self, run_id: str) -> None:
        """Let a job hold still."""
        self._command(run_id, "pause")

    def resume(self, run_id: str) -> None:
        """Let a paused job go on."""
        self._command(run_id, "resume")

    def stop(self, run_id: str) -> None:
        """Ask a job to stop; it is ended by force if it does not. What it has done is kept."""
        live = self.live.get(run_id)
        self._sequel.pop(run_id, None)
        if live is not None and live.watcher is not None:
            live.said = self.tr("Stopping")
            live.watcher.end()
            self._runs_timer.start()

    def running(self, *kinds: str) -> list[LiveRun]:
        """Live runs that have not ended, of the given kinds or of all."""
        return [
            r
            for r in self.live.values()
            if r.state not in FINISHED and (not kinds or r.kind in kinds)
        ]

    def _command(self, run_id: str, command: Any) -> None:
        self.do(lambda project: project.folder(run_id).command(command))

    def _rest_for(self, run_id: str) -> None:
        """Pause what would disturb a measurement, and say why."""
        for other in self.running():
            if other.id != run_id and other.state == "running":
                other.rests_for = run_id
                other.said = self.tr("Rests while {0} measures").format(self.live[run_id].name)
                self.pause(other.id)

    def _watch(self, run_id: str, name: str, kind: str, *, start: bool) -> None:
        assert self._project is not None
        watcher = RunWatcher(
            self._project, self._lock, run_id, start=start, interpreter=self.interpreter
        )
        live = LiveRun(run_id, name, kind, "running", watcher=watcher)
        self.live[run_id] = live
        watcher.batch.connect(self._take)
        watcher.failed.connect(self._watch_failed)
        watcher.left.connect(self._left)
        watcher.start()
        self._runs_timer.start()

    def _watch_failed(self, run_id: str, problem: StudioError) -> None:
        live = self.live.get(run_id)
        if live is not None:
            live.failure = problem
            live.state = "failed"
        self.problem.emit(problem)
        if live is not None:
            self._end(live)

    def _take(self, found: Ingested, snapshot: Snapshot | None) -> None:
        live = self.live.get(found.run)
        if live is None:
            return
        for event in found.events:
            _follow(live, event)
        live.state = found.state
        if snapshot is not None and self._project is not None:
            self._arrived(self._project, snapshot)
        if found.cells:
            self.cells_changed.emit(found.device, found.cells)
        if found.events:
            self.run_events.emit(found.run, found.events)
        self._runs_timer.start()
        if live.state in FINISHED:
            self._end(live)

    def _left(self, run_id: str) -> None:
        """The watcher has gone: the run has ended, or the project is being closed."""
        live = self.live.get(run_id)
        if live is None:
            return
        watcher, live.watcher = live.watcher, None
        if watcher is not None:
            watcher.wait()
            watcher.deleteLater()
        self._runs_timer.start()
        if live.again and self._project is not None:
            self.resume_run(run_id)

    def _end(self, live: LiveRun) -> None:
        """The work has ended, though its process may take another second to go."""
        if self._project is None or live.ended:
            return
        live.ended = True
        sequel = self._sequel.pop(live.id, [])
        for other in self.running():
            if other.rests_for == live.id:
                other.rests_for = ""
                self.resume(other.id)
        self._runs_timer.start()
        self.run_ended.emit(live)
        if sequel and live.state == "done":
            self.start(*sequel)


def _follow(live: LiveRun, event: ev.AnyEvent) -> None:
    """What the tray shows of an event."""
    match event:
        case ev.Progress():
            live.done, live.total, live.unit = event.done, event.total, event.unit
            live.label, live.left_s = event.label, event.left_s
        case ev.Log() | ev.Warned() | ev.Waiting():
            live.said = event.text
        case ev.Resumed() | ev.Started():
            live.said = ""
        case ev.Failed():
            live.failure = StudioError(event.what, where=event.where, remedy=event.remedy)
            live.said = event.what
