"""Downloading a data set in a child process, so that its torchvision never enters the process that asks."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from nasstudio.engine.data.family import Progress
from nasstudio.engine.errors import NeedsExtra, StudioError

_COMMAND = "nasstudio.engine.data.download"
_BYTES = {"fashion_mnist": 30_900_000, "cifar10": 170_100_000}


def fetch(
    family: str, data_folder: Path, progress: Progress, interpreter: str | None = None
) -> None:
    """Download a set into the data folder and wait for it. `progress` gets bytes and may raise to stop it.

    Raises
    ------
    NeedsExtra
        The interpreter has no torchvision.
    StudioError
        The download failed; the reason is named and nothing incomplete is taken for a set.
    """
    command = [interpreter or sys.executable, "-m", _COMMAND, family, str(data_folder.absolute())]
    root = str(Path(__file__).resolve().parents[3])
    with tempfile.TemporaryFile() as log:
        try:
            data_folder.mkdir(parents=True, exist_ok=True)
            before = _bytes(data_folder)
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=root
            )
        except OSError as problem:
            raise _failed(problem.strerror or str(problem), data_folder) from None
        try:
            while _running(child):
                progress(min(_bytes(data_folder) - before, _BYTES[family]), _BYTES[family])
        finally:
            if child.poll() is None:
                child.terminate()
                child.wait()
        if child.returncode != 0:
            log.seek(0)
            lines = log.read().decode(errors="replace").strip().splitlines() or ["no message"]
            if lines[-1].startswith("ModuleNotFoundError"):
                raise NeedsExtra("torchvision", "engine")
            raise _failed(lines[-1], data_folder)


def _running(child: subprocess.Popen[bytes]) -> bool:
    try:
        child.wait(timeout=0.2)
    except subprocess.TimeoutExpired:
        return True
    return False


def _bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            pass  # a part file that has just been renamed
    return total


def _failed(reason: str, folder: Path) -> StudioError:
    return StudioError(
        f"The download failed: {reason.rstrip('.')}.",
        where=folder,
        remedy="Check the network connection, or get the files elsewhere and name their folder.",
    )
