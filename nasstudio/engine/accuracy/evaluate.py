"""Accuracy of subnets: extracted, re-calibrated, folded, counted.

Everything random is drawn from the seed, so that the same subnet has the same accuracy whenever it is asked. Images are
kept in memory, at each resolution, as long as they are few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from nasstudio.engine.accuracy.calibration import recalibrate
from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.data.loading import Batches, at_resolution
from nasstudio.engine.net.static import StaticNetwork, fused
from nasstudio.engine.net.supernet import Supernet
from nasstudio.engine.space.space import Genome

_BATCH = 256
_KEEP_BYTES = 256 * 1024**2  # images kept in memory, all together

Batch = tuple[Tensor, Tensor]


class Evaluator:
    """Measures subnets of one supernet on one image set.

    Parameters
    ----------
    calibration_images : training images for the batch-norm statistics, augmented as in training (OFA: 2,000).
    seed : which training images these are.
    """

    def __init__(
        self,
        supernet: Supernet,
        image_set: ImageSet,
        calibration_images: int = 1000,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self.supernet, self.image_set = supernet, image_set
        self.calibration_images, self.seed, self.device = calibration_images, seed, device
        self._kept: dict[tuple[str, int, int], list[Batch]] = {}
        self._bytes = 0

    def calibrated(self, genome: Genome) -> StaticNetwork:
        """A subnet as a plain network with batch-norm statistics of its own, in eval mode, ready for export."""
        genome = self.supernet.space.checked(genome)[0]
        px = int(self.supernet.space.resolution(genome[None])[0])
        network = self.supernet.extract(genome)
        recalibrate(network, [images for images, _ in self._calibration(px)])
        return network

    def accuracy(
        self,
        genome: Genome,
        split: str,
        images: int = 0,
        check: Callable[[], None] = lambda: None,
    ) -> float:
        """Share of images that a subnet classifies correctly, 0 to 1.

        Parameters
        ----------
        split : ``validation``, ``validation_a``, ``test``, ...
        images : only the first so many, which are a fair sample of the split; 0: all.
        check : called between batches; what it raises ends the evaluation.
        """
        return float(self.correct(genome, split, images, check).mean())

    @torch.no_grad()
    def correct(
        self,
        genome: Genome,
        split: str,
        images: int = 0,
        check: Callable[[], None] = lambda: None,
    ) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which images a subnet classifies correctly. `(images,)` bool."""
        network = fused(self.calibrated(genome)).to(memory_format=torch.channels_last)
        px = int(self.supernet.space.resolution(self.supernet.space.checked(genome))[0])
        found = []
        for batch, labels in self._images(split, px, images):
            check()
            found.append(network(batch).argmax(dim=1) == labels)
        right: np.ndarray[tuple[int], np.dtype[np.bool_]] = torch.cat(found).cpu().numpy()
        return right

    def _calibration(self, px: int) -> list[Batch]:
        n = min(self.calibration_images, len(self.image_set.split("train")))
        batch = -(-n // max(1, round(n / _BATCH)))  # nearly equal batches: each counts the same

        def load() -> list[Batch]:
            source = Batches(self.image_set, "train", self.device)
            return _first(source.epoch(batch, 0, self.seed), n)

        return self._resized(("calibration", px, n), load)

    def _images(self, split: str, px: int, images: int) -> list[Batch]:
        n = min(images, len(self.image_set.split(split))) or len(self.image_set.split(split))

        def load() -> list[Batch]:
            source = Batches(self.image_set, split, self.device)
            return list(source.evaluation(_BATCH, n))

        return self._resized((split, px, n), load)

    def _resized(self, key: tuple[str, int, int], load: Callable[[], list[Batch]]) -> list[Batch]:
        if key in self._kept:
            return self._kept[key]
        found = [(at_resolution(images, key[1]), labels) for images, labels in load()]
        size = sum(images.numel() * images.element_size() for images, _ in found)
        if self._bytes + size <= _KEEP_BYTES:
            self._kept[key] = found
            self._bytes += size
        return found


def _first(source: Iterator[Batch], n: int) -> list[Batch]:
    found: list[Batch] = []
    left = n
    for images, labels in source:
        found.append((images[:left], labels[:left]))
        left -= len(found[-1][0])
        if left <= 0:
            break
    return found
