"""The measuring core: how long one call takes, of many calls side by side.

All calls are measured in rounds, each round in a new order, so that drift of the machine meets all of them alike. A
sample is an inner loop long enough for the clock; each burst of samples is preceded by untimed calls that warm the
caches and let another runtime's spinning threads fall asleep. A call is done when its median is known well enough: the
confidence interval is that of the medians of its rounds, because samples of one burst are not independent.

Two clocks are kept. On one thread, a sample whose wall time exceeds its CPU time was interrupted by somebody else: it
does not count, unless nearly all were, and then the machine is said to be busy.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from nasstudio.engine.device.conditions import Load
from nasstudio.engine.device.runtime.runtime import Call, DeviceTimed

SAMPLE_NS = 250_000
BURST = 5
MIN_ROUNDS = 7
MAX_ROUNDS = 60
_INTERRUPTED = 1.10  # wall over CPU time of a sample that lost its core
_BUSY_SHARE = 0.10


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
class Timing:
    """How long one call takes.

    Attributes
    ----------
    median_ms, p10_ms, p90_ms : of the samples that count.
    n : number of these samples.
    busy : the machine was busy with something else; the numbers may be too high.
    cpu_ms : median of the thread's CPU time; None where it says nothing.
    rounds : rounds behind it.
    half_width : half the width of the median's 95 % confidence interval, as a share; inf for too few rounds.
    """

    median_ms: float
    p10_ms: float
    p90_ms: float
    n: int
    busy: bool
    cpu_ms: float | None = None
    rounds: int = 0
    half_width: float = math.inf

    def less(self, overhead_ms: float) -> Timing:
        """Without the time of an empty call. Never below a fiftieth of what was measured: a time stays a time."""

        def reduced(ms: float) -> float:
            return max(ms - overhead_ms, 0.02 * ms)

        return Timing(
            reduced(self.median_ms),
            reduced(self.p10_ms),
            reduced(self.p90_ms),
            self.n,
            self.busy,
            self.cpu_ms,
            self.rounds,
            self.half_width * self.median_ms / reduced(self.median_ms),
        )


@dataclass
class _Row:
    """The samples of one call; times are ns a call."""

    call: Call
    inner: int = 1
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    rounds: list[float] = field(default_factory=list)


class Bench:
    """Calls measured side by side.

    Parameters
    ----------
    calls : what to measure.
    threads : compute threads of a call.
    rng : order of the rounds.
    clocks : for tests; by default the machine's.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        *,
        threads: int,
        rng: np.random.Generator,
        clocks: Clocks | None = None,
    ) -> None:
        self._rows = [_Row(call) for call in calls]
        self._rng = rng
        self._threads = threads
        self._clocks = clocks or Clocks.of_threads(threads)
        # Threads of the runtime measured before may spin for a while after their last call.
        self._settle_ns = 100_000 if threads == 1 else 2_000_000
        self.spent_s = 0.0
        self.load = Load(threads)

    def run(
        self,
        *,
        spread: float,
        budget_s: float,
        on_row: Callable[[int], None] = lambda index: None,
        check: Callable[[], None] = lambda: None,
    ) -> list[int]:
        """Measure until every median is known to `spread`, or `budget_s` of measuring are spent.

        Each call is measured in at least one round, whatever the budget.

        Parameters
        ----------
        spread : see `Timing.half_width`.
        on_row : called with a call's index after each of its rounds.
        check : called before each burst; may hold, may raise to stop.

        Returns
        -------
        Indices of the calls that are not known to `spread`.
        """
        if not self._rows:
            return []
        open_rows = list(range(len(self._rows)))
        self.load.mark()
        with _no_garbage_collection():
            while open_rows and (self.spent_s < budget_s or not self._rows[open_rows[0]].rounds):
                for index in self._rng.permutation(open_rows):
                    self._ask(check)
                    row = self._rows[index]
                    if self.spent_s >= budget_s and row.rounds:
                        continue
                    began = self._clocks.wall()
                    self._burst(row)
                    self.spent_s += (self._clocks.wall() - began) / 1e9
                    on_row(int(index))
                    self.load.lap(0.5)
                open_rows = [i for i in open_rows if not self.known(i, spread)]
        self.load.lap()
        return [i for i in range(len(self._rows)) if self._half_width(i) > spread]

    def _ask(self, check: Callable[[], None]) -> None:
        """Ask whether to go on; what others do while it holds does not count."""
        began = time.monotonic()
        check()
        if time.monotonic() - began > 0.05:
            self.load.mark()

    def known(self, index: int, spread: float) -> bool:
        """Whether a call needs no further round: known well enough, or measured as often as is useful."""
        rounds = len(self._rows[index].rounds)
        if rounds < MIN_ROUNDS:
            return False
        return rounds >= MAX_ROUNDS or self._half_width(index) <= spread

    def measured(self, index: int) -> bool:
        """Whether there is any sample of a call."""
        return bool(self._rows[index].rounds)

    def timing(self, index: int) -> Timing:
        """What is known about a call so far."""
        row = self._rows[index]
        wall = np.array(row.wall)
        clean = _undisturbed(wall, np.array(row.cpu))
        counted = wall[clean] / 1e6
        p10, median, p90 = np.quantile(counted, [0.1, 0.5, 0.9])
        return Timing(
            float(median),
            float(p10),
            float(p90),
            len(counted),
            busy=self.load.busy() or self._interrupted(row) > _BUSY_SHARE,
            cpu_ms=float(np.median(row.cpu)) / 1e6 if row.cpu else None,
            rounds=len(row.rounds),
            half_width=self._half_width(index),
        )

    def interrupted(self) -> float:
        """Share of all samples that lost their core to somebody else; 0 where it can't be told."""
        shares = [self._interrupted(row) for row in self._rows if row.cpu]
        return float(np.mean(shares)) if shares else 0.0

    def busy(self) -> bool:
        """Whether something else kept the machine busy meanwhile."""
        return self.load.busy() or self.interrupted() > _BUSY_SHARE

    # -- one burst ----------------------------------------------------------------------------------------------

    def _burst(self, row: _Row) -> None:
        if not row.rounds:
            row.inner = self._inner(row.call)
        self._settle(row.call)
        wall, cpu = [], []
        for _ in range(BURST):
            wall_ns, cpu_ns = self._sample(row)
            wall.append(wall_ns / row.inner)
            if cpu_ns is not None:
                cpu.append(cpu_ns / row.inner)
        row.wall += wall
        row.cpu += cpu
        times = np.array(wall)
        row.rounds.append(float(np.median(times[_undisturbed(times, np.array(cpu))])))

    def _inner(self, call: Call) -> int:
        """Calls a sample, from the fastest of a few: enough for the clock, one if a call is long by itself."""
        fastest = min(self._once(call) for _ in range(4))
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

    def _sample(self, row: _Row) -> tuple[int, int | None]:
        call = row.call
        if isinstance(call, DeviceTimed):
            return call.time_ns(row.inner), None
        wall, cpu = self._clocks.wall, self._clocks.cpu
        if cpu is None:
            began = wall()
            for _ in range(row.inner):
                call()
            return wall() - began, None
        began, began_cpu = wall(), cpu()
        for _ in range(row.inner):
            call()
        return wall() - began, cpu() - began_cpu

    # -- what is known ------------------------------------------------------------------------------------------

    def _half_width(self, index: int) -> float:
        """Half the width of the 95 % confidence interval of the median of the rounds (order statistics)."""
        rounds = np.sort(self._rows[index].rounds)
        n = len(rounds)
        if n < MIN_ROUNDS:
            return math.inf
        reach = 0.98 * math.sqrt(n)
        low, high = max(0, math.floor(n / 2 - reach)), min(n - 1, math.ceil(n / 2 + reach) - 1)
        return float((rounds[high] - rounds[low]) / 2 / np.median(rounds))

    def _interrupted(self, row: _Row) -> float:
        if not row.cpu:
            return 0.0
        return float(np.mean(np.array(row.wall) > _INTERRUPTED * np.array(row.cpu)))


def _undisturbed(wall: np.ndarray, cpu: np.ndarray) -> np.ndarray:
    """Which samples count: those that kept their core; all, if fewer than a third did. Booleans like `wall`."""
    if len(cpu) != len(wall):
        return np.ones(len(wall), dtype=bool)
    kept = wall <= _INTERRUPTED * cpu
    return kept if 3 * np.count_nonzero(kept) >= len(wall) else np.ones(len(wall), dtype=bool)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
