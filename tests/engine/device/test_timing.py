"""The measuring core on a clock that the tests turn."""

from contextlib import contextmanager

import numpy as np
import pytest

from nasstudio.engine.device.sampling import Burst, CallSampler, Clocks
from nasstudio.engine.device.timing import MIN_ROUNDS, Bench, Timing, bench_of_calls


class Machine:
    """A wall and a CPU clock; calls move them."""

    def __init__(self, seed=0):
        self.wall = self.cpu = 0
        self.rng = np.random.default_rng(seed)
        self.order = []

    def clocks(self):
        return Clocks(lambda: self.wall, lambda: self.cpu)

    def call(self, ns, jitter=0.0, stolen=0.0, name=None):
        def run():
            work = int(ns * (1 + jitter * self.rng.normal()))
            self.cpu += work
            self.wall += work + (20 * ns if self.rng.random() < stolen else 0)
            if name is not None:
                self.order.append(name)

        return run

    def bench(self, *calls, threads=1):
        rng = np.random.default_rng(0)
        return bench_of_calls(calls, threads=threads, rng=rng, clocks=self.clocks())


def test_that_medians_and_quantiles_are_those_of_the_calls():
    machine = Machine()
    bench = machine.bench(machine.call(1_000_000, 0.05), machine.call(2_000_000, 0.05))
    assert bench.run(spread=0.02, budget_s=60) == []
    first, second = bench.timing(0), bench.timing(1)
    assert first.median_ms == pytest.approx(1.0, rel=0.03)
    assert second.median_ms == pytest.approx(2.0, rel=0.03)
    assert first.p10_ms < first.median_ms < first.p90_ms
    assert first.half_width <= 0.02
    assert first.rounds >= MIN_ROUNDS


def test_that_short_calls_are_measured_in_loops_that_the_clock_can_see():
    machine = Machine()
    bench = machine.bench(machine.call(500))
    bench.run(spread=0.02, budget_s=60)
    assert bench.timing(0).median_ms == pytest.approx(500 / 1e6, rel=0.01)


def test_that_interrupted_samples_do_not_count():
    machine = Machine()
    bench = machine.bench(machine.call(1_000_000, 0.01, stolen=0.3))
    bench.run(spread=0.02, budget_s=60)
    timing = bench.timing(0)
    assert timing.p90_ms < 1.1
    assert timing.busy
    assert bench.interrupted() > 0.1


def test_that_a_machine_that_is_busy_all_the_time_still_gives_a_number_and_says_so():
    machine = Machine()
    bench = machine.bench(machine.call(1_000_000, 0.0, stolen=1.0))
    bench.run(spread=0.02, budget_s=60)
    assert bench.timing(0).median_ms == pytest.approx(21.0)
    assert bench.timing(0).cpu_ms == pytest.approx(1.0)
    assert bench.busy()


def test_that_the_budget_ends_the_measurement_but_every_call_is_measured_once():
    machine = Machine()
    calls = [machine.call(50_000_000, 0.5) for _ in range(5)]
    bench = machine.bench(*calls)
    rough = bench.run(spread=1e-6, budget_s=1.0)
    assert rough == [0, 1, 2, 3, 4]
    assert all(bench.measured(i) for i in range(5))
    assert bench.spent_s < 4.0


def test_that_each_round_has_an_order_of_its_own():
    machine = Machine()
    bench = machine.bench(*[machine.call(1_000_000, name=i) for i in range(6)])
    bench.run(spread=0.5, budget_s=60)
    order = [name for i, name in enumerate(machine.order) if i == 0 or machine.order[i - 1] != name]
    rounds = {tuple(order[i : i + 6]) for i in range(0, 36, 6)}
    assert len(rounds) > 2


def test_that_a_stop_between_bursts_keeps_what_was_measured():
    machine = Machine()
    bench = machine.bench(machine.call(1_000_000), machine.call(1_000_000))
    asked = 0

    class Stop(Exception):
        pass

    def check():
        nonlocal asked
        asked += 1
        if asked == 3:  # once before the process, then before each burst
            raise Stop

    with pytest.raises(Stop):
        bench.run(spread=0.01, budget_s=60, check=check)
    assert [bench.measured(i) for i in range(2)].count(True) == 1


