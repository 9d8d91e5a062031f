"""A network that the user brings: opened with distrust, counted, measured, and evaluated where it fits."""

import signal
import tempfile

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from nasstudio.engine.cost.counts import count
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.device.onnx_file import macs_by_running, open_onnx
from nasstudio.engine.device.runtime import onnx_graph, registry
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.specification import ReferenceSpec
from nasstudio.engine.run import child, reference
from nasstudio.engine.space.layer import parse

DATA = DataDocument("fashion_mnist_small")
CHAIN = [
    parse("conv 1x28x28 -> 8 k3 s2 relu"),
    parse("conv 8x14x14 -> 16 k1 s1 pool hswish"),
    parse("linear 16x1x1 -> 10 k1 s1 nobn bias"),
]


@pytest.fixture(autouse=True)
def _signals(monkeypatch):
    monkeypatch.setattr(reference, "BUDGET_S", 0.05)
    before = [signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)]
    yield
    for number, handler in zip((signal.SIGTERM, signal.SIGINT), before, strict=True):
        signal.signal(number, handler)


def _model(chain=CHAIN):
    return onnx_graph.network_model(chain, np.random.default_rng(0))


def _written(path, model):
    path.write_bytes(model.SerializeToString())
    return path


def _open_sizes(model, *names):
    """The model with open sizes in its input (a name for each dimension, None to keep it)."""
    for dimension, name in zip(model.graph.input[0].type.tensor_type.shape.dim, names, strict=True):
        if name:
            dimension.dim_param = name
    return model


def _run(tmp_path, spec):
    folder = RunFolder.create(tmp_path / "p.nasproj" / "runs" / "run", spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASSTUDIO_RUNTIME", tempfile.mkdtemp(dir=tmp_path))
        code = child.main(folder.path)
    return code, ev.EventReader(folder.events).read()


def _spec(source, model, devices, **changes):
    return ReferenceSpec(
        source=source, model=str(model), devices=tuple(devices), data=DATA, **changes
    )


# -- opening ----------------------------------------------------------------------------------------------------


def test_that_a_file_is_counted_and_its_input_understood(tmp_path):
    network = open_onnx(_written(tmp_path / "a.onnx", _model()), resolution=99)
    assert network.input_shape == (1, 1, 28, 28)
    assert (network.channels, network.size, network.outputs) == (1, (28, 28), 10)
    assert network.macs == sum(count(layer).macs for layer in CHAIN)
    assert macs_by_running(network) == network.macs
    # A folded batch norm leaves one bias a channel of its two numbers.
    assert network.params == sum(count(layer).params for layer in CHAIN) - 8 - 16


def test_that_open_sizes_become_one_image_of_the_wanted_resolution(tmp_path):
    model = _open_sizes(_model(), "N", None, "H", "W")
    network = open_onnx(_written(tmp_path / "a.onnx", model), resolution=20)
    assert network.input_shape == (1, 1, 20, 20)
    assert network.outputs == 10
    assert network.macs < sum(count(layer).macs for layer in CHAIN)


def _refused(tmp_path, model, said):
    with pytest.raises(InvalidInput, match=said) as caught:
        open_onnx(_written(tmp_path / "bad.onnx", model), resolution=28)
    assert "bad.onnx" in caught.value.where
    assert caught.value.remedy


def test_that_a_fixed_batch_is_refused(tmp_path):
    model = _model()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 8
    _refused(tmp_path, model, "8 images at once")


def test_that_weights_in_other_files_are_refused(tmp_path):
    model = _model()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secret")
    _refused(tmp_path, model, "in other files")


def test_that_two_inputs_words_and_huge_images_are_refused(tmp_path):
    two = _model()
    two.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))
    _refused(tmp_path, two, "2 inputs")
    words = _model()
    words.graph.input[0].type.tensor_type.elem_type = TensorProto.STRING
    _refused(tmp_path, words, "not an image|contradict|not a valid")
    huge = _model()
    huge.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 2**40
    _refused(tmp_path, huge, "larger than any image")


def test_that_a_graph_that_does_not_hang_together_is_refused(tmp_path):
    model = _model()
    model.graph.node[0].input[0] = "nowhere"
    _refused(tmp_path, model, "not a valid ONNX model")


@settings(max_examples=40)
@given(st.binary(max_size=300))
def test_that_any_bytes_are_refused_without_another_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(InvalidInput):
        open_onnx(path, resolution=28)


@settings(max_examples=40)
@given(st.integers(0, 2000), st.integers(0, 255))
def test_that_a_damaged_file_is_refused_or_still_a_network(tmp_path_factory, place, value):
    content = bytearray(_model().SerializeToString())
    content[place % len(content)] = value
    path = tmp_path_factory.mktemp("damaged") / "bad.onnx"
    path.write_bytes(bytes(content))
    try:
        network = open_onnx(path, resolution=28)
    except InvalidInput:
        return
    assert network.params >= 0


