"""SetFamily: one kind of data set that can be opened, and the options that it takes.

Options are declared once, as a msgspec struct: it validates what a document holds, and the window builds its form from
the same declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.errors import InvalidInput

Progress = Callable[[int, int], None]
"""Called with what is done and the total; it may raise to stop the work."""

FolderPath = Annotated[
    str,
    Meta(
        title="Folder",
        description="Where the files are. A relative path is looked up in the data folder.",
        min_length=1,
    ),
]
Seed = Annotated[int, Meta(title="Seed", description="Of the random splits.", ge=0, le=2**32 - 1)]
Share = Annotated[
    float,
    Meta(
        title="Validation share",
        description="Of the training images; empty: a tenth, but 2,000 images or a fifth if that is less.",
        gt=0,
        le=0.5,
    ),
]
TestShare = Annotated[
    float,
    Meta(
        title="Test share",
        description="Of all images, where the folder has no test images of its own; empty: as for validation.",
        gt=0,
        le=0.5,
    ),
]
Limit = Annotated[
    int,
    Meta(title="Limit", description="Most training images, in the classes' proportions.", ge=1),
]


class SplitOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every family takes: how the training images are divided and limited."""

    seed: Seed = 0
    validation: Share | None = None
    limit: Limit | None = None


@dataclass(frozen=True)
class Option:
    """One option, for a form or a help text.

    Attributes
    ----------
    kind : ``folder``, ``integer``, ``share`` or ``flag``.
    default : None: the option may stay empty, or must be given if it is `required`.
    least, most : bounds of a number, where it has any.
    """

    name: str
    title: str
    about: str
    kind: str
    default: Any = None
    required: bool = False
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class SetFamily:
    """A kind of data set.

    Attributes
    ----------
    options : a frozen msgspec struct that forbids unknown fields.
    find : data folder -> where the set is, or None; a set that needs no files returns a path, too.
    open : (options, data folder, cache folder, progress) -> the set.
    remedy : how to get the files, for a set that was not found.
    """

    name: str
    title: str
    about: str
    options: type[msgspec.Struct]
    find: Callable[[Path], Path | None]
    open: Callable[[Any, Path, Path, Progress], ImageSet]
    remedy: str = ""

    def checked(self, options: Mapping[str, Any]) -> msgspec.Struct:
        """The options of a document as this family's struct.

        Raises
        ------
        InvalidInput
            An option is unknown, missing, of the wrong type or out of range; it is named.
        """
        try:
            return msgspec.convert(dict(options), type=self.options)
        except msgspec.ValidationError as problem:
            known = ", ".join(option.name for option in options_of(self.options)) or "none"
            raise InvalidInput(
                f"The options do not fit: {problem}.",
                where=f"data set {self.name}",
                remedy=f"Options: {known}.",
            ) from None


def options_of(struct: type[msgspec.Struct]) -> tuple[Option, ...]:
    """The options that a struct declares, in order."""
    info = msgspec.inspect.type_info(struct)
    assert isinstance(info, msgspec.inspect.StructType)
    return tuple(_option(entry) for entry in info.fields)


def _option(entry: msgspec.inspect.Field) -> Option:
    kind, words = entry.type, {}
    if isinstance(kind, msgspec.inspect.UnionType):
        kind = next(t for t in kind.types if not isinstance(t, msgspec.inspect.NoneType))
    if isinstance(kind, msgspec.inspect.Metadata):
        words, kind = kind.extra_json_schema or {}, kind.type
    return Option(
        name=entry.name,
        title=words.get("title", entry.name),
        about=words.get("description", ""),
        kind=_KINDS[type(kind)],
        default=None if entry.default is msgspec.NODEFAULT else entry.default,
        required=entry.required,
        least=_bound(kind, "ge", "gt"),
        most=_bound(kind, "le", "lt"),
    )


def _bound(kind: msgspec.inspect.Type, *names: str) -> float | None:
    return next((v for name in names if (v := getattr(kind, name, None)) is not None), None)


_KINDS: dict[type, str] = {
    msgspec.inspect.StrType: "folder",
    msgspec.inspect.IntType: "integer",
    msgspec.inspect.FloatType: "share",
    msgspec.inspect.BoolType: "flag",
}
