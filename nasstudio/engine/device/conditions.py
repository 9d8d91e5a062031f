"""Under which conditions a time was measured: what else ran, the clock governor, the versions.

A number without them can't be compared with another one.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
        self._mine = [psutil.Process()]
        self._elapsed_s = 0.0
        self._others_s = 0.0
        self.mark()

    @contextmanager
    def watched(self, worker: object) -> Iterator[None]:
        """Count what a worker with a process of its own (`pid`) uses as ours, and only while it lives."""
        pid = getattr(worker, "pid", None)
        if pid is not None:
            self._mine.append(psutil.Process(pid))
        self.mark()
        try:
            yield
        finally:
            if pid is not None:
                self._mine.pop()
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
        """CPU seconds of everybody but our processes since the machine started."""
        total = psutil.cpu_times()
        extra = getattr(total, "nice", 0.0) + getattr(total, "steal", 0.0)
        mine = 0.0
        for process in self._mine:
            try:
                used = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            mine += used.user + used.system
        return float(total.user + total.system + extra - mine)


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
        "clock_mhz": clock_mhz(),
        "temperature_c": temperature_c(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
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


def clock_mhz() -> float | None:
    """Clock of the fastest core now, MHz, None if the system does not say."""
    try:
        clocks = psutil.cpu_freq(percpu=True) or []
    except (OSError, NotImplementedError, AttributeError):
        return None
    return round(max((c.current for c in clocks), default=0.0), 0) or None


def temperature_c() -> float | None:
    """Hottest sensor of the processor, degrees Celsius, None if the system does not say."""
    try:
        sensors = psutil.sensors_temperatures()
    except (OSError, AttributeError):
        return None
    found = [
        reading.current
        for name, readings in sensors.items()
        if any(word in name.lower() for word in ("core", "cpu", "k10", "soc", "acpi"))
        for reading in readings
    ]
    return max(found, default=None)


def quietest_cores(count: int) -> tuple[int, ...]:
    """Numbers of the cores that others use the least now; empty if processes can't be kept on cores here."""
    if not hasattr(os, "sched_getaffinity"):
        return ()
    allowed = sorted(os.sched_getaffinity(0))
    if count >= len(allowed):
        return tuple(allowed)
    used = psutil.cpu_percent(interval=0.1, percpu=True)
    # Of equals the last one: interrupts usually go to the first.
    ordered = sorted(allowed, key=lambda c: (round(used[c], -1) if c < len(used) else 0.0, -c))
    return tuple(sorted(ordered[:count]))
