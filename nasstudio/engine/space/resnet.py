"""ResNet spaces: stages of bottlenecks with elastic depth, expand ratio and width multiplier.

Once-for-All's ResNet50 (Cai et al. 2020; `ofa_resnets.py`), which has the stem and the shortcuts of ResNet-D (He et al.
2019), and small-image spaces of the same shape. Widths are rounded as there: a width multiplier scales the stage's
output to a multiple of 8, the expand ratio scales that once more. Roundings may meet: options that give the same
channels are the same network, and the canonical form names the first of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.space.gene import Gene
from nasstudio.engine.space.layer import LayerSpec, expanded, make_divisible
from nasstudio.engine.space.options import check_rising, options_of, problem
from nasstudio.engine.space.space import Population, SearchSpace, SpaceDocument

_ACT = "relu"
_STEM = "In"
_TAIL = 2  # the mean over the image and the classifier


class ResNetStage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run of bottlenecks with equal output shape.

    Attributes
    ----------
    channels : output at width 1.
    depth : numbers of blocks.
    expand : middle channels as shares of the output.
    width : multipliers of `channels`.
    """

    channels: int
    stride: int
    depth: tuple[int, ...]
    expand: tuple[float, ...]
    width: tuple[float, ...] = (1.0,)


class ResNetOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What makes one ResNet space.

    The stem has three 3x3 convolutions: to half of its width, the same again with a residual, to its width.

    Attributes
    ----------
    stem : output of the stem at width 1.
    stem_width : multipliers, of the inner and of the output width each.
    stem_depth : how many convolutions with a residual it may have: 0, 1 or both.
    stem_stride : of its first convolution.
    stem_pool : max pooling over 3x3 windows with stride 2 behind it.
    """

    resolution: tuple[int, ...]
    stages: tuple[ResNetStage, ...]
    stem: int = 64
    stem_width: tuple[float, ...] = (1.0,)
    stem_depth: tuple[int, ...] = (0, 1)
    stem_stride: int = 2
    stem_pool: bool = True
    channels: int = 3
    classes: int = 1000


@dataclass(frozen=True)
class _Position:
    """One column of `rows`.

    Attributes
    ----------
    columns : the genes that decide its layer.
    table : row of the layer by the options of these genes.
    depth : the gene that decides whether it is there; None if it always is.
    least : the first option of `depth` with which it is there.
    """

    stage: str
    columns: tuple[int, ...]
    table: NDArray[np.int32]
    depth: int | None = None
    least: int = 0


class ResNetSpace(SearchSpace):
    """Elastic depth, expand ratio, width and resolution over a chain of bottlenecks.

    Genome: resolution; the stem's depth, inner width and width; then for each stage its depth, its width and the expand
    ratio of each of its blocks.

    Attributes
    ----------
    stem_inner, stem_outer : channels of the stem at each option of its two width genes.
    stage_channels : of each stage, output channels at each option of its width gene.
    """

    def __init__(self, document: SpaceDocument) -> None:
        self.document = document
        self.options = _checked(document)
        self.genes = tuple(self._genes())
        self._column = {gene.name: index for index, gene in enumerate(self.genes)}
        stem = self.options.stem
        self.stem_outer = tuple(make_divisible(stem * w) for w in self.options.stem_width)
        self.stem_inner = tuple(make_divisible(c // 2) for c in self.stem_outer)
        self.stage_channels = tuple(
            tuple(make_divisible(stage.channels * w) for w in stage.width)
            for stage in self.options.stages
        )
        self._index: dict[LayerSpec, int] = {}
        self._places = self._tabulate()
        self.layers = tuple(self._index)
        self.positions = tuple(place.stage for place in self._places)

    # -- structure ----------------------------------------------------------------------------------------------

    def column(self, gene: str) -> int:
        """Column of a gene, by name."""
        return self._column[gene]

    def middles(self, stage: int, width: int) -> tuple[int, ...]:
        """Middle channels of a stage's blocks at each expand ratio; `width` is the option of its width gene."""
        out = self.stage_channels[stage][width]
        return tuple(expanded(out, ratio) for ratio in self.options.stages[stage].expand)

    def _genes(self) -> list[Gene]:
        options = self.options
        genes = [
            Gene("resolution", options.resolution, "Input", "resolution"),
            Gene("stem.depth", options.stem_depth, "Stem", "depth"),
            Gene("stem.inner", options.stem_width, "Stem", "width"),
            Gene("stem.width", options.stem_width, "Stem", "width"),
        ]
        for s, stage in enumerate(options.stages, start=1):
            group = f"Stage {s}"
            genes.append(Gene(f"stage{s}.depth", stage.depth, group, "depth"))
            genes.append(Gene(f"stage{s}.width", stage.width, group, "width"))
            genes += [
                Gene(f"stage{s}.block{b + 1}.expand", stage.expand, group, "expand")
                for b in range(max(stage.depth))
            ]
        return genes

    # -- rows ---------------------------------------------------------------------------------------------------

    def _tabulate(self) -> list[_Position]:
        """Every position with its layers: the stem, the blocks of each stage, the mean and the classifier."""
        options = self.options
        sizes = list(options.resolution)
        inner, outer = self.stem_inner, self.stem_outer
        resolution, deep = self.column("resolution"), self.column("stem.depth")
        narrow, wide = self.column("stem.inner"), self.column("stem.width")

        def conv(
            given: int, size: int, made: int, stride: int = 1, *, again: bool = False
        ) -> LayerSpec:
            return LayerSpec("conv", given, size, size, made, 3, stride, act=_ACT, residual=again)

        stride = options.stem_stride
        places = [
            self._place(
                _STEM,
                (resolution, narrow),
                (len(sizes), len(inner)),
                lambda r, i: conv(options.channels, sizes[r], inner[i], stride),
            )
        ]
        halved = [_halved(n, stride) for n in sizes]
        if max(options.stem_depth):
            places.append(
                self._place(
                    _STEM,
                    (resolution, narrow),
                    (len(sizes), len(inner)),
                    lambda r, i: conv(inner[i], halved[r], inner[i], again=True),
                    depth=deep,
                    least=options.stem_depth.index(1),
                )
            )
        places.append(
            self._place(
                _STEM,
                (resolution, narrow, wide),
                (len(sizes), len(inner), len(outer)),
                lambda r, i, o: conv(inner[i], halved[r], outer[o]),
            )
        )
        if options.stem_pool:
            places.append(
                self._place(
                    _STEM,
                    (resolution, wide),
                    (len(sizes), len(outer)),
                    lambda r, o: LayerSpec(
                        "maxpool", outer[o], halved[r], halved[r], outer[o], 3, 2, norm=False
                    ),
                )
            )
        now = [_halved(n, 2) for n in halved] if options.stem_pool else halved
        given, before = outer, wide
        for s, stage in enumerate(options.stages):
            places += self._stage(s, now, given, before)
            now = [_halved(n, stage.stride) for n in now]
            given, before = self.stage_channels[s], self.column(f"stage{s + 1}.width")
        places.append(
            self._place(
                "Out",
                (resolution, before),
                (len(sizes), len(given)),
                lambda r, w: LayerSpec(
                    "pool", given[w], now[r], now[r], given[w], norm=False, pooled=True
                ),
            )
        )
        places.append(
            self._place(
                "Out",
                (before,),
                (len(given),),
                lambda w: LayerSpec(
                    "linear", given[w], 1, 1, options.classes, norm=False, bias=True
                ),
            )
        )
        return places

    def _stage(
        self, s: int, sizes: list[int], given: tuple[int, ...], before: int
    ) -> list[_Position]:
        """The blocks of a stage behind `given` channels, which the gene in column `before` chooses."""
        stage, outs = self.options.stages[s], self.stage_channels[s]
        resolution, width = self.column("resolution"), self.column(f"stage{s + 1}.width")
        after = [_halved(n, stage.stride) for n in sizes]

        def block(channels: int, n: int, w: int, e: int, stride: int, same: bool) -> LayerSpec:
            return LayerSpec(
                "bottleneck",
                channels,
                n,
                n,
                outs[w],
                3,
                stride,
                middle=self.middles(s, w)[e],
                act=_ACT,
                residual=same,
            )

        places = [
            self._place(
                str(s + 1),
                (resolution, before, width, self.column(f"stage{s + 1}.block1.expand")),
                (len(sizes), len(given), len(outs), len(stage.expand)),
                lambda r, g, w, e: block(given[g], sizes[r], w, e, stage.stride, False),
            )
        ]
        for b in range(1, max(stage.depth)):
            places.append(
                self._place(
                    str(s + 1),
                    (resolution, width, self.column(f"stage{s + 1}.block{b + 1}.expand")),
                    (len(sizes), len(outs), len(stage.expand)),
                    lambda r, w, e: block(outs[w], after[r], w, e, 1, True),
                    depth=self.column(f"stage{s + 1}.depth"),
                    least=next(i for i, d in enumerate(stage.depth) if d > b),
                )
            )
        return places

    def _place(
        self,
        stage: str,
        columns: tuple[int, ...],
        shape: tuple[int, ...],
        layer: Callable[..., LayerSpec],
        *,
        depth: int | None = None,
        least: int = 0,
    ) -> _Position:
        table = np.empty(shape, dtype=np.int32)
        for options in np.ndindex(shape):
            table[options] = self._index.setdefault(layer(*options), len(self._index))
        return _Position(stage, columns, table, depth, least)

    def rows(self, population: Population) -> NDArray[np.int32]:
        found = np.empty((len(population), len(self._places)), dtype=np.int32)
        for column, place in enumerate(self._places):
            found[:, column] = place.table[tuple(population[:, gene] for gene in place.columns)]
            if place.depth is not None:
                found[population[:, place.depth] < place.least, column] = -1
        return found

    @cached_property
    def _expands(self) -> list[tuple[int, _Position, int]]:
        """Column of the expand gene, position and stage of every block."""
        blocks = [place for place in self._places if place.stage not in (_STEM, "Out")]
        return [(place.columns[-1], place, int(place.stage) - 1) for place in blocks]

    def active(self, population: Population) -> NDArray[np.bool_]:
        on = np.ones(population.shape, dtype=bool)
        for column, place, _ in self._expands:
            if place.depth is not None:
                on[:, column] = population[:, place.depth] >= place.least
        return on

    def canonical(self, population: Population) -> Population:
        found = np.where(self.active(population), population, np.int16(0))
        for column, first in self._first_width:
            found[:, column] = first[found[:, column]]
        for column, _, s in self._expands:
            width = found[:, self.column(f"stage{s + 1}.width")]
            found[:, column] = self._first_expand[s][width, found[:, column]]
        return found

    @cached_property
    def _first_width(self) -> list[tuple[int, NDArray[np.int16]]]:
        """Column of each width gene, and the first option that gives the same channels as each."""
        channels = {"stem.inner": self.stem_inner, "stem.width": self.stem_outer} | {
            f"stage{s + 1}.width": given for s, given in enumerate(self.stage_channels)
        }
        return [(self.column(gene), _first_equal(given)) for gene, given in channels.items()]

    @cached_property
    def _first_expand(self) -> list[NDArray[np.int16]]:
        """Of each stage, the first expand option with the same middle. `(widths, expands)`."""
        return [
            np.stack([_first_equal(self.middles(s, w)) for w in range(len(stage.width))])
            for s, stage in enumerate(self.options.stages)
        ]

    def size(self) -> int:
        options = self.options
        stem = len(options.stem_depth) * len(set(self.stem_inner)) * len(set(self.stem_outer))
        total = len(options.resolution) * stem
        for s, stage in enumerate(options.stages):
            widths = {out: w for w, out in enumerate(self.stage_channels[s])}
            choices = [len(set(self.middles(s, w))) for w in widths.values()]
            total *= sum(each**depth for each in choices for depth in stage.depth)
        return total

    def layers_at(self, resolutions: Sequence[int]) -> tuple[LayerSpec, ...]:
        wanted = [i for i, r in enumerate(self.options.resolution) if r in set(resolutions)]
        rows: set[int] = set()
        for place in self._places:
            sized = place.columns[0] == self.column("resolution")
            rows.update((place.table[wanted] if sized else place.table).ravel().tolist())
        return tuple(layer for row, layer in enumerate(self.layers) if row in rows)

    def resolution(self, population: Population) -> NDArray[np.int32]:
        return np.asarray(self.options.resolution, dtype=np.int32)[population[:, 0]]


