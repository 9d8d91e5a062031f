"""How long one call takes, of many calls side by side.

All calls are measured in rounds, each round in a new order, so that drift of the machine meets all of them alike, and
in several fresh processes, because where a process's memory happens to lie decides a few per cent. A call is done when
its median is known well enough: the confidence interval is that of the medians of its rounds, because samples of one
burst are not independent, and it is never narrower than the processes agree.

Two clocks are kept. On one thread, a sample whose wall time exceeds its CPU time was interrupted by somebody else: it
does not count, unless nearly all were, and then the machine is said to be busy.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import numpy as np

from nasstudio.engine.device.conditions import Load
from nasstudio.engine.device.runtime.runtime import Call
from nasstudio.engine.device.sampling import (
    Burst,
    CallSampler,
    Clocks,
    Sampler,
    no_garbage_collection,
)

MIN_ROUNDS = 7
MAX_ROUNDS = 60
ROUNDS_A_PROCESS = 3
LEAST_PROCESSES = 3
_INTERRUPTED = 1.10  # wall over CPU time of a sample that lost its core
_BUSY_SHARE = 0.10

OpenSampler = Callable[[Sequence[int]], AbstractContextManager[Sampler]]


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
    processes : fresh processes behind it.
    """

    median_ms: float
    p10_ms: float
    p90_ms: float
    n: int
    busy: bool
    cpu_ms: float | None = None
    rounds: int = 0
    half_width: float = math.inf
    processes: int = 1

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
            self.processes,
        )


