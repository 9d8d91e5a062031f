"""The project folder: `project.db`, `runs/`, `tables/`, `exports/`.

One process at a time writes (see `lock`); others read. A project is used by one thread at a time and gives others
immutable snapshots. Run folders belong to their jobs; `ingest` takes what they say into the database, exactly once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from nasstudio.engine.atomic import file_sha256, write_atomic
from nasstudio.engine.cost.formats import own_json
from nasstudio.engine.cost.table import Cells, LatencyTable
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import CorruptFile, InvalidInput, ProjectLocked, StudioError
from nasstudio.engine.job.folder import FINISHED, RunFolder, State
from nasstudio.engine.job.specification import AnySpec, Reference
from nasstudio.engine.project import schema
from nasstudio.engine.project.lock import ProjectLock
from nasstudio.engine.project.records import (
    ArtefactRecord,
    ReferencePoint,
    RunRecord,
    Snapshot,
    SubnetRecord,
)
from nasstudio.engine.space.space import SpaceDocument
from nasstudio.engine.train.recipe import Recipe
from nasstudio.engine.train.schedule import Schedule

SUFFIX = ".nasproj"
T = TypeVar("T")


class Project:
    """An open project. Use `create` or `open`."""

    def __init__(
        self, path: Path, database: sqlite3.Connection, lock: ProjectLock | None, holder: str
    ) -> None:
        self.path = path
        self._database = database
        self._lock = lock
        self.holder = holder
        self._digested = (b"", "")
        self.table = self._read_table()

    # -- opening and closing ------------------------------------------------------------------------------------

    @classmethod
    def create(cls, path: Path, title: str = "", *, program: str = "NAS Studio") -> Project:
        """A new project.

        Raises
        ------
        InvalidInput
            Something is there already, or the folder can't be made.
        """
        path = path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)
        try:
            path.mkdir(parents=True)
            for folder in ("runs", "tables", "exports"):
                (path / folder).mkdir()
        except FileExistsError:
            raise InvalidInput(
                "Something of that name is there already.",
                where=path,
                remedy="Choose another name.",
            ) from None
        except OSError as problem:
            raise InvalidInput(
                f"The folder can't be made: {problem.strerror}.",
                where=path,
                remedy="Choose a folder that you may write to.",
            ) from None
        schema.connect(path / "project.db", create=True).close()
        project = cls.open(path, program=program)
        project.put("title", title or path.stem)
        return project

    @classmethod
    def open(cls, path: Path, *, program: str = "NAS Studio", write: bool = False) -> Project:
        """An existing project; for reading only if somebody else holds it.

        Raises
        ------
        InvalidInput, CorruptFile
            It is not a project, or damaged.
        ProjectLocked
            `write` was asked for and somebody else holds it.
        """
        if not (path / "project.db").is_file():
            raise InvalidInput(
                "This is not a project: there is no project.db in it.",
                where=path,
                remedy=f"Choose a folder that ends in {SUFFIX}, or make a new project.",
            )
        path = path.resolve()
        lock, holder = _lock(path, program)
        if lock is None and write:
            raise ProjectLocked(
                f"The project is open in {holder}." if holder else "The folder can't be written.",
                where=path,
                remedy="Close it there and try again."
                if holder
                else "Check its rights, or open a copy.",
            )
        try:
            database = schema.connect(path / "project.db", readonly=lock is None)
            try:
                return cls(path, database, lock, holder)
            except StudioError:
                database.close()
                raise
        except StudioError:
            if lock is not None:
                lock.release()
            raise

    @property
    def writable(self) -> bool:
        return self._lock is not None

    def close(self) -> None:
        """Give the project back."""
        self._database.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    # -- small values -------------------------------------------------------------------------------------------

    def get(self, key: str, kind: type[T], default: T) -> T:
        """A remembered value, of the type it was put with.

        Raises
        ------
        CorruptFile
            What is stored is of another type.
        """
        found = self.rows("SELECT value FROM meta WHERE key = ?", (key,))
        if not found:
            return default
        try:
            return msgspec.json.decode(found[0]["value"], type=kind)
        except (msgspec.DecodeError, RecursionError) as problem:
            raise CorruptFile(
                f"The stored value of '{key}' does not read: {problem}.",
                where=self.path / "project.db",
                remedy=f"Drop it, then set it again: nasstudio forget {self.path} {key}",
            ) from None

    def put(self, key: str, value: Any) -> None:
        """Remember a value under a name."""
        text = msgspec.json.encode(value).decode()
        with self._database:
            self._database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, text))

    def forget(self, key: str) -> None:
        """Drop a remembered value."""
        with self._database:
            self._database.execute("DELETE FROM meta WHERE key = ?", (key,))

    # -- the table ----------------------------------------------------------------------------------------------

    @property
    def _table_path(self) -> Path:
        return self.path / "tables" / "latency.json"

    def _read_table(self) -> LatencyTable:
        if not self._table_path.is_file():
            return LatencyTable()
        return own_json.from_json(self._table_path.read_bytes(), self._table_path)

    def save_table(self) -> None:
        """Write the latency table."""
        content = own_json.to_json(self.table)
        self._digested = (own_json.fingerprint(self.table), _digest(content))
        write_atomic(self._table_path, content)

    def _table_digest(self) -> str:
        """Hash of the table's file as it would be written now; a table that has not changed is not written for it."""
        key = own_json.fingerprint(self.table)
        if self._digested[0] != key:
            self._digested = (key, _digest(own_json.to_json(self.table)))
        return self._digested[1]

    def put_cells(self, labels: list[str], device: Device, cells: Cells) -> None:
        """Overwrite cells of one device by row label, adding rows and column, and save."""
        column = self.table.add_device(device)
        rows = self.table.add_rows(labels)
        self.table.put(rows, [column] * len(rows), cells)
        self.save_table()

    def table_reference(self) -> Reference:
        """The table as it is now, kept under its hash for a job's input."""
        content = own_json.to_json(self.table)
        folder = self.path / "tables" / "kept"
        folder.mkdir(exist_ok=True)
        name = _digest(content)
        path = folder / f"{name[:16]}.json"
        if not path.is_file():
            write_atomic(path, content)
        return Reference(path.relative_to(self.path).as_posix(), name)

    # -- runs ---------------------------------------------------------------------------------------------------

    def new_run(self, spec: AnySpec) -> RunFolder:
        """A run folder for a job, in the database."""
        created = time.time()
        stamp = time.strftime("%y%m%d-%H%M%S", time.localtime(created))
        number = 0
        while True:
            run_id = f"{spec.kind}-{stamp}" + (f"-{number}" if number else "")
            if not (self.path / "runs" / run_id).exists():
                break
            number += 1
        folder = RunFolder.create(self.path / "runs" / run_id, spec)
        with self._database:
            self._database.execute(
                "INSERT INTO run (id, kind, name, created) VALUES (?, ?, ?, ?)",
                (run_id, spec.kind, spec.name or spec.kind.capitalize(), created),
            )
        return folder

    def folder(self, run_id: str) -> RunFolder:
        """The folder of a run.

        Raises
        ------
        InvalidInput
            There is no such run.
        """
        path = self.path / "runs" / run_id
        if not re.fullmatch(r"[\w.-]+", run_id) or not path.is_dir():
            known = ", ".join(run.id for run in self.runs()[-3:]) or "none"
            raise InvalidInput(
                f"The project has no run '{run_id}'.",
                where=self.path,
                remedy=f"Its newest runs: {known}.",
            )
        return RunFolder(path)

    def runs(self) -> list[RunRecord]:
        """All runs, the oldest first."""
        rows = self.rows("SELECT * FROM run ORDER BY created, id")
        return [self._run_record(row) for row in rows]

    def _run_record(self, row: sqlite3.Row) -> RunRecord:
        folder = RunFolder(self.path / "runs" / row["id"])
        state = row["state"]
        if state not in FINISHED:
            state = _state_of(folder)
        try:
            spec: AnySpec | None = folder.spec()
        except InvalidInput:
            spec = None
        return RunRecord(
            id=row["id"],
            kind=row["kind"],
            name=row["name"],
            note=row["note"],
            created=row["created"],
            state=state,
            ended=row["ended"],
            summary=self._stored(row["summary"], dict[str, Any]),
            spec=spec,
            path=folder.path,
            disk_bytes=_disk_bytes(folder.path),
        )

    def describe_run(
        self, run_id: str, *, name: str | None = None, note: str | None = None
    ) -> None:
        """Rename or annotate a run."""
        self.folder(run_id)
        with self._database:
            for column, value in (("name", name), ("note", note)):
                if value is not None:
                    self._database.execute(
                        f"UPDATE run SET {column} = ? WHERE id = ?", (value, run_id)
                    )

    def delete_run(self, run_id: str) -> None:
        """Delete a run with all its files.

        Raises
        ------
        InvalidInput
            It is being worked on.
        """
        folder = self.folder(run_id)
        if folder.process() is not None:
            raise InvalidInput(
                "The run is being worked on.", where=folder.path, remedy="Stop it first."
            )
        with self._database:
            self._database.execute("DELETE FROM run WHERE id = ?", (run_id,))
        shutil.rmtree(folder.path, ignore_errors=True)

    # -- what runs have made ------------------------------------------------------------------------------------

    def reference(self, artefact: ArtefactRecord) -> Reference:
        """An artefact as the input of a job."""
        return Reference(artefact.path, artefact.sha256 or file_sha256(self.path / artefact.path))

    def artefacts(self) -> list[ArtefactRecord]:
        """All artefacts, the oldest first."""
        rows = self.rows("SELECT * FROM artefact ORDER BY created")
        return [
            ArtefactRecord(
                run=row["run"],
                kind=row["kind"],
                path=f"runs/{row['run']}/{row['path']}",
                sha256=row["sha256"],
                about=self._stored(row["about"], dict[str, Any]),
                created=row["created"],
            )
            for row in rows
        ]

    def subnets(self) -> list[SubnetRecord]:
        """Every network that something is known of, pinned ones first."""
        rows = self.rows("SELECT * FROM subnet ORDER BY pin IS NULL, pin")
        return [
            SubnetRecord(
                space=row["space"],
                genome=tuple(self._stored(row["genome"], list[int])),
                pin=row["pin"],
                verified=self._stored(row["verified"], dict[str, Any]),
                exported=self._stored(row["exported"], dict[str, Any]),
            )
            for row in rows
        ]

    def pin(self, space: str, genome: tuple[int, ...], *, on: bool) -> None:
        """Pin a network, under the lowest free number, or unpin it."""
        key = (space, json.dumps(list(genome)))
        taken = {s.pin for s in self.subnets() if s.space == space and s.pin is not None}
        number = next(n for n in range(1, len(taken) + 2) if n not in taken) if on else None
        with self._database:
            self._database.execute(
                "INSERT OR IGNORE INTO subnet (space, genome) VALUES (?, ?)", key
            )
            self._database.execute(
                "UPDATE subnet SET pin = ? WHERE space = ? AND genome = ?"
                + (" AND pin IS NULL" if on else ""),
                (number, *key),
            )

    def references(self) -> list[ReferencePoint]:
        """Networks that the user already has."""
        rows = self.rows("SELECT * FROM reference ORDER BY title")
        return [
            ReferencePoint(row["title"], self._stored(row["measured"], dict[str, Any]))
            for row in rows
        ]

    def rows(self, query: str, values: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        """What a query finds.

        Raises
        ------
        CorruptFile
            The database is damaged.
        """
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as problem:
            raise schema.damaged(self.path / "project.db", str(problem)) from None

    def _stored(self, text: str, kind: type[T]) -> T:
        """A value that is kept as JSON."""
        try:
            return msgspec.json.decode(text, type=kind)
        except (msgspec.DecodeError, RecursionError) as problem:
            raise schema.damaged(self.path / "project.db", str(problem)) from None

    @property
    def database(self) -> sqlite3.Connection:
        """The open database, for the other modules of this folder."""
        return self._database

    def remove_reference(self, title: str) -> None:
        """Take a reference point out of the plots."""
        with self._database:
            self._database.execute("DELETE FROM reference WHERE title = ?", (title,))

    # -- all of it ----------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The project as it is now, for other threads."""
        return Snapshot(
            path=self.path,
            title=self.get("title", str, self.path.stem),
            writable=self.writable,
            holder=self.holder,
            space=self.get("space", SpaceDocument | None, None),  # type: ignore[arg-type]
            data=self.get("data", DataDocument | None, None),  # type: ignore[arg-type]
            schedule=self.get("schedule", Schedule | None, None),  # type: ignore[arg-type]
            recipe=self.get("recipe", Recipe, Recipe()),
            table=self.table.copy(),
            table_sha256=self._table_digest(),
            devices=tuple(self.get("devices", list[Device], [])),
            runs=tuple(self.runs()),
            artefacts=tuple(self.artefacts()),
            subnets=tuple(self.subnets()),
            references=tuple(self.references()),
            supernet=self.get("supernet", str, ""),
            choices=self.get("choices", dict[str, Any], {}),
        )


def _lock(path: Path, program: str) -> tuple[ProjectLock | None, str]:
    """The lock, or None and who holds it; a folder that can't be written has neither."""
    if not os.access(path, os.W_OK):
        return None, ""
    lock = ProjectLock(path)
    holder = lock.acquire(program)
    return (lock, "") if holder is None else (None, str(holder))


def _state_of(folder: RunFolder) -> State:
    """State of a run; one whose events can't be read has failed."""
    try:
        return folder.state()
    except CorruptFile:
        return "failed"


def _disk_bytes(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except OSError:
                continue  # a temporary file of the job that is running
    return total


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
