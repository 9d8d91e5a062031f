"""ONNX Runtime and OpenVINO: the same bytes, the same numbers; int8 that is int8; loading that needs nothing else."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest

from nasstudio.engine.device.device import Device, processor
from nasstudio.engine.device.runtime import onnx_graph, onnx_int8, registry
from nasstudio.engine.device.runtime.onnxruntime_cpu import session
from nasstudio.engine.device.runtime.openvino_cpu import compiled
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import parse

BLOCK = "mbconv 16x14x14 -> 16 k3 s1 e4 se res hswish"
NETWORK = [
    "conv 3x28x28 -> 16 k3 s2 hswish",
    BLOCK,
    "mbconv 16x14x14 -> 24 k5 s2 e4 relu",
    "conv 24x7x7 -> 64 k1 s1 pool hswish",
    "conv 64x1x1 -> 64 k1 s1 nobn swish",
    "linear 64x1x1 -> 10 k1 s1 nobn bias",
]
KIT = Path(__file__).parents[3] / "resources" / "kit"
SHARING = """
import sys
from pathlib import Path
import psutil
if {where!r} == "kit":
    sys.path.insert(0, {kit!r})
    from runner import child
    child._share_threads(2)
    load = lambda: child._call({path!r}, 2)
else:
    from nasstudio.engine.device.device import Device, processor
    from nasstudio.engine.device.runtime import registry
    runtime, device = registry.get("onnxruntime"), Device(processor(), "onnxruntime", threads=2)
    runtime.begin(device)
    load = lambda: runtime.load(Path({path!r}).read_bytes(), device)
calls = [load()]
calls[0]()
before = psutil.Process().num_threads()
for _ in range(4):
    calls.append(load())
    calls[-1]()
print(before, psutil.Process().num_threads())
"""
CHAINS = [
    NETWORK,
    [BLOCK],
    ["conv 3x28x28 -> 16 k3 s2 hswish"],
    ["conv 16x9x9 -> 32 k3 s1 g4 relu6"],
    ["dwconv 16x9x9 -> 16 k5 s2 g16 gelu"],
    ["linear 64x1x1 -> 32 k1 s1 relu"],
    ["pool 16x8x8 -> 16 k3 s2"],
    ["pool 16x8x8 -> 16 k1 s1 pool"],
]


def _fp32(chain, batch=1):
    return onnx_graph.network_model([parse(x) for x in chain], np.random.default_rng(0), batch)


def _device(name, precision="fp32", **options):
    here = registry.get(name).devices_here()[0]
    return msgspec.structs.replace(here, precision=precision, **options)


def _image(model, seed=1):
    entry = session(onnx_graph.serialised(model), 1).get_inputs()[0]
    rng = np.random.default_rng(seed)
    if entry.type == "tensor(uint8)":
        return rng.integers(0, 256, entry.shape, dtype=np.uint8)
    return rng.normal(size=entry.shape).astype(np.float32)


def _by_onnxruntime(content, image):
    model = session(content, 1)
    return model.run(None, {model.get_inputs()[0].name: image})[0]


def _by_openvino(content, image):
    return next(iter(compiled(content, 1)(image).values()))


def _executed(content, tmp_path):
    """Operators of the graph as ONNX Runtime runs it."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(tmp_path / "run.onnx")
    ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return Counter(node.op_type for node in onnx.load(tmp_path / "run.onnx").graph.node)


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain[0])
def test_that_openvino_and_onnx_runtime_agree_on_the_same_bytes_in_fp32(chain):
    model = _fp32(chain)
    content, image = onnx_graph.serialised(model), _image(model)
    np.testing.assert_allclose(
        _by_openvino(content, image), _by_onnxruntime(content, image), rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain[0])
