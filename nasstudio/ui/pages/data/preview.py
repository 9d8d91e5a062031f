"""What the Data page shows of a set: counts, sample images, one image at several sizes and augmented. NumPy only.

Everything here reads image files and may take seconds: it is called off the window's thread. What is drawn is a
preview; training scales and augments by the same rules, image by image.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.data.augmentation import Augmentation, augmented, usual
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.project.project import Project
from nasstudio.engine.space.mobilenet import with_data
from nasstudio.engine.space.space import SearchSpace, SpaceDocument

Pixels = NDArray[np.uint8]
SPLITS = ("train", "validation", "test")
PER_CLASS = 15
VARIANTS = 7
_MOST_CLASSES = 60


@dataclass(frozen=True)
class Samples:
    """Sample images of one split.

    Attributes
    ----------
    images : (n, size, size, channels), ordered by class; labels : (n,).
    original : one of them, and `variants` : (k, size, size, channels) what augmentation makes of it.
    """

    split: str
    images: Pixels
    labels: NDArray[np.int64]
    original: Pixels
    variants: Pixels


@dataclass(frozen=True)
class SetFacts:
    """A set in numbers.

    Attributes
    ----------
    sizes : images of each split, the halves of validation among them.
    counts : (classes,) of each split.
    """

    document: DataDocument
    title: str
    classes: tuple[str, ...]
    size: int
    channels: int
    sizes: dict[str, int]
    counts: dict[str, NDArray[np.int64]]
    notes: tuple[str, ...]
    augmentation: Augmentation


def facts(document: DataDocument, images: ImageSet) -> SetFacts:
    """The numbers of an opened set."""
    names = (*SPLITS, "validation_a", "validation_b")
    return SetFacts(
        document=document,
        title=images.title,
        classes=images.classes,
        size=images.size,
        channels=images.channels,
        sizes={name: len(images.split(name)) for name in names},
        counts={name: images.class_counts(name) for name in SPLITS},
        notes=images.notes,
        augmentation=usual(images),
    )


def samples(images: ImageSet, split: str, rng: np.random.Generator) -> Samples:
    """A few images of every class, and what augmentation makes of one of them."""
    wanted = PER_CLASS * min(len(images.classes), _MOST_CLASSES)
    found, labels = images.thumbnails(split, wanted, rng)
    one = found[int(rng.integers(len(found)))]
    variants = augmented(np.repeat(one[None], VARIANTS, axis=0), usual(images), rng)
    return Samples(split, found, labels, one, variants)


def resolutions(space: SearchSpace | None) -> tuple[int, ...]:
    """Input resolutions of the space, px, rising; empty without a space."""
    if space is None:
        return ()
    ends = np.stack([space.smallest(), space.largest()])
    return tuple(sorted({int(px) for px in space.resolution(ends)}))


def choose(project: Project, document: DataDocument, channels: int, classes: int) -> bool:
    """Make a set the project's, and fit the space to its channels and classes. Returns whether the space changed."""
    project.put("data", document)
    space = project.get("space", SpaceDocument | None, None)  # type: ignore[arg-type]
    if space is None or not {"channels", "classes"} <= set(space.options):
        return False
    fitted = with_data(space, channels=channels, classes=classes)
    project.put("space", fitted)
    return bool(msgspec.to_builtins(fitted) != msgspec.to_builtins(space))
