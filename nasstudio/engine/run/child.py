"""What the child process of a job does around its runner: hand-shake, machine lock, signals, the last word.

The runner of a job is the function `run(spec, job)` in the module `nasstudio.engine.run.<kind>`; it returns the
summary that goes into the `done` event.

`torchrun ... -m nasstudio.engine.run RUN_FOLDER` starts several of them. The first is the child as ever; the others
help it without a word, and only where the work can be shared.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import platform
import signal
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import FrameType
from typing import Any

from nasstudio.engine.device.device import processor
from nasstudio.engine.errors import NeedsExtra, NoSpaceLeft, StudioError
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.context import JobContext, StopJob
from nasstudio.engine.job.exclusive import MachineLock, lock_path
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.specification import AnySpec

Runner = Callable[[Any, JobContext], dict[str, Any]]
SHARED = ("train",)  # jobs that several processes can share


def main(path: Path) -> int:
    """Run the job of a run folder. Returns the exit code of the process."""
    faulthandler.enable()
    folder = RunFolder(path.resolve())
    if "TORCHELASTIC_RUN_ID" in os.environ:  # torchrun's
        if os.environ["RANK"] != "0":
            return _help(folder)
        folder.record_process(os.getpid())  # no other one of ours has started it
    writer = ev.EventWriter(folder.events)
    writer.write(
        ev.Started(version=_version(), protocol=ev.PROTOCOL, pid=os.getpid(), machine=_machine())
    )
    lock: MachineLock | None = None
    try:
        spec = folder.spec()
        lock = MachineLock(lock_path(), exclusive=spec.exclusive)
        job = JobContext(folder, lock, writer)
        _stop_on_signals(job)
        if not lock.acquire(lambda: writer.write(_waiting(spec)), lambda: _stopped(job)):
            raise StopJob
        summary = _run(spec, job)
        writer.write(ev.Done(summary=summary))
    except StopJob:
        writer.write(ev.Stopped())
        return 0
    except StudioError as problem:
        writer.write(ev.Failed(what=problem.what, where=problem.where, remedy=problem.remedy))
        print(problem, file=sys.stderr)
        return problem.exit_code
    except MemoryError:
        writer.write(
            ev.Failed(
                what="The memory is full.", remedy="Close other programs or choose a smaller batch."
            )
        )
        return 1
    except OSError as problem:
        if problem.errno != 28:  # ENOSPC
            return _unexpected(writer, problem)
        full = NoSpaceLeft(
            "The disk is full.",
            where=str(folder.path),
            remedy="Free some space and resume the run.",
        )
        writer.write(ev.Failed(what=full.what, where=full.where, remedy=full.remedy))
        return full.exit_code
    except Exception as problem:
        return _unexpected(writer, problem)
    finally:
        writer.sync()
        writer.close()
        if lock is not None:
            lock.close()
    return 0


def _help(folder: RunFolder) -> int:
    """Take part in the work of the first process, which does all the talking."""
    spec = folder.spec()
    if spec.kind not in SHARED:
        return 0
    lock = MachineLock(
        lock_path(), exclusive=False
    )  # never taken: the first process has it for all
    job = JobContext(folder, lock, ev.SilentWriter(), listens=False)
    _stop_on_signals(job)
    try:
        _run(spec, job)
    except StopJob:
        return 0
    except StudioError as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    finally:
        lock.close()
    return 0


def _unexpected(writer: ev.EventWriter, problem: BaseException) -> int:
    """A defect of ours or of a library: its trace goes into the log, not into anybody's face."""
    traceback.print_exception(problem)
    writer.write(
        ev.Failed(
            what=f"Unexpected {type(problem).__name__}: {problem}",
            remedy="Resume the run; if it happens again, save a problem report (Help menu).",
            trace="".join(traceback.format_exception(problem)),
        )
    )
    return 1


def _run(spec: AnySpec, job: JobContext) -> dict[str, Any]:
    """Let the job's runner run it.

    Raises
    ------
    NeedsExtra
        A package of the engine is missing here, as in a window that was installed without it.
    """
    try:
        runner: Runner = importlib.import_module(f"nasstudio.engine.run.{spec.kind}").run
        return runner(spec, job)
    except ModuleNotFoundError as problem:
        if problem.name is None or problem.name.startswith("nasstudio"):
            raise
        raise NeedsExtra(problem.name, "engine") from None


def _waiting(spec: AnySpec) -> ev.Waiting:
    reason = (
        "Measuring waits until other jobs rest."
        if spec.exclusive
        else "Another job measures this machine."
    )
    return ev.Waiting(text=reason)


def _stopped(job: JobContext) -> bool:
    try:
        job.check()
    except StopJob:
        return True
    return False


def _stop_on_signals(job: JobContext) -> None:
    def handle(number: int, frame: FrameType | None) -> None:
        job.stop()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)


def _version() -> str:
    try:
        return version("nasstudio")
    except PackageNotFoundError:
        return "0"


def _machine() -> dict[str, str]:
    return {
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "system": platform.platform(),
        "python": platform.python_version(),
    }
