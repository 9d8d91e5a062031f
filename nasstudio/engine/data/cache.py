"""Decoded image folders, kept as one array on disk that is mapped and never loaded whole.

An entry is `<slot>-<state>.npy` and a `.json` that describes it and holds its checksum; slot is the folder and the
size, state the digest of its files' names and times. A folder that has changed is decoded anew and replaces its old
entry; an entry that is damaged in any way is decoded anew, too.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import time
import warnings
import zlib
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.atomic import replace_atomic, write_atomic
from nasstudio.engine.data.decode import Decoded, decode
from nasstudio.engine.data.family import Progress
from nasstudio.engine.data.pool import ArrayPool
from nasstudio.engine.data.tree import ImageFile, Tree
from nasstudio.engine.errors import InvalidInput

_VERSION = 1
_BLOCK = 64
_WORKERS = min(4, os.cpu_count() or 1)


class DecodedTree(msgspec.Struct, frozen=True):
    """What became of the files of a tree.

    Attributes
    ----------
    kept : positions in `Tree.files` of the rows of the array.
    digests : SHA-256 of these files.
    unreadable : names of the others, and why.
    channels : 1 if every image is grey.
    checksum : CRC-32 of the array and of the lists above.
    """

    version: int
    channels: int
    kept: list[int]
    digests: list[str]
    unreadable: list[tuple[str, str]]
    checksum: int

    def seal(self, pixels: int) -> int:
        """What `checksum` must be if `pixels` is the CRC-32 of the array."""
        return zlib.crc32(msgspec.json.encode((self.kept, self.digests, self.unreadable)), pixels)


def decoded(
    tree: Tree, size: int, cache_folder: Path, progress: Progress
) -> tuple[ArrayPool, DecodedTree]:
    """Pixels of a tree, from the cache or decoded into it. `progress` counts files.

    Raises
    ------
    InvalidInput
        No file could be read, or one is a decompression bomb.
    NoSpaceLeft, StudioError
        The cache can't be written.
    """
    place = hashlib.sha256(f"{tree.folder.resolve()}\0{size}".encode(errors="surrogateescape"))
    slot, state = place.hexdigest()[:16], hashlib.sha256(f"{tree.state}{_VERSION}".encode())
    array = cache_folder / f"{slot}-{state.hexdigest()[:16]}.npy"
    entry = _read(array, tree, size)
    if entry is None:
        _make_folder(cache_folder)
        _write(array, tree, size, progress)
        _drop(cache_folder, slot, keep=array)
        entry = _read(array, tree, size)
        if entry is None:
            raise InvalidInput(
                "The decoded images can't be read back.",
                where=array,
                remedy="Check the disk, then open the set again.",
            )
    pixels, about = entry
    labels = np.array([tree.files[i].label for i in about.kept], dtype=np.int64)
    return ArrayPool(pixels, labels, content=_content(tree, about, size)), about


def _content(tree: Tree, about: DecodedTree, size: int) -> str:
    """Identity of the pixels by the files they are made of: the same after a copy to another machine."""
    total = hashlib.sha256(f"{_VERSION} {size} {about.channels}".encode())
    for position, digest in zip(about.kept, about.digests, strict=True):
        total.update(f"{tree.files[position].label} {digest}\n".encode())
    return total.hexdigest()


def _read(path: Path, tree: Tree, size: int) -> tuple[NDArray[np.uint8], DecodedTree] | None:
    """The entry, or None if it is not there yet or is not exactly what it must be."""
    try:
        about = msgspec.json.decode(path.with_suffix(".json").read_bytes(), type=DecodedTree)
        shape = (len(about.kept), size, size, about.channels)
        header = _header(shape)
        with path.open("rb") as file:
            same = file.read(len(header)) == header
        sound = (
            same
            and about.version == _VERSION
            and len(about.digests) == len(about.kept) > 0
            and 0 <= min(about.kept) <= max(about.kept) < len(tree.files)
            and path.stat().st_size == len(header) + math.prod(shape)
        )
        if not sound:
            return None
        array = np.memmap(path, np.uint8, "r", len(header), shape)
    except (OSError, ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None
    return (array, about) if about.seal(zlib.crc32(array.data)) == about.checksum else None


def _write(path: Path, tree: Tree, size: int, progress: Progress) -> None:
    """Decode the tree. Two processes that do so at the same time write the same bytes."""
    about: DecodedTree | None = None

    def write(temporary: Path) -> None:
        nonlocal about
        with temporary.open("w+b") as file:
            about = _decode_into(file, tree, size, progress)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, about odd metadata: only the pixels matter here
        replace_atomic(path, write)
    write_atomic(path.with_suffix(".json"), msgspec.json.encode(about))
    progress(len(tree.files), len(tree.files))


def _decode_into(file: BinaryIO, tree: Tree, size: int, progress: Progress) -> DecodedTree:
    kept: list[int] = []
    digests: list[str] = []
    unreadable: list[tuple[str, str]] = []
    grey = True
    checksum = 0
    first = file.write(_header((len(tree.files), size, size, 3)))
    with ThreadPoolExecutor(_WORKERS) as workers:
        for position, image in enumerate(_images(tree, size, workers)):
            progress(position, len(tree.files))
            if image.pixels is None:
                unreadable.append((_shown(tree.files[position].name), _shown(image.problem)))
                continue
            kept.append(position)
            digests.append(image.digest)
            grey = grey and image.grey
            file.write(image.pixels.data)
            checksum = zlib.crc32(image.pixels.data, checksum)
    if not kept:
        shown = "; ".join(f"{name} ({why})" for name, why in unreadable[:3])
        raise InvalidInput(
            f"None of the {len(tree.files):,} image files can be read: {shown}.",
            where=tree.folder,
            remedy="Get the files again, or convert them to PNG or JPEG.",
        )
    if grey:
        checksum = _keep_one_channel(file, first, len(kept), size**2)
    channels = 1 if grey else 3
    file.seek(0)
    file.write(_header((len(kept), size, size, channels)))
    about = DecodedTree(_VERSION, channels, kept, digests, unreadable, 0)
    return msgspec.structs.replace(about, checksum=about.seal(checksum))


def _keep_one_channel(file: BinaryIO, first: int, images: int, pixels: int) -> int:
    """Compact grey images in place, a block at a time: writing never overtakes reading. Returns the checksum."""
    checksum = 0
    for start in range(0, images, _BLOCK):
        file.seek(first + 3 * start * pixels)
        block = file.read(3 * min(_BLOCK, images - start) * pixels)[::3]
        file.seek(first + start * pixels)
        file.write(block)
        checksum = zlib.crc32(block, checksum)
    file.truncate()
    return checksum


def _images(tree: Tree, size: int, workers: Executor) -> Iterator[Decoded]:
    """Every file of the tree in order, decoded by a few threads: Pillow lets them run side by side."""

    def read(file: ImageFile) -> Decoded:
        return decode(tree.folder / file.name, size)

    files = iter(tree.files)
    while block := list(islice(files, _BLOCK)):
        yield from workers.map(read, block)


def _header(shape: tuple[int, ...]) -> bytes:
    """The header of an .npy file: as long for fewer images as for all, so that it can be rewritten in place."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    return header.getvalue()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise InvalidInput(
            f"The cache folder can't be made: {problem.strerror or problem}.",
            where=folder,
            remedy="Check the rights of the folder above it.",
        ) from None


def _drop(folder: Path, slot: str, keep: Path) -> None:
    """Remove what the folder was before, and what a process that was killed left behind an hour ago or earlier."""
    for old in (*folder.glob(f"{slot}-*"), *folder.glob(f".{slot}-*.part")):
        try:
            abandoned = old.suffix != ".part" or time.time() - old.stat().st_mtime > 3600
            if old.stem != keep.stem and abandoned:
                old.unlink()
        except OSError:
            pass  # another process has it open (Windows); it goes next time


def _shown(text: str) -> str:
    return text.encode(errors="replace").decode()
