"""Peak activation memory from what is alive while a network runs: inference in fp32, by the rules of a runtime.

Counted is what the runtime's allocator has given out during a call beyond the weights: intermediate tensors, the
result and working space; not the images, which are the caller's. Three sets of rules:

- ``onnxruntime``: tensor by tensor (`enable_mem_pattern` off). A buffer goes back when it is used for the last time,
  and a later tensor of the same shape takes it over; the plan for that is made beforehand, so that a buffer that will
  be taken over is kept, across layers: a network's peak is not simply the largest of its layers'.
- ``onnxruntime-block``: the same plan laid out in one block, as ONNX Runtime does by default from the second call on.
  Gaps between tensors make it 0 to 60 % larger.
- ``torch``: eager execution of `net.static` with folded norms, channels last, on one thread: every operation makes a
  tensor, and the local variables of the frames that run keep theirs.

`memory_mib` does whole populations; it has no loop over members but for ``onnxruntime-block``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost import eager
from nasstudio.engine.cost.buffers import Plan, plan
from nasstudio.engine.cost.operations import Shape, given, operations
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import LayerSpec
from nasstudio.engine.space.space import Population, SearchSpace

MIB = 1024**2
_AT_ONCE = 4096  # members, so that what is worked out for them stays in the cache
Indices = NDArray[np.intp]
Rules = Literal["onnxruntime", "onnxruntime-block", "torch"]
RULES: tuple[Rules, ...] = get_args(Rules)


def peak_bytes(layer: LayerSpec, rules: Rules = "onnxruntime", batch: int = 1) -> int:
    """Peak while one layer runs, with its input, as a part of a network.

    Raises
    ------
    InvalidInput
        It is not known how layers of its kind are executed, or there are no such rules.
    """
    _check(rules, batch)
    if rules == "torch":
        return eager.peak_bytes(layer, batch)
    return _chosen(_inside(layer, batch), rules)


def network_peak_bytes(
    layers: Sequence[LayerSpec], rules: Rules = "onnxruntime", batch: int = 1
) -> int:
    """Peak while a whole network runs.

    Raises
    ------
    InvalidInput
        There are no layers, it is not known how one is executed, or there are no such rules.
    """
    _check(rules, batch)
    if rules == "torch":
        return eager.network_peak_bytes(layers, batch)
    return _chosen(plan(operations(layers), batch), rules)


def memory_mib(
    space: SearchSpace, population: Population, rules: Rules = "onnxruntime", batch: int = 1
) -> NDArray[np.float64]:
    """Peak activation memory of each member, MiB. `(n,)`.

    Raises
    ------
    InvalidInput
        As `network_peak_bytes`.
    """
    _check(rules, batch)
    rows = space.rows(population)
    if rules == "onnxruntime-block":
        networks = ([space.layers[row] for row in member if row >= 0] for member in rows)
        peaks = [network_peak_bytes(layers, rules, batch) for layers in networks]
        return np.array(peaks, dtype=np.float64) / MIB
    alone = _own(space, rules, batch)
    own = alone[rows]
    own[:, 0] = _first(space, rules, batch)[rows[:, 0]]
    if rules == "onnxruntime":
        for start in range(0, len(rows), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            own[part] = _with_kept(space, rows[part], own[part], batch)
    largest: NDArray[np.float64] = own.max(axis=1)
    return largest / MIB


def row_mib(space: SearchSpace) -> NDArray[np.float64]:
    """Peak of each layer alone for one image by ONNX Runtime's rules, MiB.

    A network that has it needs no less, except where it is the first: its input is the caller's.

    Returns
    -------
    `(layers,)`, in the order of the space's layers.
    """
    return _own(space, "onnxruntime", 1)[:-1] / MIB


def _check(rules: str, batch: int) -> None:
    if rules not in RULES:
        raise InvalidInput(
            f"There are no memory rules '{rules}'.", remedy=f"Choose one of: {', '.join(RULES)}."
        )
    if batch < 1:
        raise InvalidInput("A batch has at least one image.", remedy="Choose a batch of 1 or more.")


def _chosen(found: Plan, rules: Rules) -> int:
    return found.block_bytes if rules == "onnxruntime-block" else found.peak_bytes


# -- layers of a space ------------------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def _own(space: SearchSpace, rules: Rules, batch: int) -> NDArray[np.float64]:
    """Bytes of each layer inside a network; the last, the absent layer, is zero. `(layers + 1,)`."""
    return np.array(
        [*(peak_bytes(layer, rules, batch) for layer in space.layers), 0], dtype=np.float64
    )


@lru_cache(maxsize=16)
def _first(space: SearchSpace, rules: Rules, batch: int) -> NDArray[np.float64]:
    """Bytes of each layer as the first of a network, whose input is the caller's. `(layers + 1,)`."""
    found = [network_peak_bytes([layer], rules, batch) for layer in space.layers]
    return np.array([*found, 0], dtype=np.float64)


# -- buffers that are kept for a later layer --------------------------------------------------------------------


