"""Events: what a job says while it runs, one JSON object a line of `events.jsonl`.

The file is the truth: window, terminal and any other observer read it and nothing else. A line is written by one
`write` to a file opened for appending; a reader ignores a last line that is not complete yet. Values of metrics may be
null: a diverged loss is not a broken stream.
"""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import Any

import msgspec

from nasstudio.engine.errors import CorruptFile

PROTOCOL = 1


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=True):
    """What every event has: seconds since the epoch."""

    t: float = 0.0


class Started(Event, frozen=True, kw_only=True, tag="started"):
    """The child is up. Each start of the same run writes one."""

    version: str
    protocol: int
    pid: int
    machine: dict[str, str]


class Progress(Event, frozen=True, kw_only=True, tag="progress"):
    """`done` of `total` units; `left_s` is the estimated time left, s."""

    done: float
    total: float
    unit: str = ""
    label: str = ""
    left_s: float | None = None


class MetricEvent(Event, frozen=True, kw_only=True, tag="metric"):
    """Numbers for curves at a step."""

    step: float
    values: dict[str, float | None]


class Result(Event, frozen=True, kw_only=True, tag="result"):
    """One finished piece of the result, e.g. ``cell``, ``verified``, ``pair``, ``device``."""

    name: str
    values: dict[str, Any]


class Artefact(Event, frozen=True, kw_only=True, tag="artefact"):
    """A file was finished. `path` is relative to the run folder; `rows` is the range just appended to an array."""

    kind: str
    path: str
    sha256: str = ""
    rows: tuple[int, int] | None = None
    about: dict[str, Any] = {}


class Log(Event, frozen=True, kw_only=True, tag="log"):
    """A line for people."""

    text: str


class Warned(Event, frozen=True, kw_only=True, tag="warning"):
    """Something is not as it should be, and the job goes on."""

    text: str


class Waiting(Event, frozen=True, kw_only=True, tag="waiting"):
    """The job waits for the machine: somebody measures, or it measures and somebody works."""

    text: str


class Paused(Event, frozen=True, kw_only=True, tag="paused"):
    """The job holds still until it is resumed."""


class Resumed(Event, frozen=True, kw_only=True, tag="resumed"):
    """The job goes on."""


class Failed(Event, frozen=True, kw_only=True, tag="failed"):
    """The job has ended without its result."""

    what: str
    where: str = ""
    remedy: str = ""
    trace: str = ""


class Stopped(Event, frozen=True, kw_only=True, tag="stopped"):
    """The job was stopped; what it had done is kept and it can be resumed."""


class Done(Event, frozen=True, kw_only=True, tag="done"):
    """The work is done. The process may take another second to go."""

    summary: dict[str, Any] = {}


AnyEvent = (
    Started
    | Progress
    | MetricEvent
    | Result
    | Artefact
    | Log
    | Warned
    | Waiting
    | Paused
    | Resumed
    | Failed
    | Stopped
    | Done
)
_DECODER = msgspec.json.Decoder(AnyEvent)


def finite(value: float | None) -> float | None:
    """The value, or None where JSON has no number for it."""
    return float(value) if value is not None and math.isfinite(value) else None


class EventWriter:
    """Appends events to a file. A torn last line of a killed predecessor is closed first."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        if path.stat().st_size and not _ends_with_newline(path):
            os.write(self._file, b"\n")

    def write(self, event: AnyEvent) -> None:
        """Append one event, stamped with the time."""
        stamped = msgspec.structs.replace(event, t=round(time.time(), 3))
        os.write(self._file, msgspec.json.encode(stamped) + b"\n")

    def sync(self) -> None:
        """Make sure that what was written is on the disk."""
        os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)


class SilentWriter(EventWriter):
    """Of a process that has nothing to say: what it would say is said by another one."""

    def __init__(self) -> None:
        pass

    def write(self, event: AnyEvent) -> None:
        """Nothing."""

    def sync(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


class EventReader:
    """Reads the events that have been added since the last call."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._line = 0
        self.torn = 0

    def read(self, limit: int = 100_000) -> list[AnyEvent]:
        """New complete events, at most `limit`; empty if there are none or the file is not there yet.

        A line that a killed child left torn is passed over and counted in `torn`.

        Raises
        ------
        CorruptFile
            The file can't be read, or a complete line is JSON, but not an event of this protocol.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                content = file.read()
        except FileNotFoundError:
            return []
        except OSError as problem:
            raise CorruptFile(
                f"The run's events can't be read: {problem.strerror or problem}.",
                where=self.path,
                remedy="Delete the run, or restore the file.",
            ) from None
        events: list[AnyEvent] = []
        # Not `splitlines`: a carriage return, which damage may make, must not end the reading for good.
        for line in content.split(b"\n")[:-1]:
            if len(events) >= limit:
                break
            self._offset += len(line) + 1
            self._line += 1
            if line.strip():
                self._decode(line, events)
        return events

    def _decode(self, line: bytes, events: list[AnyEvent]) -> None:
        try:
            events.append(_DECODER.decode(line))
        except msgspec.ValidationError as problem:
            raise CorruptFile(
                f"This is not an event: {problem}.",
                where=f"{self.path}, line {self._line}",
                remedy="The run was written by another version; open it with that one.",
            ) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.torn += 1
