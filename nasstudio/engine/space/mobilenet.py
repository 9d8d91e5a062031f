"""Spaces of inverted bottlenecks: stages with elastic depth, width, kernel and expand ratio, at elastic resolution.

The published Once-for-All spaces (Cai et al. 2020, arXiv 1908.09791, sec. 3), MobileNetV3 and ProxylessNAS, and
small-image spaces of the same shape. Width is a gene of each stage: the blocks of a stage share the first channels of
one residual stream, and a block's middle width follows from the width of the stream that it reads, as in BigNAS
(Yu et al. 2020, arXiv 2003.11142) and AttentiveNAS. Stem and head have one width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.space.gene import Gene
from nasstudio.engine.space.layer import LayerSpec, expanded
from nasstudio.engine.space.mobilenet_options import checked
from nasstudio.engine.space.norm import NormRule
from nasstudio.engine.space.space import Population, SearchSpace, SpaceDocument

STEM_LAYERS = 2  # fixed layers before the blocks: a convolution and a block


@dataclass(frozen=True)
class _Lookup:
    """The layer at one position.

    Attributes
    ----------
    columns : of the genes that it depends on, the resolution first.
    rows : index into the space's layers, one axis for each of these genes.
    """

    columns: tuple[int, ...]
    rows: NDArray[np.int32]


class MobileNetSpace(SearchSpace):
    """A chain of inverted bottlenecks.

    Genome: resolution, then for each stage its depth, its width and kernel and expand of each of its blocks.

    Attributes
    ----------
    stem_channels, first_channels : outputs of the first convolution and of the fixed block behind it.
    stage_channels : outputs of each stage at each of its widths.
    head_channels : outputs of the convolutions of the head, one or two.
    """

    def __init__(self, document: SpaceDocument) -> None:
        self.document = document
        self.options = checked(document)
        self.stem_channels = self.options.stem_channels
        self.first_channels = self.options.first_channels
        self.stage_channels = self.options.stage_channels
        self.head_channels = self.options.head_channels
        self.genes = tuple(self._genes())
        self._column = {gene.name: index for index, gene in enumerate(self.genes)}
        self._index: dict[LayerSpec, int] = {}
        self._lookups: list[_Lookup] = []
        self._tabulate()
        self.layers = tuple(self._index)
        self.positions = tuple(
            [
                *["In"] * STEM_LAYERS,
                *(str(s + 1) for s, _ in self.slots),
                *["Out"] * self.head_layers,
            ]
        )

    # -- structure ----------------------------------------------------------------------------------------------

    @property
    def norm_rule(self) -> NormRule:
        return NormRule(self.options.bn_eps, self.options.bn_momentum)

    @property
    def head_layers(self) -> int:
        """Fixed layers behind the blocks: one or two convolutions and the classifier."""
        return len(self.options.head) + 1

    @cached_property
    def slots(self) -> list[tuple[int, int]]:
        """(stage, block) of every block position, in order; both count from 0."""
        return [
            (s, b) for s, stage in enumerate(self.options.stages) for b in range(max(stage.depth))
        ]

    def inputs(self, stage: int, block: int) -> tuple[int, ...]:
        """Channels that a block may read, rising. Both count from 0."""
        if block > 0:
            return self.stage_channels[stage]
        return self.stage_channels[stage - 1] if stage > 0 else (self.first_channels,)

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

    def _tabulate(self) -> None:
        """Fill the look-ups, from input to output; the layers get their numbers on the way."""
        options, stem, first = self.options, self.stem_channels, self.first_channels
        sizes = [(r - 1) // options.stem_stride + 1 for r in options.resolution]
        act, residual = options.stages[0].act, stem == first
        self._add(
            ["resolution"],
            lambda r: LayerSpec(
                "conv",
                options.channels,
                options.resolution[r],
                options.resolution[r],
                stem,
                3,
                options.stem_stride,
                act=options.stem_act,
            ),
        )
        self._add(
            ["resolution"],
            lambda r: LayerSpec(
                "mbconv",
                stem,
                sizes[r],
                sizes[r],
                first,
                3,
                middle=stem,
                act=act,
                residual=residual,
            ),
        )
        for s, b in self.slots:
            self._add_block(s, b, sizes)
            if b == 0:
                sizes = [(n - 1) // options.stages[s].stride + 1 for n in sizes]
        self._add_head(sizes)

    def _add(self, genes: list[str], spec: Callable[..., LayerSpec]) -> None:
        """The look-up of the next position. `spec` takes an option's index for each of the genes."""
        columns = tuple(self._column[gene] for gene in genes)
        rows = np.empty([len(self.genes[column]) for column in columns], dtype=np.int32)
        for index in np.ndindex(rows.shape):
            rows[index] = self._index.setdefault(spec(*index), len(self._index))
        self._lookups.append(_Lookup(columns, rows))

    def _add_block(self, s: int, b: int, sizes: list[int]) -> None:
        """A block depends on the widths of the stage before and of its own, where these have a choice."""
        stage, inputs, outputs = self.options.stages[s], self.inputs(s, b), self.stage_channels[s]
        stride = stage.stride if b == 0 else 1
        # With elastic widths a first block has no residual: only some of its subnets could have it.
        residual = stride == 1 and (b > 0 or (inputs == outputs and len(outputs) == 1))
        reads = [f"stage{s}.width"] if b == 0 and len(inputs) > 1 else []
        writes = [f"stage{s + 1}.width"] if len(outputs) > 1 else []

        def spec(r: int, *chosen: int) -> LayerSpec:
            *widths, kernel, expand = chosen
            out = outputs[widths[-1] if writes else 0]
            channels = out if b > 0 else inputs[widths[0] if reads else 0]
            return LayerSpec(
                "mbconv",
                channels,
                sizes[r],
                sizes[r],
                out,
                stage.kernel[kernel],
                stride,
                middle=expanded(channels, stage.expand[expand]),
                act=stage.act,
                se=stage.se,
                residual=residual,
            )

        block = f"stage{s + 1}.block{b + 1}"
        self._add(["resolution", *reads, *writes, f"{block}.kernel", f"{block}.expand"], spec)

    def _add_head(self, sizes: list[int]) -> None:
        """The last convolution with the pooling behind it, the feature mix if there is one, the classifier."""
        options, inputs = self.options, self.stage_channels[-1]
        last, *mix = self.head_channels
        reads = [f"stage{len(options.stages)}.width"] if len(inputs) > 1 else []
        self._add(
            ["resolution", *reads],
            lambda r, width=0: LayerSpec(
                "conv", inputs[width], sizes[r], sizes[r], last, act=options.head_act, pooled=True
            ),
        )
        for channels in mix:
            self._add(
                ["resolution"],
                lambda r, out=channels: LayerSpec(
                    "conv", last, 1, 1, out, norm=False, act=options.head_act
                ),
            )
        self._add(
            ["resolution"],
            lambda r: LayerSpec(
                "linear", self.head_channels[-1], 1, 1, options.classes, norm=False, bias=True
            ),
        )

    def rows(self, population: Population) -> NDArray[np.int32]:
        found = np.empty((len(population), len(self._lookups)), dtype=np.int32)
        for position, lookup in enumerate(self._lookups):
            chosen = tuple(population[:, column] for column in lookup.columns)
            found[:, position] = lookup.rows[chosen]
        blocks = found[:, STEM_LAYERS : -self.head_layers]
        np.copyto(blocks, np.int32(-1), where=~self._present(population))
        return found

    @cached_property
    def _block_columns(self) -> list[int]:
        """Column of the kernel gene of every block; its expand gene follows."""
        return [self._column[f"stage{s + 1}.block{b + 1}.kernel"] for s, b in self.slots]

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
        rows = {int(row) for lookup in self._lookups for row in lookup.rows[wanted].ravel()}
        return tuple(layer for row, layer in enumerate(self.layers) if row in rows)

    def resolution(self, population: Population) -> NDArray[np.int32]:
        return np.asarray(self.options.resolution, dtype=np.int32)[population[:, 0]]


def with_data(document: SpaceDocument, *, channels: int, classes: int) -> SpaceDocument:
    """The same space for images of `channels` channels and `classes` classes."""
    return msgspec.structs.replace(
        document, options=dict(document.options, channels=channels, classes=classes)
    )