@dataclass(frozen=True)
class _Images:
    """Shapes of images that each layer takes, makes and gives. `shape` and `at_once` are `(layers + 1, k)`.

    Attributes
    ----------
    shape : number of a shape; -1 for none.
    at_once : how many of it live at once.
    early, late : as in `Plan`, of 0, 1, 2, ... buffers, bytes for one image. `(layers + 1, k, most buffers + 1)`.
    bytes : of each shape, for one image. `(shapes + 1,)`; the last is zero.
    all_bytes : of all buffers of a layer together, for one image. `(layers + 1,)`.
    """

    shape: NDArray[np.int16]
    at_once: NDArray[np.int16]
    early: NDArray[np.float64]
    late: NDArray[np.float64]
    bytes: NDArray[np.float64]
    all_bytes: NDArray[np.float64]


@lru_cache(maxsize=16)
def _images(space: SearchSpace) -> _Images:
    """The shapes of every layer of a space. Vectors are left out: they are small."""
    plans = [_inside(layer) for layer in space.layers]
    made = [[shape for shape in found.at_once if shape[1] * shape[2] > 1] for found in plans]
    number = {shape: i for i, shape in enumerate(sorted({s for each in made for s in each}))}
    size = len(space.layers) + 1, max((len(each) for each in made), default=0)
    shape, at_once = np.full(size, -1, dtype=np.int16), np.zeros(size, dtype=np.int16)
    most = max((count for found in plans for count in found.at_once.values()), default=0)
    early, late = np.zeros((*size, most + 1)), np.zeros((*size, most + 1))
    for row, (found, each) in enumerate(zip(plans, made, strict=True)):
        for column, key in enumerate(each):
            count = found.at_once[key]
            shape[row, column], at_once[row, column] = number[key], count
            early[row, column, 1 : count + 1] = found.early[key]
            late[row, column, 1 : count + 1] = found.late[key]
    everything = [sum(_bytes(key) * count for key, count in p.at_once.items()) for p in plans]
    return _Images(
        shape,
        at_once,
        early,
        late,
        np.array([*(_bytes(key) for key in number), 0.0]),
        np.array([*everything, 0.0]),
    )


def _bytes(shape: Shape) -> float:
    """Bytes of one image."""
    channels, height, width = shape
    return 4.0 * channels * height * width


def _inside(layer: LayerSpec, batch: int = 1) -> Plan:
    """The plan of a layer as a part of a network."""
    chain = given(layer)
    chain.add(layer)
    return plan(chain, batch, counted=True)


def _with_kept(
    space: SearchSpace, rows: NDArray[np.int32], own: NDArray[np.float64], batch: int
) -> NDArray[np.float64]:
    """Bytes at each position with what is kept for others. rows, own: `(n, positions)`, and so is what is returned.

    Of images of one shape, as many buffers as layers on both sides have are kept from the one to the other: between
    layers, within a layer that has fewer of them, and in the two from the beginning, or to the end; so that at most all
    buffers of a layer are there at once, and those that pass it by.
    """
    images = _images(space)
    n, positions = rows.shape
    width = images.shape.shape[1]
    flat = images.shape[rows].reshape(n, positions * width)
    order = np.argsort(flat, axis=1, kind="stable")
    shape = np.take_along_axis(flat, order, axis=1)
    count = np.take_along_axis(images.at_once[rows].reshape(n, -1), order, axis=1)
    so_far = _most_alike(shape, count)
    to_come = _most_alike(-shape[:, ::-1], count[:, ::-1])[:, ::-1]
    member, place = np.nonzero((shape[:, 1:] == shape[:, :-1]) & (shape[:, 1:] >= 0))
    before, after = order[member, place], order[member, place + 1]
    left, right = before // width, after // width
    row_left, row_right = rows[member, left], rows[member, right]
    column_left, column_right = before % width, after % width
    kept = np.minimum(so_far[member, place], to_come[member, place + 1])
    kept_bytes = kept * images.bytes[shape[member, place]]
    size = (n, positions + 1)
    changes = _summed(size, member, left + 1, kept_bytes) - _summed(size, member, right, kept_bytes)
    between = changes.cumsum(axis=1)[:, :-1]
    last = np.minimum(kept, count[member, place])
    first = np.minimum(kept, count[member, place + 1])
    ends = _summed(size, member, left, images.late[row_left, column_left, last])
    ends += _summed(size, member, right, images.early[row_right, column_right, first])
    ends = ends[:, :-1]
    passing = np.maximum(np.minimum(so_far, to_come) - count, 0) * images.bytes[shape]
    who = np.broadcast_to(np.arange(n)[:, None], order.shape)
    between += _summed(size, who.ravel(), (order // width).ravel(), passing.ravel())[:, :-1]
    most = np.maximum(own, batch * images.all_bytes[rows])
    total: NDArray[np.float64] = np.minimum(own + batch * ends, most) + batch * between
    total[rows < 0] = 0.0
    return total


def _most_alike(shape: NDArray[np.int16], count: NDArray[np.int16]) -> NDArray[np.intp]:
    """The largest count up to each place among equal shapes. Both `(n, k)`; shapes in rising order."""
    base = shape.astype(np.intp) * (int(count.max(initial=0)) + 1)
    most: NDArray[np.intp] = np.maximum.accumulate(base + count, axis=1) - base
    return most


def _summed(
    size: tuple[int, int], member: Indices, position: Indices, values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Values added up at their members and positions. Returns an array of that size."""
    flat: NDArray[np.float64] = np.bincount(
        member * size[1] + position, values, size[0] * size[1]
    ).astype(np.float64, copy=False)
    return flat.reshape(size)
