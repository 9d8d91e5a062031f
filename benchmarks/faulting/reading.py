"""What each reader is given and how it is called; imported by the child process of `readers` only.

A subject copies its specimen into a folder, damages one file of it, and reads it as the program does: what was read is
also used a little, since a value that is wrong may do harm only then.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np

from faulting import mutations, specimens
from faulting import reading_binary as binary
from faulting.subject import Generator, Subject, copied
from nasstudio.engine.cost.formats import own_json
from nasstudio.engine.cost.formats.reader import read_table
from nasstudio.engine.cost.metric import available
from nasstudio.engine.job.events import EventReader
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.project.ingest import take_all
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.families import build, read
from nasstudio.engine.train.progressive import Plan

# -- text ---------------------------------------------------------------------------------------------------------


class TableJson(Subject):
    source, how = (
        "table.json",
        (mutations.of_json, mutations.of_json, mutations.of_bytes, mutations.nested),
    )

    def read(self, path: Path) -> None:
        table = read_table(path)
        for metric in available(self.space, table):
            metric.of(self.space.sample(3, np.random.default_rng(0)))
        own_json.from_json(own_json.to_json(table))


class TableCsv(TableJson):
    source, how = "table.csv", (mutations.of_csv, mutations.of_csv, mutations.of_bytes)


class Specification(Subject):
    source = f"tiny.nasproj/runs/{specimens.TRAINED}"
    file, how = "spec.json", (mutations.of_json, mutations.of_bytes, mutations.nested)

    def read(self, path: Path) -> None:
        RunFolder(path).spec()


class Schedule(Subject):
    source, how = "schedule.json", (mutations.of_json, mutations.of_bytes, mutations.nested)

    def read(self, path: Path) -> None:
        from nasstudio.cli.jobs import schedule_of
        from nasstudio.engine.train.schedule import checked

        named = path.with_name("a.json")
        path.rename(named)
        schedule = schedule_of(str(named))
        assert schedule is not None
        plan = Plan(self.space, checked(schedule), 3, 0)
        plan.subnets(0)
        plan.rate(0)


class Space(Subject):
    source, how = "space.json", (mutations.of_json, mutations.of_bytes, mutations.nested)

    def read(self, path: Path) -> None:
        space = build(read(path))
        space.sample(2, np.random.default_rng(0))
        space.rows(space.largest()[None])


class Events(Subject):
    source, file = "tiny.nasproj", f"runs/{specimens.STOPPED}/events.jsonl"
    how = (mutations.of_lines, mutations.of_lines, mutations.of_bytes, mutations.nested_line)

    def read(self, path: Path) -> None:
        EventReader(path / self.file).read()
        with sqlite3.connect(path / "project.db") as database:
            database.execute("UPDATE run SET state = 'running', ingested = 0")
        database.close()
        project = Project.open(path)
        try:
            found = take_all(project)
            project.snapshot()
            for run in found:
                if run.problem is not None:
                    raise run.problem
        finally:
            project.close()


class Pairs(Subject):
    source = f"tiny.nasproj/runs/{specimens.PAIRS}/pairs.jsonl"
    how = (mutations.of_lines, mutations.of_lines, mutations.of_bytes, mutations.nested_line)

    def read(self, path: Path) -> None:
        from nasstudio.engine.accuracy.queue import Pair, read_lines
        from nasstudio.engine.run.fit import read_pairs

        read_pairs(path, self.space)
        read_lines(path, Pair)


# -- the project --------------------------------------------------------------------------------------------------


class Database(Subject):
    source, file = "tiny.nasproj", "project.db"

    def read(self, path: Path) -> None:
        project = Project.open(path)
        try:
            for run in take_all(project):
                if run.problem is not None:
                    raise run.problem
            project.snapshot()
        finally:
            project.close()


class Values(Database):
    """A sound database in which one value is another."""

    def prepare(self, folder: Path, number: int, rng: Generator, marker: Path) -> None:
        copied(self.home / self.source, folder)
        with sqlite3.connect(folder / self.file) as database:
            tables = ("meta", "run", "artefact", "subnet")
            table = tables[number % 4]
            rows = database.execute(f"SELECT rowid, * FROM {table}").fetchall()
            if not rows:
                table, rows = "run", database.execute("SELECT rowid, * FROM run").fetchall()
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            row = rows[int(rng.integers(0, len(rows)))]
            at = int(rng.integers(0, len(columns)))
            old = row[at + 1]
            if isinstance(old, str):
                new: Any = mutations.of_json(old.encode(), rng).decode(errors="replace")
                if rng.random() < 0.3:
                    new = mutations.of_bytes(old.encode(), rng).decode(errors="replace")
                if rng.random() < 0.1:
                    new = None
            else:
                new = [None, -1, 0, 10**15, 1e300, "x"][int(rng.integers(0, 6))]
            column = columns[at]
            change = f"UPDATE OR IGNORE {table} SET {column} = ? WHERE rowid = ?"
            if isinstance(new, str) and rng.random() < 0.1:  # text that is no UTF-8
                change = change.replace("= ?", "= CAST(? AS TEXT)", 1)
                new = b"\xff" + new.encode(errors="replace")
            try:
                database.execute(change, (new, row[0]))
            except sqlite3.IntegrityError:  # a type or a null that the schema refuses
                database.execute("UPDATE run SET state = 'nonsense', summary = '['")
        database.close()


class Folder(Database):
    """A project folder in which a file or folder is missing, empty, moved, or of another kind."""

    def prepare(self, folder: Path, number: int, rng: Generator, marker: Path) -> None:
        copied(self.home / self.source, folder)
        with sqlite3.connect(folder / self.file) as database:
            if number % 2:
                database.execute("UPDATE run SET state = 'running', ingested = 0")
        database.close()
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        path = paths[int(rng.integers(0, len(paths)))]
        if rng.random() < 0.25:
            path = path.parent if path.parent != folder else path
        match int(rng.integers(0, 6)):
            case 0 if path.is_dir():
                path.rename(folder.parent / "elsewhere")
            case 1 if path.is_file():
                path.unlink()
                path.mkdir()
            case 2 if path.is_file():
                path.write_bytes(mutations.of_bytes(path.read_bytes(), rng))
            case 3 if path.is_file():
                path.write_bytes(mutations.disguised(number, marker))
            case 4 if path.is_file():
                path.unlink()
                path.symlink_to(path.name)
            case _:
                path.rename(folder.parent / "elsewhere")


SUBJECTS: dict[str, type[Subject]] = {
    "table JSON": TableJson,
    "table CSV": TableCsv,
    "project database": Database,
    "project values": Values,
    "project folder": Folder,
    "supernet checkpoint": binary.SupernetFile,
    "supernet tensors": binary.SupernetTensors,
    "resume checkpoint": binary.ResumeFile,
    "specification": Specification,
    "events": Events,
    "schedule": Schedule,
    "space": Space,
    "predictor": binary.Predictor,
    "archive": binary.Archive,
    "search state": binary.SearchState,
    "image folder": binary.ImageFolder,
    "CIFAR-10": binary.Cifar,
    "IDX": binary.Idx,
    "pairs": Pairs,
    "ONNX": binary.Onnx,
}
