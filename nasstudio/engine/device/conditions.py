"""Under which conditions a time was measured: what else ran, the clock governor, the versions.

A number without them can't be compared with another one.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil

from nasstudio.engine.device.device import Device

_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
_SLACK_CORES = 0.25


class Load:
    """How many cores others used while something was measured.

    `mark` starts a stretch of time, `lap` counts it and starts the next; what lies between a `lap` and a `mark` (a
    pause) is not counted.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._cores = psutil.cpu_count() or 1
        self._process = psutil.Process()
        self._elapsed_s = 0.0
        self._others_s = 0.0
        self.mark()

    def mark(self) -> None:
        """Count from here."""
        self._since, self._before = time.monotonic(), self._used_by_others()

    def lap(self, least_s: float = 0.0) -> None:
        """Count up to here, if it is at least so long since the last mark or lap."""
        elapsed = time.monotonic() - self._since
        if elapsed >= least_s:
            self._elapsed_s += elapsed
            self._others_s += max(0.0, self._used_by_others() - self._before)
            self.mark()

    def others(self) -> float:
        """Cores that others kept busy on average; 0 while too little was watched to tell."""
        return self._others_s / self._elapsed_s if self._elapsed_s > 0.5 else 0.0

    def busy(self) -> bool:
        """Whether others wanted cores that the measurement needed."""
        return self.others() + self._threads > self._cores + _SLACK_CORES

    def _used_by_others(self) -> float:
        """CPU seconds of everybody but this process since the machine started."""
        total = psutil.cpu_times()
        mine = self._process.cpu_times()
        extra = getattr(total, "nice", 0.0) + getattr(total, "steal", 0.0)
        return float(total.user + total.system + extra - mine.user - mine.system)


def conditions(device: Device, runtime_version: str) -> dict[str, object]:
    """What to write beside a measurement, as JSON values."""
    return {
        "device": device.id,
        "hardware": device.hardware,
        "runtime": device.runtime,
        "version": runtime_version,
        "threads": device.threads,
        "cores": psutil.cpu_count(logical=False) or psutil.cpu_count() or 1,
        "load": _load_average(),
        "governor": governor(),
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _load_average() -> float | None:
    try:
        return round(os.getloadavg()[0], 2)
    except (OSError, AttributeError):
        return None


def governor() -> str | None:
    """Frequency governor of the first core, None if the system does not say."""
    try:
        return _GOVERNOR.read_text().strip()
    except OSError:
        return None
