"""Malformed input as a person meets it: each case damages one thing and runs one command.

The command must say what is wrong, where, and what to do, end with a code that is not 0 (or say what it passes over and
go on), show no traceback, and leave everything else on the disk as it was. A run that was begun may add to its own
folder and to its own row; nothing that was there before is changed or gone.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

GROUPS = (
    "Latency tables",
    "Project folder",
    "Checkpoints",
    "Specifications",
    "Image folders",
    "Data sets, spaces and schedules",
    "Pairs, predictors and archives",
    "ONNX files and limits",
)


@dataclass(frozen=True)
class Place:
    """A copy of the specimens that a case may damage."""

    home: Path

    @property
    def project(self) -> Path:
        return self.home / "tiny.nasproj"

    def run(self, name: str) -> Path:
        return self.project / "runs" / name

    @property
    def marker(self) -> Path:
        """The file that an unpickled payload makes."""
        return self.home / "unpickled"


@dataclass(frozen=True)
class Case:
    """What is damaged and which command meets it.

    Attributes
    ----------
    prepare : damages the place and returns the command's words.
    goes_on : the command says what it passes over, and ends well.
    changes : pattern of the files and rows that the command is there to change.
    """

    group: str
    title: str
    prepare: Callable[[Place], list[str]]
    goes_on: bool = False
    changes: str = "nothing"


@dataclass
class Outcome:
    """What a command said and did. `wrong` is empty if it did all that it must."""

    case: Case
    code: int
    said: str
    wrong: list[str] = field(default_factory=list)


# -- running a case -----------------------------------------------------------------------------------------------

Command = Callable[[list[str]], tuple[int, str]]


def subprocess_command(words: list[str]) -> tuple[int, str]:
    """`nasstudio` as a person runs it: exit code and what it printed."""
    ran = subprocess.run(
        [sys.executable, "-m", "nasstudio", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return ran.returncode, ran.stdout + ran.stderr


def tried(case: Case, specimens: Path, home: Path, command: Command) -> Outcome:
    """Run a case in a fresh copy of the specimens."""
    place = Place(Path(shutil.copytree(specimens, home, symlinks=True)))
    words = case.prepare(place)
    before = State.of(place.home)
    code, said = command(words)
    outcome = Outcome(case, code, _short(said, place.home))
    lost = before.lost(State.of(place.home))
    outcome.wrong += [words for words in lost if not re.search(case.changes, words)]
    if place.marker.exists():
        outcome.wrong.append("a pickle was executed")
    if "Traceback" in said or "Unexpected" in said:
        outcome.wrong.append("it shows a defect of ours instead of the file's")
    if case.goes_on:
        outcome.wrong += [] if code == 0 else [f"it ends with {code}"]
    else:
        outcome.wrong += [] if code not in (0, 1) else [f"it ends with {code}"]
        outcome.wrong += [
            f"it has no {part}" for part in ("where", "remedy") if f"{part}:" not in said
        ]
    if not said.strip():
        outcome.wrong.append("it says nothing")
    return outcome


def _short(said: str, home: Path) -> str:
    """Without colours, progress, and the folders that differ from run to run."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", said).replace(f"{home}{os.sep}", "")
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return "\n".join(line for line in lines if line and not re.search(r": \d+ % \(", line))


@dataclass
class State:
    """Every file below a folder by its hash, and every row of the project's database."""

    files: dict[str, str]
    rows: set[str]

    @classmethod
    def of(cls, home: Path) -> State:
        files = {
            path.relative_to(home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(home.rglob("*"))
            if path.is_file() and not path.is_symlink()
        }
        database = home / "tiny.nasproj" / "project.db"
        return cls(files, _rows(database))

    def lost(self, later: State) -> list[str]:
        """What was there and is not, or is another now."""
        kept = [name for name in self.files if not _may_change(name, bool(self.rows))]
        gone = [f"{name} is gone" for name in kept if name not in later.files]
        other = [
            f"{name} was changed"
            for name in kept
            if name in later.files and later.files[name] != self.files[name]
        ]
        rows = [f"a row is gone: {row[:80]}" for row in sorted(self.rows - later.rows)]
        return gone + other + rows


def _may_change(name: str, readable: bool) -> bool:
    """The lock, and what a run adds to; a database that reads is compared by its rows instead of its bytes."""
    path = Path(name)
    if path.name in ("project.lock", "process.json", "run.log", "events.jsonl", "control"):
        return True
    return readable and path.name in ("project.db", "project.db-wal", "project.db-shm")


def _rows(path: Path) -> set[str]:
    """Rows as text, without what the state of a run changes; none if the database does not read."""
    try:
        database = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        try:
            names = [
                r[0]
                for r in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            found = set()
            for name in names:
                columns = "id, kind, name, note, created" if name == "run" else "*"
                found |= {
                    f"{name} {row}" for row in database.execute(f"SELECT {columns} FROM {name}")
                }
            return found
        finally:
            database.close()
    except sqlite3.Error:
        return set()
