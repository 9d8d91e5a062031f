"""A copy of a whole project, made while it is open: for "Save a copy".

The database is copied with sqlite's backup, which sees one state of it whatever is written meanwhile; the files after
it, so that no run that the copied database knows is older in the copy than the database says. The copy is there whole
or not at all.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from nasstudio.engine.errors import CorruptFile, InvalidInput, NoSpaceLeft, StudioError
from nasstudio.engine.project.project import SUFFIX

_DATABASE = "project.db"
# What belongs to the processes that work on the original: its locks, their ids and what they were last told. The
# database comes by itself.
_NOT_COPIED = {
    _DATABASE,
    f"{_DATABASE}-wal",
    f"{_DATABASE}-shm",
    f"{_DATABASE}-journal",
    "project.lock",
    "control",
    "process.json",
}


def copy_project(source: Path, target: Path) -> Path:
    """Copy the project folder `source` to `target`; its suffix is added. Returns the copy's folder.

    Raises
    ------
    InvalidInput
        `source` is no project, or `target` is there already or inside of `source`.
    CorruptFile
        The database of `source` can't be read.
    NoSpaceLeft, StudioError
        The copy can't be written; nothing of it is left.
    """
    target = target if target.suffix == SUFFIX else target.with_name(target.name + SUFFIX)
    _check(source, target)
    part = target.with_name(f".{target.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _copy_database(source / _DATABASE, part / _DATABASE)
        for name in _files(source):
            _copy_file(source / name, part / name)
        for folder in ("runs", "tables", "exports"):
            (part / folder).mkdir(exist_ok=True)
        part.rename(target)
    except OSError as problem:
        shutil.rmtree(part, ignore_errors=True)
        raise _explained(problem, target) from None
    except StudioError:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return target


def _check(source: Path, target: Path) -> None:
    if not (source / _DATABASE).is_file():
        raise InvalidInput(
            f"This is not a project: there is no {_DATABASE} in it.",
            where=source,
            remedy=f"Choose a folder that ends in {SUFFIX}.",
        )
    if target.exists():
        raise InvalidInput(
            "Something of that name is there already.",
            where=target,
            remedy="Choose another name.",
        )
    if target.resolve().is_relative_to(source.resolve()):
        raise InvalidInput(
            "A copy can't be inside of the project itself.",
            where=target,
            remedy="Choose another folder.",
        )


def _copy_database(source: Path, target: Path) -> None:
    uri = f"{source.resolve().as_uri()}?mode=ro"
    try:
        with (
            closing(sqlite3.connect(uri, uri=True, timeout=10)) as original,
            closing(sqlite3.connect(target)) as copy,
        ):
            original.backup(copy)
    except sqlite3.Error as problem:
        if "full" in str(problem):
            raise OSError(errno.ENOSPC, "the disk is full") from None
        raise CorruptFile(
            f"The project's database can't be copied: {problem}.",
            where=source,
            remedy="Close other programs that use it and try again.",
        ) from None


def _files(source: Path) -> Iterator[Path]:
    """Paths of the files to copy, relative to `source`."""
    for folder, _, names in os.walk(source):
        for name in sorted(names):
            if name not in _NOT_COPIED and not name.endswith(".part"):
                yield (Path(folder) / name).relative_to(source)


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copy2(source, target)
    except FileNotFoundError:
        if source.exists():
            raise
        # It was deleted after it was listed: a run that was deleted, or a checkpoint that was replaced.


def _explained(problem: OSError, target: Path) -> StudioError:
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpaceLeft(
            "The disk is full; the copy was not made.",
            where=target,
            remedy="Free some space, or choose another disk.",
        )
    return StudioError(
        f"The copy can't be written: {problem.strerror or problem}.",
        where=target,
        remedy="Choose a folder that you may write to.",
    )