def test_that_int8_follows_fp32_in_both_runtimes_and_neither_saturates_nor_vanishes(chain):
    model = _fp32(chain)
    int8 = onnx_int8.quantised(model, channels_last=False)
    onnx.checker.check_model(int8, full_check=True)
    content, image = onnx_graph.serialised(int8), _image(model, seed=0)
    given = _quantised_image(int8, image)
    result = _by_onnxruntime(content, given)
    wanted = _by_onnxruntime(onnx_graph.serialised(model), image)
    assert result.dtype == np.uint8
    assert result.shape == wanted.shape
    assert len(np.unique(result)) > 5
    assert np.corrcoef(result.ravel(), wanted.ravel())[0, 1] > 0.99
    other = _by_openvino(content, given)
    assert np.abs(other.astype(int) - result.astype(int)).max() <= 3


def _quantised_image(model, image):
    """The image in the integers of the model's input."""
    name = model.graph.input[0].name
    taker = next(n for n in model.graph.node if name in n.input)
    values = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    scale, zero = values[taker.input[1]], values[taker.input[2]]
    return np.clip(np.round(image / scale) + zero, 0, 255).astype(np.uint8)


def test_that_channels_last_changes_the_ends_and_not_the_numbers():
    model = _fp32([BLOCK])
    first = onnx_int8.quantised(model, channels_last=False)
    last = onnx_int8.quantised(model, channels_last=True)
    image = _image(first)
    turned = np.ascontiguousarray(image.transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(
        _by_onnxruntime(onnx_graph.serialised(first), image),
        _by_onnxruntime(onnx_graph.serialised(last), turned).transpose(0, 3, 1, 2),
    )


def test_that_onnx_runtime_runs_an_int8_block_on_int8_kernels_without_turning_the_image(tmp_path):
    runtime, device = registry.get("onnxruntime"), _device("onnxruntime", "int8")
    operators = _executed(runtime.lower([parse(BLOCK)], device), tmp_path)
    assert operators["QLinearConv"] == 5
    assert operators["QLinearAdd"] == operators["QLinearMul"] == 1
    assert operators["QLinearGlobalAveragePool"] == 1
    assert operators["Conv"] == operators["Transpose"] == 0


def test_that_the_operators_of_int8_layers_add_up_to_those_of_their_network(tmp_path):
    runtime, device = registry.get("onnxruntime"), _device("onnxruntime", "int8")
    layers = [parse(line) for line in NETWORK]
    whole = _executed(runtime.lower(layers, device), tmp_path)
    parts = sum((_executed(runtime.lower([x], device), tmp_path) for x in layers), Counter())
    free = {"Flatten", "Transpose"}
    assert {k: v for k, v in whole.items() if k not in free} == {
        k: v for k, v in parts.items() if k not in free
    }


def test_that_openvino_runs_an_int8_block_on_int8_kernels():
    runtime, device = registry.get("openvino"), _device("openvino", "int8")
    graph = compiled(runtime.lower([parse(BLOCK)], device), 1).get_runtime_model()
    facts = [op.get_rt_info() for op in graph.get_ordered_ops()]
    kernels = [
        f["primitiveType"].astype(str)
        for f in facts
        if f["layerType"].astype(str) in ("Convolution", "FullyConnected")
    ]
    assert len(kernels) == 5
    assert all(kernel.endswith("I8") for kernel in kernels), kernels


def test_that_openvino_keeps_fp32_where_fp32_is_asked_for():
    model = compiled(onnx_graph.serialised(_fp32([BLOCK])), 2)
    assert "float32" in str(model.get_property("INFERENCE_PRECISION_HINT"))
    assert model.get_property("INFERENCE_NUM_THREADS") == 2
    assert model.get_property("NUM_STREAMS") in (1, "1")
    assert not model.get_property("ENABLE_CPU_PINNING")


def test_that_an_int8_layer_is_not_the_fp32_layer():
    runtime = registry.get("onnxruntime")
    fp32 = runtime.lower([parse(BLOCK)], _device("onnxruntime"))
    int8 = runtime.lower([parse(BLOCK)], _device("onnxruntime", "int8"))
    assert len(int8) < 0.8 * len(fp32)
    assert session(int8, 1).get_inputs()[0].type == "tensor(uint8)"
    assert session(int8, 1).get_outputs()[0].type == "tensor(uint8)"
    assert session(int8, 1).get_inputs()[0].shape == [1, 14, 14, 16]


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_that_the_batch_is_the_devices(name, precision):
    runtime, device = registry.get(name), _device(name, precision, batch=3)
    content = runtime.lower([parse(x) for x in NETWORK], device)
    assert session(content, 1).get_inputs()[0].shape[0] == 3
    assert session(content, 1).get_outputs()[0].shape == [3, 10]
    runtime.load(content, device)()


_LOAD = """
import sys
from pathlib import Path
from nasstudio.engine.device.device import Device
from nasstudio.engine.device.runtime import registry
device = Device("x", sys.argv[1], precision=sys.argv[3])
call = registry._load(sys.argv[1]).load(Path(sys.argv[2]).read_bytes(), device)
call()
print(*sorted({m.split(".")[0] for m in sys.modules}))
"""


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_that_onnx_runtime_loads_into_a_process_without_onnx_torch_or_openvino(precision, tmp_path):
    _loaded_alone("onnxruntime", precision, tmp_path, {"onnx", "torch", "openvino", "executorch"})


def test_that_openvino_loads_into_a_process_without_torch_and_onnx_runtime(tmp_path):
    _loaded_alone("openvino", "int8", tmp_path, {"torch", "onnxruntime", "executorch"})


def _loaded_alone(name, precision, tmp_path, absent):
    path = tmp_path / "artefact"
    path.write_bytes(registry.get(name).lower([parse(BLOCK)], _device(name, precision)))
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, name, str(path), precision],
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(done.stdout.split())
    assert name in modules
    assert not modules & absent
    assert done.stderr == ""


