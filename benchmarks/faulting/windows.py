"""The window is killed while a training runs, alone and together with the training's process.

Alone: the training goes on, and the next window finds it and sees it end. Together: the next window says what happened
and offers to resume, and what was resumed ends where an uninterrupted training does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from faulting import studio
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.project.project import Project
from nasstudio.engine.train.schedule import Schedule

EPOCHS = 4  # of each phase: long enough to be killed in the middle


class Windows:
    """A project in which trainings are started from windows."""

    def __init__(self, home: Path) -> None:
        self.home = home
        project = studio.new_project(home / "Windows")
        phases = [msgspec.structs.replace(p, epochs=EPOCHS) for p in studio.SCHEDULE.phases]
        project.put("schedule", Schedule("longer", "Longer", tuple(phases)))
        self.path = project.path
        try:
            self.whole, ran = studio.run(project, studio.train_spec(project))
            if ran.state != "done":
                raise RuntimeError(f"the uninterrupted training is {ran.state}")
        finally:
            project.close()

    def killed_alone(self) -> list[str]:
        """`kill -9` of the window only."""
        run, window = self._training_window()
        window.kill()
        window.wait()
        lost = []
        if run.process() is None:
            lost.append("the training ended with its window, or before it was killed")
        before = _steps(run)
        deadline = time.monotonic() + studio.LIMIT_S
        while _steps(run) == before and run.process() is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        said = self._window("watch")
        opened = next((line for line in said if "opened" in line), {})
        if opened.get("live") != {run.id: "running"}:
            lost.append(f"the next window attaches to {opened.get('live')}")
        return lost + self._ended(said, run)

    def killed_with_job(self) -> list[str]:
        """`kill -9` of the window and of the training's process."""
        run, window = self._training_window()
        process = run.process()
        window.kill()
        if process is not None:
            process.kill()
        window.wait()
        deadline = time.monotonic() + studio.LIMIT_S
        while run.process() is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        lost = [] if process is not None else ["the training had ended before it was killed"]
        said = self._window("resume")
        opened = next((line for line in said if "opened" in line), {})
        offers = [n for n in opened.get("notes", []) if "interrupted" in n[0] and n[2] == "Resume"]
        if len(offers) != 1:
            lost.append(f"the next window says {opened.get('notes')}")
        return lost + self._ended(said, run)

    def _ended(self, said: list[dict[str, Any]], run: RunFolder) -> list[str]:
        lost = []
        if not any(line.get("ended") == run.id and line.get("state") == "done" for line in said):
            lost.append(f"the next window does not see it end: {said[-3:]}")
        if not any("is done" in note[0] for line in said for note in line.get("notes", [])):
            lost.append("the next window does not say that it is done")
        project = Project.open(self.path, program="faults", write=True)
        try:
            record = next(found for found in project.runs() if found.id == run.id)
            if record.state != "done":
                lost.append(f"the project calls it {record.state}")
        finally:
            project.close()
        return lost + studio.differences(self.whole.path, run.path) + studio.leftovers(run.path)

    def _training_window(self) -> tuple[RunFolder, subprocess.Popen[str]]:
        """A window whose training has taken some steps."""
        before = set((self.path / "runs").iterdir())
        window = self._start("train")
        deadline = time.monotonic() + studio.LIMIT_S
        while time.monotonic() < deadline and window.poll() is None:
            new = set((self.path / "runs").iterdir()) - before
            if new and _steps(run := RunFolder(new.pop())) >= 20:
                return run, window
            time.sleep(0.005)
        window.kill()
        window.wait()
        raise RuntimeError(f"the window's training did not begin: {self._said(window)}")

    def _start(self, what: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
        environment["XDG_CONFIG_HOME"] = str(self.home / "config")
        return subprocess.Popen(
            [sys.executable, "-m", "faulting.window_process", str(self.path), what],
            stdout=subprocess.PIPE,
            stderr=(self.home / "window.log").open("ab"),
            cwd=Path(__file__).resolve().parents[1],
            env=environment,
            text=True,
        )

    def _window(self, what: str) -> list[dict[str, Any]]:
        """A window from its opening to its end: what it said."""
        window = self._start(what)
        try:
            said, _ = window.communicate(timeout=studio.LIMIT_S)
        except subprocess.TimeoutExpired:
            window.kill()
            said, _ = window.communicate()
        return [json.loads(line) for line in said.splitlines()]

    def _said(self, window: subprocess.Popen[str]) -> str:
        return (self.home / "window.log").read_text()[-500:]


def _steps(run: RunFolder) -> int:
    names = sorted(path.stem for path in run.path.glob("resume-*.safetensors"))
    return int(names[-1].removeprefix("resume-")) if names else 0
