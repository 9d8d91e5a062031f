"""Samples of prepared calls, in the process that makes the calls.

A sample is an inner loop long enough for the clock; each burst of samples is preceded by untimed calls that warm the
caches and let another runtime's spinning threads fall asleep. Both clocks of every sample are kept: nothing here judges
which of them count.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from nasstudio.engine.device.runtime.runtime import Call, DeviceTimed

SAMPLE_NS = 250_000
LONG_NS = 10_000_000
BURST, LONG_BURST = 5, 3


def _fine_thread_clock() -> Callable[[], int] | None:
    fine = time.get_clock_info("thread_time").resolution < 1e-5
    return time.thread_time_ns if fine else None


@dataclass(frozen=True)
class Clocks:
    """Wall and CPU clock, ns. `cpu` is that of the calling thread; None where it says nothing about the work."""

    wall: Callable[[], int] = time.perf_counter_ns
    cpu: Callable[[], int] | None = field(default_factory=_fine_thread_clock)

    @classmethod
    def of_threads(cls, threads: int) -> Clocks:
        """With more than one thread the calling thread's clock does not count the work."""
        return cls() if threads == 1 else cls(cpu=None)


@dataclass(frozen=True)
class Burst:
    """A few samples of one call in a row, ns a call.

    Attributes
    ----------
    wall : elapsed time of each sample.
    cpu : the calling thread's CPU time of each; empty where it says nothing.
    """

    wall: tuple[float, ...]
    cpu: tuple[float, ...] = ()


class Sampler(Protocol):
    """Gives bursts of numbered calls."""

    def burst(self, index: int) -> Burst: ...


class CallSampler:
    """Bursts of calls of this process.

    Parameters
    ----------
    calls : what to measure.
    threads : compute threads of a call.
    clocks : for tests; by default the machine's.
    """

    def __init__(self, calls: Sequence[Call], threads: int, clocks: Clocks | None = None) -> None:
        self._calls = calls
        self._clocks = clocks or Clocks.of_threads(threads)
        self._inner = [0] * len(calls)
        # Threads of the runtime measured before may spin for a while after their last call.
        self._settle_ns = 100_000 if threads == 1 else 2_000_000

    def burst(self, index: int) -> Burst:
        """A burst of one call."""
        call = self._calls[index]
        if not self._inner[index]:
            self._inner[index] = self._fitting(call)
        self._settle(call)
        inner = self._inner[index]
        first = self._sample(call, inner)
        more = (BURST if first[0] < LONG_NS else LONG_BURST) - 1
        samples = [first, *(self._sample(call, inner) for _ in range(more))]
        cpu = tuple(c / inner for _, c in samples if c is not None)
        return Burst(tuple(wall / inner for wall, _ in samples), cpu)

    def _fitting(self, call: Call) -> int:
        """Calls a sample, from the fastest of a few: enough for the clock, one if a call is long by itself."""
        fastest = self._once(call)
        for _ in range(3):
            if fastest > 10 * SAMPLE_NS:
                return 1
            fastest = min(fastest, self._once(call))
        return max(1, math.ceil(SAMPLE_NS / max(fastest, 100)))

    def _once(self, call: Call) -> int:
        began = self._clocks.wall()
        call()
        return self._clocks.wall() - began

    def _settle(self, call: Call) -> None:
        began = self._clocks.wall()
        call()
        while self._clocks.wall() - began < self._settle_ns:
            call()

    def _sample(self, call: Call, inner: int) -> tuple[int, int | None]:
        if isinstance(call, DeviceTimed):
            return call.time_ns(inner), None
        wall, cpu = self._clocks.wall, self._clocks.cpu
        if cpu is None:
            began = wall()
            for _ in range(inner):
                call()
            return wall() - began, None
        began, began_cpu = wall(), cpu()
        for _ in range(inner):
            call()
        return wall() - began, cpu() - began_cpu


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Without Python's collector, which would interrupt a sample."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
