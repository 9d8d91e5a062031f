"""The primitive operations of a chain of layers, in the order in which ONNX Runtime executes them, with their tensors.

What is written here is ONNX Runtime's optimised graph on a processor with vector registers (x86-64), as its own
profile shows it (1.32): activations are part of their convolution, a residual is added by the convolution that
projects and in its input's buffer, images are kept in blocks of `BLOCK` channels (NCHWc) and the channels are padded to
it. What can't be done in blocks (the gate's product, pooling of channels that do not fill their blocks) is done in the
plain layout, with a copy before and after. No torch, no bytes: `cost.buffers` says what lives when.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import LayerSpec, text

BLOCK = 16  # channels of a block with AVX-512 (MLAS); 8 with AVX2
_FUSED = ("none", "relu", "relu6", "hswish")

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Tensor:
    """Something computed, for one image.

    Attributes
    ----------
    shape : channels, height, width as they are stored; channels are padded in blocks.
    blocked : in blocks of channels.
    """

    shape: Shape
    blocked: bool

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.shape[1], self.shape[2]


@dataclass(frozen=True)
class Operation:
    """One step of the execution.

    Attributes
    ----------
    writes : the tensor it makes.
    reads : tensors it takes.
    over : the tensor whose buffer it writes into, if that is read for the last time; None for a buffer of its own.
    """

    writes: int
    reads: tuple[int, ...]
    over: int | None = None


class Operations:
    """The operations of a chain of layers. Tensor 0 is its input.

    Parameters
    ----------
    start : what the chain reads: the network's images (not counted: they are the caller's), or what a layer before
        gives.
    """

    def __init__(self, start: Tensor) -> None:
        self.tensors = [start]
        self.steps: list[Operation] = []
        self.value = 0
        self._copies: dict[tuple[int, bool], int] = {}

    def add(self, layer: LayerSpec) -> None:
        """Append a layer.

        Raises
        ------
        InvalidInput
            It is not known how layers of its kind are executed.
        """
        if layer.kind not in _LAYERS:
            raise InvalidInput(
                f"It is not known what '{text(layer)}' keeps in memory.", remedy="Remove the row."
            )
        self.value = _LAYERS[layer.kind](self, self.value, layer)

    # -- operations ---------------------------------------------------------------------------------------------

    def step(self, shape: Shape, blocked: bool, *reads: int, over: int | None = None) -> int:
        """Append an operation; the tensor it writes."""
        self.tensors.append(Tensor(shape, blocked))
        self.steps.append(Operation(len(self.tensors) - 1, reads, over))
        return len(self.tensors) - 1

    def blocked(self, tensor: int) -> int:
        """The tensor in blocks, by a copy if it is not."""
        return self._laid_out(tensor, True, self.tensors[tensor].shape[0])

    def plain(self, tensor: int, channels: int) -> int:
        """The tensor in the plain layout with its true channels, by a copy if it is not."""
        return self._laid_out(tensor, False, channels)

    def _laid_out(self, tensor: int, blocked: bool, channels: int) -> int:
        found = self.tensors[tensor]
        if found.blocked == blocked:
            return tensor
        if (tensor, blocked) not in self._copies:
            stored = padded(channels) if blocked else channels
            self._copies[tensor, blocked] = self.step((stored, *found.size), blocked, tensor)
        return self._copies[tensor, blocked]

    def conv(
        self,
        value: int,
        channels: tuple[int, int],
        size: tuple[int, int],
        groups: int = 1,
        *,
        act: str = "none",
        added: int | None = None,
    ) -> int:
        """A convolution with its activation; `added` is what it adds to its result, in that one's buffer."""
        inside, out = channels
        if groups == 1 and inside < BLOCK:  # few channels are read as they are: the images
            value = self.plain(value, inside)
        elif _fits_blocks(inside, out, groups):
            value = self.blocked(value)
        else:
            return self._plain_conv(value, channels, size, act=act, added=added)
        over = None if added is None else self.blocked(added)
        reads: tuple[int, ...] = (value,) if over is None else (value, over)
        made = self.step((padded(out), *size), True, *reads, over=over)
        return self.act(made, act)

    def _plain_conv(
        self,
        value: int,
        channels: tuple[int, int],
        size: tuple[int, int],
        *,
        act: str,
        added: int | None,
    ) -> int:
        made = self.step((channels[1], *size), False, self.plain(value, channels[0]))
        made = self.act(made, act)
        return made if added is None else self.sum(made, added, channels[1])

    def act(self, value: int, act: str) -> int:
        """An activation: an operation of its own only where no convolution does it."""
        if act in _FUSED:
            return value
        return self.step(self.tensors[value].shape, self.tensors[value].blocked, value)

    def sum(self, left: int, right: int, channels: int) -> int:
        """The sum of two images: in blocks if both are."""
        blocked = self.tensors[left].blocked and self.tensors[right].blocked
        if not blocked:
            left, right = self.plain(left, channels), self.plain(right, channels)
        return self.step(self.tensors[left].shape, blocked, left, right)

    def mean(self, value: int, channels: int) -> int:
        """The average over all positions."""
        return self.pool(value, channels, (1, 1))

    def pool(self, value: int, channels: int, size: tuple[int, int]) -> int:
        """An average over windows: in blocks if the channels fill them."""
        blocked = self.tensors[value].blocked and channels % BLOCK == 0
        if not blocked:
            value = self.plain(value, channels)
        return self.step((channels, *size), blocked, value)

    def gate(self, value: int, channels: int, squeeze: int) -> int:
        """Squeeze-and-excitation; the product is one of plain images."""
        mean = self.mean(value, channels)
        inner = self.conv(mean, (channels, squeeze), (1, 1))
        gate = self.plain(self.conv(inner, (squeeze, channels), (1, 1)), channels)
        image = self.plain(value, channels)
        return self.step(self.tensors[image].shape, False, image, gate)


