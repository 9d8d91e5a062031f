"""IDX, the file format of MNIST and its successors: a magic number, the shape, then bytes; usually gzipped.

The reader believes nothing that the header says before it has compared it with the file: a header may claim any size,
a gzip stream may hold any amount, and a download may have stopped halfway.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.atomic import write_atomic
from nasstudio.engine.errors import CorruptFile, InvalidInput

_UNSIGNED_BYTE = 0x08
_MOST_BYTES = 1 << 31


def read_idx(path: Path, dimensions: int, remedy: str) -> NDArray[np.uint8]:
    """The array of an IDX file of unsigned bytes, gzipped if its name ends in ``.gz``.

    Parameters
    ----------
    dimensions : how many the array must have: 1 for labels, 3 for images.
    remedy : what to do about a file that is not as it should be.

    Raises
    ------
    InvalidInput
        The file can't be opened.
    CorruptFile
        It is truncated, too long, no gzip file, no IDX file, or of another kind.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            shape = _shape(file.read(4 + 4 * dimensions), dimensions, path, remedy)
            size = int(np.prod(shape, dtype=np.int64))
            content = file.read(size)
            longer = bool(file.read(1))
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise CorruptFile(
            f"The file is damaged or was not downloaded completely: {_reason(problem)}.",
            where=path,
            remedy=remedy,
        ) from None
    except OSError as problem:
        raise InvalidInput(
            f"The file can't be read: {_reason(problem)}.", where=path, remedy=remedy
        ) from None
    if len(content) != size or longer:
        raise CorruptFile(
            f"The header promises {size:,} bytes and the file holds {'more' if longer else f'{len(content):,}'}.",
            where=path,
            remedy=remedy,
        )
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _shape(header: bytes, dimensions: int, path: Path, remedy: str) -> tuple[int, ...]:
    if len(header) < 4 + 4 * dimensions:
        raise CorruptFile("The file ends inside its header.", where=path, remedy=remedy)
    magic = struct.unpack(">HBB", header[:4])
    if magic != (0, _UNSIGNED_BYTE, dimensions):
        raise CorruptFile(
            f"This is not an IDX file of bytes with {dimensions} dimensions (it begins with {header[:4].hex()}).",
            where=path,
            remedy=remedy,
        )
    shape = struct.unpack(f">{dimensions}I", header[4:])
    size = 1
    for length in shape:  # Python's integers: four lengths of 32 bits overflow int64
        size *= length
    if not 0 < size <= _MOST_BYTES:
        raise CorruptFile(
            f"The header claims an array of {' x '.join(map(str, shape))} bytes.",
            where=path,
            remedy=remedy,
        )
    return shape


def _reason(problem: BaseException) -> str:
    strerror = getattr(problem, "strerror", None)
    return str(strerror or problem).rstrip(".")


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    """Write an IDX file, gzipped if its name ends in ``.gz``; the same array gives the same bytes.

    Raises
    ------
    NoSpaceLeft, StudioError
        The file can't be written.
    """
    header = struct.pack(f">HBB{array.ndim}I", 0, _UNSIGNED_BYTE, array.ndim, *array.shape)
    content = header + np.ascontiguousarray(array, dtype=np.uint8).tobytes()
    if path.suffix == ".gz":
        content = gzip.compress(content, compresslevel=9, mtime=0)
    write_atomic(path, content)
