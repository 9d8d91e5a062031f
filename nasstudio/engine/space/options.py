"""Reading a space's options from its document: every problem names the space, the place in it and a remedy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.space import SpaceDocument

Options = TypeVar("Options", bound=msgspec.Struct)


def options_of(document: SpaceDocument, kind: type[Options], preset: str) -> Options:
    """The document's options as a struct.

    Parameters
    ----------
    preset : a shipped space of the same family, to compare with.

    Raises
    ------
    InvalidInput
        They do not read; the place is named.
    """
    try:
        return msgspec.convert(document.options, kind)
    except msgspec.ValidationError as cause:
        raise InvalidInput(
            f"The space does not read: {cause}.",
            where=f"space {document.name}",
            remedy=f"Compare it with a preset: `nasstudio space --preset {preset} --json`.",
        ) from None


def check_rising(
    document: SpaceDocument, place: str, values: Sequence[Any], *, least: float, most: float
) -> None:
    """Raise `InvalidInput` unless there are values, each once, rising, from `least` to `most`."""
    if not values:
        raise problem(document, place, "there is no option", "Allow at least one.")
    if list(values) != sorted(set(values)):
        raise problem(document, place, f"{values} must rise, each option once", "Sort the options.")
    if values[0] < least or values[-1] > most:
        raise problem(
            document,
            place,
            f"{values} leaves {least:g} to {most:g}",
            "Choose options inside the range.",
        )


def problem(document: SpaceDocument, place: str, what: str, remedy: str) -> InvalidInput:
    """What is wrong at a place of a space."""
    return InvalidInput(f"{place}: {what}.", where=f"space {document.name}", remedy=remedy)