def test_that_a_device_with_its_own_clock_is_asked_for_the_time():
    class OnCard:
        def __call__(self):
            machine.wall += 1_000

        def time_ns(self, calls):
            return calls * 7_000

    machine = Machine()
    bench = bench_of_calls(
        [OnCard()],
        threads=1,
        rng=np.random.default_rng(0),
        clocks=Clocks(lambda: machine.wall, None),
    )
    bench.run(spread=0.01, budget_s=10)
    assert bench.timing(0).median_ms == pytest.approx(0.007)


def test_that_the_overhead_is_taken_off_and_a_time_stays_a_time():
    timing = Timing(1.0, 0.9, 1.2, 10, busy=False)
    less = timing.less(0.25)
    assert (less.median_ms, less.p10_ms, less.p90_ms) == pytest.approx((0.75, 0.65, 0.95))
    tiny = timing.less(5.0)
    assert 0 < tiny.p10_ms <= tiny.median_ms <= tiny.p90_ms


def test_that_nothing_to_measure_is_nothing():
    assert Machine().bench().run(spread=0.01, budget_s=1) == []


# -- several processes ------------------------------------------------------------------------------------------------


class Processes:
    """Samplers that stand for fresh processes: each process is a little faster or slower than the others."""

    def __init__(self, ns, factors):
        self.ns, self.factors = ns, factors
        self.wall = 0
        self.opened = []

    @contextmanager
    def open(self, numbers):
        factor = self.factors[len(self.opened) % len(self.factors)]
        self.opened.append(tuple(numbers))
        yield Process(self, factor)

    def bench(self):
        rng = np.random.default_rng(0)
        return Bench(self.open, len(self.ns), threads=1, rng=rng, wall=lambda: self.wall)


class Process:
    def __init__(self, machine, factor):
        self.machine, self.factor = machine, factor

    def burst(self, index):
        ns = self.machine.ns[index] * self.factor
        self.machine.wall += int(5 * ns)
        return Burst((ns,) * 5, (ns,) * 5)


def test_that_every_call_is_measured_in_several_fresh_processes():
    machine = Processes([1e6, 2e6], [1.0])
    bench = machine.bench()
    assert bench.run(spread=0.01, budget_s=60) == []
    assert machine.opened == [(0, 1)] * 3
    assert bench.timing(0).processes == 3
    assert bench.noise() == 0


def test_that_a_call_is_never_known_better_than_its_processes_agree():
    machine = Processes([1e6], [1.0, 1.06, 0.94])
    bench = machine.bench()
    bench.run(spread=0.01, budget_s=0.06)
    timing = bench.timing(0)
    assert timing.half_width > 0.02
    assert bench.noise() == pytest.approx(0.06, rel=0.05)
    assert timing.median_ms == pytest.approx(1.0, rel=0.01)


def test_that_only_what_is_not_known_yet_is_loaded_by_further_processes():
    machine = Processes([1e6, 1e6], [1.0])
    bench = machine.bench()
    steady = machine.ns[:]
    jumping = iter([1.0, 1.5, 0.7] * 40)

    @contextmanager
    def open_jumping(numbers):
        machine.ns = [steady[0], steady[1] * next(jumping)]
        with machine.open(numbers) as process:
            yield process

    bench._open = open_jumping
    assert bench.run(spread=0.01, budget_s=60) == [1]
    assert machine.opened[:3] == [(0, 1)] * 3
    assert set(machine.opened[3:]) == {(1,)}
    assert bench.timing(1).rounds == 60


def test_that_without_a_budget_one_process_measures_everything_once():
    machine = Processes([1e6] * 4, [1.0])
    bench = machine.bench()
    bench.run(spread=0.01, budget_s=0.0)
    assert len(machine.opened) == 1
    assert [bench.timing(i).rounds for i in range(4)] == [1] * 4


def test_that_long_calls_are_sampled_less_often_and_without_an_inner_loop():
    machine = Machine()
    called = []
    slow = machine.call(50_000_000)

    def call():
        called.append(1)
        slow()

    burst = CallSampler([call], 1, machine.clocks()).burst(0)
    assert len(burst.wall) == 3
    assert len(called) == 5
