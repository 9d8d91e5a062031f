"""A process of its own that measures: what it gives, what it refuses, and how it ends."""

import os
from pathlib import Path

import psutil
import pytest

from nasstudio.engine.device.conditions import Load, conditions, quietest_cores
from nasstudio.engine.device.environment import measuring_environment
from nasstudio.engine.device.lowered import LoweredFiles
from nasstudio.engine.device.process import measuring_process
from nasstudio.engine.device.runtime import registry
from nasstudio.engine.errors import InvalidInput, StudioError
from nasstudio.engine.space.layer import parse

LAYER = parse("mbconv 8x8x8 -> 8 k3 s1 e2 se res hswish")


@pytest.fixture(scope="module")
def device():
    return registry.get("onnxruntime").devices_here()[0]


@pytest.fixture
def lowered(tmp_path, device):
    return LoweredFiles(tmp_path, device)


def test_that_a_process_loads_artefacts_by_number_and_gives_bursts_of_them(lowered, device):
    files = {3: lowered.chain([]), 7: lowered.chain([LAYER])}
    loaded = []
    with measuring_process(device, files, on_load=loaded.append) as worker:
        empty, layer = worker.burst(3), worker.burst(7)
        pid = worker.pid
        assert psutil.pid_exists(pid)
    assert sorted(loaded) == [3, 7]
    assert min(empty.wall) > 0
    assert len(layer.cpu) == len(layer.wall)
    assert not psutil.pid_exists(pid)


def test_that_a_process_that_dies_is_an_error_that_says_what_to_do(lowered, device):
    with measuring_process(device, {0: lowered.chain([LAYER])}) as worker:
        gone = psutil.Process(worker.pid)
        gone.kill()
        psutil.wait_procs([gone], timeout=10)
        with pytest.raises(StudioError, match="does not answer") as caught:
            worker.burst(0)
    assert "run the job again" in caught.value.remedy


def test_that_what_a_runtime_refuses_in_the_process_arrives_as_its_own_error(tmp_path, device):
    broken = tmp_path / "x.bin"
    broken.write_bytes(b"nothing of the kind")
    with (
        pytest.raises(InvalidInput) as caught,
        measuring_process(device, {0: broken}),
    ):
        pass
    assert caught.value.remedy
    with (
        pytest.raises(StudioError, match="can't be read"),
        measuring_process(device, {0: tmp_path / "none.bin"}),
    ):
        pass


def test_that_a_stop_while_a_process_loads_ends_it(lowered, device):
    class Stop(Exception):
        pass

    def check():
        raise Stop

    before = {child.pid for child in psutil.Process().children()}
    with pytest.raises(Stop), measuring_process(device, {0: lowered.chain([])}, check=check):
        pass
    assert {child.pid for child in psutil.Process().children()} == before


def test_that_a_layer_is_lowered_once_and_found_again_by_a_later_start(
    tmp_path, device, monkeypatch
):
    runtime = registry.get("onnxruntime")
    made = []
    lower = type(runtime).lower

    def counted(self, layers, device):
        made.append(tuple(layers))
        return lower(self, layers, device)

    monkeypatch.setattr(type(runtime), "lower", counted)
    first = LoweredFiles(tmp_path, device).chains([[], [LAYER], [LAYER]])
    again = LoweredFiles(tmp_path, device).chains([[LAYER], []])
    assert made == [(), (LAYER,)]
    assert (first[1], first[0]) == tuple(again)


def test_that_conditions_say_what_the_machine_does(device):
    said = conditions(device, device.version)
    assert {"load", "governor", "clock_mhz", "temperature_c", "python", "system"} <= said.keys()
    assert said["hardware"] == device.hardware


def test_that_the_quietest_cores_are_cores_of_this_process():
    allowed = psutil.Process().cpu_affinity()
    assert set(quietest_cores(1)) <= set(allowed)
    assert len(quietest_cores(1)) == 1
    assert set(quietest_cores(10_000)) == set(allowed)


def test_that_a_worker_s_own_time_does_not_count_as_somebody_else_s(monkeypatch):
    load = Load(1)
    asked = []
    monkeypatch.setattr(load, "_used_by_others", lambda: asked.append(len(load._mine)) or 0.0)

    class Worker:
        pid = psutil.Process().pid

    with load.watched(Worker()):
        load.lap()
    load.lap()
    assert asked[:2] == [2, 2]
    assert asked[-1] == 1


def test_that_two_threads_that_measure_wait_as_in_an_application_each_on_its_own_core(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    found = measuring_environment(2, (1, 3))
    assert "OMP_WAIT_POLICY" not in found
    assert (found["OMP_NUM_THREADS"], found["OMP_PLACES"]) == ("2", "{1},{3}")
    assert found["OMP_PROC_BIND"] == "true"


def test_that_nothing_is_bound_where_cores_are_not_known_or_one_thread_has_the_choice():
    for found in (measuring_environment(2, ()), measuring_environment(1, (0,))):
        assert "OMP_PLACES" not in found


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="cores of threads are Linux's")
def test_that_the_calling_one_of_two_threads_has_a_core_and_the_other_may_use_the_next(lowered):
    two = [d for d in registry.get("onnxruntime").devices_here() if d.threads == 2]
    if not two:
        pytest.skip("this machine measures with one thread only")
    with measuring_process(two[0], {0: lowered.chain([LAYER])}) as worker:
        worker.burst(0)
        threads = [int(task.name) for task in Path(f"/proc/{worker.pid}/task").iterdir()]
        kept = {thread: os.sched_getaffinity(thread) for thread in threads}
    calling = kept.pop(worker.pid)
    assert calling == {min(calling)}
    assert any(len(cores) == 2 and calling < cores for cores in kept.values())
