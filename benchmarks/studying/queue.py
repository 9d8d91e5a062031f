"""Jobs side by side: as many child processes as there are cores to spare, each on a core and a thread of its own.

A job is a run folder of the product; one that is done is passed over, one that was interrupted goes on from its last
checkpoint. So a benchmark that is started again goes on where it was.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nasstudio.engine.job import events as ev
from nasstudio.engine.job import supervise
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.specification import AnySpec


@dataclass
class Job:
    """One run.

    Attributes
    ----------
    make : its specification, asked for when everything in `needs` is done.
    work_s : about how long it takes.
    """

    name: str
    make: Callable[[], AnySpec]
    work_s: float
    needs: tuple[str, ...] = ()
    folder: RunFolder | None = field(default=None)


class Queue:
    """Runs jobs in the order given, as far as what they need is done.

    Parameters
    ----------
    runs : folder of the run folders, ``.../x.nasproj/runs``.
    """

    def __init__(self, runs: Path, jobs: Sequence[Job], processes: int) -> None:
        self._runs, self._jobs = runs, list(jobs)
        self._cores = sorted(os.sched_getaffinity(0))[:processes]
        self._running: dict[int, tuple[Job, subprocess.Popen[bytes]]] = {}
        self._left = sum(job.work_s for job in jobs)
        self._done: set[str] = set()

    def folder(self, name: str) -> RunFolder:
        """The run folder of a job."""
        return RunFolder(self._runs / name)

    def run(self) -> None:
        """Run everything. Raises `SystemExit` naming the job that failed; the others are stopped and can go on."""
        waiting = self._jobs
        try:
            while waiting or self._running:
                waiting = self._begin(waiting)
                self._reap()
                time.sleep(0.2)
        except BaseException:
            for _, child in self._running.values():
                child.terminate()  # it writes a checkpoint and goes
            for _, child in self._running.values():
                child.wait()
            raise

    def _begin(self, waiting: list[Job]) -> list[Job]:
        left = []
        for job in waiting:
            free = [core for core in self._cores if core not in self._running]
            if not free or not self._done.issuperset(job.needs):
                left.append(job)
            elif self._finished(job):
                self._end(job, "kept")
            else:
                child = supervise.start(job.folder or self.folder(job.name))
                os.sched_setaffinity(child.pid, {free[0]})
                self._running[free[0]] = (job, child)
                say(f"{job.name} on core {free[0]} ...")
        return left

    def _finished(self, job: Job) -> bool:
        spec = job.make()
        path = self._runs / job.name
        if not path.is_dir():
            job.folder = RunFolder.create(path, spec)
            return False
        job.folder = RunFolder(path)
        if job.folder.spec() != spec:
            raise SystemExit(f"{path} holds another protocol's job; remove {self._runs.parent}.")
        return job.folder.state() == "done"

    def _reap(self) -> None:
        for core, (job, child) in list(self._running.items()):
            if child.poll() is None:
                continue
            del self._running[core]
            assert job.folder is not None
            state = job.folder.state()
            if state != "done":
                raise SystemExit(f"{job.name}: {state}\n{_why(job.folder)}")
            self._end(job, f"{seconds_of(job.folder):.0f} s")

    def _end(self, job: Job, how: str) -> None:
        self._done.add(job.name)
        self._left -= job.work_s
        left = max(0.0, self._left) / len(self._cores)
        say(f"{job.name}: {how}; about {left / 60:.0f} min to go")


def seconds_of(folder: RunFolder) -> float:
    """Seconds in which the processes of a run were up, from the first word to the last of each."""
    total, began, last = 0.0, 0.0, 0.0
    for event in ev.EventReader(folder.events).read():
        if isinstance(event, ev.Started):
            total += last - began
            began = event.t
        last = event.t
    return total + last - began


def summary_of(folder: RunFolder) -> dict[str, object]:
    """What a finished job said at its end."""
    said = ev.EventReader(folder.events).read()
    return next((e.summary for e in reversed(said) if isinstance(e, ev.Done)), {})


def _why(folder: RunFolder) -> str:
    said = ev.EventReader(folder.events).read()
    failed = next((e for e in reversed(said) if isinstance(e, ev.Failed)), None)
    return f"{failed.what} {failed.where}" if failed is not None else supervise.last_words(folder)


def say(line: str) -> None:
    """Progress goes to the error stream."""
    print(line, file=sys.stderr, flush=True)
