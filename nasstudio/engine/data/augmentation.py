"""What is done to a training image each time it is seen.

The usual for small images (He et al. 2016, sec. 4.2): black padding, a random crop of the old size, half the time a
mirror image. If asked for, a random rectangle is erased (Zhong et al. 2020). NumPy only and a whole batch at once: the
training loader and the window's preview share it. Mixing two images (`mixup`) is done by the loader, on tensors.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np

from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.data.pool import Images

_AREA, _ASPECT = (0.02, 0.33), 1 / 0.3  # an erased rectangle: share of the image; sides at most

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Augmentation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Attributes
    ----------
    padding : largest shift in each direction, px; None: what is usual for the images.
    flip : whether half the images are mirrored; None: if the set allows it.
    erase : share of the images in which a rectangle is painted over with noise.
    mixup : alpha of the beta distribution from which two images' shares are drawn (Zhang et al. 2018); 0: none.
    """

    padding: Annotated[int, msgspec.Meta(ge=0)] | None = None
    flip: bool | None = None
    erase: Share = 0.0
    mixup: Annotated[float, msgspec.Meta(ge=0)] = 0.0


def usual(images: ImageSet) -> Augmentation:
    """For a set: shifts by up to an eighth of the size, 2 to 4 px, and flips if the set allows them.

    Nothing is erased or mixed: the smallest subnets of a short training underfit, and more would cost them accuracy.
    """
    return completed(Augmentation(), images)


def completed(how: Augmentation, images: ImageSet) -> Augmentation:
    """With what it leaves open as is usual for the set."""
    return msgspec.structs.replace(
        how,
        padding=min(4, max(2, images.size // 8)) if how.padding is None else how.padding,
        flip=images.flip if how.flip is None else how.flip,
    )


def augmented(images: Images, how: Augmentation, rng: np.random.Generator) -> Images:
    """The batch, each image changed by itself; `how` is completed. (n, size, size, channels) uint8 in and out."""
    moved = _moved(images, how, rng)
    if how.erase:
        _erase(moved, how.erase, rng)
    return moved


def _moved(images: Images, how: Augmentation, rng: np.random.Generator) -> Images:
    """Shifted and flipped."""
    n, size, _, channels = images.shape
    pad = how.padding or 0
    wide = size + 2 * pad
    down, right = rng.integers(0, 2 * pad + 1, size=(2, n, 1))
    mirrored = rng.random((n, 1)) < (0.5 if how.flip else 0.0)
    padded = np.zeros((n, wide, wide, channels), dtype=np.uint8)
    padded[:, pad : pad + size, pad : pad + size] = images
    along = np.arange(size)
    rows = np.arange(n)[:, None] * wide + down + along
    columns = right + np.where(mirrored, along[::-1], along)
    pixels = rows[:, :, None] * wide + columns[:, None, :]
    # One flat gather: several times faster than indexing with three arrays.
    taken: Images = np.take(padded.reshape(-1, channels), pixels.ravel(), axis=0)
    return taken.reshape(images.shape)


def _erase(images: Images, share: float, rng: np.random.Generator) -> None:
    """Paint rectangles over, in place."""
    n, size, _, channels = images.shape
    chosen = np.flatnonzero(rng.random(n) < share)
    area = rng.uniform(*_AREA, len(chosen)) * size**2
    aspect = _ASPECT ** rng.uniform(-1, 1, len(chosen))
    heights = np.clip(np.sqrt(area / aspect).round(), 1, size).astype(int)
    widths = np.clip(np.sqrt(area * aspect).round(), 1, size).astype(int)
    tops = rng.integers(0, size - heights + 1)
    lefts = rng.integers(0, size - widths + 1)
    for image, top, left, height, width in zip(chosen, tops, lefts, heights, widths, strict=True):
        noise = rng.integers(0, 256, (height, width, channels), dtype=np.uint8)
        images[image, top : top + height, left : left + width] = noise
