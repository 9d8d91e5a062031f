"""Taking what runs have said into the project, exactly once.

The number of events already taken stands in the run's row and moves in the same transaction as what they changed. The
table is a file of its own: cells are idempotent, so it is written before the transaction ends.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from nasstudio.engine.cost.table import Cells, Source
from nasstudio.engine.device.calibration import Calibration
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import CorruptFile, StudioError
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.folder import FINISHED, RunFolder, State, after
from nasstudio.engine.job.specification import (
    AnySpec,
    ExportSpec,
    FitSpec,
    ImportSpec,
    ProbeSpec,
    ProfileSpec,
    Reference,
    ReferenceSpec,
    VerifySpec,
)
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import build
from nasstudio.engine.space.space import SpaceDocument


@dataclass
class Ingested:
    """What a call of `ingest` has brought.

    `cells` are the labels of table rows that were written, `kinds` what else has changed: ``devices``, ``artefacts``,
    ``subnets``, ``references``, ``calibration``, ``space``, ``state``. `problem` is why nothing could be taken in.
    """

    run: str
    events: list[ev.AnyEvent]
    state: State
    device: Device | None = None
    cells: list[str] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    problem: StudioError | None = None


class Intake:
    """Follows one run and takes its events into the project."""

    def __init__(self, project: Project, run_id: str) -> None:
        self._project = project
        self._folder: RunFolder = project.folder(run_id)
        self._spec: AnySpec = self._folder.spec()
        self._reader = ev.EventReader(self._folder.events)
        self._state: State = "created"
        self._ended = 0.0
        self._seen = 0
        self._space_hash = ""

    def read(self) -> Ingested:
        """Take in what is new. Events that were taken in earlier are returned, too, on the first call.

        Raises
        ------
        StudioError
            The events do not read, or the project can't be written; nothing was taken in.
        """
        try:
            return self._read()
        except sqlite3.Error as problem:
            raise StudioError(
                f"The project's database can't be written: {problem}.",
                where=self._project.path / "project.db",
                remedy="Check the disk's space, then open the project again: no run has lost anything.",
            ) from problem

    def _read(self) -> Ingested:
        project, run_id = self._project, self._folder.id
        # The process is asked for first: what it says after that is read in any case.
        process = self._folder.process()
        fresh = self._reader.read()
        taken = project.database.execute(
            "SELECT ingested FROM run WHERE id = ?", (run_id,)
        ).fetchone()
        known = int(taken["ingested"]) if taken else 0
        found = Ingested(run_id, fresh, self._state)
        with project.database:
            for event in fresh:
                self._seen += 1
                self._state, self._ended = after([event], self._state, self._ended)
                if self._seen > known:
                    self._take(event, found)
            found.state = self._folder.settled(self._state, self._ended, process)
            if found.cells or "calibration" in found.kinds:
                project.save_table()
            self._record(found, fresh, known)
        return found

    def _record(self, found: Ingested, fresh: list[ev.AnyEvent], known: int) -> None:
        database = self._project.database
        before = database.execute("SELECT state FROM run WHERE id = ?", (found.run,)).fetchone()
        if before is not None and before["state"] != found.state:
            found.kinds.add("state")
        if self._seen > known or "state" in found.kinds:
            ended = fresh[-1].t if fresh and found.state in FINISHED else None
            database.execute(
                "UPDATE run SET state = ?, ingested = max(ingested, ?), ended = coalesce(?, ended) WHERE id = ?",
                (found.state, self._seen, ended, found.run),
            )

    def _take(self, event: ev.AnyEvent, found: Ingested) -> None:
        match event:
            case ev.Result():
                try:
                    self._take_result(event.name, event.values, found)
                except (KeyError, TypeError, ValueError, msgspec.ValidationError) as problem:
                    raise CorruptFile(
                        f"A result of the run does not read: {type(problem).__name__} {problem}.",
                        where=f"{self._folder.events}, event {self._seen}",
                        remedy="The run was written by another version; delete it and run it again.",
                    ) from None
            case ev.Artefact() if event.rows is None:
                about = json.dumps(self._origin() | event.about)
                self._database.execute(
                    "INSERT OR REPLACE INTO artefact VALUES (?, ?, ?, ?, ?, ?)",
                    (found.run, event.kind, event.path, event.sha256, about, event.t),
                )
                found.kinds.add("artefacts")
            case ev.Done():
                self._database.execute(
                    "UPDATE run SET summary = ? WHERE id = ?",
                    (json.dumps(event.summary), found.run),
                )

    def _origin(self) -> dict[str, str]:
        """Hashes of what an artefact of this run was made from."""
        origin: dict[str, str] = {}
        if isinstance(self._spec, ProbeSpec | ReferenceSpec | ImportSpec):
            return origin
        origin["space_hash"] = self._hash_of_space(self._spec.space)
        for name in ("supernet", "predictor", "table"):
            reference = getattr(self._spec, name, None)
            if isinstance(reference, Reference):
                origin[name] = reference.sha256
        if isinstance(self._spec, FitSpec):
            origin["pairs"] = ",".join(pair.sha256 for pair in self._spec.pairs)
        return origin

    def _hash_of_space(self, document: SpaceDocument) -> str:
        self._space_hash = self._space_hash or build(document).hash
        return self._space_hash

    @property
    def _database(self) -> sqlite3.Connection:
        return self._project.database

    def _take_result(self, name: str, values: dict[str, Any], found: Ingested) -> None:
        spec = self._spec
        if name == "device":
            self._take_device(msgspec.convert(values, Device), found)
        elif name == "cell" and isinstance(spec, ProfileSpec):
            self._take_cell(values, spec.device, found)
        elif name == "calibration" and isinstance(spec, ProfileSpec):
            self._project.table.add_device(spec.device)
            self._project.table.calibrations[spec.device.id] = msgspec.convert(values, Calibration)
            found.device = spec.device
            found.kinds.add("calibration")
        elif name == "verified" and isinstance(spec, VerifySpec):
            self._take_subnet("verified", spec, values["genome"], values, found)
        elif name == "exported" and isinstance(spec, ExportSpec):
            kept = dict(values, folder=self._keep_export(str(values["folder"])))
            self._take_subnet("exported", spec, list(spec.genome), kept, found)
        elif name == "space" and isinstance(spec, ImportSpec):
            self._take_space(msgspec.convert(values, SpaceDocument), found)
        elif name == "reference":
            self._database.execute(
                "INSERT OR REPLACE INTO reference VALUES (?, ?)",
                (values["title"], json.dumps(values)),
            )
            found.kinds.add("references")

    def _take_device(self, device: Device, found: Ingested) -> None:
        known: list[Device] = self._project.get("devices", list[Device], [])
        kept = [other for other in known if other.id != device.id]
        text = msgspec.json.encode([*kept, device]).decode()
        self._database.execute("INSERT OR REPLACE INTO meta VALUES ('devices', ?)", (text,))
        found.kinds.add("devices")

    def _take_space(self, document: SpaceDocument, found: Ingested) -> None:
        """The space that a supernet brought along, unless one was chosen in the meantime."""
        build(document)
        text = msgspec.json.encode(document).decode()
        self._database.execute("INSERT OR IGNORE INTO meta VALUES ('space', ?)", (text,))
        found.kinds.add("space")

    def _take_cell(self, values: dict[str, Any], device: Device, found: Ingested) -> None:
        table = self._project.table
        column, (row,) = table.add_device(device), table.add_rows([str(values["layer"])])
        source = Source[str(values.get("source", "measured")).upper()]
        measured = table.cells.source[row, column] == Source.MEASURED
        if source == Source.INTERPOLATED and measured:
            return
        p10, p90 = (np.nan if values[k] is None else float(values[k]) for k in ("p10", "p90"))
        table.put(
            [row],
            [column],
            Cells(
                np.array([float(values["ms"])]),
                np.array([p10]),
                np.array([p90]),
                np.array([int(values["n"])], np.int32),
                np.array([source], np.uint8),
            ),
        )
        found.device = device
        found.cells.append(table.labels[row])

    def _take_subnet(
        self,
        column: str,
        spec: VerifySpec | ExportSpec,
        genome: list[int],
        values: dict[str, Any],
        found: Ingested,
    ) -> None:
        key = (self._hash_of_space(spec.space), json.dumps([int(i) for i in genome]))
        self._database.execute("INSERT OR IGNORE INTO subnet (space, genome) VALUES (?, ?)", key)
        about = dict(values, run=self._folder.id, supernet=spec.supernet.sha256)
        self._database.execute(
            f"UPDATE subnet SET {column} = ? WHERE space = ? AND genome = ?",
            (json.dumps(about), *key),
        )
        found.kinds.add("subnets")

    def _keep_export(self, folder: str) -> str:
        """Copy an export out of the run folder, beside earlier ones. Returns its path in the project.

        The copy is there whole or not at all. One that was made just before this program was killed is found again.
        """
        source = (self._folder.path / folder).resolve()
        if not source.is_relative_to(self._folder.path.resolve()) or not source.is_dir():
            raise CorruptFile(
                f"The export '{folder[:80]}' is not in the run's folder.",
                where=self._folder.events,
                remedy="Export the network again.",
            )
        exports = self._project.path / "exports"
        target = exports / source.name
        number = 1
        while target.exists() and not _same_export(source, target):
            number += 1
            target = target.with_name(f"{source.name}-{number}")
        if not target.exists():
            part = exports / f".{self._folder.id}.part"
            shutil.rmtree(part, ignore_errors=True)
            try:
                shutil.copytree(source, part)
                part.rename(target)
            except OSError as problem:
                shutil.rmtree(part, ignore_errors=True)
                raise StudioError(
                    f"The export can't be copied out of its run: {problem.strerror or problem}.",
                    where=target,
                    remedy="Check the disk's space and the folder's rights, then open the project again.",
                ) from problem
        return target.relative_to(self._project.path).as_posix()


def _same_export(left: Path, right: Path) -> bool:
    """Whether two folders hold the same export; its card has the time it was made and a hash of every file."""
    try:
        return (left / "card.json").read_bytes() == (right / "card.json").read_bytes()
    except OSError:
        return False


def take_all(project: Project) -> list[Ingested]:
    """Take in what every unfinished run has said while nobody looked; for opening a project.

    A run that can't be read is left as it is and its `problem` is returned: it must not lock away all the others.
    """
    found = []
    rows = project.rows("SELECT id, state FROM run ORDER BY created")
    for row in rows:
        if row["state"] not in ("done", "failed", "stopped") and project.writable:
            try:
                found.append(Intake(project, row["id"]).read())
            except StudioError as problem:
                found.append(Ingested(row["id"], [], "failed", problem=problem))
    return found
