"""What is done to a training image each time it is seen: a small random shift and, half the time, a mirror image.

The usual augmentation for small images (He et al. 2016, sec. 4.2): black padding, a random crop of the old size, a
horizontal flip. NumPy only and a whole batch at once: the training loader and the window's preview share it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.data.pool import Images


@dataclass(frozen=True)
class Augmentation:
    """Attributes
    ----------
    padding : largest shift in each direction, px.
    flip : whether half the images are mirrored.
    """

    padding: int
    flip: bool


def usual(images: ImageSet) -> Augmentation:
    """For a set: shifts by up to an eighth of the size, 2 to 4 px, and flips if the set allows them."""
    return Augmentation(padding=min(4, max(2, images.size // 8)), flip=images.flip)


def augmented(images: Images, how: Augmentation, rng: np.random.Generator) -> Images:
    """The batch, each image shifted and flipped by itself. (n, size, size, channels) uint8 in and out."""
    n, size, _, channels = images.shape
    pad, wide = how.padding, size + 2 * how.padding
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
