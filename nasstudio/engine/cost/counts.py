"""MACs, parameters and model size of layers and of whole populations, by closed formulas.

Multiply-accumulates of convolutions, linear layers and squeeze-and-excitation; no batch norm, no activation, as in the
OFA code. Parameters include batch norm's scale and shift. Model size is that of the ONNX file that `export.onnx`
writes: fp32 weights with the norms folded in, so that each normed convolution has a bias, and the graph around them.
Peak memory is in `cost.liveness`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import LayerSpec, text
from nasstudio.engine.space.space import Population, SearchSpace

MIB = 1024**2
_BYTES = 4
# Bytes of an ONNX file beside the weights (names, shapes, attributes), as `export.onnx` writes them.
_FILE, _CONV_NODE, _NODE, _TENSOR, _LABEL = 1200, 155, 60, 34, 13


@dataclass(frozen=True)
class Counts:
    """What one layer costs.

    Attributes
    ----------
    macs : multiply-accumulates for one image.
    params : trainable numbers.
    file_bytes : what it adds to an ONNX file.
    """

    macs: int
    params: int
    file_bytes: int


def count(layer: LayerSpec) -> Counts:
    """Costs of one layer.

    Raises
    ------
    InvalidInput
        No formula is known for its kind.
    """
    try:
        formula = _FORMULAS[layer.kind]
    except KeyError:
        raise InvalidInput(
            f"No count is known for '{text(layer)}'.", remedy="Remove the row."
        ) from None
    return formula(layer)


def _norm(layer: LayerSpec, channels: int) -> int:
    return 2 * channels if layer.norm else 0


def _bias(layer: LayerSpec, channels: int) -> int:
    return channels if layer.bias else 0


def _stored(layer: LayerSpec, weights: int, outputs: int, convs: int, nodes: int) -> int:
    """Bytes in a file of convolutions (or matrices) with that many weights and outputs, and of other nodes.

    A bias is stored for every output where the layer has one, or a norm that was folded into it.
    """
    biased = layer.norm or layer.bias
    numbers = weights + (outputs if biased else 0)
    tensors = convs * (2 if biased else 1)
    return _BYTES * numbers + convs * _CONV_NODE + nodes * _NODE + tensors * _TENSOR


def _gate(layer: LayerSpec, channels: int) -> tuple[int, int, int]:
    """MACs, parameters and stored bytes of squeeze-and-excitation; its two convolutions have biases."""
    if not layer.se:
        return 0, 0, 0
    weights = 2 * layer.squeeze * channels
    params = weights + layer.squeeze + channels
    return weights, params, _BYTES * params + 2 * _CONV_NODE + 4 * _NODE + 4 * _TENSOR


def _ends(layer: LayerSpec) -> int:
    """Nodes of activation, residual and pooling, each once."""
    return int(layer.act != "none") + int(layer.residual) + int(layer.pooled)


def _conv(layer: LayerSpec) -> Counts:
    positions, out = layer.height_out * layer.width_out, layer.channels_out
    groups = layer.channels_in if layer.kind == "dwconv" else layer.groups
    weights = layer.channels_in // groups * out * layer.kernel**2
    macs, params, stored = _gate(layer, out)
    return Counts(
        weights * positions + macs,
        weights + _norm(layer, out) + _bias(layer, out) + params,
        _stored(layer, weights, out, 1, _ends(layer)) + stored,
    )


def _mbconv(layer: LayerSpec) -> Counts:
    """Inverted bottleneck: expand 1x1 (unless the ratio is 1), depthwise, SE, project 1x1 (MobileNetV3)."""
    before, after = layer.height * layer.width, layer.height_out * layer.width_out
    middle, channels, out = layer.middle or layer.channels_in, layer.channels_in, layer.channels_out
    widen = channels * middle if middle != channels else 0
    deep, narrow = middle * layer.kernel**2, middle * out
    outputs = (2 if widen else 1) * middle + out
    macs, params, stored = _gate(layer, middle)
    weights = widen + deep + narrow
    nodes = _ends(layer) + int(bool(widen) and layer.act != "none")
    return Counts(
        widen * before + (deep + narrow) * after + macs,
        weights + _norm(layer, outputs) + _bias(layer, outputs) + params,
        _stored(layer, weights, outputs, 3 if widen else 2, nodes) + stored,
    )


def _linear(layer: LayerSpec) -> Counts:
    tokens = layer.height * layer.width
    weights, out = layer.channels_in * layer.channels_out, layer.channels_out
    return Counts(
        weights * tokens,
        weights + _bias(layer, out) + _norm(layer, out),
        _stored(layer, weights, out, 1, 1 + _ends(layer)) + _LABEL * out,
    )


def _bottleneck(layer: LayerSpec) -> Counts:
    """Bottleneck: 1x1, k x k, 1x1, and a 1x1 in the shortcut unless that is the input (He et al. 2016)."""
    before, after = layer.height * layer.width, layer.height_out * layer.width_out
    middle, channels, out = layer.middle, layer.channels_in, layer.channels_out
    narrow, spatial, widen = channels * middle, middle**2 * layer.kernel**2, middle * out
    shortcut = 0 if layer.residual else channels * out
    outputs = 2 * middle + out + (out if shortcut else 0)
    weights = narrow + spatial + widen + shortcut
    pooling = int(bool(shortcut) and layer.stride > 1)
    nodes = 1 + 3 * int(layer.act != "none") + int(layer.pooled)  # the sum, the activations
    stored = _stored(layer, weights, outputs, 4 if shortcut else 3, nodes)
    return Counts(
        narrow * before + (spatial + widen + shortcut) * after,
        weights + _norm(layer, outputs) + _bias(layer, outputs),
        stored + pooling * _CONV_NODE,
    )


def _pool(layer: LayerSpec) -> Counts:
    return Counts(0, 0, _CONV_NODE)


_FORMULAS: dict[str, Callable[[LayerSpec], Counts]] = {
    "conv": _conv,
    "dwconv": _conv,
    "mbconv": _mbconv,
    "linear": _linear,
    "pool": _pool,
    "bottleneck": _bottleneck,
    "maxpool": _pool,
}


@lru_cache(maxsize=16)
def _columns(space: SearchSpace) -> NDArray[np.float64]:
    """(layers + 1, 3) of MACs, parameters and bytes in a file; the last row, the absent layer, is zero."""
    counted = [count(layer) for layer in space.layers]
    columns = [[c.macs, c.params, c.file_bytes] for c in counted]
    return np.array([*columns, [0, 0, 0]], dtype=np.float64)


def macs(space: SearchSpace, population: Population) -> NDArray[np.float64]:
    """Multiply-accumulates of each member for one image. `(n,)`."""
    summed: NDArray[np.float64] = _columns(space)[:, 0][space.rows(population)].sum(axis=1)
    return summed


def params(space: SearchSpace, population: Population) -> NDArray[np.float64]:
    """Parameters of each member. `(n,)`."""
    summed: NDArray[np.float64] = _columns(space)[:, 1][space.rows(population)].sum(axis=1)
    return summed


def size_mib(space: SearchSpace, population: Population) -> NDArray[np.float64]:
    """Size of each member as an ONNX file, MiB. `(n,)`."""
    summed: NDArray[np.float64] = _columns(space)[:, 2][space.rows(population)].sum(axis=1)
    return (summed + _FILE) / MIB