# -- files ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "net.onnx"
    file.write_bytes(onnx_graph.serialised(_fp32(NETWORK)))
    return file


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_that_an_onnx_file_is_lowered_in_the_devices_precision_and_runs(name, precision, path):
    runtime, device = registry.get(name), _device(name, precision)
    assert runtime.takes_onnx(device)
    content = runtime.lower_onnx(path, device)
    runtime.load(content, device)()
    kinds = {node.op_type for node in onnx.load_model_from_string(content).graph.node}
    assert ("DequantizeLinear" in kinds) == (precision == "int8")


def test_that_an_int8_file_starts_and_ends_as_int8_layers_do(path):
    runtime, device = registry.get("onnxruntime"), _device("onnxruntime", "int8")
    model = session(runtime.lower_onnx(path, device), 1)
    assert (model.get_inputs()[0].type, model.get_inputs()[0].shape) == (
        "tensor(uint8)",
        [1, 28, 28, 3],
    )


def test_that_batch_norms_of_a_foreign_file_are_folded_before_it_is_quantised(tmp_path):
    torch = pytest.importorskip("torch")
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, bias=False), torch.nn.BatchNorm2d(8), torch.nn.ReLU()
    ).eval()
    file = tmp_path / "foreign.onnx"
    _write_with_batch_norm(network, file)
    runtime, device = registry.get("onnxruntime"), _device("onnxruntime", "int8")
    operators = _executed(runtime.lower_onnx(file, device), tmp_path)
    assert operators["QLinearConv"] == 1
    assert operators["BatchNormalization"] == 0


def _write_with_batch_norm(network, file):
    from onnx import TensorProto, helper, numpy_helper

    conv, norm = network[0], network[1]
    values = [conv.weight, norm.weight, norm.bias, norm.running_mean, norm.running_var]
    weights = [numpy_helper.from_array(v.detach().numpy(), f"p{i}") for i, v in enumerate(values)]
    nodes = [
        helper.make_node("Conv", ["input", "p0"], ["a"]),
        helper.make_node("BatchNormalization", ["a", "p1", "p2", "p3", "p4"], ["b"]),
        helper.make_node("Relu", ["b"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "foreign",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 12, 12])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 8, 10, 10])],
        weights,
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save_model(helper.make_model(graph, opset_imports=opset, ir_version=8), file)


