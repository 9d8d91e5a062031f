"""What a runtime offers on one processor: a device for each precision and each useful number of threads."""

from __future__ import annotations

from collections.abc import Sequence

from nasstudio.engine.device.device import Device
from nasstudio.engine.device.runtime.runtime import thread_counts


def devices(
    hardware: str, runtime: str, version: str, precisions: Sequence[str] = ("fp32",)
) -> list[Device]:
    """Devices of a runtime on a processor, plainest first: by precision, then by threads."""
    return [
        Device(hardware, runtime, version, threads=threads, precision=precision)
        for precision in precisions
        for threads in thread_counts()
    ]
