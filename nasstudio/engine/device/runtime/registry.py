"""Which runtimes there are. Each is imported only when it is asked for.

Runtimes are open: a package may register one under the entry-point group ``nasstudio.runtimes``; the entry is a class
without arguments that fits `nasstudio.engine.device.runtime.runtime.Runtime`.
"""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points

from nasstudio.engine.device.device import Device
from nasstudio.engine.device.runtime.runtime import Runtime
from nasstudio.engine.errors import InvalidInput, NeedsExtra

_HERE = "nasstudio.engine.device.runtime"
_RUNTIMES = {
    "onnxruntime": (f"{_HERE}.onnxruntime_cpu", "OnnxRuntimeCpu"),
    "openvino": (f"{_HERE}.openvino_cpu", "OpenVinoCpu"),
    "executorch": (f"{_HERE}.executorch_xnnpack", "ExecutorchXnnpack"),
    "torch": (f"{_HERE}.torch_cpu", "TorchCpu"),
    "torch-compile": (f"{_HERE}.torch_compile", "TorchCompile"),
    "torch-cuda": (f"{_HERE}.torch_cuda", "TorchCuda"),
}
_GROUP = "nasstudio.runtimes"


def names() -> list[str]:
    """Names of all known runtimes, whether installed or not."""
    return [*_RUNTIMES, *(p.name for p in entry_points(group=_GROUP) if p.name not in _RUNTIMES)]


def get(name: str) -> Runtime:
    """A runtime that can be used here.

    Raises
    ------
    NeedsExtra
        It is not known, or its package is not installed.
    """
    runtime = _load(name)
    runtime.available()
    return runtime


def _load(name: str) -> Runtime:
    if name in _RUNTIMES:
        module, kind = _RUNTIMES[name]
        runtime: Runtime = getattr(importlib.import_module(module), kind)()
        return runtime
    for point in entry_points(group=_GROUP, name=name):
        foreign: Runtime = point.load()()
        return foreign
    raise NeedsExtra(f"the runtime '{name}'", name, where="device")


def runtime_of(device: Device) -> Runtime:
    """The runtime that measures a device of this machine.

    Raises
    ------
    InvalidInput
        The device is not here: other hardware, another version, a precision that the runtime does not have, or known
        from a table only.
    NeedsExtra
        Its runtime is not installed.
    """
    if device.runtime == "table":
        raise InvalidInput(
            f"'{device.name}' is known from a table only; it can't be measured.",
            where="device",
            remedy="Measure it on the device itself, or choose a device of this machine.",
        )
    runtime = get(device.runtime)
    hardware = {known.hardware for known in runtime.devices_here()}
    if device.hardware not in hardware:
        raise InvalidInput(
            f"'{device.name}' is not this machine: it has {', '.join(sorted(hardware)) or 'none'}.",
            where="device",
            remedy="Run the job on that machine, or choose a device that is here.",
        )
    if device.version != runtime.version():
        raise InvalidInput(
            f"'{device.name}' was set up with {device.runtime} {device.version or '(no version)'}; "
            f"installed is {runtime.version()}.",
            where="device",
            remedy="Look for devices again; times of two versions do not belong in one column.",
        )
    if device.batch < 1 or device.threads < 1 or device.precision not in runtime.precisions:
        raise InvalidInput(
            f"{device.setting} can't be measured.",
            where="device",
            remedy=f"{device.runtime} measures {' and '.join(runtime.precisions)}, at batch 1 or more.",
        )
    return runtime
