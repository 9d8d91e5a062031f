"""Which families of spaces exist, and the presets that are shipped.

Families are open: a package may register one under the entry-point group ``nasstudio.spaces``. A document of a family
that is not installed stays readable; building it says what it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import msgspec

from nasstudio.engine.errors import InvalidInput, NeedsExtra
from nasstudio.engine.space.mobilenet import MobileNetSpace
from nasstudio.engine.space.resnet import ResNetSpace
from nasstudio.engine.space.space import SearchSpace, SpaceDocument
from nasstudio.resources import resource

Family = Callable[[SpaceDocument], SearchSpace]
_FAMILIES: dict[str, Family] = {"mobilenetv3": MobileNetSpace, "resnet": ResNetSpace}


def build(document: SpaceDocument) -> SearchSpace:
    """The space that a document describes.

    Raises
    ------
    NeedsExtra
        Its family is not installed.
    InvalidInput
        Its options do not make a space.
    """
    if document.family in _FAMILIES:
        return _FAMILIES[document.family](document)
    for point in entry_points(group="nasstudio.spaces", name=document.family):
        family: Family = point.load()
        return family(document)
    raise NeedsExtra(
        f"The space family '{document.family}'", document.family, where=f"space {document.name}"
    )


def preset_names() -> list[str]:
    """Names of the shipped spaces, those for the smallest images first."""
    paths = sorted(resource("presets/spaces").glob("*.json"))
    documents = [preset(path.stem) for path in paths]
    return [d.name for d in sorted(documents, key=lambda d: max(d.options["resolution"]))]


def preset(name: str) -> SpaceDocument:
    """A shipped space by name.

    Raises
    ------
    InvalidInput
        There is no preset of that name.
    """
    path = resource("presets/spaces") / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in resource("presets/spaces").glob("*.json")))
        raise InvalidInput(f"There is no space '{name}'.", remedy=f"Presets: {known}.")
    return read(path)


def read(path: Path) -> SpaceDocument:
    """A space from a JSON file (`family`, `name`, `title`, `options`).

    Raises
    ------
    InvalidInput
        The file is not there or is not a space; the place in it is named.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=SpaceDocument)
    except FileNotFoundError:
        raise InvalidInput("The file is not there.", where=path, remedy="Check the path.") from None
    except OSError as problem:
        raise InvalidInput(
            f"The file can't be read: {problem.strerror or problem}.",
            where=path,
            remedy="Check the path and the file's rights.",
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise InvalidInput(
            f"This is not a space: {problem}.",
            where=path,
            remedy="Compare it with `nasstudio space --preset mbv3_28`.",
        ) from None


def save(document: SpaceDocument) -> bytes:
    """The document as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2)
