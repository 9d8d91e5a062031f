"""The tables of `project.db`, and how an older file becomes today's.

`MIGRATIONS[n]` takes a file from version n to n + 1; the version is sqlite's `user_version`.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from nasstudio.engine.errors import CorruptFile, InvalidInput

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE run (
        id TEXT PRIMARY KEY,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        note TEXT NOT NULL DEFAULT '',
        created REAL NOT NULL,
        state TEXT NOT NULL DEFAULT 'created',
        ended REAL,
        ingested INTEGER NOT NULL DEFAULT 0,
        summary TEXT NOT NULL DEFAULT '{}'
    ) STRICT;
    CREATE TABLE artefact (
        run TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
        kind TEXT NOT NULL,
        path TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        about TEXT NOT NULL,
        created REAL NOT NULL,
        PRIMARY KEY (run, path)
    ) STRICT;
    CREATE TABLE subnet (
        space TEXT NOT NULL,
        genome TEXT NOT NULL,
        pin INTEGER,
        verified TEXT NOT NULL DEFAULT '{}',
        exported TEXT NOT NULL DEFAULT '{}',
        PRIMARY KEY (space, genome)
    ) STRICT;
    CREATE TABLE reference (title TEXT PRIMARY KEY, measured TEXT NOT NULL) STRICT;
    """,
)
VERSION = len(MIGRATIONS)
# What the program reads: a column that is missing is found when the file is opened and not in the middle of the work.
_SHAPE = (
    "SELECT key, value FROM meta",
    "SELECT id, kind, name, note, created, state, ended, ingested, summary FROM run",
    "SELECT run, kind, path, sha256, about, created FROM artefact",
    "SELECT space, genome, pin, verified, exported FROM subnet",
    "SELECT title, measured FROM reference",
)


def connect(path: Path, *, readonly: bool = False, create: bool = False) -> sqlite3.Connection:
    """The database, brought to today's version unless it is opened for reading.

    Only with `create` a file without tables becomes a project: an emptied one must not pass for a new one, nor
    another program's database be changed.

    Raises
    ------
    CorruptFile
        It is not a database of ours, or damaged.
    InvalidInput
        A newer version of the program wrote it.
    """
    try:
        mode = "ro" if readonly else "rwc" if create else "rw"
        if readonly and not os.access(path.parent, os.W_OK):
            mode += "&immutable=1"  # nobody can write here; without it sqlite wants to make files of its own
        uri = f"{path.resolve().as_uri()}?mode={mode}"
        database = sqlite3.connect(uri, uri=True, timeout=10, check_same_thread=False)
        database.row_factory = sqlite3.Row
        database.execute("PRAGMA foreign_keys = ON")
        version = int(database.execute("PRAGMA user_version").fetchone()[0])
        if version < 1 and not create:
            raise sqlite3.DatabaseError("it is empty, or another program's")
        if version > VERSION:
            raise InvalidInput(
                f"The project was written by a newer version (format {version}, this one reads up to {VERSION}).",
                where=path,
                remedy="Update NAS Studio.",
            )
        if not readonly:
            database.execute("PRAGMA journal_mode = WAL")
            _migrate(database, version)
        elif version < VERSION:
            raise InvalidInput(
                "The project has an older format and is open for reading only.",
                where=path,
                remedy="Close the other window and open it again.",
            )
        if database.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("the quick check found damage")
        for query in _SHAPE:
            database.execute(query).fetchone()
    except sqlite3.Error as problem:
        raise damaged(path, str(problem)) from None
    return database


def damaged(path: Path, why: str) -> CorruptFile:
    """The error of a database that does not read."""
    return CorruptFile(
        f"The project's database can't be read: {' '.join(why[:160].split()).rstrip('.')}.",
        where=path,
        remedy="Restore project.db from a copy; the runs beside it are untouched.",
    )


def _migrate(database: sqlite3.Connection, version: int) -> None:
    for number in range(version, VERSION):
        with database:
            database.executescript(
                f"BEGIN; {MIGRATIONS[number]} PRAGMA user_version = {number + 1};"
            )
