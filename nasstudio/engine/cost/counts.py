"""MACs, parameters and memory of layers and of whole populations, by closed formulas.

Multiply-accumulates of convolutions, linear layers and squeeze-and-excitation; no batch norm, no activation, as in the
OFA code. Parameters include batch norm's scale and shift. Peak activation memory is that of one image in fp32: within
a row from liveness, between rows the maximum.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import LayerSpec, text
from nasstudio.engine.space.space import Population, SearchSpace

MIB = 1024**2
_BYTES = 4


@dataclass(frozen=True)
class Counts:
    """What one layer costs.

    Attributes
    ----------
    macs : multiply-accumulates for one image.
    params : trainable numbers.
    peak_bytes : largest sum of live activations while the layer runs, bytes.
    """

    macs: int
    params: int
    peak_bytes: int


def count(layer: LayerSpec) -> Counts:
    """Costs of one layer.

    Raises
    ------
    InvalidInput
        No formula is known for its kind.
    """
    formulas = {"conv": _conv, "dwconv": _conv, "mbconv": _mbconv, "linear": _linear, "pool": _pool}
    try:
        formula = formulas[layer.kind]
    except KeyError:
        raise InvalidInput(
            f"No count is known for '{text(layer)}'.", remedy="Remove the row."
        ) from None
    return formula(layer)


def _norm(layer: LayerSpec, channels: int) -> int:
    return 2 * channels if layer.norm else 0


def _bias(layer: LayerSpec, channels: int) -> int:
    return channels if layer.bias else 0


def _conv(layer: LayerSpec) -> Counts:
    positions = layer.height_out * layer.width_out
    weights = layer.channels_in // layer.groups * layer.channels_out * layer.kernel**2
    params = weights + _norm(layer, layer.channels_out) + _bias(layer, layer.channels_out)
    inside, out = layer.channels_in * layer.height * layer.width, layer.channels_out * positions
    squeeze = 2 * layer.squeeze * layer.channels_out
    if layer.se:
        params += squeeze + layer.squeeze + layer.channels_out
    return Counts(
        weights * positions + (squeeze if layer.se else 0), params, _BYTES * (inside + out)
    )


def _mbconv(layer: LayerSpec) -> Counts:
    """Inverted bottleneck: expand 1x1 (unless the ratio is 1), depthwise, SE, project 1x1 (MobileNetV3)."""
    before, after = layer.height * layer.width, layer.height_out * layer.width_out
    middle, channels, out = layer.middle, layer.channels_in, layer.channels_out
    widen = middle != channels
    macs = middle * layer.kernel**2 * after + middle * out * after
    params = middle * layer.kernel**2 + middle * out + _norm(layer, middle) + _norm(layer, out)
    if widen:
        macs += channels * middle * before
        params += channels * middle + _norm(layer, middle)
    if layer.se:
        macs += 2 * middle * layer.squeeze
        params += 2 * middle * layer.squeeze + layer.squeeze + middle
    kept = channels * before if layer.residual else 0
    steps = [kept + middle * before + middle * after, kept + middle * after + out * after]
    if widen:
        steps.append(channels * before + middle * before)
    return Counts(macs, params, _BYTES * max(steps))


def _linear(layer: LayerSpec) -> Counts:
    tokens = layer.height * layer.width
    weights = layer.channels_in * layer.channels_out
    params = weights + _bias(layer, layer.channels_out) + _norm(layer, layer.channels_out)
    return Counts(
        weights * tokens, params, _BYTES * tokens * (layer.channels_in + layer.channels_out)
    )


def _pool(layer: LayerSpec) -> Counts:
    inside = layer.channels_in * layer.height * layer.width
    out = layer.channels_out * (1 if layer.pooled else layer.height_out * layer.width_out)
    return Counts(0, 0, _BYTES * (inside + out))


@lru_cache(maxsize=16)
def _columns(space: SearchSpace) -> NDArray[np.float64]:
    """(layers + 1, 3) of MACs, parameters and peak bytes; the last row, the absent layer, is zero."""
    counted = [count(layer) for layer in space.layers]
    columns = [[c.macs, c.params, c.peak_bytes] for c in counted]
    return np.array([*columns, [0, 0, 0]], dtype=np.float64)


def macs(space: SearchSpace, population: Population) -> NDArray[np.float64]:
    """Multiply-accumulates of each member for one image. `(n,)`."""
    summed: NDArray[np.float64] = _columns(space)[:, 0][space.rows(population)].sum(axis=1)
    return summed


def params(space: SearchSpace, population: Population) -> NDArray[np.float64]:
    """Parameters of each member. `(n,)`."""
    summed: NDArray[np.float64] = _columns(space)[:, 1][space.rows(population)].sum(axis=1)
    return summed


def memory_mib(space: SearchSpace, population: Population) -> NDArray[np.float64]:
    """Peak activation memory of each member for one image in fp32, MiB. `(n,)`."""
    largest: NDArray[np.float64] = _columns(space)[:, 2][space.rows(population)].max(axis=1)
    return largest / MIB
