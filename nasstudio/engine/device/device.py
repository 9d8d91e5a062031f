"""Device: hardware, a runtime and its settings. The same CPU under two runtimes is two devices.

Its identity is the hash of everything that decides a latency; the title is only what a person calls it. Nothing here
imports a runtime.
"""

from __future__ import annotations

import hashlib
import platform
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import msgspec

RUNTIME_TITLES = {
    "torch": "PyTorch",
    "torch-compile": "PyTorch compiled",
    "torch-cuda": "PyTorch CUDA",
    "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO",
    "executorch": "ExecuTorch",
    "litert": "LiteRT",
    "table": "table",
}
SHORT = {
    "torch": "torch",
    "torch-compile": "torchc",
    "torch-cuda": "cuda",
    "onnxruntime": "ort",
    "openvino": "ov",
    "executorch": "xnn",
    "litert": "litert",
    "table": "table",
}
"""First word of a device's identity, by runtime."""


class Device(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a network is timed.

    Attributes
    ----------
    hardware : processor model as the system reports it; the given name for a device known only by a table.
    runtime, version : e.g. ``onnxruntime`` ``1.32.0``; ``table`` where it is not known.
    threads, batch, precision : settings of the runtime.
    title : what a person calls it; not part of the identity.
    """

    hardware: str
    runtime: str
    version: str = ""
    threads: int = 1
    batch: int = 1
    precision: str = "fp32"
    title: str = ""

    @property
    def id(self) -> str:
        """Stable short identity, e.g. ``ort-1t-3f9c2a``, ``ort-int8-1t-07b1e5``."""
        parts = (
            self.hardware,
            self.runtime,
            self.version,
            str(self.threads),
            str(self.batch),
            self.precision,
        )
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:6]
        precision = "" if self.precision == "fp32" else f"-{self.precision}"
        return f"{SHORT.get(self.runtime, self.runtime)}{precision}-{self.threads}t-{digest}"

    @property
    def name(self) -> str:
        """What is shown: the title, or hardware and setting."""
        return self.title or f"{self.hardware} · {self.setting}"

    @property
    def setting(self) -> str:
        """Runtime and what was set, e.g. ``ONNX Runtime int8, 1 thread``; fp32 and batch 1 go without saying."""
        if self.runtime == "table":
            return "from a table"
        return f"{self.runtime_title}, {self.load_title}"

    @property
    def runtime_title(self) -> str:
        """Runtime and precision, e.g. ``ONNX Runtime int8``; fp32 goes without saying."""
        title = RUNTIME_TITLES.get(self.runtime, self.runtime)
        return title if self.precision == "fp32" else f"{title} {self.precision}"

    @property
    def load_title(self) -> str:
        """Threads and batch, e.g. ``2 threads, batch 8``; a batch of 1 goes without saying."""
        threads = f"{self.threads} {'thread' if self.threads == 1 else 'threads'}"
        return threads if self.batch == 1 else f"{threads}, batch {self.batch}"

    @property
    def here(self) -> bool:
        """Whether it is this machine's processor; a column measured elsewhere is shown as foreign."""
        return self.hardware == processor()


def distinct_names(devices: Sequence[Device]) -> list[str]:
    """A short name for each device that tells it from the others.

    Its title; else runtime and precision, with threads and batch where several have these, and after the hardware where
    there are several processors.
    """
    untitled = [device for device in devices if not device.title and device.runtime != "table"]
    runtimes = Counter((device.hardware, device.runtime_title) for device in untitled)
    machines = {device.hardware for device in untitled}

    def name(device: Device) -> str:
        if device not in untitled:
            return device.name
        alone = runtimes[device.hardware, device.runtime_title] == 1
        short = device.runtime_title if alone else device.setting
        return short if len(machines) == 1 else f"{device.hardware} · {short}"

    return [name(device) for device in devices]


@lru_cache(maxsize=1)
def processor() -> str:
    """Model of this machine's processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown processor"
