"""Finds the files that ship with the program, in a wheel and in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def root() -> Path:
    """Folder of the shipped files: `nasstudio/_resources` in a wheel, `resources` beside the package in a checkout."""
    installed = _PACKAGE / "_resources"
    return installed if installed.is_dir() else _PACKAGE.parent / "resources"


def resource(name: str) -> Path:
    """Path of a shipped file or folder, e.g. ``icons/star.svg``."""
    return root() / name