# -- the job ----------------------------------------------------------------------------------------------------


def _brightness_model():
    """Class 1 where the image is brighter than the average of the data, else class 0; the other eight never."""
    weight = np.zeros((10, 1), np.float32)
    weight[1] = 1.0
    bias = np.full(10, -1e6, np.float32)
    bias[:2] = 0.0
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w", "b"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(bias, "b")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_that_an_onnx_file_is_measured_and_evaluated_on_the_validation_split(tmp_path):
    from nasstudio.engine.data.catalog import open_set

    path = _written(tmp_path / "bright.onnx", _brightness_model())
    ort = registry.get("onnxruntime").devices_here()[0]
    code, events = _run(tmp_path, _spec("onnx", path, [ort]))
    assert code == 0
    (found,) = [e.values for e in events if isinstance(e, ev.Result)]
    assert found["title"] == "bright"
    assert 0 < found["p10"][ort.id] <= found["latency"][ort.id] <= found["p90"][ort.id]
    assert found["macs"] == 10
    assert found["params"] == 20
    data = open_set(DATA)
    split = data.split("validation")
    images = split.images(np.arange(len(split)))[..., 0] / 255.0
    named = (images.mean(axis=(1, 2)) > data.mean[0]).astype(int)
    assert found["accuracy"] == pytest.approx((named == split.labels).mean(), abs=0.002)


def test_that_a_network_that_does_not_fit_the_data_has_no_accuracy(tmp_path):
    path = _written(tmp_path / "a.onnx", _model(CHAIN[:2]))
    ort = registry.get("onnxruntime").devices_here()[0]
    torch_device = registry.get("torch").devices_here()[0]
    code, events = _run(tmp_path, _spec("onnx", path, [torch_device, ort]))
    assert code == 0
    (found,) = [e.values for e in events if isinstance(e, ev.Result)]
    assert found["accuracy"] is None
    assert list(found["latency"]) == [ort.id]
    assert any("does not run ONNX" in e.text for e in events if isinstance(e, ev.Warned))


@pytest.mark.parametrize(
    ("content", "said"), [(b"no network", "not an ONNX file"), (b"", "empty"), (None, "not there")]
)
def test_that_a_bad_file_fails_the_job_with_a_remedy(tmp_path, content, said):
    path = tmp_path / "bad.onnx"
    if content is not None:
        path.write_bytes(content)
    ort = registry.get("onnxruntime").devices_here()[0]
    code, events = _run(tmp_path, _spec("onnx", path, [ort]))
    assert code == InvalidInput.exit_code
    failed = events[-1]
    assert isinstance(failed, ev.Failed)
    assert said in failed.what
    assert failed.remedy
    assert not failed.trace


@pytest.mark.parametrize(
    ("source", "model", "resolution", "said"),
    [
        ("torchvision", "resnet19", 64, "no classification network 'resnet19'"),
        ("torchvision", "fasterrcnn_resnet50_fpn", 64, "no classification network"),
        ("torchvision", "squeezenet1_1", 4, "4 px is not between"),
        ("torchvision", "squeezenet1_1", 10, "does not take 10 px"),
        ("tensorflow", "inception", 64, "not a source"),
    ],
)
def test_that_what_torchvision_does_not_have_is_refused(tmp_path, source, model, resolution, said):
    ort = registry.get("onnxruntime").devices_here()[0]
    code, events = _run(tmp_path, _spec(source, model, [ort], resolution=resolution))
    assert code == InvalidInput.exit_code
    assert said in events[-1].what
    assert events[-1].remedy


def test_that_a_torchvision_network_is_measured_under_both_runtimes(tmp_path):
    devices = [registry.get(name).devices_here()[0] for name in ("onnxruntime", "torch")]
    code, events = _run(
        tmp_path, _spec("torchvision", "shufflenet_v2_x0_5", devices, resolution=64)
    )
    assert code == 0
    (found,) = [e.values for e in events if isinstance(e, ev.Result)]
    assert set(found["latency"]) == {d.id for d in devices}
    assert found["params"] == 1_366_792  # torchvision's own documentation
    exported = tmp_path / "p.nasproj" / "runs" / "run" / "reference.onnx"
    network = open_onnx(exported, resolution=64)
    assert macs_by_running(network) == found["macs"]
    assert onnx.load(exported).graph.node


def test_that_folding_keeps_the_output_of_a_torchvision_network():
    torch = pytest.importorskip("torch")
    from nasstudio.engine.device import torchvision_network

    network = torchvision_network.build("shufflenet_v2_x0_5")
    folded = torchvision_network.folded(network)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(folded(image), network(image), rtol=1e-3, atol=1e-4)
