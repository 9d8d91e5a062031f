"""The error of a runtime that can't read or run what it was given."""

from __future__ import annotations

from pathlib import Path

from nasstudio.engine.errors import InvalidInput

ARTEFACT = "lowered layers"
LOWER_AGAIN = "Measure again from the start: what was lowered is broken or of another version."


def refused(
    what: str, problem: Exception, *, where: str | Path = ARTEFACT, remedy: str = LOWER_AGAIN
) -> InvalidInput:
    """``<what>: <the runtime's own reason>``, in one line."""
    return InvalidInput(f"{what}: {first_line(problem)}", where=where, remedy=remedy)


def first_line(problem: Exception) -> str:
    """The first line of an exception's text, or its kind where it has none."""
    lines = str(problem).strip().splitlines() or [type(problem).__name__]
    return lines[0][:300].rstrip(".") + "."
