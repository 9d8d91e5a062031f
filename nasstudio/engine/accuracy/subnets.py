"""What is measured of subnets, said so that any process can do it: which supernet, which images, how many of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from nasstudio.engine.accuracy.evaluate import Evaluator, Right
from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.net.storage import load_supernet
from nasstudio.engine.space.space import Genome


class Measured(msgspec.Struct, frozen=True, tag="measured"):
    """What was measured of a subnet.

    Attributes
    ----------
    accuracy : share 0..1, on so many `images`.
    halves : on every other image from the first, and on those between.
    """

    accuracy: float
    images: int
    halves: tuple[float, float]

    @classmethod
    def of(cls, right: Right) -> Measured:
        """From which images it classified correctly. `(images,)`, at least 2."""
        return cls(
            float(right.mean()), len(right), (float(right[::2].mean()), float(right[1::2].mean()))
        )


Measure = Callable[[Genome], Measured]


class SubnetAccuracy(msgspec.Struct, frozen=True):
    """The accuracy of subnets of one supernet on one split.

    Attributes
    ----------
    supernet : path of its file.
    split : images that are counted, e.g. ``validation_a``; the first `images` of them, 0: all.
    calibration_images : for the batch-norm statistics; `seed`: which ones.
    """

    supernet: str
    data: DataDocument
    split: str
    images: int = 0
    calibration_images: int = 1000
    seed: int = 0
    device: str = "cpu"

    def evaluator(self) -> Evaluator:
        """What measures, in this process.

        Raises
        ------
        StudioError
            The supernet or the images can't be opened.
        """
        supernet, _ = load_supernet(Path(self.supernet))
        return Evaluator(
            supernet.to(self.device),
            open_set(self.data),
            self.calibration_images,
            self.seed,
            self.device,
        )

    def open(self, check: Callable[[], None] = lambda: None) -> Measure:
        """Measures genomes in this process; `check` is called between batches."""
        evaluator = self.evaluator()
        return lambda genome: Measured.of(evaluator.correct(genome, self.split, self.images, check))
