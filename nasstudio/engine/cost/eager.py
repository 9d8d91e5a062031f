"""What eager PyTorch keeps while `net.static` runs: fused, in inference mode, channels last, on one thread.

Each function follows the forward of a module there, with bytes in place of tensors. Every operation makes a tensor
(none is in place), and a tensor lives as long as a local variable of a running frame names it: the input of a layer
until the layer has returned, that of a convolution until its activation has.

Convolutions need working space: by oneDNN the weights in its own order and a page; by PyTorch's own code, which takes
over small single images and single-thread 1x1 kernels (aten/native/Convolution.cpp, `use_mkldnn`), the unfolded image.
"""

from __future__ import annotations

from collections.abc import Sequence

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import LayerSpec, text

_BYTES = 4
_SCRATCHPAD = 8216  # bytes that oneDNN asks for a convolution that is not depthwise (3.x, x86-64)
_LARGE = 20480  # numbers of an input from which oneDNN takes a single image
_BATCH = 16  # images from which oneDNN takes 1x1 kernels on one thread


class _Heap:
    """Bytes alive and the most there were."""

    def __init__(self, alive: int = 0) -> None:
        self.alive = self.peak = alive

    def make(self, size: int) -> int:
        self.alive += size
        self.peak = max(self.peak, self.alive)
        return size

    def drop(self, size: int) -> None:
        self.alive -= size


def peak_bytes(layer: LayerSpec, batch: int) -> int:
    """Peak while a layer runs, with its input, bytes.

    Raises
    ------
    InvalidInput
        It is not known how layers of its kind are executed.
    """
    heap = _Heap(_BYTES * batch * layer.channels_in * layer.height * layer.width)
    _run(heap, layer, batch)
    return heap.peak


def network_peak_bytes(layers: Sequence[LayerSpec], batch: int) -> int:
    """Peak while a network runs, without its input, which is the caller's, bytes.

    Raises
    ------
    InvalidInput
        There are no layers, or it is not known how one of them is executed.
    """
    if not layers:
        raise InvalidInput("A network needs at least one layer.", remedy="Add a layer.")
    first = _Heap()
    _run(first, layers[0], batch)
    return max([first.peak, *(peak_bytes(layer, batch) for layer in layers[1:])])


def _run(heap: _Heap, layer: LayerSpec, batch: int) -> None:
    """Run a layer; its output stays alive."""
    if layer.kind in ("conv", "dwconv"):
        _convolution(heap, layer, batch)
    elif layer.kind == "mbconv":
        _inverted(heap, layer, batch)
    elif layer.kind == "bottleneck":
        _residual(heap, layer, batch)
    elif layer.kind in ("linear", "pool", "maxpool"):
        _single(heap, layer, batch)
    else:
        raise InvalidInput(
            f"It is not known what '{text(layer)}' keeps in memory.", remedy="Remove the row."
        )


