"""A folder of image files as a data set: any sizes, grey among colour, unbalanced classes, and some files damaged.

What is left out is counted and said in the set's notes. Images that appear both among the training images and in
another split are counted, too: they flatter the accuracy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from msgspec import Meta

from nasstudio.engine.data.cache import DecodedTree, decoded
from nasstudio.engine.data.family import FolderPath, Progress, SetFamily, SplitOptions, TestShare
from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.data.places import named_folder
from nasstudio.engine.data.pool import ArrayPool, Indices
from nasstudio.engine.data.splits import Parts, divide
from nasstudio.engine.data.tree import TEST, TRAIN, VALIDATION, Tree, scan
from nasstudio.engine.errors import InvalidInput

_PART_TITLES = {TRAIN: "training", VALIDATION: "validation", TEST: "test"}


class FolderOptions(SplitOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of an image folder."""

    folder: FolderPath
    size: Annotated[
        int,
        Meta(
            title="Size",
            description="Short side to which the images are scaled, px; the centre is cut out.",
            ge=8,
            le=512,
        ),
    ] = 64
    test: TestShare | None = None
    flip: Annotated[
        bool,
        Meta(
            title="Mirror",
            description="A mirror image belongs to the same class (not so for text).",
        ),
    ] = True


def open_folder(options: FolderOptions, data: Path, cache: Path, progress: Progress) -> ImageSet:
    """An image folder as a set.

    Raises
    ------
    InvalidInput
        The folder is not there, is arranged differently, or holds too few readable images of a class.
    """
    folder = named_folder(options.folder, data)
    return read_folder(folder, options, cache, progress, name="image_folder", title=folder.name)


def read_folder(
    folder: Path, options: FolderOptions, cache: Path, progress: Progress, *, name: str, title: str
) -> ImageSet:
    """Scan, decode and divide a folder. `name` and `title` are those of the set."""
    tree = scan(folder, progress)
    _refuse_shares(tree, options)
    pool, about = decoded(tree, options.size, cache, progress)
    part = np.array([tree.files[i].part for i in about.kept], dtype=np.int64)
    _check_counts(tree, pool, part)
    given = {p: np.flatnonzero(part == p) for p in tree.parts}
    parts = divide(
        pool.labels,
        train=given[TRAIN],
        validation=given.get(VALIDATION),
        test=given.get(TEST),
        seed=options.seed,
        validation_share=options.validation,
        test_share=options.test,
        limit=options.limit,
    )
    classes = tuple(c.encode(errors="replace").decode() for c in tree.classes)
    notes = _notes(tree, about, parts)
    return ImageSet(name, title, classes, pool, parts, flip=options.flip, notes=notes)


def _refuse_shares(tree: Tree, options: FolderOptions) -> None:
    for share, part in ((options.validation, VALIDATION), (options.test, TEST)):
        if share is not None and part in tree.parts:
            raise InvalidInput(
                f"The folder has {_PART_TITLES[part]} images of its own; none are cut out of the training images.",
                where=tree.folder,
                remedy=f"Leave the {_PART_TITLES[part]} share empty, or merge the folders.",
            )


def _check_counts(tree: Tree, pool: ArrayPool, part: Indices) -> None:
    counts = np.bincount(pool.labels[part == TRAIN], minlength=len(tree.classes))
    needed = 1 + len({VALIDATION, TEST} - tree.parts)
    if counts.min() < needed:
        name = tree.classes[int(counts.argmin())]
        raise InvalidInput(
            f"The class '{name}' has {counts.min()} readable training images; at least {needed} are needed.",
            where=tree.folder,
            remedy="Add images, or remove the class.",
        )
    for own in tree.parts - {TRAIN}:
        if np.count_nonzero(part == own) < 2:
            raise InvalidInput(
                f"There are fewer than 2 readable {_PART_TITLES[own]} images.",
                where=tree.folder,
                remedy=f"Add some, or remove the {_PART_TITLES[own]} folder: then they are cut out of the others.",
            )


def _notes(tree: Tree, about: DecodedTree, parts: Parts) -> tuple[str, ...]:
    notes = []
    if about.unreadable:
        shown = "; ".join(f"{name} ({why})" for name, why in about.unreadable[:5])
        more = f"; and {len(about.unreadable) - 5:,} more" if len(about.unreadable) > 5 else ""
        notes.append(
            f"Image files that can't be read, left out: {len(about.unreadable):,}. {shown}{more}."
        )
    if tree.ignored:
        notes.append(f"Other files, left out: {tree.ignored:,}.")
    digests = np.array(about.digests)
    held = np.concatenate([parts.validation, parts.test])
    twins = np.count_nonzero(np.isin(digests[held], digests[parts.train]))
    if twins:
        notes.append(
            f"Validation or test images that are training images, too: {twins:,}. They flatter the accuracy."
        )
    return tuple(notes)


FOLDER = SetFamily(
    name="image_folder",
    title="Image folder",
    about="Your own images, one folder a class; train, validation and test folders if you have them.",
    options=FolderOptions,
    find=lambda data: data,
    open=open_folder,
)
