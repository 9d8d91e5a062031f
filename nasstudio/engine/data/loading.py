"""Batches of tensors from a split, for training and evaluation. Imports torch.

A split stays in memory as bytes if it fits, and is read batch by batch otherwise; there are no worker processes. What
a step sees is a function of the seed, the epoch and the step alone, so that a training run that is resumed at a step
sees exactly what an uninterrupted one would.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from nasstudio.engine.data.augmentation import Augmentation, augmented, completed
from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.data.pool import Images, Indices
from nasstudio.engine.errors import InvalidInput

_ORDER, _CHANGE, _MIX = 1, 2, 3  # purposes of the random streams


class Batches:
    """Batches of one split: images float32 (n, channels, size, size) channels_last, normalised, and labels (n,) int64.

    Parameters
    ----------
    image_set, split : what is loaded; normalised by the mean and standard deviation of the set's training images.
    device : where the tensors go.
    augmentation : of `epoch` and `pieces`; what it leaves open is usual for this set.
    resident : keep the whole split in memory; None: if it takes less than half of what is free.
    """

    def __init__(
        self,
        image_set: ImageSet,
        split: str,
        device: str | torch.device = "cpu",
        *,
        augmentation: Augmentation = Augmentation(),
        resident: bool | None = None,
    ) -> None:
        self._split = image_set.split(split)
        self._device = torch.device(device)
        self._augmentation = completed(augmentation, image_set)
        self._where = f"{image_set.title}, {split} split"
        mean, std = torch.tensor(image_set.mean), torch.tensor(image_set.std)
        self._scale = (1 / (255 * std)).view(1, -1, 1, 1).to(self._device)
        self._shift = (-mean / std).view(1, -1, 1, 1).to(self._device)
        self._labels, self._classes = self._split.labels, len(image_set.classes)
        size = len(self) * image_set.size**2 * image_set.channels
        if resident is None:
            resident = size < psutil.virtual_memory().available / 2
        self._images = self._split.images(np.arange(len(self))) if resident else None

    def __len__(self) -> int:
        """Number of images."""
        return len(self._split)

    def steps(self, batch: int) -> int:
        """Whole batches in an epoch; the rest of the images is left for other epochs.

        Raises
        ------
        InvalidInput
            There is not even one.
        """
        if not 1 <= batch <= len(self):
            raise InvalidInput(
                f"A batch of {batch} can't be made of {len(self)} images.",
                where=self._where,
                remedy=f"Choose a batch of 1 to {len(self)}.",
            )
        return len(self) // batch

    def epoch(
        self, batch: int, epoch: int, seed: int, start: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Shuffled, augmented batches of one epoch from step `start` on; never mixed.

        Step k is the same, bit for bit, whatever `start` is.
        """
        for _, chosen, rng in self._pieces(batch, epoch, seed, start, 1, range(1)):
            yield self._tensors(augmented(self._take(chosen), self._augmentation, rng), chosen)

    def pieces(
        self, batch: int, epoch: int, seed: int, start: int, parts: int, mine: range
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """As `epoch`, but each batch in equal pieces, of which those numbered `mine` come one after the other.

        `batch` is a multiple of `parts`. With mixup the labels are `(n, classes)` float shares, and an image is mixed
        with another one of its piece.
        """
        for key, chosen, rng in self._pieces(batch, epoch, seed, start, parts, mine):
            images, labels = self._tensors(
                augmented(self._take(chosen), self._augmentation, rng), chosen
            )
            if self._augmentation.mixup:
                images, labels = self._mixed(
                    images, labels, np.random.default_rng((seed, _MIX, *key))
                )
            yield images, labels

    def _pieces(
        self, batch: int, epoch: int, seed: int, start: int, parts: int, mine: range
    ) -> Iterator[tuple[tuple[int, ...], Indices, np.random.Generator]]:
        """A key of each piece, its images, and the generator that changes them."""
        order = np.random.default_rng((seed, _ORDER, epoch)).permutation(len(self))
        size = batch // parts
        for step in range(start, self.steps(batch)):
            for part in mine:
                begin = step * batch + part * size
                key = (epoch, step, part) if parts > 1 else (epoch, step)
                rng = np.random.default_rng((seed, _CHANGE, *key))
                yield key, order[begin : begin + size], rng

    def _mixed(
        self, images: Tensor, labels: Tensor, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Each image with a share of another one, the same share for all, and their labels alike."""
        share = float(rng.beta(self._augmentation.mixup, self._augmentation.mixup))
        other = torch.from_numpy(rng.permutation(len(labels))).to(labels.device)
        ones = functional.one_hot(labels, self._classes).to(images.dtype)
        mixed = images.lerp(images[other], 1 - share)
        return (
            mixed.contiguous(memory_format=torch.channels_last),
            ones.lerp(ones[other], 1 - share),
        )

    def evaluation(self, batch: int, images: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """All images once, as they are and in order; the last batch may be smaller.

        Parameters
        ----------
        images : only the first so many, which have nearly the split's class balance; 0: all.

        Raises
        ------
        InvalidInput
            The batch is empty.
        """
        if batch < 1:
            raise InvalidInput(
                f"A batch of {batch} images is none.", where=self._where, remedy="Choose 1 or more."
            )
        n = min(images, len(self)) if images else len(self)
        for start in range(0, n, batch):
            chosen = np.arange(start, min(start + batch, n))
            yield self._tensors(self._take(chosen), chosen)

    def _take(self, chosen: Indices | NDArray[np.intp]) -> Images:
        return self._split.images(chosen) if self._images is None else self._images[chosen]

    def _tensors(self, images: Images, chosen: Indices | NDArray[np.intp]) -> tuple[Tensor, Tensor]:
        moved = torch.from_numpy(images).to(self._device)
        # Bytes lie as (n, height, width, channels): the permuted view is channels_last already.
        pixels = moved.permute(0, 3, 1, 2).to(torch.float32).mul_(self._scale).add_(self._shift)
        labels = torch.from_numpy(self._labels[chosen]).to(self._device)
        return pixels, labels


def at_resolution(images: Tensor, px: int) -> Tensor:
    """The images scaled to `px` x `px`, antialiased; the tensor itself if they have that size.

    images: (n, channels, height, width) float. Returns (n, channels, px, px), channels_last.
    """
    if images.shape[-2:] == (px, px):
        return images
    scaled = functional.interpolate(
        images, size=(px, px), mode="bilinear", antialias=True, align_corners=False
    )
    return scaled.contiguous(memory_format=torch.channels_last)
