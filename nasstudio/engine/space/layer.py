"""LayerSpec: one operation with its shapes, the key of every latency table.

A spec holds everything that decides how long the operation takes, and nothing else. Its text is what a person reads
in the table editor and what a table file holds as its key; `parse(text(spec)) == spec` for every spec.

A row is a segment whose only live inputs are its own: a block with its residual is one row, and so is a block with its
squeeze-and-excitation. Global pooling belongs to the convolution before it, unless what is before it varies.

A `bottleneck` is ResNet's (He et al. 2016, with the stride in the 3x3 convolution): 1x1 to the middle, k x k, 1x1 to
the output, plus the shortcut, then the activation. With `residual` the shortcut is the input itself; without it, the
input's projection: averaged over windows of the stride (ResNet-D), then a 1x1 convolution.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from nasstudio.engine.errors import InvalidInput

KINDS = (
    "conv",
    "mbconv",
    "dwconv",
    "linear",
    "pool",
    "attention",
    "ffn",
    "embed",
    "sepconv",
    "bottleneck",
    "maxpool",
)
ACTIVATIONS = ("none", "relu", "relu6", "hswish", "swish", "gelu")
_RATIOS = (1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 8)
_NARROW_RATIOS = (0.2, 0.25, 0.35, 0.5, 1)  # of a bottleneck's output


def make_divisible(value: float, divisor: int = 8) -> int:
    """Round a channel count to a multiple of `divisor`, never below 90 % of it (as OFA, MnasNet)."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def expanded(channels: int, ratio: float) -> int:
    """Middle channels of a block (OFA: ``make_divisible(round(c * e), 8)``).

    Parameters
    ----------
    channels : that `ratio` refers to: those of the input (inverted bottleneck) or of the output (bottleneck).
    """
    return make_divisible(round(channels * ratio))


