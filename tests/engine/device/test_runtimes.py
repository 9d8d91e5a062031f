"""Runtimes: what they offer here, what they refuse, and that what they lower loads and runs."""

import importlib.metadata

import msgspec
import pytest

from nasstudio.engine.device import probe
from nasstudio.engine.device.conditions import conditions
from nasstudio.engine.device.device import Device, processor
from nasstudio.engine.device.runtime import registry
from nasstudio.engine.device.runtime.runtime import ModuleRuntime
from nasstudio.engine.errors import InvalidInput, NeedsExtra
from nasstudio.engine.space.layer import LayerSpec, parse

LAYER = parse("mbconv 8x8x8 -> 8 k3 s1 e2 se res hswish")
CHAIN = [
    parse("conv 1x8x8 -> 8 k3 s1 hswish"),
    LAYER,
    parse("conv 8x8x8 -> 16 k1 s1 pool hswish"),
    parse("linear 16x1x1 -> 4 k1 s1 nobn bias"),
]
QUICK = ["onnxruntime", "openvino", "torch"]


@pytest.fixture(scope="module")
def found():
    return probe.devices_here()


def test_that_the_probe_finds_the_processor_under_each_runtime_with_one_thread_first(found):
    devices, gaps = found
    assert gaps == []
    for runtime in ("onnxruntime", "openvino", "executorch", "torch", "torch-compile"):
        for precision in registry.get(runtime).precisions:
            threads = [
                d.threads for d in devices if (d.runtime, d.precision) == (runtime, precision)
            ]
            assert threads[0] == 1
            assert threads == sorted(set(threads))
    assert len({d.id for d in devices}) == len(devices)
    assert len({d.name for d in devices}) == len(devices)
    assert all(d.here for d in devices if d.runtime != "torch-cuda")
    assert devices[0].runtime == "onnxruntime"
    assert devices[0].precision == "fp32"


@pytest.mark.parametrize(
    ("name", "extra"),
    [("onnxruntime", "engine"), ("openvino", "openvino"), ("executorch", "executorch")],
)
def test_that_a_runtime_that_is_not_installed_is_a_gap_that_names_its_extra(
    name, extra, monkeypatch
):
    runtime = registry.get(name)

    def none(self):
        raise NeedsExtra(name, extra)

    monkeypatch.setattr(type(runtime), "available", none)
    devices, gaps = probe.devices_here()
    assert name not in {d.runtime for d in devices}
    assert "torch" in {d.runtime for d in devices}
    assert len(gaps) == 1
    assert f"pip install nasstudio[{extra}]" in gaps[0]


@pytest.mark.parametrize("name", ["openvino", "executorch"])
def test_that_an_optional_runtime_is_looked_up_without_importing_it(name, monkeypatch):
    import importlib.util

    module = registry._RUNTIMES[name][0]
    found = importlib.util.find_spec

    def missing(package):
        return None if package == name else found(package)

    monkeypatch.setattr(f"{module}.find_spec", missing)
    with pytest.raises(NeedsExtra, match=f"{name} is not installed") as caught:
        registry.get(name)
    assert caught.value.extra == name


@pytest.mark.parametrize("name", QUICK)
def test_that_each_runtime_lowers_and_loads_layers_networks_and_the_empty_network(name):
    runtime = registry.get(name)
    for device in runtime.devices_here():
        for layers in ([], [LAYER], CHAIN):
            artefact = runtime.lower(layers, device)
            assert isinstance(artefact, bytes)
            call = runtime.load(artefact, device)
            assert call() is None


@pytest.mark.parametrize("name", QUICK)
def test_that_lowering_twice_gives_the_same_artefact(name):
    runtime = registry.get(name)
    for device in runtime.devices_here():
        assert runtime.lower(CHAIN, device) == runtime.lower(CHAIN, device)


@pytest.mark.parametrize("name", [*QUICK, "executorch", "torch-compile"])
def test_that_layers_that_do_not_fit_or_have_no_network_are_refused_before_anything_runs(name):
    runtime = registry.get(name)
    device = runtime.devices_here()[0]
    with pytest.raises(InvalidInput, match="gives 8x8x8, and the next is 'conv 9x8x8"):
        runtime.lower([CHAIN[0], LayerSpec("conv", 9, 8, 8, 4)], device)
    with pytest.raises(InvalidInput, match="attention") as caught:
        runtime.lower([LayerSpec("attention", 8, 4, 1, 8, heads=2)], device)
    assert caught.value.remedy


@pytest.mark.parametrize("name", [*QUICK, "executorch"])
@pytest.mark.parametrize("artefact", [b"", b"nothing of the kind", b"\x00" * 64, b"{}", b"[1]"])
def test_that_a_broken_artefact_is_refused_with_a_remedy(name, artefact):
    runtime = registry.get(name)
    with pytest.raises(InvalidInput) as caught:
        runtime.load(artefact, runtime.devices_here()[0])
    assert caught.value.where
    assert "Measure again" in caught.value.remedy


def test_that_only_torchs_family_runs_modules():
    modules = {n for n in registry.names() if isinstance(registry.get(n), ModuleRuntime)}
    assert modules == {"torch", "torch-cuda", "torch-compile", "executorch"}


@pytest.mark.parametrize("name", ["torch", "torch-compile", "torch-cuda", "executorch"])
def test_that_a_runtime_without_onnx_says_which_has_it(name, tmp_path):
    runtime, device = registry.get(name), Device(processor(), name)
    assert not runtime.takes_onnx(device)
    with pytest.raises(InvalidInput, match="does not run ONNX files") as caught:
        runtime.lower_onnx(tmp_path / "net.onnx", device)
    assert "ONNX Runtime" in caught.value.remedy


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"runtime": "table"}, "known from a table only"),
        ({"hardware": "Another Processor"}, "is not this machine"),
        ({"version": "0.1"}, "was set up with"),
        ({"precision": "fp16"}, "ONNX Runtime fp16, 1 thread can't be measured"),
        ({"batch": 0}, "batch 0 can't be measured"),
        ({"threads": 0}, "0 threads can't be measured"),
    ],
)
def test_that_a_device_that_is_not_here_is_not_measured(change, said):
    here = registry.get("onnxruntime").devices_here()[0]
    device = msgspec.structs.replace(here, **change)
    with pytest.raises(InvalidInput, match=said) as caught:
        registry.runtime_of(device)
    assert caught.value.remedy


@pytest.mark.parametrize("change", [{"precision": "int8"}, {"batch": 8}, {"threads": 2}])
def test_that_what_a_runtime_can_do_is_measured_though_the_probe_did_not_list_it(change):
    here = registry.get("onnxruntime").devices_here()[0]
    assert registry.runtime_of(msgspec.structs.replace(here, **change)).name == "onnxruntime"


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


def test_that_conditions_hold_what_decides_a_time():
    device = Device(processor(), "onnxruntime", "1")
    noted = conditions(device, "1")
    assert noted["device"] == device.id
    assert noted["cores"] >= 1
    assert msgspec.json.decode(msgspec.json.encode(noted)) == noted
