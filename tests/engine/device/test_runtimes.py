"""Runtimes: what they offer here, what they refuse, and that what they prepare runs."""

import importlib.metadata

import msgspec
import pytest

from nasstudio.engine.device import probe
from nasstudio.engine.device.conditions import conditions
from nasstudio.engine.device.device import Device, processor
from nasstudio.engine.device.measure import time_layers, time_module, time_onnx
from nasstudio.engine.device.runtime import registry
from nasstudio.engine.device.runtime.runtime import DeviceTimed, ModuleRuntime
from nasstudio.engine.device.runtime.torch_cuda import CudaCall, TorchCuda
from nasstudio.engine.errors import InvalidInput, NeedsExtra
from nasstudio.engine.space.layer import parse

LAYER = parse("mbconv 8x8x8 -> 8 k3 s1 e2 se res hswish")
CHAIN = [
    parse("conv 1x8x8 -> 8 k3 s1 hswish"),
    LAYER,
    parse("conv 8x8x8 -> 16 k1 s1 pool hswish"),
    parse("linear 16x1x1 -> 4 k1 s1 nobn bias"),
]


def test_that_the_probe_finds_the_processor_under_each_runtime_with_one_thread_first():
    devices, gaps = probe.devices_here()
    assert {d.runtime for d in devices} >= {"torch", "onnxruntime"}
    assert gaps == []
    for runtime in ("torch", "onnxruntime"):
        threads = [d.threads for d in devices if d.runtime == runtime]
        assert threads[0] == 1
        assert threads == sorted(set(threads))
    assert len({d.id for d in devices}) == len(devices)
    assert all(d.here for d in devices if d.runtime != "torch-cuda")


def test_that_a_runtime_that_is_not_installed_is_a_gap_and_not_a_failure(monkeypatch):
    def none(self):
        raise NeedsExtra("onnxruntime", "engine")

    runtime = registry.get("onnxruntime")
    monkeypatch.setattr(type(runtime), "available", none)
    devices, gaps = probe.devices_here()
    assert {d.runtime for d in devices} == {"torch"} or "torch-cuda" in {d.runtime for d in devices}
    assert "pip install nasstudio[engine]" in gaps[0]


@pytest.mark.parametrize("name", ["torch", "onnxruntime"])
def test_that_each_runtime_runs_layers_networks_and_the_empty_call(name):
    runtime = registry.get(name)
    device = runtime.devices_here()[0]
    for call in (
        runtime.prepare_empty(device),
        runtime.prepare_layer(LAYER, device),
        runtime.prepare_network(CHAIN, device),
    ):
        assert call() is None
    timing = time_layers(CHAIN, device, 0.05)
    assert 0 < timing.p10_ms <= timing.median_ms <= timing.p90_ms
    assert timing.n > 0


def test_that_an_onnx_file_is_timed_by_onnx_runtime_and_refused_by_torch(tmp_path):
    import numpy as np

    from nasstudio.engine.device.runtime import onnx_graph

    path = tmp_path / "net.onnx"
    model = onnx_graph.network_model(CHAIN, np.random.default_rng(0))
    path.write_bytes(onnx_graph.serialised(model))
    ort = registry.get("onnxruntime").devices_here()[0]
    assert time_onnx(path, ort, 0.05).median_ms > 0
    torch_device = registry.get("torch").devices_here()[0]
    with pytest.raises(InvalidInput, match="PyTorch does not run ONNX files"):
        time_onnx(path, torch_device, 0.05)
    with pytest.raises(InvalidInput, match="not there"):
        time_onnx(tmp_path / "none.onnx", ort, 0.05)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(InvalidInput, match="ONNX Runtime can't run it") as caught:
        time_onnx(path, ort, 0.05)
    assert str(path) == caught.value.where


