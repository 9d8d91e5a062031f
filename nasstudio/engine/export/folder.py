"""An export folder is there whole or not at all: it is built beside its place and renamed."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nasstudio.engine.atomic import file_sha256
from nasstudio.engine.errors import NoSpaceLeft, StudioError
from nasstudio.engine.export.card import File


@contextmanager
def built(place: Path) -> Iterator[Path]:
    """A new folder to write into; it takes its place, and that of an earlier one, if nothing is raised inside.

    Raises
    ------
    NoSpaceLeft
        The disk is full; nothing is left behind, an earlier folder is untouched.
    StudioError
        The place can't be written.
    """
    temporary: Path | None = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(place)
        temporary = Path(
            tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}.", suffix=".part")
        )
        yield temporary
        temporary.chmod(0o755)
        _take_place(temporary, place)
    except NoSpaceLeft:
        raise _full(place) from None  # the place that it names is gone already
    except OSError as problem:
        raise _explained(problem, place) from problem
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _take_place(temporary: Path, place: Path) -> None:
    old = temporary.with_suffix(".old")
    if place.exists():
        place.rename(old)
    try:
        temporary.rename(place)
    except OSError:
        if old.exists():
            old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _remove_leftovers(place: Path) -> None:
    """Folders that a killed process did not finish, or did not remove. One that was moved away is put back."""
    for old in place.parent.glob(f".{place.name}.*.old"):
        if place.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(place)
    for part in place.parent.glob(f".{place.name}.*.part"):
        shutil.rmtree(part, ignore_errors=True)


def listed(folder: Path) -> tuple[File, ...]:
    """Every file in a folder, by its path relative to it."""
    return tuple(
        File(path.relative_to(folder).as_posix(), path.stat().st_size, file_sha256(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )


def _full(place: Path) -> NoSpaceLeft:
    return NoSpaceLeft(
        "The disk is full.",
        where=place,
        remedy="Free some space and export again; nothing half-written is left.",
    )


def _explained(problem: OSError, place: Path) -> StudioError:
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return _full(place)
    return StudioError(
        f"The export can't be written: {problem.strerror or problem}.",
        where=place,
        remedy="Check the folder's rights and export again.",
    )
