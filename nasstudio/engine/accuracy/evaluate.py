"""Accuracy of subnets: extracted, re-calibrated, folded, counted.

Everything random is drawn from the seed, so that the same subnet has the same accuracy whenever it is asked. Images are
kept in memory, at each resolution, as long as they are few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nasstudio.engine.accuracy.calibration import recalibrate
from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.data.loading import Batches, at_resolution
from nasstudio.engine.net.convolution import overwriting
from nasstudio.engine.net.shared import SharedNetwork
from nasstudio.engine.net.static import StaticNetwork, fused
from nasstudio.engine.space.space import Genome

_CALIBRATION_BATCH = (
    256  # about; the statistics are averages over batches, so it decides what is measured
)
_BATCH = 100  # its activations stay in the cache: 1.2 times as fast as 250 (mbv3_28)
_KEEP_BYTES = 256 * 1024**2  # images kept in memory, all together

Batch = tuple[Tensor, Tensor]
Right = NDArray[np.bool_]


@dataclass(frozen=True)
class Evaluation:
    """A subnet with the statistics of its supernet, and with its own.

    Attributes
    ----------
    shared : accuracy with the batch-norm statistics that all subnets share, share 0..1.
    accuracy : accuracy with statistics of its own.
    images : how many were counted.
    calibration_images : how many its statistics are of.
    """

    shared: float
    accuracy: float
    images: int
    calibration_images: int


class Evaluator:
    """Measures subnets of one supernet on one image set.

    Parameters
    ----------
    calibration_images : training images for the batch-norm statistics, augmented as in training (OFA: 2,000).
    seed : which training images these are.
    """

    def __init__(
        self,
        supernet: SharedNetwork,
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
        network = self.supernet.extract(genome)
        recalibrate(network, [images for images, _ in self._calibration(self._px(genome))])
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

    def correct(
        self,
        genome: Genome,
        split: str,
        images: int = 0,
        check: Callable[[], None] = lambda: None,
    ) -> Right:
        """Which images a subnet classifies correctly. `(images,)` bool; parameters as for `accuracy`."""
        network = self.calibrated(genome)
        return self._correct(network, self._images(split, self._px(genome), images), check)

    def evaluation(
        self,
        genome: Genome,
        split: str,
        images: int = 0,
        check: Callable[[], None] = lambda: None,
    ) -> Evaluation:
        """What re-calibration does to a subnet; parameters as for `accuracy`."""
        px = self._px(genome)
        batches = self._images(split, px, images)
        shared = self._correct(self.supernet.extract(genome), batches, check)
        own = self._correct(self.calibrated(genome), batches, check)
        used = sum(len(labels) for _, labels in self._calibration(px))
        return Evaluation(float(shared.mean()), float(own.mean()), len(own), used)

    @torch.inference_mode()
    def _correct(
        self, network: nn.Module, batches: list[Batch], check: Callable[[], None]
    ) -> Right:
        folded = fused(network).to(memory_format=torch.channels_last)
        found = []
        with overwriting(folded):
            for batch, labels in batches:
                check()
                found.append(folded(batch).argmax(dim=1) == labels)
        right: Right = torch.cat(found).cpu().numpy()
        return right

    def _px(self, genome: Genome) -> int:
        return int(self.supernet.space.resolution(self.supernet.space.checked(genome))[0])

    def _calibration(self, px: int) -> list[Batch]:
        n = min(self.calibration_images, len(self.image_set.split("train")))
        batch = -(
            -n // max(1, round(n / _CALIBRATION_BATCH))
        )  # nearly equal batches: each counts the same

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