@dataclass
class _Row:
    """The samples of one call; times are ns a call. `rounds` and `process` go together."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    rounds: list[float] = field(default_factory=list)
    process: list[int] = field(default_factory=list)

    def add(self, burst: Burst, process: int) -> None:
        self.wall += burst.wall
        self.cpu += burst.cpu
        times = np.array(burst.wall)
        self.rounds.append(float(np.median(times[_undisturbed(times, np.array(burst.cpu))])))
        self.process.append(process)


class Bench:
    """Calls measured side by side.

    Parameters
    ----------
    open_sampler : opens a process that has loaded the calls of these numbers and gives bursts of them.
    count : number of calls.
    threads : compute threads of a call.
    rng : order of the rounds.
    rounds_each : rounds until a process is replaced by a fresh one; after `LEAST_PROCESSES` of them twice as many with
        every further one, because starting them costs time, which is then a part of the budget.
    wall : clock of the budget; for tests.
    """

    def __init__(
        self,
        open_sampler: OpenSampler,
        count: int,
        *,
        threads: int,
        rng: np.random.Generator,
        rounds_each: int = ROUNDS_A_PROCESS,
        wall: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._open = open_sampler
        self._rows = [_Row() for _ in range(count)]
        self._rng = rng
        self._rounds_each = rounds_each
        self._wall = wall
        self._processes = 0
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
        open_rows = list(range(len(self._rows)))
        while open_rows and (self.spent_s < budget_s or not self._measured_all()):
            check()
            began = self._wall()
            with self._open(open_rows) as sampler, self.load.watched(sampler):
                extra = self._processes - LEAST_PROCESSES + 1
                if extra > 0:
                    self.spent_s += (self._wall() - began) / 1e9
                for _ in range(self._rounds_each * 2 ** max(0, extra)):
                    self._round(open_rows, sampler, budget_s, on_row, check)
                    if self.spent_s >= budget_s or self._all_known(open_rows, spread):
                        break
            self._processes += 1
            open_rows = [i for i in open_rows if not self.known(i, spread)]
        return [i for i in range(len(self._rows)) if self._half_width(i) > spread]

    def _round(
        self,
        open_rows: list[int],
        sampler: Sampler,
        budget_s: float,
        on_row: Callable[[int], None],
        check: Callable[[], None],
    ) -> None:
        for index in self._rng.permutation(open_rows):
            self._ask(check)
            row = self._rows[index]
            if self.spent_s >= budget_s and row.rounds:
                continue
            began = self._wall()
            row.add(sampler.burst(int(index)), self._processes)
            self.spent_s += (self._wall() - began) / 1e9
            on_row(int(index))
            self.load.lap(0.5)
        self.load.lap()

    def _ask(self, check: Callable[[], None]) -> None:
        """Ask whether to go on; what others do while it holds does not count."""
        began = time.monotonic()
        check()
        if time.monotonic() - began > 0.05:
            self.load.mark()

    def _measured_all(self) -> bool:
        return all(row.rounds for row in self._rows)

    def _all_known(self, open_rows: list[int], spread: float) -> bool:
        return all(self.known(i, spread) for i in open_rows)

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
            processes=len(set(row.process)),
        )

    def first_rounds_ms(self, index: int, rounds: int) -> float:
        """Median of a call's first rounds, ms: what a smaller budget would have given."""
        return float(np.median(self._rows[index].rounds[:rounds])) / 1e6

    def interrupted(self) -> float:
        """Share of all samples that lost their core to somebody else; 0 where it can't be told."""
        shares = [self._interrupted(row) for row in self._rows if row.cpu]
        return float(np.mean(shares)) if shares else 0.0

    def busy(self) -> bool:
        """Whether something else kept the machine busy meanwhile."""
        return self.load.busy() or self.interrupted() > _BUSY_SHARE

    def noise(self) -> float:
        """Noise floor: how far a process's median of a call is from the call's median, a typical share.

        The median over calls of half the range of their processes' medians; 0 if there was one process only.
        """
        ranges = []
        for row in self._rows:
            medians = _process_medians(row)
            if len(medians) > 1:
                ranges.append(float(np.ptp(medians) / 2 / np.median(medians)))
        return float(np.median(ranges)) if ranges else 0.0

    def _half_width(self, index: int) -> float:
        """Half the width of the 95 % confidence interval of the median of the rounds (order statistics).

        Not less than the standard error that the processes' medians suggest.
        """
        row = self._rows[index]
        rounds = np.sort(row.rounds)
        n = len(rounds)
        if n < MIN_ROUNDS:
            return math.inf
        reach = 0.98 * math.sqrt(n)
        low, high = max(0, math.floor(n / 2 - reach)), min(n - 1, math.ceil(n / 2 + reach) - 1)
        width = float(rounds[high] - rounds[low]) / 2
        medians = _process_medians(row)
        if len(medians) > 1:
            width = max(width, float(np.std(medians, ddof=1)) / math.sqrt(len(medians)))
        return width / float(np.median(rounds))

    def _interrupted(self, row: _Row) -> float:
        if not row.cpu:
            return 0.0
        return float(np.mean(np.array(row.wall) > _INTERRUPTED * np.array(row.cpu)))


def bench_of_calls(
    calls: Sequence[Call],
    *,
    threads: int,
    rng: np.random.Generator,
    clocks: Clocks | None = None,
) -> Bench:
    """A bench of calls of this process, for what can't be loaded by another one."""
    sampler = CallSampler(calls, threads, clocks)

    @contextmanager
    def here(numbers: Sequence[int]) -> Iterator[Sampler]:
        with no_garbage_collection():
            yield sampler

    wall = clocks.wall if clocks is not None else time.perf_counter_ns
    return Bench(here, len(calls), threads=threads, rng=rng, rounds_each=MAX_ROUNDS, wall=wall)


def _process_medians(row: _Row) -> np.ndarray:
    rounds, process = np.array(row.rounds), np.array(row.process)
    return np.array([np.median(rounds[process == p]) for p in np.unique(process)])


def _undisturbed(wall: np.ndarray, cpu: np.ndarray) -> np.ndarray:
    """Which samples count: those that kept their core; all, if fewer than a third did. Booleans like `wall`."""
    if len(cpu) != len(wall):
        return np.ones(len(wall), dtype=bool)
    kept = wall <= _INTERRUPTED * cpu
    return kept if 3 * np.count_nonzero(kept) >= len(wall) else np.ones(len(wall), dtype=bool)
