"""The run folder: a specification, the events, the control file, and everything that the job makes.

`runs/<id>/spec.json`, `events.jsonl`, `control`, `process.json` (the child that last ran here), `run.log` (its standard
streams). The child writes only here.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import psutil

from nasstudio.engine.atomic import file_sha256, write_atomic
from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.specification import AnySpec, Reference, decode, encode

State = Literal[
    "created", "running", "paused", "waiting", "done", "failed", "stopped", "interrupted"
]
FINISHED: tuple[State, ...] = ("done", "failed", "stopped", "interrupted")
Command = Literal["pause", "resume", "checkpoint", "stop"]


class ProcessRecord(msgspec.Struct, frozen=True):
    """Which process runs (or ran) the job; pid and creation time together are unique.

    `begun` is the wall clock at its start: the system's creation time may be a second off from it.
    """

    pid: int
    created: float
    begun: float


@dataclass(frozen=True)
class RunFolder:
    """A run on disk."""

    path: Path

    @classmethod
    def create(cls, path: Path, spec: AnySpec) -> RunFolder:
        """A new run folder with its specification.

        Raises
        ------
        InvalidInput
            The folder is there already.
        """
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            raise InvalidInput(
                "The run folder is there already.", where=path, remedy="Choose another name."
            ) from None
        write_atomic(path / "spec.json", encode(spec))
        return cls(path)

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def project(self) -> Path:
        """The project folder that the run belongs to."""
        return self.path.parent.parent

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def log(self) -> Path:
        return self.path / "run.log"

    def spec(self) -> AnySpec:
        """The specification.

        Raises
        ------
        InvalidInput
            It is missing or can't be read.
        """
        path = self.path / "spec.json"
        try:
            return decode(path.read_bytes(), path)
        except FileNotFoundError:
            raise InvalidInput(
                "The run has no specification.",
                where=path,
                remedy="Delete the run, or restore the file.",
            ) from None
        except OSError as problem:
            raise InvalidInput(
                f"The run's specification can't be read: {problem.strerror or problem}.",
                where=path,
                remedy="Delete the run, or restore the file.",
            ) from None

    def command(self, command: Command) -> None:
        """Ask the job for something; it polls a few times a second."""
        write_atomic(self.path / "control", command.encode())

    def take_command(self) -> Command | None:
        """The last command that was not taken yet; for the child."""
        path = self.path / "control"
        try:
            word = path.read_text()
            path.unlink()
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        return word if word in ("pause", "resume", "checkpoint", "stop") else None  # type: ignore[return-value]

    def record_process(self, pid: int) -> None:
        """Remember which process runs the job."""
        record = ProcessRecord(pid, psutil.Process(pid).create_time(), time.time())
        write_atomic(self.path / "process.json", msgspec.json.encode(record))

    def _record(self) -> ProcessRecord | None:
        try:
            content = (self.path / "process.json").read_bytes()
            return msgspec.json.decode(content, type=ProcessRecord)
        except (OSError, msgspec.DecodeError, RecursionError):
            return None

    def process(self) -> psutil.Process | None:
        """The process that runs the job, None if it has gone."""
        record = self._record()
        if record is None:
            return None
        try:
            process = psutil.Process(record.pid)
            same = abs(process.create_time() - record.created) < 1.0
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None

    def state(self) -> State:
        """What the events and the process together say."""
        process = self.process()
        state, ended = after(ev.EventReader(self.events).read())
        return self.settled(state, ended, process)

    def settled(self, state: State, ended: float, process: psutil.Process | None) -> State:
        """The state that the events gave, seen together with the process.

        A process that went without a last word has been interrupted; one that began after the last word (`ended`, s
        since the epoch) has taken the run up again, even if it has said nothing yet.
        """
        if process is not None:
            record = self._record()
            resumed = state in FINISHED and record is not None and record.begun > ended
            return "running" if resumed else state
        if state in FINISHED:
            return state
        begun = (self.path / "process.json").is_file()
        return "interrupted" if begun or state != "created" else "created"

    def resolve(self, reference: Reference) -> Path:
        """Path of an input.

        Raises
        ------
        CorruptFile
            It is missing, leaves the project or has changed since the job was made.
        """
        path = self.project / reference.path
        if not path.resolve().is_relative_to(self.project.resolve()) or not path.is_file():
            raise CorruptFile(
                "An input of this job is not there.",
                where=reference.path,
                remedy="Restore the file, or make the job again from what the project has now.",
            )
        if file_sha256(path) != reference.sha256:
            raise CorruptFile(
                "An input of this job has changed since the job was made.",
                where=path,
                remedy="Restore the file, or run again the job that made it and then this one.",
            )
        return path

    def reference(self, path: Path) -> Reference:
        """A file inside the project as a reference."""
        return Reference(os.path.relpath(path, self.project), file_sha256(path))


def after(
    events: list[ev.AnyEvent], state: State = "created", ended: float = 0.0
) -> tuple[State, float]:
    """State after more events as long as the process lives, and when the last word was said (0: not yet)."""
    for event in events:
        state = next_state(state, event)
        if state in FINISHED:
            ended = event.t
    return state, ended


def next_state(state: State, event: ev.AnyEvent) -> State:
    """State of a run after one more event, as long as its process lives."""
    match event:
        case ev.Started() | ev.Resumed():
            return "running"
        case ev.Paused():
            return "paused"
        case ev.Waiting():
            return "waiting"
        case ev.Done():
            return "done"
        case ev.Failed():
            return "failed"
        case ev.Stopped():
            return "stopped"
        case ev.Progress() | ev.Result() | ev.MetricEvent() if state == "waiting":
            return "running"
        case _:
            return state