def _conv(
    heap: _Heap,
    batch: int,
    channels: tuple[int, int],
    size: tuple[int, int],
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
) -> int:
    """A convolution: its output's bytes. `size` is the input's."""
    inside, out = channels
    height, width = ((s - 1) // stride + 1 for s in size)
    weights = inside // groups * kernel**2
    if _by_onednn(batch, inside, size, kernel, stride, groups):
        padded = -(-out // 16) * 16
        space = _BYTES * weights * padded + (_SCRATCHPAD if groups == 1 else 0)
    else:
        unfolded = kernel > 1 or stride > 1
        space = _BYTES * batch * inside * kernel**2 * height * width if unfolded else 0
    made = heap.make(_BYTES * batch * out * height * width)
    heap.drop(heap.make(space))
    return made


def _by_onednn(
    batch: int, inside: int, size: tuple[int, int], kernel: int, stride: int, groups: int
) -> bool:
    worth = stride > 1 or kernel > 1 or batch >= _BATCH
    large = batch * inside * size[0] * size[1] > _LARGE
    return worth and (groups > 1 or kernel > 3 or batch > 1 or large)


def _conv_act(
    heap: _Heap,
    batch: int,
    channels: tuple[int, int],
    size: tuple[int, int],
    *,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    act: str,
) -> int:
    """`ConvNormAct`, its norm folded."""
    made = _conv(heap, batch, channels, size, kernel, stride, groups)
    return made if act == "none" else _replaced(heap, made, made)


def _replaced(heap: _Heap, old: int, new: int) -> int:
    """A new tensor made from an old one that nothing names any more."""
    made = heap.make(new)
    heap.drop(old)
    return made


def _gate(heap: _Heap, batch: int, channels: int, squeeze: int, image: int) -> int:
    """`SqueezeExcite` of an image that the caller's variable names until it returns."""
    gate = heap.make(_BYTES * batch * channels)
    inner = _conv(heap, batch, (channels, squeeze), (1, 1))
    inner = _replaced(heap, inner, inner)
    wide = _conv(heap, batch, (squeeze, channels), (1, 1))
    heap.drop(inner)
    heap.drop(gate)
    wide = heap.make(wide)  # the hard sigmoid; `gate` names what it is made of
    made = heap.make(image)
    heap.drop(2 * wide)
    heap.drop(image)
    return made


def _ended(heap: _Heap, batch: int, layer: LayerSpec, made: int) -> None:
    """Residual and pooling."""
    if layer.residual:
        made = _replaced(heap, made, made)
    if layer.pooled:
        _replaced(heap, made, _BYTES * batch * layer.channels_out)


def _convolution(heap: _Heap, layer: LayerSpec, batch: int) -> None:
    made = _conv_act(
        heap,
        batch,
        (layer.channels_in, layer.channels_out),
        (layer.height, layer.width),
        kernel=layer.kernel,
        stride=layer.stride,
        groups=layer.channels_in if layer.kind == "dwconv" else layer.groups,
        act=layer.act,
    )
    if layer.se:
        made = _gate(heap, batch, layer.channels_out, layer.squeeze, made)
    _ended(heap, batch, layer, made)


def _inverted(heap: _Heap, layer: LayerSpec, batch: int) -> None:
    middle = layer.middle or layer.channels_in
    size, after, wide = (layer.height, layer.width), (layer.height_out, layer.width_out), 0
    if middle != layer.channels_in:
        wide = _conv_act(heap, batch, (layer.channels_in, middle), size, act=layer.act)
    made = _conv_act(
        heap,
        batch,
        (middle, middle),
        size,
        kernel=layer.kernel,
        stride=layer.stride,
        groups=middle,
        act=layer.act,
    )
    heap.drop(wide)
    if layer.se:
        made = _gate(heap, batch, middle, layer.squeeze, made)
    narrow = _conv(heap, batch, (middle, layer.channels_out), after)
    heap.drop(made)
    _ended(heap, batch, layer, narrow)


def _residual(heap: _Heap, layer: LayerSpec, batch: int) -> None:
    """`ResidualBottleneck`; the caller's variable names the input throughout, `beside` the shortcut."""
    middle, size, after = (
        layer.middle,
        (layer.height, layer.width),
        (layer.height_out, layer.width_out),
    )
    image = _BYTES * batch * after[0] * after[1]  # of one channel, behind the stride
    if not layer.residual:
        shrunk = heap.make(image * layer.channels_in if layer.stride > 1 else 0)
        _conv(heap, batch, (layer.channels_in, layer.channels_out), after)
        heap.drop(shrunk)
    wide = _conv_act(heap, batch, (layer.channels_in, middle), size, act=layer.act)
    made = _conv_act(
        heap,
        batch,
        (middle, middle),
        size,
        kernel=layer.kernel,
        stride=layer.stride,
        act=layer.act,
    )
    heap.drop(wide)
    widened = _conv(heap, batch, (middle, layer.channels_out), after)
    heap.drop(made)
    summed = heap.make(image * layer.channels_out)  # `y` still names the last convolution's output
    if layer.act != "none":
        summed = _replaced(heap, summed, summed)
    heap.drop(widened)
    if layer.pooled:
        _replaced(heap, summed, _BYTES * batch * layer.channels_out)


def _single(heap: _Heap, layer: LayerSpec, batch: int) -> None:
    """A matrix or a pooling, with the matrix's activation."""
    one = layer.kind == "linear" or layer.pooled
    positions = 1 if one else layer.height_out * layer.width_out
    made = heap.make(_BYTES * batch * layer.channels_out * positions)
    if layer.kind == "maxpool":
        heap.drop(heap.make(2 * made))  # where each maximum was, int64
    if layer.kind == "linear" and layer.act != "none":
        made = _replaced(heap, made, made)
    if layer.kind == "linear" and layer.residual:
        _replaced(heap, made, made)
