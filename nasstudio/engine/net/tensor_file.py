"""Files of tensors: safetensors with a header of ours, written whole or not at all, checked whole when read.

The header says what kind of file it is and holds a hash over every name, shape and byte and over what is said about
them: a truncated, altered or foreign file is refused before anything is done with it. Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from nasstudio.engine.atomic import replace_atomic
from nasstudio.engine.errors import CorruptFile, InvalidInput

VERSION = 1
Tensors = dict[str, Tensor]
_ENTRY = "nasstudio"


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What the file is, what is said about its tensors (JSON), and the hash over both."""

    kind: str
    version: int
    about: str
    sha256: str


def write_tensors(path: Path, kind: str, tensors: Tensors, about: bytes) -> None:
    """Replace a file by these tensors.

    Parameters
    ----------
    kind : what the file is, e.g. ``nasstudio-supernet``.
    about : JSON, UTF-8.

    Raises
    ------
    StudioError
        The file can't be written; the old one is untouched.
    """
    plain = {name: t.detach().to("cpu").contiguous() for name, t in tensors.items()}
    text = about.decode()
    header = Header(kind=kind, version=VERSION, about=text, sha256=_digest(plain, text))
    # One entry: the library writes several in an order of its own, and equal contents would not be equal files.
    entry = {_ENTRY: msgspec.json.encode(header).decode()}
    replace_atomic(path, lambda temporary: save_file(plain, temporary, entry))


def read_tensors(path: Path, kind: str, remedy: str) -> tuple[Tensors, bytes]:
    """The tensors of a file and what is said about them.

    Raises
    ------
    InvalidInput
        The file is not there.
    CorruptFile
        It is truncated, altered or of another kind.
    """
    if not path.is_file():
        raise InvalidInput("The file is not there.", where=path, remedy=remedy)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            entry = (file.metadata() or {}).get(_ENTRY, "")
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as problem:
        raise CorruptFile(
            f"The file can't be read, it is damaged or not ours: {problem}.",
            where=path,
            remedy=remedy,
        ) from None
    header = _header(entry)
    if header is None or header.kind != kind:
        found = "another program's file" if header is None else header.kind
        raise CorruptFile(f"This is not a {kind} but {found}.", where=path, remedy=remedy)
    if header.version != VERSION:
        raise CorruptFile(
            f"The file has version {header.version}; this program reads {VERSION}.",
            where=path,
            remedy="Open it with the version of NAS Studio that wrote it.",
        )
    if header.sha256 != _digest(tensors, header.about):
        raise CorruptFile("The file was altered after it was written.", where=path, remedy=remedy)
    return tensors, header.about.encode()


def _header(entry: str) -> Header | None:
    try:
        return msgspec.json.decode(entry, type=Header)
    except (msgspec.DecodeError, RecursionError):
        return None


def copy_into(targets: Tensors, found: Tensors, path: Path, remedy: str) -> None:
    """Copy tensors over others of the same names and shapes.

    Raises
    ------
    CorruptFile
        A tensor is missing, unknown, of another shape or type, or holds a number that is not finite; it is named.
    """
    for name in sorted(targets.keys() ^ found.keys()):
        word = "is missing" if name in targets else "does not belong to this network"
        raise CorruptFile(f"The tensor {name} {word}.", where=path, remedy=remedy)
    for name, target in targets.items():
        value = found[name]
        if value.shape != target.shape or value.dtype != target.dtype:
            raise CorruptFile(
                f"The tensor {name} is {tuple(value.shape)} {value.dtype}, "
                f"this network needs {tuple(target.shape)} {target.dtype}.",
                where=path,
                remedy=remedy,
            )
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise CorruptFile(
                f"The tensor {name} holds numbers that are not finite.", where=path, remedy=remedy
            )
    with torch.no_grad():
        for name, target in targets.items():
            target.copy_(found[name])


def part(tensors: Tensors, prefix: str) -> Tensors:
    """The tensors whose names begin with ``prefix.``, without it."""
    start = f"{prefix}."
    return {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}


def _digest(tensors: Tensors, about: str) -> str:
    total = hashlib.sha256(about.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()
