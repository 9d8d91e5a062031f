"""Shapes of layers in a chain: what each takes and gives, and whether they fit together. Needs no runtime."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import LayerSpec, text


def input_shape(layer: LayerSpec, batch: int = 1) -> tuple[int, ...]:
    """Shape of a layer's input: images, or vectors for a linear layer."""
    if layer.kind == "linear":
        return (batch, layer.channels_in)
    return (batch, layer.channels_in, layer.height, layer.width)


def output_shape(layer: LayerSpec, batch: int = 1) -> tuple[int, ...]:
    """Shape of a layer's output."""
    if layer.kind == "linear":
        return (batch, layer.channels_out)
    size = (1, 1) if layer.pooled else (layer.height_out, layer.width_out)
    return (batch, layer.channels_out, *size)


def flattened(given: tuple[int, ...], layer: LayerSpec) -> bool:
    """Whether a layer takes what it is given only as a vector: images of one pixel before a linear layer.

    Raises
    ------
    InvalidInput
        It does not take it at all.
    """
    wanted = input_shape(layer, given[0])
    if given == wanted:
        return False
    if len(given) == 4 and given[2:] == (1, 1) and given[:2] == wanted:
        return True
    raise InvalidInput(
        f"A layer gives {'x'.join(map(str, given[1:]))}, and the next is '{text(layer)}'.",
        where="network",
        remedy="Correct the shapes: each layer takes what the one before it gives.",
    )


def check_chain(layers: Sequence[LayerSpec]) -> None:
    """Raise `InvalidInput` where a layer does not take what the one before it gives."""
    for before, layer in pairwise(layers):
        flattened(output_shape(before), layer)
