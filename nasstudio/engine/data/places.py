"""Where data sets and caches lie on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import platformdirs

from nasstudio.engine.errors import InvalidInput

DATA_VARIABLE = "NASSTUDIO_DATA"


def default_data_folder() -> Path:
    """The user's folder for data sets: ``NASSTUDIO_DATA``, which a job's child inherits, or the system's place."""
    named = os.environ.get(DATA_VARIABLE)
    return (
        Path(named).expanduser()
        if named
        else Path(platformdirs.user_data_dir("nasstudio")) / "data"
    )


def default_cache_folder() -> Path:
    """Where decoded image folders are kept; it may be deleted at any time."""
    return Path(platformdirs.user_cache_dir("nasstudio")) / "images"


def system_folders() -> list[Path]:
    """Folders into which the system's packages put data sets (Debian: ``datasets`` under its share folder)."""
    folders = platformdirs.site_data_dir("datasets", appauthor=False, multipath=True)
    return [Path(folder) for folder in folders.split(os.pathsep)]


def first_match(folders: Iterable[Path], matches: Callable[[Path], bool]) -> Path | None:
    """The first of the folders that holds the set; one that can't be read holds none."""

    def holds(folder: Path) -> bool:
        try:
            return folder.is_dir() and matches(folder)
        except OSError:
            return False

    return next(filter(holds, folders), None)


def named_folder(name: str, data_folder: Path) -> Path:
    """The folder that an option names. A relative one is inside the data folder: a job runs elsewhere than its window.

    Raises
    ------
    InvalidInput
        It is not there or is not a folder.
    """
    folder = data_folder / Path(name).expanduser()
    try:
        found = folder.is_dir()
    except (OSError, ValueError) as problem:  # a name with a null byte, or a loop of links
        raise InvalidInput(
            f"This is not the name of a folder: {problem}.", where=name, remedy="Choose a folder."
        ) from None
    if not found:
        raise InvalidInput(
            "The folder is not there." if not folder.exists() else "This is a file, not a folder.",
            where=folder,
            remedy="Give the whole path of the folder, or one relative to the data folder.",
        )
    return folder
