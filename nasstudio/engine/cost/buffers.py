"""Buffers of a chain of operations, planned as ONNX Runtime plans them on one stream.

Two steps, after `allocation_planner.cc` and `mem_pattern_planner.h` of ONNX Runtime: first each tensor gets a buffer,
a free one of the same shape if there is one (the one freed last), else a new one; a buffer lives from the making of its
first tensor to the last use of its last. Then, for the block that serves all buffers from the second call on, each gets
the smallest gap that holds it when it is made. Sizes only; nothing is allocated.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from nasstudio.engine.cost.operations import Operations, Shape

_BYTES = 4
_ALIGNED = 64  # bytes, in the block


@dataclass(frozen=True)
class Plan:
    """What a chain of operations needs.

    Attributes
    ----------
    peak_bytes : largest sum of buffers at one time, each given back after its last use.
    block_bytes : one block that holds all of them by their times, and the result beside it.
    at_once : buffers by shape.
    early, late : by shape, how much the peak rises if 1, 2, ... of its buffers are there from the beginning (because
        something before had such), or kept to the end (because something behind needs such), bytes. A new tensor takes
        the buffer that was freed last; so it is the first ones that are there, and the last ones that are kept.
    """

    peak_bytes: int
    block_bytes: int
    at_once: dict[Shape, int]
    early: dict[Shape, tuple[int, ...]]
    late: dict[Shape, tuple[int, ...]]


@dataclass
class _Buffer:
    shape: Shape
    made: int  # step of its first tensor; -1: it is there before
    readers: int = 0  # reads of its present tensor that are still to come
    last: int = 0  # step of its last use


@dataclass
class _Assignment:
    """Which buffer each tensor has; the result of a network has none: the caller gets it."""

    buffers: list[_Buffer] = field(default_factory=list)
    of: dict[int, int] = field(default_factory=dict)
    free: list[int] = field(default_factory=list)  # freed last first


def plan(chain: Operations, batch: int, *, counted: bool = False) -> Plan:
    """Buffers of a chain and their peaks for `batch` images.

    Parameters
    ----------
    counted : the chain is a part of a network: its input is a buffer too, and so is its result; `early` and `late` are
        said.
    """
    assigned = _assign(chain, counted=counted)
    at_once = Counter(buffer.shape for buffer in assigned.buffers)
    result = 0 if counted else _size(chain.tensors[chain.value].shape, batch)
    steps = len(chain.steps)

    def rises(shape: Shape, early: bool) -> tuple[int, ...]:
        kept, found = list(assigned.buffers), []
        alike = [number for number, buffer in enumerate(kept) if buffer.shape == shape]
        for number in sorted(alike, key=lambda n: kept[n].made if early else -kept[n].last):
            old = kept[number]
            kept[number] = replace(old, made=0) if early else replace(old, last=steps - 1)
            found.append(_peak(kept, steps, batch, result) - most)
        return tuple(found)

    most = _peak(assigned.buffers, steps, batch, result)
    return Plan(
        most,
        max(most, _block(assigned.buffers, steps, batch) + result),
        dict(at_once),
        {shape: rises(shape, True) for shape in at_once} if counted else {},
        {shape: rises(shape, False) for shape in at_once} if counted else {},
    )


def _size(shape: Shape, batch: int) -> int:
    channels, height, width = shape
    return _BYTES * batch * channels * height * width


def _assign(chain: Operations, *, counted: bool) -> _Assignment:
    reads = Counter(read for step in chain.steps for read in step.reads)
    found = _Assignment()
    if counted:
        found.buffers.append(_Buffer(chain.tensors[0].shape, -1, reads[0]))
        found.of[0] = 0
    for at, step in enumerate(chain.steps):
        result = step.writes == chain.value
        if counted or not result:
            number = _buffer(found, chain.tensors[step.writes].shape, step.over, at)
            found.of[step.writes] = number
            buffer = found.buffers[number]
            # The result of a part is read by the part that follows.
            buffer.readers += reads[step.writes] + int(result)
            buffer.last = at
        for read in step.reads:
            if read in found.of:
                _read(found, found.of[read], at)
    return found


def _buffer(found: _Assignment, shape: Shape, over: int | None, at: int) -> int:
    """The buffer of a new tensor: that of its input, a free one, or a new one."""
    if over is not None and over in found.of:
        number = found.of[over]
        if found.buffers[number].readers == 1 and found.buffers[number].shape == shape:
            return number
    for number in found.free:
        if found.buffers[number].shape == shape:
            found.free.remove(number)
            return number
    found.buffers.append(_Buffer(shape, at))
    return len(found.buffers) - 1


def _read(found: _Assignment, number: int, at: int) -> None:
    buffer = found.buffers[number]
    buffer.readers -= 1
    buffer.last = at
    if buffer.readers == 0:
        found.free.insert(0, number)


def _peak(buffers: list[_Buffer], steps: int, batch: int, result: int) -> int:
    """Largest sum of buffers during one step; the result comes with the last."""
    changes = [0] * (steps + 1)
    for buffer in buffers:
        size = _size(buffer.shape, batch)
        changes[max(buffer.made, 0)] += size
        changes[buffer.last + 1] -= size
    largest = live = 0
    for at in range(steps):
        live += changes[at]
        largest = max(largest, live + (result if at == steps - 1 else 0))
    return largest


def _block(buffers: list[_Buffer], steps: int, batch: int) -> int:
    """Size of the block: buffers are placed as they are made, each in the smallest gap that holds it."""
    made: dict[int, list[_Buffer]] = {}
    for buffer in buffers:
        made.setdefault(max(buffer.made, 0), []).append(buffer)
    placed: list[tuple[int, int, int]] = []  # start, end, last use; by start
    total = 0
    for at in range(steps):
        placed = [place for place in placed if place[2] >= at]
        for buffer in made.get(at, []):
            size = -(-_size(buffer.shape, batch) // _ALIGNED) * _ALIGNED
            start = _gap(placed, size, total)
            total = max(total, start + size)
            placed.append((start, start + size, buffer.last))
            placed.sort()
    return total


def _gap(placed: list[tuple[int, int, int]], size: int, total: int) -> int:
    """Where to place `size` bytes: the smallest gap, the first of equal ones, else behind everything."""
    best, least, end = (placed[-1][1] if placed else 0), None, 0
    for start, after, _ in [*placed, (total, total, 0)]:
        room = start - end
        if room >= size and (least is None or room - size < least):
            best, least = end, room - size
        end = max(end, after)
    return best