@dataclass(frozen=True, order=True)
class LayerSpec:
    """One operation with its shapes.

    Attributes
    ----------
    kind : one of `KINDS`.
    channels_in, height, width : shape of the input; 1 x 1 for a vector. For tokens: `height` tokens, `width` 1.
    channels_out : output channels (features).
    kernel, stride, groups : of the (depthwise) convolution, or of the window of a pooling.
    middle : channels between the expansion and the projection (mbconv), of the narrow part (bottleneck), or the inner
        width (ffn; attention: Q-K-V); 0 if none.
    heads : attention heads; 0 if none.
    act : activation, one of `ACTIVATIONS`.
    se : squeeze-and-excitation with a quarter of the middle channels.
    residual : the input is added to the output, inside the row. A bottleneck without it adds the input's projection.
    norm : batch normalisation after each convolution.
    bias : a bias of its own (linear layers).
    pooled : the output is averaged over its positions, inside the row.
    """

    kind: str
    channels_in: int
    height: int
    width: int
    channels_out: int
    kernel: int = 1
    stride: int = 1
    groups: int = 1
    middle: int = 0
    heads: int = 0
    act: str = "none"
    se: bool = False
    residual: bool = False
    norm: bool = True
    bias: bool = False
    pooled: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidInput(
                f"'{self.kind}' is not a kind of layer.",
                where="layer",
                remedy=f"Known kinds: {', '.join(KINDS)}.",
            )
        if self.act not in ACTIVATIONS:
            raise InvalidInput(
                f"'{self.act}' is not an activation.",
                where=f"layer {self.kind}",
                remedy=f"Known: {', '.join(ACTIVATIONS)}.",
            )
        sizes = (
            self.channels_in,
            self.height,
            self.width,
            self.channels_out,
            self.kernel,
            self.stride,
            self.groups,
        )
        if min(sizes) < 1 or self.middle < 0 or self.heads < 0:
            raise InvalidInput(
                "A layer's sizes must be at least 1.",
                where=f"{self.kind} {self.channels_in}x{self.height}x{self.width} -> {self.channels_out}",
                remedy="Correct the shape.",
            )

    @property
    def height_out(self) -> int:
        """Rows of the output before pooling ("same" padding of k // 2)."""
        return (self.height - 1) // self.stride + 1

    @property
    def width_out(self) -> int:
        """Columns of the output before pooling."""
        return (self.width - 1) // self.stride + 1

    @property
    def squeeze(self) -> int:
        """Middle channels of the squeeze-and-excitation; 0 if there is none (OFA: a quarter, divisible by 8)."""
        return make_divisible((self.middle or self.channels_out) // 4) if self.se else 0

    @property
    def expand_ratio(self) -> float | None:
        """The ratio that gives `middle`, if one of the usual ones does."""
        if not self.middle:
            return None
        narrow = self.kind == "bottleneck"
        ratios = _NARROW_RATIOS if narrow else _RATIOS
        channels = self.channels_out if narrow else self.channels_in
        return next((r for r in ratios if expanded(channels, r) == self.middle), None)


def text(spec: LayerSpec) -> str:
    """The spec as a person reads it: ``mbconv 24x56x56 -> 40 k5 s2 e6 se hswish``."""
    words = [
        spec.kind,
        f"{spec.channels_in}x{spec.height}x{spec.width}",
        "->",
        str(spec.channels_out),
        f"k{spec.kernel}",
        f"s{spec.stride}",
    ]
    if spec.groups != 1:
        words.append(f"g{spec.groups}")
    if spec.middle:
        ratio = spec.expand_ratio
        words.append(f"m{spec.middle}" if ratio is None else f"e{ratio:g}")
    if spec.heads:
        words.append(f"h{spec.heads}")
    flags = {
        "se": spec.se,
        "res": spec.residual,
        "nobn": not spec.norm,
        "bias": spec.bias,
        "pool": spec.pooled,
    }
    words += [flag for flag, on in flags.items() if on]
    if spec.act != "none":
        words.append(spec.act)
    return " ".join(words)


_HEAD = re.compile(
    r"(?P<kind>[a-z]+) (?P<c>\d{1,7})x(?P<h>\d{1,7})x(?P<w>\d{1,7})"
    r" -> (?P<out>\d{1,7})(?P<rest>( \S+)*)"
)
_NUMBERS = {"k": "kernel", "s": "stride", "g": "groups", "m": "middle", "h": "heads"}
_FLAGS: dict[str, tuple[str, bool]] = {
    "se": ("se", True),
    "res": ("residual", True),
    "nobn": ("norm", False),
    "bias": ("bias", True),
    "pool": ("pooled", True),
}


@lru_cache(maxsize=100_000)
def parse(line: str) -> LayerSpec:
    """The spec that `text` wrote.

    Raises
    ------
    InvalidInput
        The line is not a layer; it names the word that is not understood.
    """
    remedy = "A layer reads like: mbconv 24x56x56 -> 40 k5 s2 e6 se hswish"
    head = _HEAD.fullmatch(line.replace("×", "x").replace("→", "->").strip())
    if head is None:
        raise InvalidInput(f"'{line[:80]}' is not a layer.", remedy=remedy)
    channels = int(head["c"])
    wide = int(head["out"]) if head["kind"] == "bottleneck" else channels  # what e refers to
    fields: dict[str, object] = {}
    for word in head["rest"].split():
        name, value = _field(word, wide, line, remedy)
        if name in fields:
            raise InvalidInput(
                f"'{word}' says {name} a second time in '{line[:80]}'.", remedy=remedy
            )
        fields[name] = value
    return LayerSpec(
        kind=head["kind"],
        channels_in=channels,
        height=int(head["h"]),
        width=int(head["w"]),
        channels_out=int(head["out"]),
        **fields,  # type: ignore[arg-type]
    )


def _field(word: str, channels: int, line: str, remedy: str) -> tuple[str, object]:
    """One word of a layer's text as a field and its value."""
    if word in _FLAGS:
        return _FLAGS[word]
    if word in ACTIVATIONS:
        return "act", word
    letter, number = word[0], word[1:]
    try:
        if letter == "e":
            return "middle", expanded(channels, float(number))
        return _NUMBERS[letter], int(number)
    except (KeyError, ValueError, OverflowError):
        raise InvalidInput(f"'{word}' is not understood in '{line[:80]}'.", remedy=remedy) from None
