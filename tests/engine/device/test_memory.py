"""Measured peaks against graphs whose peak is known by hand, and against the prediction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from nasstudio.engine.cost.liveness import RULES, network_peak_bytes
from nasstudio.engine.device import memory
from nasstudio.engine.device.memory import measured_file_peaks, measured_peaks
from nasstudio.engine.errors import InvalidInput, StudioError
from nasstudio.engine.space.layer import parse

LAYERS = [
    parse(line)
    for line in (
        "conv 3x32x32 -> 16 k3 s1 hswish",
        "mbconv 16x32x32 -> 16 k3 s1 e4 res relu",
        "mbconv 16x32x32 -> 16 k5 s1 e3 res relu",
        "mbconv 16x32x32 -> 16 k3 s1 e4 res relu",
        "mbconv 16x32x32 -> 24 k5 s2 e3 se hswish",
        "mbconv 24x16x16 -> 24 k3 s1 e3 se res hswish",
        "conv 24x16x16 -> 64 k1 s1 hswish pool",
        "linear 64x1x1 -> 10 bias nobn",
    )
]


RESIDUAL = [
    parse(line)
    for line in (
        "conv 3x33x33 -> 32 k3 s1 relu",
        "conv 32x33x33 -> 32 k3 s1 res relu",
        "maxpool 32x33x33 -> 32 k3 s2 nobn",
        "bottleneck 32x17x17 -> 64 k3 s1 m16 relu",
        "bottleneck 64x17x17 -> 64 k3 s1 m16 res relu",
        "bottleneck 64x17x17 -> 96 k3 s2 m8 relu",
        "bottleneck 96x9x9 -> 96 k3 s1 m32 res relu",
        "pool 96x9x9 -> 96 pool",
        "linear 96x1x1 -> 10 bias nobn",
    )
]


@pytest.fixture
def two_products(tmp_path: Path) -> Path:
    """Two matrix products, 1000 to 4000 to 2000 numbers an image, and nothing to fuse."""
    rng = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name)
        for name, shape in (("wide", (1000, 4000)), ("narrow", (4000, 2000)))
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "wide"], ["middle"]),
        helper.make_node("MatMul", ["middle", "narrow"], ["y"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size])
        for name, size in (("x", 1000), ("y", 2000))
    ]
    graph = helper.make_graph(nodes, "two", [ends[0]], [ends[1]], weights)
    path = tmp_path / "two.onnx"
    opset = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), path)
    return path


def test_that_a_graph_known_by_hand_is_measured_to_the_byte(two_products):
    # The images are the caller's; the result is not.
    expected = [4 * batch * (4000 + 2000) for batch in (1, 64)]
    assert measured_file_peaks(two_products, "onnxruntime", (1, 64)) == expected


@pytest.mark.parametrize("rules", RULES)
def test_that_what_is_measured_is_what_is_predicted(rules):
    networks = [LAYERS, LAYERS[:2], RESIDUAL]
    measured = measured_peaks(networks, rules, 8)
    predicted = [network_peak_bytes(layers, rules, 8) for layers in networks]
    assert measured == pytest.approx(predicted, rel=0.01)


def test_that_a_file_that_is_not_a_model_is_refused_with_a_remedy(tmp_path):
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(StudioError, match="could not run") as caught:
        measured_file_peaks(path)
    assert caught.value.remedy
    with pytest.raises(InvalidInput, match="not there"):
        measured_file_peaks(tmp_path / "absent.onnx")
    with pytest.raises(InvalidInput, match="does not run ONNX"):
        measured_file_peaks(path, "torch")


def test_that_nothing_is_measured_by_unknown_rules_or_without_an_image():
    with pytest.raises(InvalidInput, match="memory rules"):
        measured_peaks([LAYERS], "tflite")
    with pytest.raises(InvalidInput, match="at least one image"):
        measured_peaks([LAYERS], "onnxruntime", 0)
    assert measured_peaks([], "onnxruntime") == []


def test_that_a_runtime_that_does_not_say_what_it_allocates_is_named():
    silent = [{"cat": "Node", "name": "a", "args": {"op_name": "Conv"}}]
    with pytest.raises(StudioError, match="does not say") as caught:
        memory._profiled_peak(silent)
    assert "1.32" in caught.value.remedy


def test_that_released_tensors_do_not_count():
    def event(at, size):
        return {"name": "[memory]", "ts": at, "args": {"Bytes": size}}

    events = [event(4, 50), event(1, 100), event(2, 30), event(3, -100), {"name": "aten::add"}]
    assert memory._traced_peak({"traceEvents": events}) == 130
