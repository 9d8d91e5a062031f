"""How the original calls the tensors and architectures of its ResNet50 supernet (the ``ofa`` package: ``OFAResNets``).

Names are in the one spelling of `nasstudio.engine.net.published.names`: no level twice.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.resnet import ResNetSpace
from nasstudio.engine.space.space import Genome

FIRST = "input_stem.0.conv.weight"
_PARTS = {"narrow": "conv1", "spatial": "conv2", "widen": "conv3", "shortcut": "downsample"}


def published_name(name: str) -> str:
    """The original's name of one of our supernet's tensors.

    Raises
    ------
    KeyError
        The supernet has a tensor that the original's has not.
    """
    kind, *rest = name.split(".")
    if kind == "classifier":
        return ".".join([kind, "linear", *rest])
    if kind == "stem":
        index, *leaf = rest
        # Their middle convolution sits inside a residual block, as its ``conv``.
        return ".".join(["input_stem", index, *_leaf(leaf, inside=index == "1")])
    index, part, *leaf = rest
    return ".".join(["blocks", index, _PARTS[part], *_leaf(leaf)])


def _leaf(leaf: list[str], *, inside: bool = False) -> list[str]:
    if leaf[0] == "norm":
        return [*(["conv"] if inside else []), "bn", *leaf[1:]]
    return ["conv", *leaf]


def genome_of(
    space: ResNetSpace,
    depth: Sequence[int],
    expand: Sequence[float],
    width: Sequence[int],
    resolution: int,
) -> Genome:
    """One of the original's architectures, ``{"d": depth, "e": expand, "w": width}``, in canonical form.

    Parameters
    ----------
    depth : of the stem (2: with its residual convolution), then blocks of each stage above the base.
    expand : ratio of each block.
    width : options of the stem's inner and outer width and of each stage's.
    resolution : px.

    Raises
    ------
    InvalidInput
        It is not of this space; what does not fit is named.
    """
    stages = space.options.stages
    wanted: dict[str, float] = {"resolution": resolution, "stem.depth": int(depth[0] == 2)}
    widths = dict(zip(("stem.inner", "stem.width"), width[:2], strict=True))
    ratios = iter(expand)
    for number, stage in enumerate(stages, start=1):
        wanted[f"stage{number}.depth"] = min(stage.depth) + depth[number]
        widths[f"stage{number}.width"] = width[number + 1]
        for block in range(1, max(stage.depth) + 1):
            wanted[f"stage{number}.block{block}.expand"] = next(ratios)
    genome = np.zeros(len(space.genes), dtype=np.int16)
    for column, gene in enumerate(space.genes):
        if gene.name in widths:
            genome[column] = widths[gene.name]
        elif wanted[gene.name] in gene.options:
            genome[column] = gene.options.index(wanted[gene.name])
        else:
            raise InvalidInput(
                f"{gene.name} has no option {wanted[gene.name]:g}.",
                where=f"space {space.name}",
                remedy=f"Its options: {', '.join(f'{option:g}' for option in gene.options)}.",
            )
    member: Genome = space.checked([genome.tolist()])[0]
    return member
