"""What makes one space of inverted bottlenecks, read from its document and checked.

The same options describe OFA's MobileNetV3 and its ProxylessNAS (Cai et al. 2020): these differ in channels,
activations, gates, head and norms, and in nothing that a search, a supernet or a table would have to know. Every error
names the place in the document and what to do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import ACTIVATIONS, expanded, make_divisible
from nasstudio.engine.space.options import check_rising, options_of, problem
from nasstudio.engine.space.space import SpaceDocument


class Stage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run of blocks with equal output shape.

    Attributes
    ----------
    channels : outputs at width 1, before the width multiplier.
    stride : of the first block; the others have 1.
    depth, kernel, expand : what may be searched: blocks, kernel sizes (px), middle channels for each input channel.
    width : multiples of `channels` that may be searched, one for all blocks of the stage.
    act, se : activation and squeeze-and-excitation of the blocks.
    """

    channels: int
    stride: int
    depth: tuple[int, ...]
    kernel: tuple[int, ...]
    expand: tuple[float, ...]
    width: tuple[float, ...] = (1.0,)
    act: str = "relu"
    se: bool = False


class MobileNetOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A chain: a convolution, a fixed block, the stages, the head.

    Attributes
    ----------
    resolution : input sizes that may be searched, px.
    stem, stem_stride, stem_act : of the first convolution, 3x3.
    first : channels behind the fixed block that follows it (kernel 3, no expansion, activation of the first stage);
        None: as many as the stem, and then it has a residual.
    head : channels of the last convolution, which is pooled, and of the feature mix behind it, if there is one.
    head_act : activation of both.
    channels, classes : of the images.
    width_mult : all channels but those of the images are scaled by it and rounded to multiples of 8 (OFA).
    bn_eps, bn_momentum : of every batch norm.
    """

    resolution: tuple[int, ...]
    stages: tuple[Stage, ...]
    stem: int = 16
    first: int | None = None
    stem_stride: int = 2
    stem_act: str = "hswish"
    head: tuple[int, ...] = (960, 1280)
    head_act: str = "hswish"
    channels: int = 3
    classes: int = 1000
    width_mult: float = 1.0
    bn_eps: float = 1e-5
    bn_momentum: float = 0.1

    def scaled(self, channels: float) -> int:
        """A number of channels after the width multiplier."""
        return make_divisible(channels * self.width_mult)

    @property
    def stem_channels(self) -> int:
        """Outputs of the first convolution."""
        return self.scaled(self.stem)

    @property
    def first_channels(self) -> int:
        """Outputs of the fixed block."""
        return self.stem_channels if self.first is None else self.scaled(self.first)

    @property
    def stage_channels(self) -> tuple[tuple[int, ...], ...]:
        """Outputs of each stage at each of its widths."""
        return tuple(
            tuple(self.scaled(stage.channels * width) for width in stage.width)
            for stage in self.stages
        )

    @property
    def head_channels(self) -> tuple[int, ...]:
        """Outputs of the convolutions of the head."""
        return tuple(self.scaled(channels) for channels in self.head)


def checked(document: SpaceDocument) -> MobileNetOptions:
    """The options of a document.

    Raises
    ------
    InvalidInput
        They do not make a space; the place is named.
    """
    options = options_of(document, MobileNetOptions, "mbv3_28")
    if not options.stages:
        raise InvalidInput(
            "A space needs at least one stage.",
            where=f"space {document.name}",
            remedy="Add a stage.",
        )
    check_rising(document, "resolution", options.resolution, least=8, most=1024)
    _check_ends(document, options)
    for number, stage in enumerate(options.stages, start=1):
        _check_stage(document, number, stage)
    _check_channels(document, options)
    return options


def _check_ends(document: SpaceDocument, options: MobileNetOptions) -> None:
    """Stem, head, images and norms."""
    counts = {
        "stem": options.stem,
        "first": options.stem if options.first is None else options.first,
        "channels": options.channels,
        "classes": options.classes,
    }
    for place, count in counts.items():
        if count < 1:
            raise problem(document, place, f"{count} is less than 1", "Give at least 1.")
    if options.stem_stride not in (1, 2):
        raise problem(document, "stem_stride", f"{options.stem_stride} is not 1 or 2", "Give one.")
    if len(options.head) not in (1, 2) or min(options.head) < 1:
        raise problem(
            document,
            "head",
            f"{list(options.head)} is not one or two numbers of channels",
            "Give the channels of the last convolution, and those of a feature mix if there is one: [960, 1280].",
        )
    _check_act(document, "stem_act", options.stem_act)
    _check_act(document, "head_act", options.head_act)
    ranges = {
        "width_mult": (options.width_mult, 0.1, 10.0),
        "bn_eps": (options.bn_eps, 1e-10, 0.1),
        "bn_momentum": (options.bn_momentum, 0.001, 1.0),
    }
    for place, (value, least, most) in ranges.items():
        if not (math.isfinite(value) and least <= value <= most):
            raise problem(
                document,
                place,
                f"{value:g} leaves {least:g} to {most:g}",
                "Choose a value inside the range.",
            )


def _check_stage(document: SpaceDocument, number: int, stage: Stage) -> None:
    place = f"stage {number}"
    check_rising(document, f"{place}, depth", stage.depth, least=1, most=32)
    check_rising(document, f"{place}, kernel", stage.kernel, least=1, most=15)
    check_rising(document, f"{place}, expand", stage.expand, least=1, most=16)
    check_rising(document, f"{place}, width", stage.width, least=0.1, most=10)
    _check_act(document, f"{place}, act", stage.act)
    if any(k % 2 == 0 for k in stage.kernel):
        raise problem(
            document,
            f"{place}, kernel",
            f"{stage.kernel} holds an even size",
            "Use odd kernels.",
        )
    if stage.stride not in (1, 2) or stage.channels < 1:
        raise problem(
            document, place, "stride must be 1 or 2, channels at least 1", "Correct them."
        )


def _check_channels(document: SpaceDocument, options: MobileNetOptions) -> None:
    """Different options must make different layers: channels are rounded to multiples of 8."""
    before: tuple[int, ...] = (options.first_channels,)
    for number, (stage, channels) in enumerate(
        zip(options.stages, options.stage_channels, strict=True), start=1
    ):
        _check_distinct(
            document, f"stage {number}, width", stage.width, channels, f"of {stage.channels}"
        )
        for inputs in sorted({*before, *(channels if max(stage.depth) > 1 else ())}):
            middles = [expanded(inputs, ratio) for ratio in stage.expand]
            _check_distinct(
                document,
                f"stage {number}, expand",
                stage.expand,
                middles,
                f"in the middle of {inputs}",
            )
        before = channels


def _check_distinct(
    document: SpaceDocument,
    place: str,
    options: Sequence[float],
    channels: Sequence[int],
    of: str,
) -> None:
    for (one, n), (other, m) in pairwise(zip(options, channels, strict=True)):
        if n == m:
            raise problem(
                document,
                place,
                f"{one:g} and {other:g} both give {n} channels {of}",
                "Remove one of the two, or choose options that are further apart.",
            )


def _check_act(document: SpaceDocument, place: str, act: str) -> None:
    if act not in ACTIVATIONS:
        raise problem(
            document, place, f"'{act}' is not an activation", f"Known: {', '.join(ACTIVATIONS)}."
        )
