"""Starting, watching and ending the child process of a job.

The child is in a session of its own and its standard streams go to `run.log`: it survives the window, and the next
window attaches to it by reading the run folder. Nothing here waits longer than it is told to.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import psutil

from nasstudio.engine.device.environment import compute_environment
from nasstudio.engine.errors import StudioError
from nasstudio.engine.job.folder import RunFolder

STOP_S, TERMINATE_S = 8.0, 4.0


def start(folder: RunFolder, interpreter: str | None = None) -> subprocess.Popen[bytes]:
    """Start (or start again) the child of a run.

    Raises
    ------
    StudioError
        A process works on this run already, or the interpreter can't be started.
    """
    if folder.process() is not None:
        raise StudioError(
            "This run is being worked on.",
            where=folder.path,
            remedy="Wait for it, or stop it first.",
        )
    spec = folder.spec()
    (folder.path / "control").unlink(missing_ok=True)
    command = [interpreter or sys.executable, "-m", "nasstudio.engine.run", str(folder.path)]
    try:
        with folder.log.open("ab") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=compute_environment(spec.threads),
                start_new_session=True,
                cwd=folder.path,
            )
    except OSError as problem:
        raise StudioError(
            f"The engine interpreter can't be started: {problem.strerror or problem}.",
            where=command[0],
            remedy="Choose another one under Settings, or run without --interpreter.",
        ) from None
    try:
        folder.record_process(child.pid)
    except psutil.Error:
        pass  # it has gone already; its events and its log say why
    return child


def end(
    folder: RunFolder, say: Callable[[str], None] = lambda text: None, stop_s: float = STOP_S
) -> None:
    """Stop ladder: ask, then terminate, then kill, each after a few seconds, and said."""
    process = folder.process()
    if process is None:
        return
    folder.command("stop")
    if _gone(folder, stop_s):
        return
    say(f"The job did not stop within {stop_s:.0f} s; it is being terminated.")
    _signal(process.terminate)
    if _gone(folder, TERMINATE_S):
        return
    say(f"The job did not end within {TERMINATE_S:.0f} s; it is being killed.")
    _signal(process.kill)
    _gone(folder, TERMINATE_S)


def _signal(send: Callable[[], None]) -> None:
    try:
        send()
    except psutil.NoSuchProcess:
        pass


def _gone(folder: RunFolder, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if folder.process() is None:
            return True
        time.sleep(0.05)
    return folder.process() is None


def last_words(folder: RunFolder, lines: int = 12) -> str:
    """The end of what the child printed: the only trace of one that was killed."""
    try:
        with folder.log.open("rb") as file:
            file.seek(max(0, folder.log.stat().st_size - 20_000))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