def test_that_a_quantised_file_stays_as_it_is(tmp_path):
    model = onnx_int8.quantised(_fp32(NETWORK), channels_last=False)
    file = tmp_path / "int8.onnx"
    file.write_bytes(onnx_graph.serialised(model))
    content = registry.get("onnxruntime").lower_onnx(file, _device("onnxruntime", "int8"))
    assert onnx.load_model_from_string(content) == model


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_that_open_sizes_become_the_batch_and_one(name, tmp_path):
    model = _fp32(["conv 3x1x1 -> 4 k1 s1", "linear 4x1x1 -> 2 k1 s1 nobn bias"])
    dimensions = model.graph.input[0].type.tensor_type.shape.dim
    for axis, symbol in ((0, "batch"), (2, "height"), (3, "width")):
        dimensions[axis].dim_param = symbol
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    file = tmp_path / "open.onnx"
    file.write_bytes(onnx_graph.serialised(model))
    runtime, device = registry.get(name), _device(name, batch=4)
    content = runtime.lower_onnx(file, device)
    assert session(content, 1).get_inputs()[0].shape == [4, 3, 1, 1]
    runtime.load(content, device)()


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_that_a_file_that_is_none_or_takes_another_batch_is_refused_by_name(name, path, tmp_path):
    runtime, device = registry.get(name), _device(name)
    with pytest.raises(InvalidInput, match="batch of 1, and the device is set to 2") as caught:
        runtime.lower_onnx(path, msgspec.structs.replace(device, batch=2))
    assert caught.value.where == str(path)
    with pytest.raises(InvalidInput, match="not there"):
        runtime.lower_onnx(tmp_path / "none.onnx", device)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(InvalidInput, match="not an ONNX file") as caught:
        runtime.lower_onnx(path, device)
    assert caught.value.where == str(path)
    assert caught.value.remedy


def test_that_a_file_that_can_not_be_quantised_says_so_and_names_the_way_out(path, monkeypatch):
    import onnxruntime.quantization as quantization

    def fail(*arguments, **options):
        raise ValueError("no such thing\nas int8 here")

    monkeypatch.setattr(quantization, "quantize_static", fail)
    with pytest.raises(InvalidInput, match="can't be quantised") as caught:
        registry.get("onnxruntime").lower_onnx(path, _device("onnxruntime", "int8"))
    assert caught.value.what.endswith("to int8: no such thing")
    assert caught.value.where == str(path)
    assert "fp32" in caught.value.remedy


def test_that_an_artefact_is_refused_by_a_runtime_that_can_not_run_it():
    from onnx import TensorProto, helper

    node = helper.make_node("Abacus", ["input"], ["output"], domain="beads")
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in ("input", "output")]
    model = helper.make_model(
        helper.make_graph([node], "beads", ends[:1], ends[1:]),
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("beads", 1)],
        ir_version=10,
    )
    for name in ("onnxruntime", "openvino"):
        with pytest.raises(InvalidInput, match="can't run it"):
            registry.get(name).load(model.SerializeToString(), Device(processor(), name))


@pytest.mark.parametrize("where", ["product", "kit"])
def test_that_networks_measured_in_turn_share_their_threads(where, tmp_path):
    # Threads of a network that waits would spin on the cores of the one that is measured.
    path = tmp_path / "network.onnx"
    path.write_bytes(onnx_graph.serialised(_fp32(NETWORK)))
    script = SHARING.format(path=str(path), kit=str(KIT), where=where)
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    before, after = found.stdout.split()
    assert before == after
