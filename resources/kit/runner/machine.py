"""What machine this is, in which state, and on which of its cores a process stays; on Linux, Windows and macOS.

Nothing here fails: what a system does not say is left out.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess

from runner.files import KitError


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip("\0\n ")
    except OSError:
        return ""


def _said(*command):
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=10
        )
        return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""
    except (OSError, subprocess.SubprocessError):
        return ""


def processor():
    """Model of the processor, as this system reports it."""
    system = platform.system()
    if system == "Windows":
        import winreg

        key = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key) as opened:
                return str(winreg.QueryValueEx(opened, "ProcessorNameString")[0]).strip()
        except OSError:
            pass
    elif system == "Darwin":
        name = _said("sysctl", "-n", "machdep.cpu.brand_string")
        if name:
            return name
    else:
        for line in _read("/proc/cpuinfo").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
        board = _read("/proc/device-tree/model")  # ARM boards say what they are here
        if board:
            return board
    return platform.processor() or platform.machine() or "unknown processor"


def conditions():
    """What to write beside the numbers; empty where the system does not say."""
    cpu = "/sys/devices/system/cpu/cpu0/cpufreq/"
    memory = _memory_mb()
    clock = _read(cpu + "scaling_cur_freq")
    found = {
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "python": platform.python_version(),
        "cores": os.cpu_count() or 1,
        "memory_mb": memory,
        "governor": _read(cpu + "scaling_governor"),
        "clock_mhz": round(int(clock) / 1000) if clock.isdigit() else None,
        "load": _load(),
        "temperature_c": _temperature(),
        "power": _power(),
    }
    return {key: value for key, value in found.items() if value not in ("", None)}


def _load():
    try:
        return round(os.getloadavg()[0], 2)
    except (OSError, AttributeError):
        return None


def _memory_mb():
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024**2
    except (ValueError, OSError, AttributeError):
        return None


def _temperature():
    value = _read("/sys/class/thermal/thermal_zone0/temp")
    return round(int(value) / 1000) if value.lstrip("-").isdigit() else None


def _power():
    if platform.system() == "Darwin":
        found = re.search(r"'([^']+)'", _said("pmset", "-g", "batt"))
        return found.group(1) if found else ""
    for supply in ("AC", "ACAD", "ADP1"):
        online = _read(f"/sys/class/power_supply/{supply}/online")
        if online:
            return "mains" if online == "1" else "battery"
    return ""


def fast_cores():
    """The cores to stay on: where the kinds of core differ, the fastest kind. None where processes can't be kept."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    base = "/sys/devices/system/cpu/cpu{}/"
    for name in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
        speed = {core: _read(base.format(core) + name) for core in allowed}
        if all(value.isdigit() for value in speed.values()):
            best = max(int(value) for value in speed.values())
            # Cores of one kind may differ by a few per cent of boost clock.
            return [core for core in allowed if int(speed[core]) > 0.9 * best]
    return allowed


def parse_cores(text):
    """``0-3,6`` as a list of numbers."""
    found = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            raise KitError(f"'{text}' are not cores. Write them like 0-3,6.")
        found += range(int(first), int(last or first) + 1)
    return found


def stay_on(cores):
    """Keep this process on some cores, where the system has that."""
    if not cores:
        return
    try:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, cores)
        elif platform.system() == "Windows":
            import ctypes

            kernel = ctypes.windll.kernel32
            kernel.GetCurrentProcess.restype = ctypes.c_void_p
            mask = ctypes.c_size_t(sum(1 << core for core in cores))
            kernel.SetProcessAffinityMask(ctypes.c_void_p(kernel.GetCurrentProcess()), mask)
    except (OSError, ValueError):
        pass  # a container may forbid it; the numbers are then only less steady
