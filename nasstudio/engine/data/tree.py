"""The layout of an image folder: which files are images, of which class, of which split. Looks at names, opens nothing.

Two layouts are understood: CLASS/..., to be divided, and train/CLASS/..., with test/ and validation/ beside it, each of
which may be missing. Below a class folder, folders may be nested.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from nasstudio.engine.data.family import Progress
from nasstudio.engine.errors import InvalidInput

SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
)
TRAIN, VALIDATION, TEST = range(3)
_PART_NAMES = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "dev": VALIDATION,
    "test": TEST,
    "testing": TEST,
}
_LAYOUT = "Arrange it as CLASS/image files, or as train/CLASS, validation/CLASS and test/CLASS."


@dataclass(frozen=True)
class ImageFile:
    """One file that should be an image. `name` is relative to the tree's folder, with slashes."""

    name: str
    label: int
    part: int
    size: int
    changed_ns: int


@dataclass(frozen=True)
class Tree:
    """An image folder.

    Attributes
    ----------
    classes : names of the class folders, sorted; a label is an index into them.
    files : in the order of their names.
    parts : which of `TRAIN`, `VALIDATION`, `TEST` have folders of their own.
    ignored : number of files that are no images by their names, or lie outside every class folder.
    """

    folder: Path
    classes: tuple[str, ...]
    files: tuple[ImageFile, ...]
    parts: frozenset[int]
    ignored: int

    @property
    def state(self) -> str:
        """Digest of names, sizes and times of change: equal as long as nobody touches the folder."""
        total = hashlib.sha256()
        for file in self.files:
            total.update(os.fsencode(file.name))
            total.update(f"\0{file.label}\0{file.part}\0{file.size}\0{file.changed_ns}\n".encode())
        return total.hexdigest()


def scan(folder: Path, progress: Progress) -> Tree:
    """The layout of a folder.

    Raises
    ------
    InvalidInput
        It has no class folders, one class only, a class without images, or test classes that are not trained;
        or a folder in it can't be read.
    """
    try:
        return _scanned(folder, progress)
    except OSError as problem:
        raise _unreadable(problem, folder) from None


def _scanned(folder: Path, progress: Progress) -> Tree:
    parts = _part_folders(folder)
    roots = parts or {TRAIN: [folder]}
    classes = tuple(sorted({c.name for root in roots[TRAIN] for c in _subfolders(root)}))
    if not classes:
        raise InvalidInput("There are no class folders.", where=folder, remedy=_LAYOUT)
    files: list[ImageFile] = []
    ignored = _loose(folder) if parts else 0
    for part, folders in sorted(roots.items()):
        for root in folders:
            ignored += _loose(root)
            for name in sorted(c.name for c in _subfolders(root)):
                if name not in classes:
                    raise InvalidInput(
                        f"The class '{name}' is not among the training classes.",
                        where=root / name,
                        remedy="Add training images of it, or remove the folder.",
                    )
                found, others = _files_of(folder, root / name, classes.index(name), part, progress)
                files += found
                ignored += others
    tree = Tree(
        folder, classes, tuple(sorted(files, key=lambda f: f.name)), frozenset(roots), ignored
    )
    _check(tree, roots[TRAIN][0])
    return tree


def _check(tree: Tree, train: Path) -> None:
    trained = {file.label for file in tree.files if file.part == TRAIN}
    if not trained:
        raise InvalidInput("The class folders hold no images.", where=train, remedy=_LAYOUT)
    for label, name in enumerate(tree.classes):
        if label not in trained:
            raise InvalidInput(
                f"The class '{name}' has no images.",
                where=train / name,
                remedy="Put images into its folder, or remove the folder.",
            )
    if len(tree.classes) == 1:
        raise InvalidInput(
            f"There is only one class, '{tree.classes[0]}'.",
            where=train,
            remedy=f"Add a second class. {_LAYOUT}",
        )


def _part_folders(folder: Path) -> dict[int, list[Path]]:
    """Folders of the splits; empty if the folder holds classes (one of which may be called ``train`` or ``test``)."""
    parts: dict[int, list[Path]] = {}
    for entry in _subfolders(folder):
        if (part := _PART_NAMES.get(entry.name.lower())) is not None:
            parts.setdefault(part, []).append(entry)
    return parts if TRAIN in parts and any(_subfolders(f) for f in parts[TRAIN]) else {}


def _subfolders(folder: Path) -> list[Path]:
    return [p for p in _entries(folder) if p.is_dir() and not p.name.startswith((".", "__"))]


def _loose(folder: Path) -> int:
    return sum(p.is_file() for p in _entries(folder))


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def _unreadable(problem: OSError, folder: Path) -> InvalidInput:
    return InvalidInput(
        f"The folder can't be read: {problem.strerror or problem}.",
        where=problem.filename or folder,
        remedy="Check its rights.",
    )


def _files_of(
    base: Path, folder: Path, label: int, part: int, progress: Progress
) -> tuple[list[ImageFile], int]:
    found: list[ImageFile] = []
    ignored = 0

    def refuse(problem: OSError) -> None:
        raise problem

    for root, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        progress(0, 1)
        for name in names:
            path = Path(root) / name
            status = _status(path)
            if status is None or path.suffix.lower() not in SUFFIXES or name.startswith("."):
                ignored += 1
                continue
            relative = path.relative_to(base).as_posix()
            found.append(ImageFile(relative, label, part, status.st_size, status.st_mtime_ns))
    return found, ignored


def _status(path: Path) -> os.stat_result | None:
    """Of a regular file; None for a broken link, a pipe or a device, reading which may never end."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None
