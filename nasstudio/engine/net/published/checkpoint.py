"""Reads a foreign checkpoint: what `torch.save` wrote of named tensors, and nothing else.

A checkpoint of this kind is a pickle. It is only ever read by torch's own restricted reader (`weights_only`), which
builds tensors and plain containers and calls nothing; whatever else a file holds is refused and named. The file's size
is limited, also of what a compressed one would unpack to.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.net.tensor_file import Tensors

MOST_BYTES = 1 << 30  # the largest published supernet has 193 MB
_REMEDY = "Download the file again, or take another one."
_FOREIGN = re.compile(r"GLOBAL (?P<name>[\w.]+)")


def read_checkpoint(path: Path) -> Tensors:
    """The tensors of a file, by the names that they have there, on the CPU.

    The file holds a state dict, or a dict that has one under ``state_dict``; what stands beside it is not looked at.

    Raises
    ------
    InvalidInput
        The file is not there, or larger than 1 GiB.
    CorruptFile
        It is damaged, no checkpoint, or holds something else than tensors; that is named.
    """
    _check_size(path)
    found = _loaded(path)
    held = found.get("state_dict", found) if isinstance(found, dict) else found
    if not isinstance(held, dict) or not held:
        raise CorruptFile(
            f"The file holds a {type(held).__name__}, no named tensors.",
            where=path,
            remedy="Choose a file that was saved from a state dict.",
        )
    for name, value in held.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise CorruptFile(
                f"The entry '{str(name)[:80]}' is a {type(value).__name__}, no tensor.",
                where=path,
                remedy="Choose a file that was saved from a state dict.",
            )
    return {name: value.detach() for name, value in held.items()}


def _check_size(path: Path) -> None:
    if not path.is_file():
        raise InvalidInput("The file is not there.", where=path, remedy="Check the path.")
    size = path.stat().st_size
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                size = max(size, sum(entry.file_size for entry in packed.infolist()))
    except (OSError, ValueError, zipfile.BadZipFile):
        raise _damaged(path) from None
    if size > MOST_BYTES:
        raise InvalidInput(
            f"The file holds {size / (1 << 20):,.0f} MiB; checkpoints up to {MOST_BYTES >> 20} MiB are read.",
            where=path,
            remedy="Choose the checkpoint of a published supernet.",
        )


def _loaded(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about formats of old; what can't be read raises
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # the reader lets through whatever a damaged pickle provokes in it
        foreign = _FOREIGN.search(str(problem))
        if foreign is None:
            raise _damaged(path) from None
        raise CorruptFile(
            f"The file holds something else than tensors: {foreign['name'][:80]}. Nothing of it was run.",
            where=path,
            remedy="Choose a file that was saved from a state dict: "
            "torch.save(network.state_dict(), FILE).",
        ) from None


def _damaged(path: Path) -> CorruptFile:
    return CorruptFile(
        "The file can't be read: it is damaged, or no checkpoint.", where=path, remedy=_REMEDY
    )
