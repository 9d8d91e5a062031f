"""Layers as arrays: their sizes, their work, and which differ from each other in one size only.

What the checks and the filling of tables compare are neighbours: rows that are the same layer but for its resolution,
kernel, expansion or channels. Everything here is vectorised over the rows of a table; rows without a layer have no
neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.space.layer import ACTIVATIONS, KINDS, LayerSpec

SIZES = ("resolution", "kernel", "expand", "channels")
_INTEGERS = (
    *(
        "channels_in",
        "height",
        "width",
        "channels_out",
        "kernel",
        "stride",
        "groups",
        "middle",
        "heads",
    ),
    *("se", "residual", "norm", "bias", "pooled", "squeeze"),
)
_KIND = {kind: code for code, kind in enumerate(KINDS)}
_ACT = {act: code for code, act in enumerate(ACTIVATIONS)}
Ints = NDArray[np.int64]
_MOST = 2**62


@dataclass(frozen=True)
class Shapes:
    """Sizes and work of the rows that are layers.

    Attributes
    ----------
    rows : index of each into the table. `(layers,)`, as all below.
    sizes : fields of the specs by name, and ``kind`` and ``act`` as codes.
    macs : multiply-accumulates of one image.
    values : numbers read and written: input, output and what lies between, and weights.
    """

    rows: NDArray[np.intp]
    sizes: dict[str, Ints]
    macs: NDArray[np.float64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Chains:
    """Layers in chains: the same but for one size, in rising order of it.

    Attributes
    ----------
    order : index into the layers of `Shapes`, chain after chain.
    chain : number of the chain of each. `(layers,)`
    size : the size that rises in it.
    """

    order: NDArray[np.intp]
    chain: Ints
    size: Ints


def shapes(specs: Sequence[LayerSpec | None]) -> Shapes:
    """The layers among the rows of a table, as arrays."""
    rows = np.array([row for row, spec in enumerate(specs) if spec is not None], dtype=np.intp)
    layers = [spec for spec in specs if spec is not None]
    table = np.array(list(map(attrgetter(*_INTEGERS), layers)), dtype=np.int64)
    table = table.reshape(len(layers), len(_INTEGERS))
    sizes = dict(zip(_INTEGERS, table.T, strict=True))
    sizes["kind"] = np.array([_KIND[layer.kind] for layer in layers], dtype=np.int64)
    sizes["act"] = np.array([_ACT[layer.act] for layer in layers], dtype=np.int64)
    macs, values = _work({name: column.astype(float) for name, column in sizes.items()})
    return Shapes(rows, sizes, macs, values)


def _work(s: dict[str, NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """MACs and moved numbers of each layer; of kinds without a formula as if they were convolutions."""
    kind, channels, out, middle = s["kind"], s["channels_in"], s["channels_out"], s["middle"]
    before = s["height"] * s["width"]
    after = ((s["height"] - 1) // s["stride"] + 1) * ((s["width"] - 1) // s["stride"] + 1)
    squeeze = 2 * s["squeeze"] * np.maximum(middle, out * (middle == 0))
    window = s["kernel"] ** 2
    weights = channels / s["groups"] * out * window
    macs, inner = weights * after + squeeze, np.zeros_like(before)

    block = kind == _KIND["mbconv"]
    widen = (middle != channels) * channels * middle
    macs = np.where(block, widen * before + middle * (window + out) * after + squeeze, macs)
    weights = np.where(block, widen + middle * (window + out) + squeeze, weights)
    inner = np.where(block, middle * (before * (middle != channels) + after) * 2, inner)

    residual = kind == _KIND["bottleneck"]
    shortcut = (s["residual"] == 0) * channels * out
    narrow = channels * middle
    rest = middle * (middle * window + out) + shortcut
    macs = np.where(residual, narrow * before + rest * after, macs)
    weights = np.where(residual, narrow + rest, weights)
    inner = np.where(residual, 2 * middle * (before + after), inner)

    heads = kind == _KIND["attention"]
    macs = np.where(heads, before * 4 * channels * middle + 2 * before**2 * middle, macs)
    weights = np.where(heads, 4 * channels * middle, weights)
    forward = kind == _KIND["ffn"]
    macs = np.where(forward, before * 2 * channels * middle, macs)
    weights = np.where(forward, 2 * channels * middle, weights)
    inner = np.where(heads | forward, 2 * before * middle, inner)

    weightless = (kind == _KIND["pool"]) | (kind == _KIND["maxpool"])
    macs, weights = np.where(weightless, 0.0, macs), np.where(weightless, 0.0, weights)
    written = out * np.where(s["pooled"] > 0, 1.0, after)
    return macs, channels * before + written + inner + weights


def chains(found: Shapes, size: str) -> Chains:
    """The layers in chains along one size.

    Parameters
    ----------
    size : one of `SIZES`. Expansion compares only layers with a widening convolution, resolution square inputs with
        square ones, channels the outputs (of a depthwise convolution inputs and outputs together).
    """
    s = found.sizes
    rest = {name: column for name, column in s.items() if name != "squeeze"}
    if size == "kernel":
        value = rest.pop("kernel")
    elif size == "expand":
        value = rest.pop("middle")
        widened = s["kind"] != _KIND["bottleneck"]  # a bottleneck never lacks its first convolution
        bare = (value == 0) | (widened & (value == s["channels_in"]))
        rest["bare"] = bare.astype(np.int64)
    elif size == "resolution":
        value = s["height"] * s["width"]
        rest["square"] = (rest.pop("height") == rest.pop("width")).astype(np.int64)
    else:
        value = rest.pop("channels_out")
        depthwise = (s["groups"] > 1) & (s["groups"] == s["channels_in"]) & (value == s["groups"])
        for name in ("channels_in", "groups"):
            rest[name] = np.where(depthwise, 0, rest[name])
    chain = _codes(list(rest.values()))
    order = np.lexsort((value, chain)).astype(np.intp)
    return Chains(order, chain[order], value[order])


def _codes(columns: list[Ints]) -> Ints:
    """A number for each distinct combination of values."""
    code = np.zeros(len(columns[0]), dtype=np.int64)
    spread = 1
    for column in columns:
        distinct, inverse = np.unique(column, return_inverse=True)
        if spread * len(distinct) > _MOST:
            present, code = np.unique(code, return_inverse=True)
            spread = len(present)
        code = code * len(distinct) + inverse
        spread *= len(distinct)
    return code
