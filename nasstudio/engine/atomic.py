"""Writes that are there whole or not at all, and hashes of files."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from nasstudio.engine.errors import NoSpaceLeft, StudioError


def write_atomic(path: Path, content: bytes) -> None:
    """Replace a file by new content; a crash leaves the old or the new one.

    Raises
    ------
    NoSpaceLeft
        The disk is full; the old file is untouched.
    StudioError
        The folder can't be written.
    """
    replace_atomic(path, lambda temporary: temporary.write_bytes(content))


def replace_atomic(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a temporary file beside `path`, sync it, and rename it into place.

    Raises
    ------
    NoSpaceLeft
        The disk is full; the old file is untouched.
    StudioError
        The folder can't be written.
    """
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
        temporary = Path(name)
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as problem:
        raise _explained(problem, path) from problem
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _explained(problem: OSError, path: Path) -> StudioError:
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpaceLeft(
            "The disk is full.",
            where=path,
            remedy="Free some space and try again; nothing was lost.",
        )
    return StudioError(
        f"The file can't be written: {problem.strerror or problem}.",
        where=path,
        remedy="Check the folder's rights.",
    )


def file_sha256(path: Path) -> str:
    """Hash of a file's content, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
