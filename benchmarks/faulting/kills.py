"""Jobs that are killed at chosen moments and resumed: each must end where an uninterrupted one does.

The project is closed and opened again between the kill and the resumption, as after a crash of the machine: it must
call the run interrupted before it resumes it.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faulting import studio
from faulting.cases import subprocess_command
from faulting.studio import Moment
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.specification import AnySpec, ProfileSpec
from nasstudio.engine.project import plan
from nasstudio.engine.project.ingest import take_all
from nasstudio.engine.project.project import Project

ADVANCE = "nasstudio.engine.train.loop:Trainer.advance"
RESTORE = "nasstudio.engine.train.checkpoint:Checkpoints._restore"


@dataclass(frozen=True)
class Fault:
    """A training that is killed at each of the moments in turn.

    Attributes
    ----------
    quick : whether it belongs to the quick run.
    checkpoint_s : time between its checkpoints, s.
    """

    title: str
    moments: tuple[Moment, ...]
    quick: bool = False
    checkpoint_s: float = 0.0


def _step(nth: int, how: str = "after") -> Moment:
    return Moment("call", ADVANCE, nth, how)


FAULTS = (
    Fault("before its specification is read", (Moment("write", '"event":"started"', 1, "after"),)),
    Fault("before the first step", (_step(1, "before"),)),
    Fault("in phase 1, step 4", (_step(4),)),
    Fault("in phase 2, step 9", (_step(9),)),
    Fault("in phase 3, step 15", (_step(15),)),
    Fault("in phase 3, with no checkpoint since phase 2", (_step(15),), checkpoint_s=1e6),
    Fault(
        "while phase 2 begins, its teacher made",
        (Moment("call", "nasstudio.engine.train.loop:Trainer._begin_phase", 2, "after"),),
    ),
    Fault(
        "inside a checkpoint write, half of it written",
        (Moment("sync", r"^\.resume-.*\.part", 4, "torn"),),
        quick=True,
    ),
    Fault(
        "inside a checkpoint write, before it is renamed",
        (Moment("replace", r"^resume-", 8, "before"),),
    ),
    Fault(
        "after a checkpoint is renamed, before the old one goes",
        (Moment("replace", r"^resume-", 11, "after"),),
    ),
    Fault(
        "inside the write of phase 1's supernet",
        (Moment("sync", r"^\.supernet-1.*\.part", 1, "torn"),),
    ),
    Fault(
        "between phase 2's supernet and the event that says so",
        (Moment("write", '"kind":"supernet".*"phase":"Kernel', 1, "before"),),
    ),
    Fault(
        "between a phase's last event and its checkpoint",
        (Moment("write", '"state":"ended"', 2, "after"),),
    ),
    Fault(
        "inside the write of an event",
        (Moment("write", '"event":"metric".*"largest"', 2, "torn"),),
        quick=True,
    ),
    Fault(
        "during the evaluation after phase 2",
        (Moment("call", "nasstudio.engine.accuracy.evaluate:Evaluator.accuracy", 9, "before"),),
    ),
    Fault("before the last word", (Moment("write", '"event":"done"', 1, "before"),)),
    Fault("twice in a row", (_step(7), _step(6))),
    Fault("while it is being resumed", (_step(9), Moment("call", RESTORE, 1, "after"))),
    Fault(
        "inside the first checkpoint write of a resumed run, and again",
        (_step(5), *2 * (Moment("sync", r"^\.resume-.*\.part", 1, "torn"),)),
    ),
)


class Trainings:
    """Trainings in one project, compared with one that nothing interrupts.

    Parameters
    ----------
    whole : folder of that one's run.
    begin_again : starts a run that is resumed.
    """

    def __init__(
        self,
        project: Project,
        whole: RunFolder,
        begin_again: Callable[[RunFolder], Any] = studio.begin,
    ) -> None:
        self.project, self.whole, self._begin_again = project, whole, begin_again

    @classmethod
    def fresh(cls, home: Path) -> Trainings:
        """A new project, with the training that nothing interrupts."""
        project = studio.new_project(home / "Trainings")
        whole, ran = studio.run(project, studio.train_spec(project))
        if ran.state != "done":
            raise RuntimeError(f"the uninterrupted training is {ran.state}: {ran.events[-1]}")
        return cls(project, whole)

    def killed(self, fault: Fault) -> list[str]:
        """Kill, open the project again, resume, compare. Returns what was lost."""
        spec = studio.train_spec(self.project, fault.checkpoint_s)
        folder, lost = self.project.new_run(spec), []
        for moment in fault.moments:
            ran = studio.follow(self.project, folder, studio.begin(folder, moment))
            lost += [] if ran.state == "interrupted" else [f"it is {ran.state}, not interrupted"]
            self._reopen(folder, lost)
        return lost + self._resumed(folder)

    def killed_from_outside(self, after_steps: int, *, paused: bool = False) -> list[str]:
        """As `kill -9 PID` does, once some steps are done; `paused`: after it was told to pause."""
        folder = self.project.new_run(studio.train_spec(self.project))
        child = studio.begin(folder)
        deadline = time.monotonic() + studio.LIMIT_S
        while _newest_step(folder) < after_steps and time.monotonic() < deadline:
            time.sleep(0.002)
        if paused:
            folder.command("pause")
            while folder.state() == "running" and time.monotonic() < deadline:
                time.sleep(0.01)
        child.kill()
        lost: list[str] = []
        ran = studio.follow(self.project, folder, child)
        if ran.state != "interrupted":
            lost.append(f"it is {ran.state}, not interrupted")
        self._reopen(folder, lost)
        return lost + self._resumed(folder)

    def killed_under_terminal(self) -> list[str]:
        """The process dies while the terminal waits for it: what that says can be typed, and ends well."""
        folder, path = self.project.new_run(studio.train_spec(self.project)), self.project.path
        self.project.close()
        words = ["resume", str(path), folder.id]
        with studio.at(_step(9)):
            code, said = subprocess_command(words)
        lost = [] if code == 7 else [f"the command ends with {code}"]
        if "without a word" not in said or f"nasstudio {' '.join(words)}" not in said:
            lost.append(f"it says: {said}")
        _, status = subprocess_command(["status", str(path), "--json"])
        states = {run["id"]: run["state"] for run in json.loads(status)["runs"]}
        lost += [] if states[folder.id] == "interrupted" else [f"status says {states[folder.id]}"]
        code, said = subprocess_command(words)
        lost += [] if code == 0 else [f"resumed, it ends with {code}: {said}"]
        self.project = Project.open(path, program="faults", write=True)
        return lost + self._compared(folder)

    def terminal_killed(self) -> list[str]:
        """The terminal dies: the training goes on, and the next command finds it done."""
        folder, path = self.project.new_run(studio.train_spec(self.project)), self.project.path
        self.project.close()
        words = [sys.executable, "-m", "nasstudio", "resume", str(path), folder.id]
        terminal = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + studio.LIMIT_S
        while _newest_step(folder) < 3 and time.monotonic() < deadline:
            time.sleep(0.002)
        terminal.kill()
        terminal.wait()
        lost = [] if folder.process() is not None else ["the training ended with its terminal"]
        while folder.process() is not None and time.monotonic() < deadline:
            time.sleep(0.02)
        self.project = Project.open(path, program="faults", write=True)
        take_all(self.project)
        record = next(run for run in self.project.runs() if run.id == folder.id)
        lost += [] if record.state == "done" else [f"the next program calls it {record.state}"]
        return lost + self._compared(folder)

    def _reopen(self, folder: RunFolder, lost: list[str]) -> None:
        self.project = studio.reopened(self.project)
        record = next(run for run in self.project.runs() if run.id == folder.id)
        if record.state != "interrupted":
            lost.append(f"the next program calls it {record.state}")

    def _resumed(self, folder: RunFolder) -> list[str]:
        ran = studio.follow(self.project, folder, self._begin_again(folder))
        if ran.state != "done":
            return [f"resumed, it is {ran.state}: {ran.events[-1]}"]
        return self._compared(folder)

    def _compared(self, folder: RunFolder) -> list[str]:
        lost = studio.differences(self.whole.path, folder.path) + studio.leftovers(folder.path)
        made = [a for a in self.project.artefacts() if a.run == folder.id and a.kind == "supernet"]
        if [a.about["final"] for a in made] != [False, False, True]:
            lost.append(f"the project knows {len(made)} of 3 supernets")
        return lost


def _newest_step(folder: RunFolder) -> int:
    names = sorted(path.stem for path in folder.path.glob("resume-*.safetensors"))
    return int(names[-1].removeprefix("resume-")) if names else 0


# -- the other jobs -----------------------------------------------------------------------------------------------

RESULT = "nasstudio.engine.job.context:JobContext.result"


class OtherJobs:
    """Profile, collection, search and export in one project with a trained supernet."""

    def __init__(self, trainings: Trainings) -> None:
        self.project: Project = trainings.project
        self._wholes: dict[str, RunFolder] = {}
        self._searched: AnySpec | None = None

    def prepare(self) -> None:
        """What killed runs are compared with, each made by an uninterrupted run."""
        self._wholes["collect"] = self._whole(self._collect())
        self._wholes["search"] = self._whole(self._search())

    def _whole(self, spec: AnySpec) -> RunFolder:
        folder, ran = studio.run(self.project, spec)
        if ran.state != "done":
            raise RuntimeError(f"{folder.id} is {ran.state}: {ran.events[-1]}")
        return folder

    def _collect(self) -> AnySpec:
        return plan.collect(self.project, 30, validation_images=50, calibration_images=32)

    def _search(self) -> AnySpec:
        """A search of some seconds, so that its state is saved on the way; the same one every time."""
        if self._searched is None:
            self._searched = studio.search_spec(self.project)
        return self._searched

    def faults(self) -> list[tuple[str, Callable[[], list[str]]]]:
        """What is tried, by title."""
        archive = "nasstudio.engine.search.archive_file:ArchiveWriter"
        searching = [
            ("search, before its first save", "", Moment("call", f"{archive}.append", 60, "after")),
            (
                "search, between archive and state",
                "saved",
                Moment("call", f"{archive}.sync", 2, "after"),
            ),
            (
                "search, inside the write of its state",
                "saved",
                Moment("sync", r"^\.state", 2, "torn"),
            ),
        ]
        collecting = [
            ("collect, between a pair and its event", Moment("write", '"pair"', 12, "before")),
            ("collect, after a pair", Moment("write", '"pair"', 20, "after")),
        ]
        exporting = [
            ("export, the network written", Moment("write", '"label":"Latency"', 1, "before")),
            ("export, its folder not yet in place", Moment("call", _TAKE_PLACE, 1, "before")),
            ("export, in place and not said", Moment("write", '"kind":"onnx"', 1, "before")),
        ]
        return [
            ("profile, after 12 rows", lambda: self._profile(12)),
            *((title, lambda m=moment: self._same_pairs(m)) for title, moment in collecting),
            *(
                (title, lambda s=says, m=moment: self._same_archive(m, s))
                for title, says, moment in searching
            ),
            *((title, lambda m=moment: self._whole_export(m)) for title, moment in exporting),
            ("export, while the project takes it in", self.torn_intake),
        ]

    def _killed(self, spec: AnySpec, moment: Moment) -> tuple[RunFolder, list[str]]:
        folder, ran = studio.run(self.project, spec, moment)
        self.project = studio.reopened(self.project)
        lost = [] if ran.state == "interrupted" else [f"it is {ran.state}, not interrupted"]
        return folder, lost

    def _resume(self, folder: RunFolder, says: str = "") -> list[str]:
        ran = studio.follow(self.project, folder, studio.begin(folder))
        if not any(says in e.text for e in ran.events if isinstance(e, ev.Log)) and says:
            return [f"it does not say '{says}'"]
        return [] if ran.state == "done" else [f"resumed, it is {ran.state}: {ran.events[-1]}"]

    def _profile(self, rows: int) -> list[str]:
        device = _torch_device(self.project)
        spec = ProfileSpec(space=studio.SPACE, device=device, budget_s=4.0, spread=0.5, networks=0)
        folder, lost = self._killed(spec, Moment("write", '"name":"cell"', rows, "after"))
        kept = _finished(folder)
        lost += [] if kept else ["no row was finished before the kill"]
        lost += _differing(self.project, device.id, kept)
        lost += self._resume(folder)
        return lost + _differing(self.project, device.id, kept)

    def _same_pairs(self, moment: Moment) -> list[str]:
        folder, lost = self._killed(self._collect(), moment)
        before = (folder.path / "pairs.jsonl").read_bytes()
        lost += self._resume(folder)
        after = (folder.path / "pairs.jsonl").read_bytes()
        lost += [] if after.startswith(before) else ["pairs that were there are not the same"]
        whole = (self._wholes["collect"].path / "pairs.jsonl").read_bytes()
        return lost + ([] if after == whole else ["pairs differ from those of a whole run"])

    def _same_archive(self, moment: Moment, says: str) -> list[str]:
        folder, lost = self._killed(self._search(), moment)
        lost += self._resume(folder, says and "Resumed after")
        whole = self._wholes["search"].path / "archive"
        for path in sorted(whole.iterdir()):
            if (folder.path / "archive" / path.name).read_bytes() != path.read_bytes():
                lost.append(f"{path.name} differs from that of a whole run")
        return lost

    def _export(self) -> AnySpec:
        genome = [0] * len(plan.build(studio.SPACE).genes)
        return plan.export(self.project, genome, "tiny", devices=(), calibration_images=32)

    def _whole_export(self, moment: Moment) -> list[str]:
        before = set(self._exports())
        folder, lost = self._killed(self._export(), moment)
        lost += [f"{n} is in exports/ too early" for n in self._exports() if n not in before]
        lost += _torn_export(folder.path / "export" / "tiny", may_be_absent=True)
        lost += self._resume(folder)
        lost += _torn_export(folder.path / "export" / "tiny") + studio.leftovers(folder.path)
        new = [name for name in self._exports() if name not in before]
        lost += [] if len(new) == 1 else [f"exports/ has {len(new)} new folders"]
        return lost + [
            w for name in new for w in _torn_export(self.project.path / "exports" / name)
        ]

    def torn_intake(self) -> list[str]:
        """The program is killed while it copies an export out of the run folder."""
        import shutil

        from nasstudio.engine.project import ingest

        class Killed(BaseException):
            pass

        def torn(source: Path, target: Path, **options: Any) -> Path:
            target.mkdir()
            shutil.copy(next(p for p in Path(source).iterdir() if p.is_file()), target)
            raise Killed

        before = set(self._exports())
        folder = self.project.new_run(self._export())
        studio.begin(folder).wait(timeout=studio.LIMIT_S)
        whole, ingest.shutil.copytree = shutil.copytree, torn
        try:
            ingest.Intake(self.project, folder.id).read()
        except Killed:
            pass
        finally:
            ingest.shutil.copytree = whole
        self.project = studio.reopened(self.project)
        new = [name for name in self._exports() if name not in before]
        lost = [] if len(new) == 1 else [f"exports/ has {len(new)} new folders"]
        return lost + [
            w for name in new for w in _torn_export(self.project.path / "exports" / name)
        ]

    def _exports(self) -> list[str]:
        return sorted(path.name for path in (self.project.path / "exports").iterdir())


_TAKE_PLACE = "nasstudio.engine.export.folder:_take_place"


def _torch_device(project: Project) -> Any:
    from nasstudio.engine.device.runtime.registry import get

    return get("torch").devices_here()[0]


def _finished(folder: RunFolder) -> dict[str, float]:
    """Rows of a profile that were finished: label and time, ms."""
    lines = (folder.path / "cells.jsonl").read_bytes().splitlines()
    cells = [json.loads(line) for line in lines]
    return {cell["layer"]: cell["ms"] for cell in cells if cell["finished"]}


def _differing(project: Project, device: str, kept: dict[str, float]) -> list[str]:
    table = project.table
    column = next((n for n, d in enumerate(table.devices) if d.id == device), None)
    if column is None:
        return ["the device's column is not in the table"]
    times = dict(zip(table.labels, table.cells.ms[:, column].tolist(), strict=True))
    return [f"row {label} is not as measured" for label, ms in kept.items() if times[label] != ms]


def _torn_export(folder: Path, *, may_be_absent: bool = False) -> list[str]:
    """What is wrong with an exported folder by its own card."""
    if not folder.exists():
        return [] if may_be_absent else [f"{folder.name} is not there"]
    try:
        card = json.loads((folder / "card.json").read_bytes())
    except (OSError, ValueError):
        return [f"{folder.name} has no card"]
    lost = []
    for file in card["files"]:
        path = folder / file["path"]
        content = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(content).hexdigest() != file["sha256"]:
            lost.append(f"{folder.name}/{file['path']} is not what its card says")
    return lost
