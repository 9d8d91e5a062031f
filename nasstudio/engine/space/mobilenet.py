"""MobileNetV3-style spaces: stages of inverted bottlenecks with elastic depth, kernel and expand ratio.

The published Once-for-All space (Cai et al. 2020, arXiv 1908.09791, sec. 3) and small-image spaces of the same shape.
Width is a gene of each stage with one option: elastic width is not searched here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.gene import Gene
from nasstudio.engine.space.layer import LayerSpec, expanded, make_divisible
from nasstudio.engine.space.space import Population, SearchSpace, SpaceDocument


class Stage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run of blocks with equal output shape."""

    channels: int
    stride: int
    depth: tuple[int, ...]
    kernel: tuple[int, ...]
    expand: tuple[float, ...]
    width: tuple[float, ...] = (1.0,)
    act: str = "relu"
    se: bool = False


class MobileNetOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What makes one MobileNetV3-style space.

    `stem` is the output of the first convolution and of the fixed block behind it; `head` the channels of the last
    convolution and of the feature mix before the classifier.
    """

    resolution: tuple[int, ...]
    stages: tuple[Stage, ...]
    stem: int = 16
    stem_stride: int = 2
    head: tuple[int, int] = (960, 1280)
    channels: int = 3
    classes: int = 1000
    width_mult: float = 1.0


class MobileNetSpace(SearchSpace):
    """Elastic depth, kernel, expand ratio and resolution over a chain of inverted bottlenecks.

    Genome: resolution, then for each stage its depth, its width and kernel and expand of each of its blocks.
    """

    def __init__(self, document: SpaceDocument) -> None:
        self.document = document
        self.options = _checked(document)
        self.genes = tuple(self._genes())
        self._column = {gene.name: index for index, gene in enumerate(self.genes)}
        self._index: dict[LayerSpec, int] = {}
        self._lookups = self._tabulate()
        self.layers = tuple(self._index)
        self.positions = tuple(
            ["In", "In", *(str(s + 1) for s, _ in self._slots), "Out", "Out", "Out"]
        )

    # -- structure ----------------------------------------------------------------------------------------------

    @cached_property
    def _slots(self) -> list[tuple[int, int]]:
        """(stage, block) of every block position, in order."""
        return [
            (s, b) for s, stage in enumerate(self.options.stages) for b in range(max(stage.depth))
        ]

    @cached_property
    def stem_channels(self) -> int:
        return self._scaled(self.options.stem)

    @cached_property
    def stage_channels(self) -> tuple[int, ...]:
        """Output channels of each stage at its one width."""
        return tuple(self._scaled(stage.channels * stage.width[0]) for stage in self.options.stages)

    @cached_property
    def head_channels(self) -> tuple[int, int]:
        last, mix = self.options.head
        return self._scaled(last), self._scaled(mix)

    def _scaled(self, channels: float) -> int:
        return make_divisible(channels * self.options.width_mult)

    def column(self, gene: str) -> int:
        """Column of a gene, by name."""
        return self._column[gene]

    def _genes(self) -> list[Gene]:
        genes = [Gene("resolution", self.options.resolution, "Input", "resolution")]
        for s, stage in enumerate(self.options.stages):
            group = f"Stage {s + 1}"
            genes.append(Gene(f"stage{s + 1}.depth", stage.depth, group, "depth"))
            genes.append(Gene(f"stage{s + 1}.width", stage.width, group, "width"))
            for b in range(max(stage.depth)):
                genes.append(
                    Gene(f"stage{s + 1}.block{b + 1}.kernel", stage.kernel, group, "kernel")
                )
                genes.append(
                    Gene(f"stage{s + 1}.block{b + 1}.expand", stage.expand, group, "expand")
                )
        return genes

    # -- rows ---------------------------------------------------------------------------------------------------

    def _row(self, spec: LayerSpec) -> int:
        return self._index.setdefault(spec, len(self._index))

    def _tabulate(self) -> list[NDArray[np.int32]]:
        """One look-up a position: `(resolutions,)` for fixed layers, `(resolutions, kernels, expands)` for blocks."""
        options, stem = self.options, self.stem_channels
        sizes = [(r - 1) // options.stem_stride + 1 for r in options.resolution]
        first_act = options.stages[0].act
        lookups = [
            np.array(
                [
                    self._row(
                        LayerSpec(
                            "conv",
                            options.channels,
                            r,
                            r,
                            stem,
                            3,
                            options.stem_stride,
                            act="hswish",
                        )
                    )
                    for r in options.resolution
                ],
                dtype=np.int32,
            ),
            np.array(
                [
                    self._row(
                        LayerSpec(
                            "mbconv", stem, n, n, stem, 3, middle=stem, act=first_act, residual=True
                        )
                    )
                    for n in sizes
                ],
                dtype=np.int32,
            ),
        ]
        channels = stem
        for (s, b), stage in ((slot, options.stages[slot[0]]) for slot in self._slots):
            out, stride = self.stage_channels[s], stage.stride if b == 0 else 1
            lookups.append(self._block_rows(stage, sizes, channels, out, stride))
            sizes = [(n - 1) // stride + 1 for n in sizes]
            channels = out
        last, mix = self.head_channels
        lookups.append(
            np.array(
                [
                    self._row(LayerSpec("conv", channels, n, n, last, act="hswish", pooled=True))
                    for n in sizes
                ],
                np.int32,
            )
        )
        fixed = (
            LayerSpec("conv", last, 1, 1, mix, norm=False, act="hswish"),
            LayerSpec("linear", mix, 1, 1, options.classes, norm=False, bias=True),
        )
        lookups += [
            np.full(len(options.resolution), self._row(spec), dtype=np.int32) for spec in fixed
        ]
        return lookups

    def _block_rows(
        self, stage: Stage, sizes: list[int], channels: int, out: int, stride: int
    ) -> NDArray[np.int32]:
        table = np.empty((len(sizes), len(stage.kernel), len(stage.expand)), dtype=np.int32)
        for i, j, k in np.ndindex(table.shape):
            table[i, j, k] = self._row(
                LayerSpec(
                    "mbconv",
                    channels,
                    sizes[i],
                    sizes[i],
                    out,
                    stage.kernel[j],
                    stride,
                    middle=expanded(channels, stage.expand[k]),
                    act=stage.act,
                    se=stage.se,
                    residual=stride == 1 and channels == out,
                )
            )
        return table

    def rows(self, population: Population) -> NDArray[np.int32]:
        resolution = population[:, 0]
        found = np.empty((len(population), len(self._lookups)), dtype=np.int32)
        for position in (0, 1, -3, -2, -1):
            found[:, position] = self._lookups[position][resolution]
        present = self._present(population)
        for position, column in enumerate(self._block_columns, start=2):
            chosen = self._lookups[position][
                resolution, population[:, column], population[:, column + 1]
            ]
            found[:, position] = np.where(present[:, position - 2], chosen, -1)
        return found

    @cached_property
    def _block_columns(self) -> list[int]:
        """Column of the kernel gene of every block; its expand gene follows."""
        return [self._column[f"stage{s + 1}.block{b + 1}.kernel"] for s, b in self._slots]

    @cached_property
    def _depth_columns(self) -> list[int]:
        return [self._column[f"stage{s + 1}.depth"] for s in range(len(self.options.stages))]

    def _present(self, population: Population) -> NDArray[np.bool_]:
        """Which blocks run: the first `depth` of each stage (OFA, sec. 3.3). `(n, blocks)`."""
        parts = []
        for column, stage in zip(self._depth_columns, self.options.stages, strict=True):
            depth = np.asarray(stage.depth)[population[:, column]]
            parts.append(np.arange(max(stage.depth)) < depth[:, None])
        return np.concatenate(parts, axis=1)

    def active(self, population: Population) -> NDArray[np.bool_]:
        on = np.ones(population.shape, dtype=bool)
        columns = np.asarray(self._block_columns)
        present = self._present(population)
        on[:, columns] = present
        on[:, columns + 1] = present
        return on

    def canonical(self, population: Population) -> Population:
        return np.where(self.active(population), population, np.int16(0))

    def size(self) -> int:
        total = len(self.options.resolution)
        for stage in self.options.stages:
            choices = len(stage.kernel) * len(stage.expand)
            total *= len(stage.width) * sum(choices**depth for depth in stage.depth)
        return total

    def layers_at(self, resolutions: Sequence[int]) -> tuple[LayerSpec, ...]:
        wanted = [i for i, r in enumerate(self.options.resolution) if r in set(resolutions)]
        rows = {int(row) for lookup in self._lookups for row in lookup[wanted].ravel()}
        return tuple(layer for row, layer in enumerate(self.layers) if row in rows)

    def resolution(self, population: Population) -> NDArray[np.int32]:
        return np.asarray(self.options.resolution, dtype=np.int32)[population[:, 0]]


def _checked(document: SpaceDocument) -> MobileNetOptions:
    try:
        options = msgspec.convert(document.options, MobileNetOptions)
    except msgspec.ValidationError as problem:
        raise InvalidInput(
            f"The space does not read: {problem}.",
            where=f"space {document.name}",
            remedy="Compare it with a preset: `nasstudio space --preset mbv3_28 --json`.",
        ) from None
    if not options.stages:
        raise InvalidInput(
            "A space needs at least one stage.",
            where=f"space {document.name}",
            remedy="Add a stage.",
        )
    _check_list(document, "resolution", options.resolution, least=8, most=1024)
    for number, stage in enumerate(options.stages, start=1):
        _check_list(document, f"stage {number}, depth", stage.depth, least=1, most=32)
        _check_list(document, f"stage {number}, kernel", stage.kernel, least=1, most=15)
        _check_list(document, f"stage {number}, expand", stage.expand, least=1, most=16)
        _check_list(document, f"stage {number}, width", stage.width, least=0.1, most=10)
        if any(k % 2 == 0 for k in stage.kernel):
            raise _problem(
                document,
                f"stage {number}, kernel",
                f"{stage.kernel} holds an even size",
                "Use odd kernels.",
            )
        if len(stage.width) > 1:
            raise _problem(
                document,
                f"stage {number}, width",
                "elastic width is not searched in this space",
                "Keep one width.",
            )
        if stage.stride not in (1, 2) or stage.channels < 1:
            raise _problem(
                document,
                f"stage {number}",
                "stride must be 1 or 2, channels at least 1",
                "Correct them.",
            )
    return options


def _check_list(
    document: SpaceDocument, place: str, values: tuple[Any, ...], *, least: float, most: float
) -> None:
    if not values:
        raise _problem(document, place, "there is no option", "Allow at least one.")
    if list(values) != sorted(set(values)):
        raise _problem(
            document, place, f"{values} must rise, each option once", "Sort the options."
        )
    if values[0] < least or values[-1] > most:
        raise _problem(
            document,
            place,
            f"{values} leaves {least:g} to {most:g}",
            "Choose options inside the range.",
        )


def _problem(document: SpaceDocument, place: str, what: str, remedy: str) -> InvalidInput:
    return InvalidInput(f"{place}: {what}.", where=f"space {document.name}", remedy=remedy)


def with_data(document: SpaceDocument, *, channels: int, classes: int) -> SpaceDocument:
    """The same space for images of `channels` channels and `classes` classes."""
    return msgspec.structs.replace(
        document, options=dict(document.options, channels=channels, classes=classes)
    )
