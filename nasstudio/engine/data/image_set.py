"""ImageSet: a data set for image classification, with its splits kept apart. NumPy only.

It is opened by `nasstudio.engine.data.catalog.open_set`; `nasstudio.engine.data.loading` makes tensors of it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasstudio.engine.data.pool import Images, Indices, Pool
from nasstudio.engine.data.splits import SPLITS, Parts, halves, ranks
from nasstudio.engine.errors import InvalidInput

_MOMENT_IMAGES = 20_000
_CHUNK = 1024


@dataclass(frozen=True)
class Split:
    """Images of one purpose. Each prefix of it has nearly its class balance.

    Attributes
    ----------
    name : ``train``, ``validation``, ``validation_a``, ``validation_b`` or ``test``.
    index : (n,) which images of the pool: their identity.
    """

    name: str
    index: Indices
    pool: Pool = field(repr=False)

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def labels(self) -> Indices:
        """Class of each image. (n,) int64."""
        return self.pool.labels[self.index]

    def images(self, indices: ArrayLike) -> Images:
        """The images at positions of this split. Returns (k, size, size, channels) uint8."""
        return self.pool.take(self.index[np.asarray(indices, dtype=np.int64)])


class ImageSet:
    """A data set.

    Attributes
    ----------
    name, title : its family, and what a person calls it.
    classes : titles of the classes; a label is an index into them.
    size, channels : of every image: px (square), 1 or 3.
    flip : whether a mirror image belongs to the same class (used for augmentation).
    notes : what a person should know about how it was read, e.g. files that were left out.
    """

    def __init__(
        self,
        name: str,
        title: str,
        classes: tuple[str, ...],
        pool: Pool,
        parts: Parts,
        *,
        flip: bool = True,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.title = title
        self.classes = classes
        self.size = pool.size
        self.channels = pool.channels
        self.flip = flip
        self.notes = notes
        self._pool = pool
        first, second = halves(pool.labels[parts.validation])
        self._index = {
            "train": parts.train,
            "validation": parts.validation,
            "validation_a": parts.validation[first],
            "validation_b": parts.validation[second],
            "test": parts.test,
        }

    def split(self, name: str) -> Split:
        """A split: ``train``, ``validation`` (and its halves ``validation_a``, ``validation_b``) or ``test``.

        Raises
        ------
        InvalidInput
            There is no split of that name.
        """
        if name not in self._index:
            raise InvalidInput(
                f"There is no split '{name}'.",
                where=self.title,
                remedy=f"Splits: {', '.join(SPLITS)}.",
            )
        return Split(name, self._index[name], self._pool)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the images, classes and splits: equal sets share it, wherever their files are."""
        total = hashlib.sha256(self._pool.content.encode())
        total.update("\0".join(self.classes).encode())
        for name in ("train", "validation", "test"):
            total.update(f"\0{name}\0".encode())
            total.update(self._index[name].astype("<i8").tobytes())
        return total.hexdigest()

    def class_counts(self, split: str) -> Indices:
        """Images of each class in a split. (classes,)."""
        return np.bincount(self.split(split).labels, minlength=len(self.classes))

    def thumbnails(self, split: str, n: int, rng: np.random.Generator) -> tuple[Images, Indices]:
        """A random `n` images of a split for looking at, every class as often as it can be, ordered by class.

        Returns
        -------
        images (k, size, size, channels) uint8 and labels (k,); k is less than `n` if the split is.
        """
        source = self.split(split)
        order = rng.permutation(len(source))
        order = order[np.argsort(ranks(source.labels[order]), kind="stable")][:n]
        order = order[np.argsort(source.labels[order], kind="stable")]
        return source.images(order), source.labels[order]

    @property
    def mean(self) -> tuple[float, ...]:
        """Mean of each channel over the training images, 0 to 1."""
        return self._moments[0]

    @property
    def std(self) -> tuple[float, ...]:
        """Standard deviation of each channel over the training images, 0 to 1; 1 for a constant channel."""
        return self._moments[1]

    @cached_property
    def _moments(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Of at most 20,000 training images; sums of integers, so that they are the same everywhere."""
        train = self.split("train")
        n = min(len(train), _MOMENT_IMAGES)
        total: NDArray[Any] = np.zeros(self.channels, dtype=np.int64)
        squares: NDArray[Any] = np.zeros(self.channels, dtype=np.int64)
        for start in range(0, n, _CHUNK):
            chunk = train.images(np.arange(start, min(n, start + _CHUNK)))
            for channel in range(self.channels):
                counts = np.bincount(chunk[..., channel].ravel(), minlength=256)
                total[channel] += counts @ np.arange(256)
                squares[channel] += counts @ np.arange(256) ** 2
        pixels = n * self.size**2
        mean = total / pixels
        std = np.sqrt(np.maximum(squares / pixels - mean**2, 0))
        std[std == 0] = 255.0
        return tuple((mean / 255).tolist()), tuple((std / 255).tolist())