def _halved(size: int, stride: int) -> int:
    return (size - 1) // stride + 1


def _first_equal(channels: tuple[int, ...]) -> NDArray[np.int16]:
    return np.array([channels.index(c) for c in channels], dtype=np.int16)


def _checked(document: SpaceDocument) -> ResNetOptions:
    options = options_of(document, ResNetOptions, "resnet_32")
    if not options.stages:
        raise problem(document, "stages", "a space needs at least one", "Add a stage.")
    check_rising(document, "resolution", options.resolution, least=8, most=1024)
    check_rising(document, "stem, width", options.stem_width, least=0.1, most=10)
    check_rising(document, "stem, depth", options.stem_depth, least=0, most=1)
    if (
        options.stem_stride not in (1, 2)
        or min(options.stem, options.channels, options.classes) < 1
    ):
        raise problem(
            document, "stem", "stride must be 1 or 2, channels at least 1", "Correct them."
        )
    for number, stage in enumerate(options.stages, start=1):
        check_rising(document, f"stage {number}, depth", stage.depth, least=1, most=32)
        check_rising(document, f"stage {number}, expand", stage.expand, least=0.05, most=4)
        check_rising(document, f"stage {number}, width", stage.width, least=0.1, most=10)
        if stage.stride not in (1, 2) or stage.channels < 1:
            raise problem(
                document,
                f"stage {number}",
                "stride must be 1 or 2, channels at least 1",
                "Correct them.",
            )
    return options
