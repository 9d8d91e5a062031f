"""The manifest of a kit: which models it holds, what each of them is, and the hash of every file.

A kit is a folder that measures a device that is not here. Its runner reads the same manifest without this package, so
that names and meaning of the fields are a format: change `VERSION` with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.space.space import SpaceDocument

FORMAT, VERSION = "nasstudio-kit", 1
NAME = "manifest.json"
FORMATS = {"onnx": "onnx", "executorch": "pte", "litert": "tflite"}


class ModelFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a model: path in the kit with forward slashes, hash of its content, size in bytes."""

    path: str
    sha256: str
    bytes: int


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing to measure.

    Attributes
    ----------
    id : name of its files, e.g. ``layer-0012``.
    kind : ``empty`` hands one number on, ``layer`` is one row of the table, ``network`` a whole network.
    input : shape of its input with batch 1, as ONNX has it (channels first).
    layer : text of the LayerSpec of a layer.
    genome : option indices of a network.
    files : by format, see `FORMATS`.
    """

    id: str
    kind: Literal["empty", "layer", "network"]
    input: tuple[int, ...]
    files: dict[str, ModelFile]
    layer: str = ""
    genome: tuple[int, ...] = ()


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a kit holds.

    Attributes
    ----------
    title : what the kit is called, the space's title.
    made_at : ISO 8601.
    space_hash, space : what the genomes are members of.
    formats : version of the package that wrote each format.
    """

    title: str
    made_at: str
    space_hash: str
    space: SpaceDocument
    formats: dict[str, str]
    models: tuple[Model, ...]
    format: str = FORMAT
    version: int = VERSION


def encode(manifest: Manifest) -> bytes:
    """The manifest as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def decode(content: bytes, where: str | Path = NAME) -> Manifest:
    """The manifest that `encode` wrote.

    Raises
    ------
    InvalidInput
        It is of another version.
    CorruptFile
        It is not one.
    """
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise CorruptFile(
            f"This is not the manifest of a kit: {problem}.",
            where=where,
            remedy="Make the kit again.",
        ) from None
    if (manifest.format, manifest.version) != (FORMAT, VERSION):
        raise InvalidInput(
            f"This is '{manifest.format[:60]}' of version {manifest.version}, not a kit of version {VERSION}.",
            where=where,
            remedy="Make the kit again with this version of NAS Studio.",
        )
    return manifest


# -- what a kit is asked for ------------------------------------------------------------------------------------


def check_formats(names: Sequence[str]) -> tuple[str, ...]:
    """The names, each once.

    Raises
    ------
    InvalidInput
        One is not a format, or there is none.
    """
    known = ", ".join(FORMATS)
    for name in names:
        if name not in FORMATS:
            raise InvalidInput(
                f"'{name}' is not a format of a kit.", where="--formats", remedy=f"Known: {known}."
            )
    if not names:
        raise InvalidInput("A kit needs a format.", where="--formats", remedy=f"Known: {known}.")
    return tuple(dict.fromkeys(names))


def check_target(target: Path) -> None:
    """Return if a kit can be put there.

    Raises
    ------
    InvalidInput
        There is something already, or the folder around it is not there.
    """
    if target.exists():
        raise InvalidInput(
            "There is something of that name already.",
            where=target,
            remedy="Choose another name, or remove it first.",
        )
    if not target.parent.is_dir():
        raise InvalidInput(
            "The folder for the kit is not there.",
            where=target.parent,
            remedy="Make the folder, or choose another one.",
        )
