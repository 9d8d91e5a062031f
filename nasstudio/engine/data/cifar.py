"""CIFAR-10 (Krizhevsky 2009): photos, 32 x 32 px, colour, ten classes.

Read from the binary version (records of one label and 3,072 bytes, plane by plane), or from a tree of image files
train/CLASS and test/CLASS. The Python version is a pickle, which can run any program when it is read: it is refused.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
from msgspec import Meta

from nasstudio.engine.data.family import FolderPath, Progress, SetFamily, SplitOptions
from nasstudio.engine.data.fetch import fetch
from nasstudio.engine.data.folder import FolderOptions, read_folder
from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.data.places import first_match, named_folder, system_folders
from nasstudio.engine.data.pool import Images, Indices
from nasstudio.engine.data.splits import divide
from nasstudio.engine.errors import CorruptFile, InvalidInput

CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
SIZE = 32
_RECORD = 1 + 3 * SIZE * SIZE
_TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
_TEST = ("test_batch.bin",)
_GET = (
    "Get the binary version (cifar-10-binary.tar.gz), unpack it and name its folder cifar-10-batches-bin, "
    "or set the option `download` (170 MB)."
)


class CifarOptions(SplitOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of CIFAR-10."""

    folder: FolderPath | None = None
    download: Annotated[
        bool,
        Meta(title="Download", description="Download it into the data folder if it is not there."),
    ] = False


class RecordPool:
    """A pool over the records of binary files, which are mapped and not loaded.

    Raises
    ------
    CorruptFile
        A file does not consist of whole records, or a label is no class.
    """

    size = SIZE
    channels = 3

    def __init__(self, paths: list[Path]) -> None:
        self._files = [_records(path) for path in paths]
        self._starts = np.cumsum([0, *(len(file) for file in self._files)])
        self.labels: Indices = np.concatenate([f[:, 0] for f in self._files]).astype(np.int64)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def before_last(self) -> int:
        """Number of images before those of the last file."""
        return int(self._starts[-2])

    @cached_property
    def content(self) -> str:
        total = hashlib.sha256()
        for file in self._files:
            total.update(file.data)
        return total.hexdigest()

    def take(self, indices: Indices) -> Images:
        planes = np.empty((len(indices), _RECORD - 1), dtype=np.uint8)
        which = np.searchsorted(self._starts, indices, side="right") - 1
        for number in np.unique(which):
            own = which == number
            planes[own] = self._files[number][indices[own] - self._starts[number], 1:]
        return np.ascontiguousarray(planes.reshape(-1, 3, SIZE, SIZE).transpose(0, 2, 3, 1))


def _records(path: Path) -> Images:
    try:
        size = path.stat().st_size
        if size == 0 or size % _RECORD:
            raise CorruptFile(
                f"The file has {size:,} bytes: not a whole number of records of {_RECORD:,}.",
                where=path,
                remedy="It was not downloaded completely; get it again.",
            )
        records = np.memmap(path, dtype=np.uint8, mode="r").reshape(-1, _RECORD)
    except OSError as problem:
        raise InvalidInput(
            f"The file can't be read: {problem.strerror or problem}.", where=path, remedy=_GET
        ) from None
    labels = np.asarray(records[:, 0])
    if labels.max() >= len(CLASSES):
        raise CorruptFile(
            f"Label {labels.max()} of image {labels.argmax()} is not one of the {len(CLASSES)} classes.",
            where=path,
            remedy="This is no CIFAR-10 file, or it is damaged; get it again.",
        )
    return records


def find_cifar(data_folder: Path) -> Path | None:
    """The folder of the binary version, or of a tree of image files."""
    folders = [data_folder, *_inside(data_folder)]
    for system in system_folders():
        folders += _inside(system)
    return first_match(folders, lambda folder: _is_binary(folder) or _is_tree(folder))


def open_cifar(options: CifarOptions, data: Path, cache: Path, progress: Progress) -> ImageSet:
    """CIFAR-10.

    Raises
    ------
    InvalidInput
        It is not there, is the pickled version, or is damaged; what to get is said.
    """
    folder = _located(options, data, progress)
    if _is_binary(folder):
        return _open_binary(folder, options)
    tree = FolderOptions(
        folder=str(folder),
        size=SIZE,
        seed=options.seed,
        validation=options.validation,
        limit=options.limit,
    )
    jpeg = next(folder.glob("test/*/*.jp*g"), None) is not None
    title = "CIFAR-10 (JPEG)" if jpeg else "CIFAR-10 (image files)"
    images = read_folder(folder, tree, cache, progress, name="cifar10", title=title)
    if jpeg:
        images.notes += ("JPEG loses detail: don't compare with published CIFAR-10 accuracies.",)
    return images


def _open_binary(folder: Path, options: CifarOptions) -> ImageSet:
    train, test = ([folder / name for name in names] for names in (_TRAIN, _TEST))
    pool = RecordPool(train + test)
    n = pool.before_last
    counts = np.bincount(pool.labels[:n], minlength=len(CLASSES))
    if counts.min() < 2:
        raise CorruptFile(
            f"There are {counts.min()} training images of class {CLASSES[int(counts.argmin())]}, not 2 or more.",
            where=folder,
            remedy=_GET,
        )
    parts = divide(
        pool.labels,
        train=np.arange(n),
        test=np.arange(n, len(pool)),
        validation=None,
        seed=options.seed,
        validation_share=options.validation,
        limit=options.limit,
    )
    return ImageSet("cifar10", CIFAR10.title, CLASSES, pool, parts)


def _located(options: CifarOptions, data: Path, progress: Progress) -> Path:
    if options.folder is not None:
        named = named_folder(options.folder, data)
        folder = first_match([named, *_inside(named)], lambda f: _is_binary(f) or _is_tree(f))
        if folder is None:
            raise _not_found(named)
        return folder
    folder = find_cifar(data)
    if folder is None and options.download:
        fetch("cifar10", data, progress)
        folder = find_cifar(data)
    if folder is None:
        raise _not_found(data)
    return folder


def _not_found(folder: Path) -> InvalidInput:
    for place in (folder, folder / "cifar-10-batches-py"):
        if (place / "data_batch_1").is_file():
            return InvalidInput(
                "This is the Python version of CIFAR-10: pickles, which can run any program when they are read.",
                where=place,
                remedy=_GET,
            )
    if _is_binary(folder, some=True):
        lacking = [name for name in (*_TRAIN, *_TEST) if not (folder / name).is_file()]
        return InvalidInput(f"The folder lacks {', '.join(lacking)}.", where=folder, remedy=_GET)
    return InvalidInput("CIFAR-10 is not there.", where=folder, remedy=_GET)


def _inside(folder: Path) -> list[Path]:
    names = ("cifar-10-batches-bin", "cifar10", "cifar-10", "CIFAR-10-images", "cifar10_jpeg")
    return [folder / name for name in names]


def _is_binary(folder: Path, *, some: bool = False) -> bool:
    return (any if some else all)((folder / name).is_file() for name in (*_TRAIN, *_TEST))


def _is_tree(folder: Path) -> bool:
    return all((folder / part / name).is_dir() for part in ("train", "test") for name in CLASSES)


CIFAR10 = SetFamily(
    name="cifar10",
    title="CIFAR-10",
    about="Photos, 32 x 32 px, colour, 10 classes, 50,000 + 10,000 images.",
    options=CifarOptions,
    find=find_cifar,
    open=open_cifar,
    remedy=_GET,
)
