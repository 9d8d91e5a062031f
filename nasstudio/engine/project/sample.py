"""The sample project: shipped read-only, copied to the user's folder before it is opened."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import platformdirs

from nasstudio.engine.errors import InvalidInput, StudioError
from nasstudio.engine.project.project import SUFFIX
from nasstudio.resources import resource

NAME = f"Sample{SUFFIX}"


def shipped_sample() -> Path:
    """Folder of the shipped sample.

    Raises
    ------
    InvalidInput
        This installation has none.
    """
    path = resource("sample") / NAME
    if not (path / "project.db").is_file():
        raise InvalidInput(
            "This installation has no sample project.",
            where=path,
            remedy="Make it with `make sample`.",
        )
    return path


def own_sample(folder: Path | None = None) -> Path:
    """The user's own copy of the sample, made if it is not there yet.

    Raises
    ------
    StudioError
        It can't be copied.
    """
    folder = folder or Path(platformdirs.user_data_dir("nasstudio"))
    target = folder / NAME
    if (target / "project.db").is_file():
        return target
    return copy_sample(target)


def copy_sample(target: Path, source: Path | None = None) -> Path:
    """A writable copy of the shipped sample, or of another closed project; all of it or nothing.

    Raises
    ------
    StudioError
        It can't be copied.
    """
    source = source or shipped_sample()
    part = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(source, part)
        for path in [part, *part.rglob("*")]:
            os.chmod(path, path.stat().st_mode | stat.S_IWUSR)
        part.rename(target)
    except OSError as problem:
        shutil.rmtree(part, ignore_errors=True)
        raise StudioError(
            f"The sample can't be copied: {problem.strerror or problem}.",
            where=target,
            remedy="Choose another folder, or free some space.",
        ) from None
    return target