def padded(channels: int) -> int:
    """Channels that are stored in blocks."""
    return -(-channels // BLOCK) * BLOCK


def images(layer: LayerSpec) -> Operations:
    """Nothing yet, before the first layer of a network."""
    return Operations(Tensor((layer.channels_in, layer.height, layer.width), False))


def given(layer: LayerSpec) -> Operations:
    """Nothing yet, behind a layer of a network that gives what `layer` takes."""
    return Operations(Tensor((padded(layer.channels_in), layer.height, layer.width), True))


def operations(layers: Sequence[LayerSpec]) -> Operations:
    """The operations of a whole network.

    Raises
    ------
    InvalidInput
        There are no layers, or it is not known how one of them is executed.
    """
    if not layers:
        raise InvalidInput("A network needs at least one layer.", remedy="Add a layer.")
    chain = images(layers[0])
    for layer in layers:
        chain.add(layer)
    chain.value = chain.plain(chain.value, layers[-1].channels_out)
    return chain


def _fits_blocks(inside: int, out: int, groups: int) -> bool:
    """Whether the convolution runs in blocks (onnxruntime, nchwc_transformer.cc)."""
    if groups == 1:
        return inside % 4 == 0
    if groups == inside:
        return out == groups
    return inside // groups % BLOCK == 0 and out % groups == 0 and out // groups % BLOCK == 0


def _conv(chain: Operations, value: int, layer: LayerSpec) -> int:
    groups = layer.channels_in if layer.kind == "dwconv" else layer.groups
    size, out = (layer.height_out, layer.width_out), layer.channels_out
    alone = layer.residual and not layer.se and layer.act == "none"
    made = chain.conv(
        value,
        (layer.channels_in, out),
        size,
        groups,
        act=layer.act,
        added=value if alone else None,
    )
    if layer.se:
        made = chain.gate(made, out, layer.squeeze)
    if layer.residual and not alone:
        made = chain.sum(made, value, out)
    return chain.mean(made, out) if layer.pooled else made


def _mbconv(chain: Operations, value: int, layer: LayerSpec) -> int:
    middle, after = layer.middle or layer.channels_in, (layer.height_out, layer.width_out)
    made = value
    if middle != layer.channels_in:
        size = (layer.height, layer.width)
        made = chain.conv(made, (layer.channels_in, middle), size, act=layer.act)
    made = chain.conv(made, (middle, middle), after, middle, act=layer.act)
    if layer.se:
        made = chain.gate(made, middle, layer.squeeze)
    added = value if layer.residual else None
    made = chain.conv(made, (middle, layer.channels_out), after, added=added)
    return chain.mean(made, layer.channels_out) if layer.pooled else made


def _bottleneck(chain: Operations, value: int, layer: LayerSpec) -> int:
    channels, middle, out = layer.channels_in, layer.middle, layer.channels_out
    before, after = (layer.height, layer.width), (layer.height_out, layer.width_out)
    beside = value
    made = chain.conv(value, (channels, middle), before, act=layer.act)
    made = chain.conv(made, (middle, middle), after, act=layer.act)
    if middle < BLOCK:  # a copy comes right behind what it copies
        made = chain.plain(made, middle)
    if not layer.residual:  # just before the convolution that adds it
        shrunk = value if layer.stride == 1 else chain.pool(value, channels, after)
        beside = chain.conv(shrunk, (channels, out), after)
    made = chain.conv(made, (middle, out), after, act=layer.act, added=beside)
    return chain.mean(made, out) if layer.pooled else made


def _linear(chain: Operations, value: int, layer: LayerSpec) -> int:
    value = chain.plain(value, layer.channels_in)
    made = chain.step((layer.channels_out, 1, 1), False, value)
    made = chain.act(made, layer.act)
    return chain.sum(made, value, layer.channels_out) if layer.residual else made


def _pool(chain: Operations, value: int, layer: LayerSpec) -> int:
    size = (1, 1) if layer.pooled else (layer.height_out, layer.width_out)
    return chain.pool(value, layer.channels_in, size)


_LAYERS: dict[str, Callable[[Operations, int, LayerSpec], int]] = {
    "conv": _conv,
    "dwconv": _conv,
    "mbconv": _mbconv,
    "linear": _linear,
    "pool": _pool,
    "bottleneck": _bottleneck,
    "maxpool": _pool,
}
