"""Fashion-MNIST (Xiao et al. 2017): clothes, 28 x 28 px, grey, ten classes. The shipped subset and the full set.

Both are four IDX files under their original names. The full set is taken from a folder that the user names, from the
data folder, from Debian's package, or is downloaded on request.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from msgspec import Meta

from nasstudio.engine.data.family import FolderPath, Progress, SetFamily, SplitOptions
from nasstudio.engine.data.fetch import fetch
from nasstudio.engine.data.idx import read_idx
from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.data.places import first_match, named_folder, system_folders
from nasstudio.engine.data.pool import ArrayPool, Images, Indices
from nasstudio.engine.data.splits import divide
from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.resources import resource

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
SIZE = 28
PARTS = ("train", "t10k")
_KINDS = ("images-idx3-ubyte", "labels-idx1-ubyte")
_ORIGINAL = "75979490032625d6583ff7101de6f9243d07d0a8d33d3c9b3b7e79b4c59382af"
_GET = (
    "Install Debian's package dataset-fashion-mnist, put the four IDX files into the data folder, "
    "or set the option `download` (31 MB)."
)
_RENEW = "Get the four Fashion-MNIST files again."
_REINSTALL = "Install NAS Studio again: a file that ships with it is damaged."


class FashionOptions(SplitOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the full set."""

    folder: FolderPath | None = None
    download: Annotated[
        bool,
        Meta(title="Download", description="Download it into the data folder if it is not there."),
    ] = False


def find_full(data_folder: Path) -> Path | None:
    """The folder that holds the four files, plain or gzipped."""
    folders = [data_folder, *_inside(data_folder)]
    for system in system_folders():
        folders += _inside(system)
    return first_match(folders, _complete)


def open_small(options: SplitOptions, data: Path, cache: Path, progress: Progress) -> ImageSet:
    """The shipped subset: the first 1,000 training and 200 test images of each class."""
    folder = resource("data/fashion_mnist_small")
    return _open("fashion_mnist_small", SMALL.title, folder, _REINSTALL, options)


def open_full(options: FashionOptions, data: Path, cache: Path, progress: Progress) -> ImageSet:
    """The full set.

    Raises
    ------
    InvalidInput
        It is not there, or a file is not what it should be; the file and a remedy are named.
    """
    folder = _located(options, data, progress)
    return _open("fashion_mnist", FULL.title, folder, _RENEW, options)


def _located(options: FashionOptions, data: Path, progress: Progress) -> Path:
    if options.folder is not None:
        named = named_folder(options.folder, data)
        folder = first_match([named, *_inside(named)], _complete)
        if folder is None:
            raise InvalidInput(
                f"The folder lacks {', '.join(_lacking(named))} (plain or .gz).",
                where=named,
                remedy=_GET,
            )
        return folder
    folder = find_full(data)
    if folder is None and options.download:
        fetch("fashion_mnist", data, progress)
        folder = find_full(data)
    if folder is None:
        raise InvalidInput("Fashion-MNIST is not on this machine.", where=data, remedy=_GET)
    return folder


def _inside(folder: Path) -> list[Path]:
    """Names under which the set lies in a folder of sets: Debian's, torchvision's, ours."""
    return [folder / "fashion-mnist", folder / "FashionMNIST" / "raw", folder / "raw"]


def _lacking(folder: Path) -> list[str]:
    names = [f"{part}-{kind}" for part in PARTS for kind in _KINDS]
    return [name for name in names if _file(folder, name) is None]


def _complete(folder: Path) -> bool:
    return not _lacking(folder)


def _file(folder: Path, name: str) -> Path | None:
    return next((p for p in (folder / f"{name}.gz", folder / name) if p.is_file()), None)


def read_part(folder: Path, part: str, remedy: str) -> tuple[Images, Indices]:
    """Images (n, 28, 28) and labels (n,) of ``train`` or ``t10k``.

    Raises
    ------
    CorruptFile
        A file is not there, damaged, or does not fit the other; it is named.
    """
    paths = [_file(folder, f"{part}-{kind}") for kind in _KINDS]
    for path, kind in zip(paths, _KINDS, strict=True):
        if path is None:
            raise CorruptFile(
                "The file is not there.", where=folder / f"{part}-{kind}.gz", remedy=remedy
            )
    images, labels = (read_idx(p, d, remedy) for p, d in zip(paths, (3, 1), strict=True) if p)
    if images.shape[1:] != (SIZE, SIZE):
        raise CorruptFile(
            f"The images are {images.shape[1]} x {images.shape[2]} px, not {SIZE} x {SIZE}.",
            where=paths[0] or "",
            remedy=remedy,
        )
    if len(images) != len(labels):
        raise CorruptFile(
            f"There are {len(labels):,} labels for {len(images):,} images.",
            where=paths[1] or "",
            remedy=remedy,
        )
    if labels.max() >= len(CLASSES):
        raise CorruptFile(
            f"Label {labels.max()} of image {labels.argmax()} is not one of the {len(CLASSES)} classes.",
            where=paths[1] or "",
            remedy=remedy,
        )
    return images, labels.astype(np.int64)


def _open(name: str, title: str, folder: Path, remedy: str, options: SplitOptions) -> ImageSet:
    (train, train_labels), (test, test_labels) = (read_part(folder, p, remedy) for p in PARTS)
    _every_class(train_labels, folder, remedy)
    pool = ArrayPool(np.concatenate([train, test]), np.concatenate([train_labels, test_labels]))
    parts = divide(
        pool.labels,
        train=np.arange(len(train)),
        test=np.arange(len(train), len(train) + len(test)),
        validation=None,
        seed=options.seed,
        validation_share=options.validation,
        limit=options.limit,
    )
    notes: tuple[str, ...] = ()
    if name == "fashion_mnist" and pool.content != _ORIGINAL:
        notes = (f"These are not the original files: {len(train):,} + {len(test):,} images.",)
    return ImageSet(name, title, CLASSES, pool, parts, notes=notes)


def _every_class(labels: Indices, folder: Path, remedy: str) -> None:
    counts = np.bincount(labels, minlength=len(CLASSES))
    if counts.min() < 2:
        raise CorruptFile(
            f"There are {counts.min()} training images of class {CLASSES[int(counts.argmin())]}, not 2 or more.",
            where=folder,
            remedy=remedy,
        )


SMALL = SetFamily(
    name="fashion_mnist_small",
    title="Fashion-MNIST, 12,000 images",
    about="Clothes, 28 x 28 px, grey, 10 classes: the first 1,000 + 200 of each. Ships with NAS Studio.",
    options=SplitOptions,
    find=lambda data: resource("data/fashion_mnist_small"),
    open=open_small,
)
FULL = SetFamily(
    name="fashion_mnist",
    title="Fashion-MNIST",
    about="Clothes, 28 x 28 px, grey, 10 classes, 60,000 + 10,000 images.",
    options=FashionOptions,
    find=find_full,
    open=open_full,
    remedy=_GET,
)
