"""Pool: all images of a data set, whatever split they belong to, addressed by one index.

A split is an array of indices into the pool, so that two splits share an image if and only if they share an index.
"""

from __future__ import annotations

import hashlib
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Images = NDArray[np.uint8]


class Pool(Protocol):
    """Images and their labels.

    Attributes
    ----------
    labels : (n,) int64.
    size : height and width of every image, px.
    channels : 1 (grey) or 3 (red, green, blue).
    content : hex digest of what the pool holds; the same on every machine.
    """

    @property
    def labels(self) -> Indices: ...
    @property
    def size(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def content(self) -> str: ...

    def take(self, indices: Indices) -> Images:
        """The images at `indices`. Returns a new array (k, size, size, channels)."""
        ...


class ArrayPool:
    """A pool over one array, in memory or mapped from a file.

    Parameters
    ----------
    images : (n, size, size) or (n, size, size, channels) uint8.
    labels : (n,) integers.
    content : digest of the content if it is known already; else it is computed from the array.
    """

    def __init__(self, images: Images, labels: NDArray[Any], content: str | None = None) -> None:
        self._images = images if images.ndim == 4 else images[..., None]
        self.labels: Indices = labels.astype(np.int64)
        self.content = content or digest(images, labels.astype("<i8"))

    @property
    def size(self) -> int:
        return int(self._images.shape[1])

    @property
    def channels(self) -> int:
        return int(self._images.shape[3])

    def take(self, indices: Indices) -> Images:
        return np.asarray(self._images[indices])


def digest(*arrays: NDArray[Any]) -> str:
    """SHA-256 of the arrays' bytes in order, hex."""
    total = hashlib.sha256()
    for array in arrays:
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
