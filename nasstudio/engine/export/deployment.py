"""Deployment: one trained network with everything that another program needs to run it.

Layers, weights with the batch norms folded in, and how an image becomes its input. Every format writes the same
deployment, so all of them say the same. Arrays, not tensors: nothing here needs torch.

Weights are named by layer and role: ``3.depthwise.weight``. Roles of a `conv` or `dwconv` are ``conv``, of an
`mbconv` ``widen`` (absent where the middle is as wide as the input), ``depthwise`` and ``project``, of a `linear`
``linear``; a gate has ``se.reduce`` and ``se.expand``. Those of a `bottleneck` are ``narrow``, ``spatial``, ``widen``
and, where it has one of its own, ``shortcut``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import LayerSpec, text
from nasstudio.engine.space.space import Block

Weights = Mapping[str, NDArray[np.float32]]
FORMAT_VERSION = "1"
_KINDS = ("conv", "dwconv", "mbconv", "linear", "pool", "bottleneck", "maxpool")


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes the network's input.

    Attributes
    ----------
    channels : 1 for grey, 3 for colour.
    resolution : height and width of the input, px.
    source_size : height and width of the images of the data set, from which the input is scaled, px.
    mean, std : of each channel, of values from 0 to 1.
    """

    channels: int
    resolution: int
    source_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Deployment:
    """A network to be written.

    Attributes
    ----------
    name : a safe file name (`formats.safe_name`).
    title : as people call it.
    blocks : its layers from input to output, with their stages.
    weights : of the folded network.
    labels : of the classes, in the order of the logits.
    preprocessing : from picture to input.
    architecture : option of each gene that has an effect, by gene name.
    facts : what else goes into a file's metadata, e.g. the accuracy; JSON values.
    """

    name: str
    title: str
    blocks: tuple[Block, ...]
    weights: Weights
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    architecture: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def layers(self) -> tuple[LayerSpec, ...]:
        """The layers from input to output."""
        return tuple(block.layer for block in self.blocks)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        size = self.preprocessing.resolution
        return self.preprocessing.channels, size, size

    def of(self, index: int) -> dict[str, NDArray[np.float32]]:
        """Weights of one layer by role, e.g. ``depthwise.weight``."""
        prefix = f"{index}."
        return {
            key.removeprefix(prefix): value
            for key, value in self.weights.items()
            if key.startswith(prefix)
        }


def checked(deployment: Deployment) -> Deployment:
    """The deployment itself.

    Raises
    ------
    InvalidInput
        Its parts do not fit together, or a layer is of a kind that can't be exported; it is named.
    """
    first, last = deployment.layers[0], deployment.layers[-1]
    if first.channels_in != deployment.preprocessing.channels:
        raise _unfit(
            first,
            f"it takes {first.channels_in} channels, images have {deployment.preprocessing.channels}",
        )
    if last.channels_out != len(deployment.labels):
        raise _unfit(
            last, f"it gives {last.channels_out} logits for {len(deployment.labels)} classes"
        )
    for layer in deployment.layers:
        if layer.kind not in _KINDS:
            raise _unfit(layer, f"no export is known for the kind '{layer.kind}'")
    for key, value in deployment.weights.items():
        if not np.isfinite(value).all():
            raise InvalidInput(
                f"The weight {key} holds values that are not finite.",
                where=deployment.title,
                remedy="The training diverged; export from an earlier checkpoint or train again.",
            )
    return deployment


def producer_version() -> str:
    """Version of this program; ``0`` in a checkout that is not installed."""
    try:
        return version("nasstudio")
    except PackageNotFoundError:
        return "0"


def _unfit(layer: LayerSpec, why: str) -> InvalidInput:
    return InvalidInput(
        f"The network can't be exported: {why}.",
        where=text(layer),
        remedy="Export a network of the space and the data that the supernet was trained on.",
    )
