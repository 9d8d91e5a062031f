"""Runtime: what prepares an operation or a network so that one call of it is one inference.

A prepared call does what the runtime does in use: batch normalisation folded, activations fused, the runtime's own
layout, batch 1, fp32, its input allocated beforehand. A runtime prepares; it never looks at a clock, except where only
the hardware knows the time (`DeviceTimed`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import psutil

from nasstudio.engine.device.device import Device
from nasstudio.engine.space.layer import LayerSpec

Call = Callable[[], None]


@runtime_checkable
class DeviceTimed(Protocol):
    """A call whose time the device itself tells, e.g. by CUDA events."""

    def __call__(self) -> None: ...

    def time_ns(self, calls: int) -> int:
        """Time of so many calls together, ns, when all of them have finished."""
        ...


class Runtime(Protocol):
    """One way to run networks on hardware of this machine.

    Measuring has two halves, in two processes. `lower` turns layers into what the runtime loads, once, and may need
    packages that the runtime itself does not (onnx, torch); `load` makes a call of it in a fresh process that has
    nothing else in it, as often as is useful. Threads may be a setting of the whole process: a process measures one
    device.

    Attributes
    ----------
    name : as in `Device.runtime`.
    precisions : what it can measure, e.g. ``("fp32", "int8")``.
    """

    name: str
    precisions: tuple[str, ...]

    def available(self) -> None:
        """Return if it can be used here.

        Raises
        ------
        NeedsExtra
            Its package is not installed.
        """
        ...

    def version(self) -> str:
        """Version of the installed package."""
        ...

    def devices_here(self) -> list[Device]:
        """Its devices on this machine; empty where it has no hardware to run on."""
        ...

    def lower(self, layers: Sequence[LayerSpec], device: Device) -> bytes:
        """The chain of layers, with random weights, as `load` takes it.

        No layers: a network that hands its one number on, which is what every call costs beside its work.

        Raises
        ------
        InvalidInput
            The runtime does not know layers of this kind.
        """
        ...

    def begin(self, device: Device) -> None:
        """Before the first `load` of a process that measures this device and nothing else: what is the process's."""
        ...

    def load(self, artefact: bytes, device: Device) -> Call:
        """One inference a call of what `lower` or `lower_onnx` made; it has run once."""
        ...

    def takes_onnx(self, device: Device) -> bool:
        """Whether a device runs ONNX files (see `lower_onnx`)."""
        ...

    def lower_onnx(self, path: Path, device: Device) -> bytes:
        """An ONNX file as `load` takes it; open sizes are taken as 1.

        Raises
        ------
        InvalidInput
            The runtime does not run ONNX files on this device, or not this one.
        """
        ...


@runtime_checkable
class ModuleRuntime(Runtime, Protocol):
    """A runtime that also runs torch modules as they are, in this process."""

    def prepare_module(self, module: Any, shape: tuple[int, ...], device: Device) -> Call:
        """One inference of a torch module a call; `shape` is the input's, with the batch."""
        ...


def thread_counts() -> list[int]:
    """Thread counts that are worth a device of their own: one, and all physical cores this process may use."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    cores = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    cores = min(cores, allowed) if allowed else cores
    return [1, cores] if cores > 1 else [1]
