"""Runs a job from the terminal: the same child, the same events, a progress bar instead of a window.

Ctrl-C asks the job to checkpoint and stop; a second one ends it by force. Without a terminal there are plain lines and
never a prompt.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from nasstudio.engine.errors import JobFailed, StudioError
from nasstudio.engine.job import events as ev
from nasstudio.engine.job import supervise
from nasstudio.engine.job.folder import FINISHED, RunFolder
from nasstudio.engine.job.specification import AnySpec
from nasstudio.engine.project.ingest import Intake
from nasstudio.engine.project.project import Project

Say = Callable[[str], None]


class StoppedByUser(StudioError):
    """Ctrl-C: the job has checkpointed and stopped."""

    exit_code = 130


def run_job(
    project: Project, spec: AnySpec, *, interpreter: str | None = None, quiet: bool = False
) -> dict[str, Any]:
    """Run a job of a project to its end. Returns the job's summary, with its run id under ``run``.

    Raises
    ------
    JobFailed
        It failed; what the job said is passed on.
    StoppedByUser
        Ctrl-C was pressed.
    """
    return resume_job(project, project.new_run(spec), interpreter=interpreter, quiet=quiet)


def resume_job(
    project: Project, folder: RunFolder, *, interpreter: str | None = None, quiet: bool = False
) -> dict[str, Any]:
    """Go on with a run, as `run_job`."""
    console = Console(stderr=True, quiet=quiet, soft_wrap=True)
    intake = Intake(project, folder.id)
    intake.read()  # what it said before: if that does not read, nothing is started
    child = supervise.start(folder, interpreter)
    with _Interrupts(folder, console) as interrupts, _Bar(console, folder.spec().name) as bar:
        events = _follow(intake, child, bar)
    last = events[-1] if events else None
    match last:
        case ev.Done():
            _wait(child)
            return {"run": folder.id, **last.summary}
        case ev.Failed():
            failed = JobFailed(last.what, where=last.where, remedy=last.remedy)
            failed.exit_code = child.wait() or failed.exit_code
            raise failed
        case ev.Stopped():
            raise StoppedByUser(
                "The job was stopped; what it has done is kept.",
                where=folder.id,
                remedy=f"Go on with: nasstudio resume {project.path} {folder.id}",
            )
        case _ if interrupts.count:
            raise StoppedByUser(
                "The job was ended.", where=folder.id, remedy="Resume it from its last checkpoint."
            )
        case _:
            raise JobFailed(
                f"The job's process ended without a word (exit code {child.wait()}).",
                where=folder.log,
                remedy=f"Read the log; resume with: nasstudio resume {project.path} {folder.id}\n"
                + supervise.last_words(folder, 5),
            )


def _follow(intake: Intake, child: subprocess.Popen[bytes], bar: _Bar) -> list[ev.AnyEvent]:
    """The events that begin and end a run, from now on until it has ended."""
    ended: list[ev.AnyEvent] = []
    while True:
        child.poll()
        found = intake.read()
        for event in found.events:
            bar.show(event)
            if isinstance(event, ev.Done | ev.Failed | ev.Stopped | ev.Started):
                ended.append(event)
        if found.state in FINISHED:
            return ended
        time.sleep(0.1)


def _wait(child: subprocess.Popen[bytes]) -> None:
    """Reap a finished child; torch may take a second to go."""
    try:
        child.wait(timeout=15)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


class _Interrupts:
    """Ctrl-C as a request to the job."""

    def __init__(self, folder: RunFolder, console: Console) -> None:
        self.count = 0
        self._folder = folder
        self._console = console

    def __enter__(self) -> _Interrupts:
        self._before = {n: signal.signal(n, self._take) for n in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        process = self._folder.process()
        if self.count == 1:
            self._console.print("Stopping at the next checkpoint; Ctrl-C again ends it at once.")
            self._folder.command("stop")
        elif process is not None:
            process.kill()


class _Bar:
    """Progress on the terminal, or a line for each tenth where there is none."""

    def __init__(self, console: Console, name: str) -> None:
        self._console = console
        self._name = name
        self._task: TaskID | None = None
        self._tenth = -1
        self._progress: Progress | None = None
        if console.is_terminal:
            self._progress = Progress(
                TextColumn("[bold]{task.fields[name]}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %  {task.description}"),
                TimeRemainingColumn(),
                console=console,
            )

    def __enter__(self) -> _Bar:
        if self._progress is not None:
            self._progress.start()
            self._task = self._progress.add_task("", total=None, name=self._name)
        return self

    def __exit__(self, *error: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def show(self, event: ev.AnyEvent) -> None:
        match event:
            case ev.Progress():
                self._advance(event)
            case ev.Log() | ev.Warned() | ev.Waiting():
                self._console.print(f"{self._name}: {event.text}", markup=False, highlight=False)
            case _:
                pass

    def _advance(self, event: ev.Progress) -> None:
        label = event.label or f"{event.done:g} of {event.total:g} {event.unit}"
        if self._progress is not None and self._task is not None:
            self._progress.update(
                self._task, completed=event.done, total=event.total or None, description=label
            )
            return
        tenth = int(10 * event.done / event.total) if event.total else 0
        if tenth > self._tenth:
            self._tenth = tenth
            left = f", {event.left_s:.0f} s left" if event.left_s else ""
            self._console.print(
                f"{self._name}: {10 * tenth} % ({label}{left})", markup=False, highlight=False
            )


def complain(problem: StudioError) -> int:
    """Print an error for a person. Returns the exit code."""
    place = f"\n  where:  {problem.where}" if problem.where else ""
    remedy = f"\n  remedy: {problem.remedy}" if problem.remedy else ""
    print(f"nasstudio: {problem.what}{place}{remedy}", file=sys.stderr)
    return problem.exit_code
