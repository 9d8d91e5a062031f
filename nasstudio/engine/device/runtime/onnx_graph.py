"""Layers and networks as ONNX graphs, written directly: a millisecond each, and no torch.

What is written is the graph an exporter would give for the trained network: batch normalisation folded into the
convolution, squeeze-and-excitation as two 1x1 convolutions. Weights are random and scaled by their fan-in, so that
activations stay ordinary numbers through any depth and denormals do not slow a measurement down. What is written is
fp32; `onnx_int8` quantises it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from nasstudio.engine.device.runtime.shapes import flattened, input_shape, output_shape
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import LayerSpec, text

OPSET, IR_VERSION = 20, 10


def empty_model(kind: int = TensorProto.FLOAT) -> Any:
    """A graph that hands its one number on. `kind` is the number's type in ONNX."""
    nodes = [helper.make_node("Identity", ["input"], ["output"])]
    return _model(nodes, [], (1, 1), (1, 1), kind)


def layer_model(layer: LayerSpec, rng: np.random.Generator, batch: int = 1) -> Any:
    """One layer as a model with input ``input`` and output ``output``.

    Raises
    ------
    InvalidInput
        No graph is known for its kind.
    """
    return network_model([layer], rng, batch)


def network_model(layers: Sequence[LayerSpec], rng: np.random.Generator, batch: int = 1) -> Any:
    """A chain of layers as a model with input ``input`` and output ``output``.

    Raises
    ------
    InvalidInput
        No graph is known for a layer, or a layer does not take what the one before it gives.
    """
    if not layers:
        raise InvalidInput("A network needs at least one layer.", remedy="Add a layer.")
    writer = _Writer(rng)
    value, shape = "input", input_shape(layers[0], batch)
    for layer in layers:
        if flattened(shape, layer):
            value = writer.node("Flatten", value, axis=1)
        value = _writer_of(layer)(writer, value, layer)
        shape = output_shape(layer, batch)
    writer.nodes[-1].output[0] = "output"
    return _model(writer.nodes, writer.weights, input_shape(layers[0], batch), shape)


def _model(
    nodes: list[Any],
    weights: list[Any],
    shape_in: Sequence[int],
    shape_out: Sequence[int],
    kind: int = TensorProto.FLOAT,
) -> Any:
    graph = helper.make_graph(
        nodes,
        "nasstudio",
        [helper.make_tensor_value_info("input", kind, list(shape_in))],
        [helper.make_tensor_value_info("output", kind, list(shape_out))],
        weights,
    )
    return helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="nasstudio",
    )


