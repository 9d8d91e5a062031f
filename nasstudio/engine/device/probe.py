"""Which devices this machine has: its processor and cards under every runtime that is installed."""

from __future__ import annotations

from nasstudio.engine.device.device import Device
from nasstudio.engine.device.runtime import registry
from nasstudio.engine.errors import NeedsExtra


def devices_here() -> tuple[list[Device], list[str]]:
    """All devices of this machine, and for each runtime that can't be used the sentence that says why."""
    found: list[Device] = []
    gaps: list[str] = []
    for name in registry.names():
        try:
            found += registry.get(name).devices_here()
        except NeedsExtra as gap:
            gaps.append(f"{name}: {gap}")
    return found, gaps
