"""Runner of the probe: the devices of this machine, one result each."""

from __future__ import annotations

from typing import Any

import msgspec

from nasstudio.engine.device.probe import devices_here
from nasstudio.engine.job.context import JobContext
from nasstudio.engine.job.specification import ProbeSpec


def run(spec: ProbeSpec, job: JobContext) -> dict[str, Any]:
    """Report every device; a runtime that is not installed is a line in the log, not a failure."""
    devices, gaps = devices_here()
    for device in devices:
        job.check()
        job.result("device", msgspec.to_builtins(device))
    for gap in gaps:
        job.log(gap)
    if not devices:
        job.warn("No runtime is installed. Install one with `pip install nasstudio[engine]`.")
    return {"devices": len(devices)}
