"""Arrays from an npz file that may be anything: damaged, foreign, or made to do harm. Nothing is ever unpickled."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What numpy and zipfile raise on damaged files; MemoryError where a damaged size asks for too much.
_DAMAGED = (
    OSError,
    EOFError,
    KeyError,
    TypeError,
    ValueError,
    RuntimeError,
    OverflowError,
    MemoryError,
    SyntaxError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Every array of the file, by name.

    Raises
    ------
    FileNotFoundError
        The file is not there.
    ValueError
        It is not an npz file, or is damaged.
    """
    try:
        with path.open("rb") as file:
            if file.read(2) != b"PK":
                raise ValueError("not a zip file")
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
    except FileNotFoundError:
        raise
    except _DAMAGED as problem:
        raise ValueError(f"{type(problem).__name__}: {problem}") from problem
