"""Subject: a file or folder among the specimens, how it is damaged, and how the program reads it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from faulting import mutations, studio
from nasstudio.engine.space.families import build

Generator = np.random.Generator


def copied(source: Path, target: Path) -> Path:
    """A copy of a file or folder."""
    if source.is_dir():
        return Path(shutil.copytree(source, target))
    target.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(source, target))


class Subject:
    """A file or folder among the specimens, the file in it that is damaged, how, and how it is read."""

    source = ""
    file = ""
    how: tuple[mutations.Mutation, ...] = (mutations.of_bytes,)

    def __init__(self, home: Path) -> None:
        self.home = home
        self.space = build(studio.SPACE)

    def prepare(self, folder: Path, number: int, rng: Generator, marker: Path) -> None:
        """A damaged copy; every tenth is a pickle under the file's name."""
        copied(self.home / self.source, folder)
        path = folder / self.file if self.file else folder
        if number % 10 == 9:
            path.write_bytes(mutations.disguised(number // 10, marker))
        else:
            path.write_bytes(self.damaged(path.read_bytes(), number, rng, marker))

    def damaged(self, content: bytes, number: int, rng: Generator, marker: Path) -> bytes:
        return self.how[number % len(self.how)](content, rng)

    def read(self, path: Path) -> None:
        raise NotImplementedError
