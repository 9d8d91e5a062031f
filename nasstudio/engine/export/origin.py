"""Origin: what a subnet is cut from, with everything that must fit together opened and compared.

A supernet on its own says nothing reliable: its accuracy holds for the images, the split and the normalisation it was
trained with, so another data set, or another split of the same one, is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from nasstudio.engine.accuracy.belonging import check_images, check_space
from nasstudio.engine.accuracy.evaluate import Evaluator
from nasstudio.engine.cost.formats.reader import read_table
from nasstudio.engine.cost.table import LatencyTable
from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.data.loading import Batches, at_resolution
from nasstudio.engine.export.deployment import Deployment, Preprocessing
from nasstudio.engine.export.equality import Images
from nasstudio.engine.export.folded import folded_weights
from nasstudio.engine.export.formats import safe_name
from nasstudio.engine.net.shared import SharedNetwork
from nasstudio.engine.net.storage import SupernetAbout, load_supernet
from nasstudio.engine.space.families import build
from nasstudio.engine.space.space import Genome, SearchSpace, SpaceDocument


@dataclass(frozen=True)
class Origin:
    """A trained supernet with its space, its images and, where there is one, a latency table."""

    space: SearchSpace
    supernet: SharedNetwork
    about: SupernetAbout
    image_set: ImageSet
    evaluator: Evaluator
    table: LatencyTable | None

    def subnet(self, genome: Genome) -> Subnet:
        """A subnet with batch-norm statistics of its own. The genome is in canonical form."""
        return Subnet(self, genome, self.evaluator.calibrated(genome))


@dataclass(frozen=True)
class Subnet:
    """One network of an origin.

    Attributes
    ----------
    genome : in canonical form.
    network : calibrated, in eval mode, its batch norms not folded yet.
    """

    origin: Origin
    genome: Genome
    network: nn.Module

    @property
    def identity(self) -> str:
        """Short stable name."""
        return self.origin.space.identity(self.genome)

    @property
    def resolution(self) -> int:
        """Input size, px."""
        return int(self.origin.space.resolution(self.genome[None])[0])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one input."""
        return self.origin.image_set.channels, self.resolution, self.resolution

    def batches(self, split: str, batch: int, images: int = 0) -> Batched:
        """Inputs and labels from a split, in order; only the first `images`, 0: all."""
        source = Batches(self.origin.image_set, split)
        return Batched(source, self.resolution, batch, images)

    def deployment(self, title: str, facts: dict[str, Any] | None = None) -> Deployment:
        """What a format needs to write it."""
        space, images = self.origin.space, self.origin.image_set
        name = safe_name(title)
        return Deployment(
            name=name,
            title=" ".join(title.split()) or name,
            blocks=tuple(space.blocks(self.genome)),
            weights=folded_weights(self.network),
            labels=tuple(images.classes),
            preprocessing=Preprocessing(
                channels=images.channels,
                resolution=self.resolution,
                source_size=images.size,
                mean=tuple(images.mean),
                std=tuple(images.std),
            ),
            architecture=space.values(self.genome),
            facts=facts or {},
        )


@dataclass(frozen=True)
class Batched:
    """Inputs and labels, batch by batch: `(n, c, px, px)` float32 and `(n,)` int64."""

    source: Batches
    px: int
    batch: int
    images: int

    def __len__(self) -> int:
        """Number of images."""
        return min(self.images, len(self.source)) or len(self.source)

    def __iter__(self) -> Iterator[tuple[Images, NDArray[np.int64]]]:
        for images, labels in self.source.evaluation(self.batch, self.images):
            scaled = at_resolution(images, self.px).contiguous().numpy()
            yield np.ascontiguousarray(scaled, dtype=np.float32), labels.numpy()

    def all(self) -> Images:
        """All inputs in one array."""
        return np.concatenate([images for images, _ in self])


def open_origin(
    space: SpaceDocument,
    data: DataDocument,
    supernet: Path,
    table: Path | None,
    *,
    calibration_images: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Origin:
    """Open everything and see that it fits together.

    Raises
    ------
    InvalidInput
        The supernet is of another space, or was trained on other images.
    """
    searched = build(space)
    network, about = load_supernet(supernet)
    check_space(network, searched, supernet)
    image_set = open_set(data, progress=progress)
    check_images(network, about, image_set, supernet)
    return Origin(
        searched,
        network.eval(),
        about,
        image_set,
        Evaluator(network, image_set, calibration_images, seed),
        None if table is None else read_table(table),
    )
