"""Errors that say what happened, where, and what to do next.

Every error that can reach a person is a `StudioError`. It is raised where the cause is known and shown at the edge:
the window puts it where it belongs, the command line prints it and exits with `exit_code`. Nothing here knows how
an error is shown.
"""

from __future__ import annotations

from pathlib import Path


class StudioError(Exception):
    """Something went wrong that a person can do something about.

    Parameters
    ----------
    what : one sentence, what is wrong.
    where : the file and the place in it, or the option, that caused it; empty if there is none.
    remedy : one sentence, what to do next.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | Path = "", remedy: str = "") -> None:
        self.what = what
        self.where = str(where)
        self.remedy = remedy
        super().__init__(what)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{place}{self.what}{remedy}"


class InvalidInput(StudioError):
    """A file, an option or a value that does not mean what it should."""

    exit_code = 2


class CorruptFile(InvalidInput):
    """A file of ours that is truncated, altered or of another kind than its name says."""


class MissingLayers(StudioError):
    """A latency was asked for, and the table has no time for some of the layers."""

    exit_code = 3

    def __init__(self, device: str, layers: list[str]) -> None:
        self.device = device
        self.layers = layers
        shown = ", ".join(layers[:3]) + (f" and {len(layers) - 3} more" if len(layers) > 3 else "")
        super().__init__(
            f"{device} has no time for {len(layers)} of the space's layers: {shown}.",
            where="latency table",
            remedy="Measure the missing rows on the Devices page or with `nasstudio profile`.",
        )


class InfeasibleLimits(StudioError):
    """No network of the space can meet the limits."""

    exit_code = 4


class NeedsExtra(StudioError):
    """An optional package is not installed."""

    exit_code = 5

    def __init__(self, package: str, extra: str, *, where: str | Path = "") -> None:
        self.package = package
        self.extra = extra
        super().__init__(
            f"{package} is not installed.",
            where=where,
            remedy=f"Install it with `pip install nasstudio[{extra}]`, or choose an engine interpreter that has it.",
        )


class ProjectLocked(StudioError):
    """Another process holds the project open for writing."""

    exit_code = 6


class JobFailed(StudioError):
    """A job's child process ended without finishing its work."""

    exit_code = 7


class NoSpaceLeft(StudioError):
    """A disk is full, or would be."""

    exit_code = 8
