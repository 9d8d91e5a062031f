"""Time of one network on one device, for whoever needs a single number: verification, export, references.

Networks are measured side by side, so that drift meets all of them alike, and in fresh processes, as layers are: a
promise is kept or broken by the same kind of measurement that it was made from.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from nasstudio.engine.device.device import Device
from nasstudio.engine.device.lowered import LoweredFiles
from nasstudio.engine.device.process import measuring_process
from nasstudio.engine.device.runtime.registry import runtime_of
from nasstudio.engine.device.runtime.runtime import ModuleRuntime
from nasstudio.engine.device.sampling import Sampler
from nasstudio.engine.device.timing import Bench, Timing, bench_of_calls
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import LayerSpec

SPREAD = 0.005

__all__ = ["Timing", "bench_of_files", "time_files", "time_layers", "time_module", "time_onnx"]


def time_layers(
    layers: Sequence[LayerSpec],
    device: Device,
    budget_s: float,
    check: Callable[[], None] = lambda: None,
) -> Timing:
    """Time of the chain of layers as one network with random weights.

    Raises
    ------
    InvalidInput
        The device is not here, or a layer can't be measured.
    NeedsExtra
        The device's runtime is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="nasstudio-") as folder:
        path = LoweredFiles(Path(folder), device).chain(layers)
        return time_files([path], device, budget_s, check)[0]


def time_onnx(
    path: Path, device: Device, budget_s: float, check: Callable[[], None] = lambda: None
) -> Timing:
    """Time of an ONNX file; open sizes are taken as 1.

    Raises
    ------
    InvalidInput
        The device is not here, or its runtime can't run the file.
    NeedsExtra
        The device's runtime is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="nasstudio-") as folder:
        lowered = LoweredFiles(Path(folder), device).onnx(path)
        return time_files([lowered], device, budget_s, check)[0]


def time_module(
    module: Any,
    shape: tuple[int, ...],
    device: Device,
    budget_s: float,
    check: Callable[[], None] = lambda: None,
) -> Timing:
    """Time of a torch module as it is (fold its batch norms before), in this process.

    Parameters
    ----------
    shape : the input's, with the batch.

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
    call = runtime.prepare_module(module, shape, device)
    bench = bench_of_calls([call], threads=device.threads, rng=np.random.default_rng(0))
    bench.run(spread=SPREAD, budget_s=budget_s, check=check)
    return bench.timing(0)


def time_files(
    files: Sequence[Path],
    device: Device,
    budget_s: float,
    check: Callable[[], None] = lambda: None,
) -> list[Timing]:
    """Time of each artefact (`lowered.LoweredFiles`), measured side by side; `budget_s` is for all together."""
    bench = bench_of_files(files, device, np.random.default_rng(0), check)
    bench.run(spread=SPREAD, budget_s=budget_s, check=check)
    return [bench.timing(index) for index in range(len(files))]


def bench_of_files(
    files: Sequence[Path],
    device: Device,
    rng: np.random.Generator,
    check: Callable[[], None] = lambda: None,
    on_load: Callable[[int], None] = lambda index: None,
) -> Bench:
    """A bench of artefacts, measured in fresh processes.

    Parameters
    ----------
    check : called while a process loads, too; may raise to stop.
    on_load : called with the number of each artefact that a process has loaded.
    """

    def process(numbers: Sequence[int]) -> AbstractContextManager[Sampler]:
        wanted = {index: files[index] for index in numbers}
        return measuring_process(device, wanted, check=check, on_load=on_load)

    return Bench(process, len(files), threads=device.threads, rng=rng)
