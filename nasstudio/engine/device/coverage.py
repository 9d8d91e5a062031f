"""Which layers of a space are worth measuring: all of them, or those at a few resolutions that the rest lie between.

The published Once-for-All space has 25 input resolutions and 1,253 distinct layers; at 128, 160, 192 and 224 px there
are 374, and the time of a layer hardly bends between two of these.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nasstudio.engine.space.layer import LayerSpec
from nasstudio.engine.space.space import SearchSpace

MOST_RESOLUTIONS = 6
ANCHORS = 4


def anchor_resolutions(resolutions: Sequence[int]) -> tuple[int, ...]:
    """The resolutions to measure at, px: all if they are few, else `ANCHORS` of them with both ends.

    The inner ones are the nearest to an even spacing; of two that are equally near, the one that is divided by a larger
    power of two, because every stage halves the image.
    """
    options = sorted(set(resolutions))
    if len(options) <= MOST_RESOLUTIONS:
        return tuple(options)
    even = np.linspace(options[0], options[-1], ANCHORS)
    chosen = {min(options, key=lambda r: (abs(r - target), -(r & -r))) for target in even}
    return tuple(sorted(chosen))


def resolutions_of(space: SearchSpace) -> tuple[int, ...]:
    """Every input resolution of a space, px; empty if it has no such gene."""
    for gene in space.genes:
        if gene.kind == "resolution":
            return tuple(int(option) for option in gene.options)
    return ()


def layers_to_measure(space: SearchSpace) -> tuple[LayerSpec, ...]:
    """The layers of a space to measure; the others lie between them."""
    return space.layers_at(anchor_resolutions(resolutions_of(space))) or space.layers