def test_that_a_torch_module_is_timed_by_torch_only():
    from torch import nn

    device = registry.get("torch").devices_here()[0]
    assert time_module(nn.Conv2d(1, 4, 3), (1, 1, 8, 8), device, 0.05).median_ms > 0
    ort = registry.get("onnxruntime").devices_here()[0]
    with pytest.raises(InvalidInput, match="does not run torch modules"):
        time_module(nn.Conv2d(1, 4, 3), (1, 1, 8, 8), ort, 0.05)
    assert not isinstance(registry.get("onnxruntime"), ModuleRuntime)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"runtime": "table"}, "known from a table only"),
        ({"hardware": "Another Processor"}, "is not this machine"),
        ({"version": "0.1"}, "was set up with"),
        ({"batch": 8}, "Batch 8 in fp32"),
        ({"precision": "int8"}, "int8"),
    ],
)
def test_that_a_device_that_is_not_here_is_not_measured(change, said):
    here = registry.get("onnxruntime").devices_here()[0]
    device = msgspec.structs.replace(here, **change)
    with pytest.raises(InvalidInput, match=said) as caught:
        registry.runtime_of(device)
    assert caught.value.remedy


def test_that_an_unknown_runtime_says_what_it_needs():
    with pytest.raises(NeedsExtra, match="the runtime 'abacus' is not installed"):
        registry.get("abacus")


def test_that_a_package_may_register_a_runtime(monkeypatch):
    class Abacus:
        name = "abacus"

        def available(self):
            return None

        def devices_here(self):
            return [Device("beads", "abacus", "1")]

    class Point:
        name = "abacus"

        def load(self):
            return Abacus

    def points(*, group, name=None):
        return [Point()] if group == "nasstudio.runtimes" and name in (None, "abacus") else []

    monkeypatch.setattr(registry, "entry_points", points)
    assert "abacus" in registry.names()
    assert Device("beads", "abacus", "1") in probe.devices_here()[0]
    assert importlib.metadata.entry_points is not points


class FakeCuda:
    """Stands for `torch.cuda`: two equal cards and one of another model, and a clock of its own."""

    def __init__(self, names=("RTX 1", "RTX 1", "RTX 2")):
        self.names = names
        self.now_ms = 0.0
        self.pending_ms = 0.0
        self.said = []

    def is_available(self):
        return bool(self.names)

    def device_count(self):
        return len(self.names)

    def get_device_name(self, index):
        return self.names[index]

    def synchronize(self, place):
        self.now_ms += self.pending_ms
        self.pending_ms = 0.0
        self.said.append("synchronise")

    def device(self, place):
        import contextlib

        return contextlib.nullcontext()

    def Event(self, enable_timing):
        cuda = self

        class Event:
            def record(self):
                self.at_ms = cuda.now_ms + cuda.pending_ms

            def elapsed_time(self, other):
                return other.at_ms - self.at_ms

        assert enable_timing
        return Event()


def test_that_cards_are_offered_by_model_and_found_again_by_name():
    runtime = TorchCuda(FakeCuda())
    devices = runtime.devices_here()
    assert [d.hardware for d in devices] == ["RTX 1", "RTX 2"]
    assert [runtime.index(d) for d in devices] == [0, 2]
    with pytest.raises(InvalidInput, match="no 'RTX 9'"):
        runtime.index(Device("RTX 9", "torch-cuda"))
    assert TorchCuda(FakeCuda(())).devices_here() == []


def test_that_a_call_on_a_card_is_timed_by_events_after_the_card_has_finished():
    cuda = FakeCuda()

    def infer():
        cuda.pending_ms += 2.0

    call = CudaCall(infer, cuda, "cuda:0")
    assert isinstance(call, DeviceTimed)
    call()
    assert cuda.said == ["synchronise"]
    infer()
    assert call.time_ns(5) == 10_000_000


def test_that_conditions_hold_what_decides_a_time():
    device = Device(processor(), "onnxruntime", "1")
    noted = conditions(device, "1")
    assert noted["device"] == device.id
    assert noted["cores"] >= 1
    assert msgspec.json.decode(msgspec.json.encode(noted)) == noted
