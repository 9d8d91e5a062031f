"""Where a network's time goes, layer by layer, on several devices: numbers for a plot, without a screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasstudio.engine.cost.metric import Metric, TableLatency
from nasstudio.engine.device.device import Device, distinct_names
from nasstudio.engine.space.layer import LayerSpec, text
from nasstudio.engine.space.space import Genome, SearchSpace

MOST_DEVICES = 6  # as many colours and shapes as can be told apart


@dataclass(frozen=True)
class LayerTimes:
    """Effective times of a network's layers: what each counts for in the network, after a device's correction.

    Attributes
    ----------
    stages, labels, texts : of each layer: its stage, a short and the full text.
    devices : at most `MOST_DEVICES`; `left_out` is how many more there are.
    ms : `(layers, devices)`.
    constant_ms : once a network. `(devices,)`.
    """

    stages: tuple[str, ...]
    labels: tuple[str, ...]
    texts: tuple[str, ...]
    devices: tuple[Device, ...]
    left_out: int
    ms: NDArray[np.float64]
    constant_ms: NDArray[np.float64]

    @property
    def names(self) -> tuple[str, ...]:
        """Short names of the devices."""
        return tuple(distinct_names(self.devices))

    @property
    def totals_ms(self) -> NDArray[np.float64]:
        """Latency of the network on each device. `(devices,)`."""
        total: NDArray[np.float64] = np.maximum(self.ms.sum(axis=0) + self.constant_ms, 0.0)
        return total

    @property
    def has_constant(self) -> bool:
        """Whether a network costs anything beside its layers."""
        return bool((self.constant_ms != 0).any())


def layer_times(space: SearchSpace, genome: Genome, metrics: Sequence[Metric]) -> LayerTimes:
    """The times of a network's layers on the devices of some metrics; those that know no layers are passed over."""
    known = [metric for metric in metrics if isinstance(metric, TableLatency)]
    shown = known[:MOST_DEVICES]
    blocks = space.blocks(genome)
    rows = [block.row for block in blocks]
    ms = np.array([metric.effective_ms[rows] for metric in shown]).reshape(len(shown), len(rows)).T
    return LayerTimes(
        tuple(block.stage for block in blocks),
        tuple(short(block.layer) for block in blocks),
        tuple(text(block.layer) for block in blocks),
        tuple(metric.device for metric in shown),
        len(known) - len(shown),
        ms,
        np.array([metric.constant_ms for metric in shown]),
    )


def short(layer: LayerSpec) -> str:
    """A layer in a few words: ``mbconv 24→40 k5 s2 e6 se, 56 px``."""
    words = [layer.kind, f"{layer.channels_in}→{layer.channels_out}"]
    if layer.kernel > 1:
        words.append(f"k{layer.kernel}")
    if layer.stride > 1:
        words.append(f"s{layer.stride}")
    if layer.middle:
        ratio = layer.expand_ratio
        words.append(f"m{layer.middle}" if ratio is None else f"e{ratio:g}")
    if layer.se:
        words.append("se")
    size = f", {layer.height} px" if layer.height > 1 else ""
    return " ".join(words) + size
