"""Asks a Python whether it can be the engine: what it is, and which packages it has. The window does not wait."""

from __future__ import annotations

import json
import sys

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

TIMEOUT_MS = 15_000

# Versions come from package metadata: importing torch only to ask would take seconds.
_QUESTION = """
import json, platform
from importlib import metadata, util
def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
names = ("torch", "torchvision", "safetensors", "onnx", "onnxruntime", "openvino")
own = version("nasstudio") or ("here" if util.find_spec("nasstudio") else None)
print(json.dumps({"python": platform.python_version(), "nasstudio": own, **{n: version(n) for n in names}}))
"""


def judged(found: dict[str, str | None]) -> tuple[str, str]:
    """Tone and words for what an interpreter has: "good" if it can be the engine."""
    have = ", ".join(
        f"{name} {version}" for name, version in found.items() if version and version != "here"
    )
    parts = tuple(int(part) for part in (found.get("python") or "0.0").split(".")[:2])
    if parts < (3, 11):
        return "bad", f"Python {found.get('python')} is too old; the engine needs 3.11. {have}"
    missing = [name for name in ("nasstudio", "torch", "safetensors") if not found.get(name)]
    if missing:
        return "warn", f"{have}. Missing: {', '.join(missing)}. Install `nasstudio[engine]` there."
    return "good", have


class InterpreterCheck(QObject):
    """One question at a time. `answered(tone, text)` always follows `ask`, at the latest after `TIMEOUT_MS`."""

    answered = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TIMEOUT_MS)
        self._timer.timeout.connect(self._too_slow)

    def ask(self, program: str) -> None:
        """Ask the Python `program`; empty is the one of this window."""
        self.cancel()
        process = QProcess(self)
        process.finished.connect(self._finished)
        process.errorOccurred.connect(self._failed)
        self._process = process
        self._timer.start()
        process.start(program or sys.executable, ["-I" if program else "-s", "-c", _QUESTION])

    def cancel(self) -> None:
        """Forget the question."""
        self._timer.stop()
        process, self._process = self._process, None
        if process is not None:
            process.finished.disconnect(self._finished)
            process.errorOccurred.disconnect(self._failed)
            process.kill()
            process.waitForFinished(200)
            process.deleteLater()

    def _finished(self) -> None:
        process = self._process
        if process is None:
            return
        self._timer.stop()
        self._process = None
        output = bytes(process.readAllStandardOutput().data()).decode(errors="replace")
        process.deleteLater()
        try:
            tone, text = judged(json.loads(output.strip().splitlines()[-1]))
        except (ValueError, IndexError):
            tone, text = "bad", self.tr("This program does not answer as a Python does.")
        self.answered.emit(tone, text)

    def _failed(self, _error: object) -> None:
        process = self._process
        if process is None or process.state() != QProcess.ProcessState.NotRunning:
            return
        self._timer.stop()
        self._process = None
        text = process.errorString()
        process.deleteLater()
        self.answered.emit("bad", self.tr("It could not be started: {text}").format(text=text))

    def _too_slow(self) -> None:
        self.cancel()
        self.answered.emit("bad", self.tr("It did not answer within 15 s."))
