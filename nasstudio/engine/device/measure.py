"""Time of one network on one device, for whoever needs a single number: verification, export, references.

Several networks of one device are measured side by side (`time_calls`), so that drift meets all of them alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nasstudio.engine.device.device import Device
from nasstudio.engine.device.runtime.registry import runtime_of
from nasstudio.engine.device.runtime.runtime import Call, ModuleRuntime
from nasstudio.engine.device.timing import Bench, Timing
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import LayerSpec

SPREAD = 0.005

__all__ = ["Timing", "time_calls", "time_layers", "time_module", "time_networks", "time_onnx"]


def time_layers(layers: Sequence[LayerSpec], device: Device, budget_s: float) -> Timing:
    """Time of the chain of layers as one network with random weights.

    Raises
    ------
    InvalidInput
        The device is not here, or a layer can't be measured.
    NeedsExtra
        The device's runtime is not installed.
    """
    return time_networks([layers], device, budget_s)[0]


def time_networks(
    networks: Sequence[Sequence[LayerSpec]],
    device: Device,
    budget_s: float,
    check: Callable[[], None] = lambda: None,
) -> list[Timing]:
    """Time of each chain of layers, measured side by side; `budget_s` is for all of them together."""
    runtime = runtime_of(device)
    calls = []
    for layers in networks:
        check()
        calls.append(runtime.prepare_network(layers, device))
    return time_calls(calls, device, budget_s, check)


def time_onnx(path: Path, device: Device, budget_s: float) -> Timing:
    """Time of an ONNX file; open sizes are taken as 1.

    Raises
    ------
    InvalidInput
        The device is not here, or its runtime can't run the file.
    NeedsExtra
        The device's runtime is not installed.
    """
    return time_calls([runtime_of(device).prepare_onnx(path, device)], device, budget_s)[0]


def time_module(module: Any, shape: tuple[int, ...], device: Device, budget_s: float) -> Timing:
    """Time of a torch module as it is (fold its batch norms before); `shape` is the input's, with the batch.

    Raises
    ------
    InvalidInput
        The device is not here, or its runtime does not run torch modules.
    NeedsExtra
        The device's runtime is not installed.
    """
    runtime = runtime_of(device)
    if not isinstance(runtime, ModuleRuntime):
        raise InvalidInput(
            f"{device.setting} does not run torch modules.",
            where="device",
            remedy="Export the network as ONNX and measure the file, or choose a PyTorch device.",
        )
    return time_calls([runtime.prepare_module(module, shape, device)], device, budget_s)[0]


def time_calls(
    calls: Sequence[Call],
    device: Device,
    budget_s: float,
    check: Callable[[], None] = lambda: None,
) -> list[Timing]:
    """Time of each prepared call, measured side by side."""
    bench = Bench(calls, threads=device.threads, rng=np.random.default_rng(0))
    bench.run(spread=SPREAD, budget_s=budget_s, check=check)
    return [bench.timing(index) for index in range(len(calls))]
