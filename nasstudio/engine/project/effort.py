"""What a profile will cost before it starts: rows, networks and about how many minutes.

The time is an estimate: the measuring time follows from the layers' multiply-accumulates and the budget, the preparing
time from what a runtime needs a layer on an ordinary processor. It is said as "about".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nasstudio.engine.cost.counts import count
from nasstudio.engine.device.coverage import (
    anchor_resolutions,
    layers_to_measure,
    resolutions_of,
)
from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.job.specification import ProfileSpec
from nasstudio.engine.space.families import build
from nasstudio.engine.space.layer import LayerSpec, parse
from nasstudio.engine.space.space import SearchSpace

_ROUNDS, _PROCESSES = 9, 3
_START_S = 2.0  # of a fresh process with its runtime
_FASTEST_S = 0.002  # of a burst: an inner loop long enough for the clock, five times, and the settling before it
_CALLS = 6  # of a longer layer in a burst


@dataclass(frozen=True)
class _Pace:
    """Seconds to lower and to load a layer, and multiply-accumulates a second on one thread."""

    lower_s: float
    load_s: float
    macs_s: float = 4e9


_PACES = {
    "onnxruntime": _Pace(0.003, 0.003, 1.5e10),
    "openvino": _Pace(0.003, 0.03, 1.5e10),
    "executorch": _Pace(1.3, 0.003, 1.5e10),
    "torch-compile": _Pace(0.0, 4.0, 8e9),
    "torch-cuda": _Pace(0.0, 0.01, 5e11),
}
_ORDINARY = _Pace(0.001, 0.004)


@dataclass(frozen=True)
class ProfileEffort:
    """What a profile will do.

    Attributes
    ----------
    rows : layers that are measured.
    known : layers of the space that have a time already, or lie between measured ones.
    resolutions : input sizes that are measured, px; empty if it is all of them.
    networks : whole networks for the calibration.
    seconds : about how long all of it takes.
    """

    rows: int
    known: int
    resolutions: tuple[int, ...]
    networks: int
    seconds: float

    def say(self) -> str:
        """One sentence for people."""
        parts = [f"{self.rows:,} {'row' if self.rows == 1 else 'rows'}"] if self.rows else []
        if self.resolutions:
            sizes = ", ".join(str(r) for r in self.resolutions)
            parts[0] += f" at {sizes} px (the sizes between are interpolated)"
        if self.networks:
            parts.append(f"{self.networks} whole networks, twice")
        return f"{' and '.join(parts)}: about {_spoken(self.seconds)}."


def _spoken(seconds: float) -> str:
    return f"{max(1, round(seconds / 60))} min" if seconds >= 90 else f"{max(5, round(seconds))} s"


def profile_effort(spec: ProfileSpec) -> ProfileEffort:
    """What a profile will do and about how long it takes."""
    space = build(spec.space)
    rows = None if spec.layers is None else [parse(label) for label in spec.layers]
    return effort_of(space, spec.device, rows, spec.networks, spec.budget_s)


def effort_of(
    space: SearchSpace,
    device: Device,
    layers: Sequence[LayerSpec] | None,
    networks: int,
    budget_s: float,
) -> ProfileEffort:
    """The same of a space that is built already; `layers` None: all that are worth measuring."""
    rows = layers_to_measure(space) if layers is None else layers
    pace = _PACES.get(device.runtime, _ORDINARY)
    preparing = len(rows) * (pace.lower_s + _PROCESSES * pace.load_s)
    measuring = min(budget_s, _ROUNDS * sum(_burst_s(layer, pace) for layer in rows))
    networks_s = _networks_s(space, networks, budget_s, pace) if networks else 0.0
    start_s = _START_S * _PROCESSES * (1 + (2 if networks else 0))
    sizes = resolutions_of(space)
    anchors = anchor_resolutions(sizes)
    sparse = len(anchors) < len(sizes) and len(rows) == len(layers_to_measure(space))
    return ProfileEffort(
        len(rows),
        len(space.layers) - len(rows),
        anchors if sparse else (),
        networks,
        start_s + preparing + measuring + networks_s,
    )


def _burst_s(layer: LayerSpec, pace: _Pace) -> float:
    try:
        macs = count(layer).macs
    except InvalidInput:
        macs = 0
    return max(_FASTEST_S, _CALLS * macs / pace.macs_s)


def _networks_s(space: SearchSpace, networks: int, budget_s: float, pace: _Pace) -> float:
    """Between the smallest and the largest network, twice; bounded by its budget."""
    layers = [
        [block.layer for block in space.blocks(g)] for g in (space.smallest(), space.largest())
    ]
    ends = [sum(count(layer).macs for layer in chain) / pace.macs_s for chain in layers]
    depth = sum(len(chain) for chain in layers) / 2
    burst = max(_FASTEST_S, _CALLS * math.sqrt(ends[0] * ends[1]))
    measuring = min(budget_s / 2, 2 * _ROUNDS * networks * burst)
    preparing = depth * (pace.lower_s + 2 * _PROCESSES * pace.load_s)
    return measuring + networks * preparing