class _Writer:
    """Nodes and weights of one graph, in order."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def node(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """Append a node and return the name of its output."""
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, list(inputs), [name], **attributes))
        return name

    def weight(self, shape: tuple[int, ...], scale: float) -> str:
        """A random tensor of that standard deviation."""
        name = f"w{len(self.weights)}"
        values = self.rng.normal(0.0, scale, shape).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def conv(
        self,
        value: str,
        channels: tuple[int, int],
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        *,
        bias: bool = True,
    ) -> str:
        """A convolution with the padding of `LayerSpec`; with a bias where a batch norm was folded into it."""
        inside = channels[0] // groups
        fan_in = inside * kernel * kernel
        inputs = [value, self.weight((channels[1], inside, kernel, kernel), (2 / fan_in) ** 0.5)]
        if bias:
            inputs.append(self.weight((channels[1],), 0.1))
        return self.node(
            "Conv",
            *inputs,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[(kernel - 1) // 2] * 4,
            group=groups,
        )

    def act(self, value: str, name: str) -> str:
        """An activation by the name it has in a LayerSpec."""
        if name == "none":
            return value
        if name == "relu6":
            low, high = self.constant(0.0), self.constant(6.0)
            return self.node("Clip", value, low, high)
        if name == "swish":
            return self.node("Mul", value, self.node("Sigmoid", value))
        return self.node({"relu": "Relu", "hswish": "HardSwish", "gelu": "Gelu"}[name], value)

    def constant(self, value: float) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.float32(value), name))
        return name

    def squeeze_excite(self, value: str, channels: int, squeeze: int) -> str:
        """Squeeze-and-excitation (MobileNetV3: relu inside, hard sigmoid as the gate)."""
        mean = self.node("GlobalAveragePool", value)
        inner = self.node("Relu", self.conv(mean, (channels, squeeze)))
        gate = self.conv(inner, (squeeze, channels))
        gate = self.node("HardSigmoid", gate, alpha=1 / 6, beta=0.5)
        return self.node("Mul", value, gate)

    def shrunk(self, value: str, layer: LayerSpec) -> str:
        """Means over windows of the stride; one at the border counts only what is inside."""
        ends = [-layer.height % layer.stride, -layer.width % layer.stride]
        return self.node(
            "AveragePool",
            value,
            kernel_shape=[layer.stride] * 2,
            strides=[layer.stride] * 2,
            pads=[0, 0, *ends],
            count_include_pad=0,
        )


def _write_conv(writer: _Writer, value: str, layer: LayerSpec) -> str:
    start = value
    value = writer.conv(
        value,
        (layer.channels_in, layer.channels_out),
        layer.kernel,
        layer.stride,
        layer.channels_in if layer.kind == "dwconv" else layer.groups,
        bias=layer.norm or layer.bias,
    )
    value = writer.act(value, layer.act)
    if layer.se:
        value = writer.squeeze_excite(value, layer.channels_out, layer.squeeze)
    if layer.residual:
        value = writer.node("Add", value, start)
    return writer.node("GlobalAveragePool", value) if layer.pooled else value


def _write_mbconv(writer: _Writer, value: str, layer: LayerSpec) -> str:
    start, middle, bias = value, layer.middle or layer.channels_in, layer.norm or layer.bias
    if middle != layer.channels_in:
        value = writer.conv(value, (layer.channels_in, middle), bias=bias)
        value = writer.act(value, layer.act)
    value = writer.conv(value, (middle, middle), layer.kernel, layer.stride, middle, bias=bias)
    value = writer.act(value, layer.act)
    if layer.se:
        value = writer.squeeze_excite(value, middle, layer.squeeze)
    value = writer.conv(value, (middle, layer.channels_out), bias=bias)
    if layer.residual:
        value = writer.node("Add", value, start)
    return writer.node("GlobalAveragePool", value) if layer.pooled else value


def _write_bottleneck(writer: _Writer, value: str, layer: LayerSpec) -> str:
    middle, out, bias = layer.middle, layer.channels_out, layer.norm or layer.bias
    beside = value
    value = writer.act(writer.conv(value, (layer.channels_in, middle), bias=bias), layer.act)
    value = writer.conv(value, (middle, middle), layer.kernel, layer.stride, bias=bias)
    value = writer.conv(writer.act(value, layer.act), (middle, out), bias=bias)
    if not layer.residual:
        if layer.stride > 1:
            beside = writer.shrunk(beside, layer)
        beside = writer.conv(beside, (layer.channels_in, out), bias=bias)
    value = writer.act(writer.node("Add", value, beside), layer.act)
    return writer.node("GlobalAveragePool", value) if layer.pooled else value


def _write_linear(writer: _Writer, value: str, layer: LayerSpec) -> str:
    scale = (2 / layer.channels_in) ** 0.5
    inputs = [value, writer.weight((layer.channels_out, layer.channels_in), scale)]
    if layer.bias or layer.norm:
        inputs.append(writer.weight((layer.channels_out,), 0.1))
    result = writer.act(writer.node("Gemm", *inputs, transB=1), layer.act)
    return writer.node("Add", result, value) if layer.residual else result


def _write_pool(writer: _Writer, value: str, layer: LayerSpec) -> str:
    if layer.pooled:
        return writer.node("GlobalAveragePool", value)
    return writer.node(
        "AveragePool",
        value,
        kernel_shape=[layer.kernel] * 2,
        strides=[layer.stride] * 2,
        pads=[(layer.kernel - 1) // 2] * 4,
        ceil_mode=int(layer.kernel % 2 == 0),
        count_include_pad=0,
    )


def _write_maxpool(writer: _Writer, value: str, layer: LayerSpec) -> str:
    return writer.node(
        "MaxPool",
        value,
        kernel_shape=[layer.kernel] * 2,
        strides=[layer.stride] * 2,
        pads=[(layer.kernel - 1) // 2] * 4,
        ceil_mode=int(layer.kernel % 2 == 0),
    )


_WRITERS: dict[str, Callable[[_Writer, str, LayerSpec], str]] = {
    "conv": _write_conv,
    "dwconv": _write_conv,
    "mbconv": _write_mbconv,
    "linear": _write_linear,
    "pool": _write_pool,
    "bottleneck": _write_bottleneck,
    "maxpool": _write_maxpool,
}


def _writer_of(layer: LayerSpec) -> Callable[[_Writer, str, LayerSpec], str]:
    why = _impossible(layer)
    if why:
        raise InvalidInput(
            f"'{text(layer)}' can't be measured: {why}.",
            where="layer",
            remedy=f"Correct or remove the row; kinds that can be measured: {', '.join(_WRITERS)}.",
        )
    return _WRITERS[layer.kind]


def _impossible(layer: LayerSpec) -> str:
    """Why no graph can be written for a layer; empty if one can."""
    groups = layer.channels_in if layer.kind == "dwconv" else layer.groups
    if layer.kind not in _WRITERS:
        return f"no graph is known for the kind '{layer.kind}'"
    if layer.kind == "linear" and layer.height * layer.width != 1:
        return "a linear layer takes a vector, 1x1"
    if layer.kind in ("pool", "maxpool") and layer.channels_in != layer.channels_out:
        return "pooling keeps the number of channels"
    if layer.kind == "maxpool" and layer.pooled:
        return "a maximum over windows is not averaged"
    if layer.kind == "bottleneck" and (layer.middle < 1 or layer.se or layer.groups != 1):
        return "a bottleneck has a middle, one group and no gate"
    if layer.kind != "linear" and layer.kernel % 2 == 0 and layer.stride == 1:
        return "an even kernel can't keep the image's size"
    if layer.residual and (layer.stride != 1 or layer.channels_in != layer.channels_out):
        return "a residual needs equal shapes before and after"
    if layer.kind in ("conv", "dwconv") and (
        layer.channels_in % groups or layer.channels_out % groups
    ):
        return f"the channels do not divide into {groups} groups"
    return ""


def serialised(model: Any) -> bytes:
    """The model as the bytes of an ONNX file."""
    content: bytes = model.SerializeToString()
    return content
