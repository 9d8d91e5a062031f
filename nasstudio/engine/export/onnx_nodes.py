"""A deployment as an ONNX graph, written node by node with names a person finds their way by.

The operators are those that `device.runtime.onnx_graph` measures, so that the file runs at the promised time; the
names follow the weights (``3.depthwise``). No torch, no exporter: a graph takes milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.export.deployment import Deployment
from nasstudio.engine.space.layer import LayerSpec, text

# HardSwish is the newest operator used; it came with opset 14 (2021). Nothing we write has changed meaning since.
OPSET, IR_VERSION = 14, 7
INPUT, OUTPUT = "images", "logits"

Array = NDArray[np.float32]


def graph(deployment: Deployment) -> Any:
    """The network as an ONNX graph: ``images`` (batch, c, h, w) to ``logits`` (batch, classes), batch open.

    Raises
    ------
    InvalidInput
        A layer is of a kind that no graph is known for; it is named.
    """
    drawing = _Drawing()
    value = INPUT
    for index, layer in enumerate(deployment.layers):
        if layer.kind not in _DRAW:
            raise InvalidInput(
                f"No ONNX graph is known for a layer of the kind '{layer.kind}'.",
                where=text(layer),
                remedy="Choose another format.",
            )
        value = _DRAW[layer.kind](_Layer(drawing, f"{index}", deployment.of(index)), value, layer)
    drawing.nodes[-1].output[0] = OUTPUT
    shape_in, shape_out = ["batch", *deployment.input_shape], ["batch", len(deployment.labels)]
    return helper.make_graph(
        drawing.nodes,
        deployment.name,
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, shape_in)],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, shape_out)],
        drawing.weights,
    )


class _Drawing:
    """Nodes and weights of a graph, in order."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def tensor(self, name: str, values: Array) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, operation: str, name: str, *inputs: str, **attributes: Any) -> str:
        """Append a node; its output has its name."""
        self.nodes.append(helper.make_node(operation, list(inputs), [name], name, **attributes))
        return name


class _Layer:
    """Draws the parts of one layer, with its weights by role."""

    def __init__(self, drawing: _Drawing, name: str, weights: dict[str, Array]) -> None:
        self.drawing, self.name, self.weights = drawing, name, weights

    def node(self, operation: str, part: str, *inputs: str, **attributes: Any) -> str:
        return self.drawing.node(operation, f"{self.name}.{part}", *inputs, **attributes)

    def number(self, part: str, value: float) -> str:
        return self.drawing.tensor(f"{self.name}.{part}", np.float32(value))  # type: ignore[arg-type]

    def weighted(self, role: str) -> list[str]:
        """Weight and, where there is one, bias of a role."""
        found = [
            f"{role}.{part}" for part in ("weight", "bias") if f"{role}.{part}" in self.weights
        ]
        return [self.drawing.tensor(f"{self.name}.{key}", self.weights[key]) for key in found]

    def conv(self, role: str, value: str, stride: int = 1, groups: int = 1) -> str:
        kernel = self.weights[f"{role}.weight"].shape[-1]
        return self.node(
            "Conv",
            role,
            value,
            *self.weighted(role),
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[(kernel - 1) // 2] * 4,
            group=groups,
        )

    def act(self, role: str, value: str, act: str) -> str:
        """An activation by the name it has in a `LayerSpec`."""
        part = f"{role}.{act}"
        match act:
            case "none":
                return value
            case "relu":
                return self.node("Relu", part, value)
            case "hswish":
                return self.node("HardSwish", part, value)
            case "relu6":
                low, high = self.number(f"{part}.low", 0.0), self.number(f"{part}.high", 6.0)
                return self.node("Clip", part, value, low, high)
            case "swish":
                return self.node("Mul", part, value, self.node("Sigmoid", f"{part}.sigmoid", value))
            case _:
                return self._gelu(part, value)

    def _gelu(self, part: str, value: str) -> str:
        """By the error function, x / 2 * (1 + erf(x / sqrt(2))): an operator of its own came with opset 20 only."""
        scaled = self.node(
            "Mul", f"{part}.scaled", value, self.number(f"{part}.root", 1 / math.sqrt(2))
        )
        shifted = self.node(
            "Add",
            f"{part}.shifted",
            self.node("Erf", f"{part}.erf", scaled),
            self.number(f"{part}.one", 1.0),
        )
        half = self.node("Mul", f"{part}.half", value, self.number(f"{part}.factor", 0.5))
        return self.node("Mul", part, half, shifted)

    def gate(self, value: str) -> str:
        """Squeeze-and-excitation with a hard sigmoid (MobileNetV3)."""
        mean = self.node("GlobalAveragePool", "se.mean", value)
        inner = self.node("Relu", "se.relu", self.conv("se.reduce", mean))
        gate = self.conv("se.expand", inner)
        gate = self.node("HardSigmoid", "se.gate", gate, alpha=1 / 6, beta=0.5)
        return self.node("Mul", "se", value, gate)

    def shrunk(self, value: str, layer: LayerSpec) -> str:
        """Means over windows of the stride; one at the border counts only what is inside."""
        ends = [-layer.height % layer.stride, -layer.width % layer.stride]
        return self.node(
            "AveragePool",
            "shrunk",
            value,
            kernel_shape=[layer.stride] * 2,
            strides=[layer.stride] * 2,
            pads=[0, 0, *ends],
            count_include_pad=0,
        )

    def end(self, value: str, start: str, layer: LayerSpec) -> str:
        """Residual and pooling, as the layer says."""
        if layer.residual:
            value = self.node("Add", "residual", value, start)
        return self.node("GlobalAveragePool", "mean", value) if layer.pooled else value


def _conv(draw: _Layer, start: str, layer: LayerSpec) -> str:
    groups = layer.channels_in if layer.kind == "dwconv" else layer.groups
    value = draw.act("conv", draw.conv("conv", start, layer.stride, groups), layer.act)
    if layer.se:
        value = draw.gate(value)
    return draw.end(value, start, layer)


def _mbconv(draw: _Layer, start: str, layer: LayerSpec) -> str:
    middle, value = layer.middle or layer.channels_in, start
    if middle != layer.channels_in:
        value = draw.act("widen", draw.conv("widen", value), layer.act)
    value = draw.conv("depthwise", value, layer.stride, middle)
    value = draw.act("depthwise", value, layer.act)
    if layer.se:
        value = draw.gate(value)
    return draw.end(draw.conv("project", value), start, layer)


def _bottleneck(draw: _Layer, start: str, layer: LayerSpec) -> str:
    beside = start
    value = draw.act("narrow", draw.conv("narrow", start), layer.act)
    value = draw.act("spatial", draw.conv("spatial", value, layer.stride), layer.act)
    value = draw.conv("widen", value)
    if not layer.residual:
        if layer.stride > 1:
            beside = draw.shrunk(beside, layer)
        beside = draw.conv("shortcut", beside)
    value = draw.node("Add", "residual", value, beside)
    value = draw.act("residual", value, layer.act)
    return draw.node("GlobalAveragePool", "mean", value) if layer.pooled else value


def _linear(draw: _Layer, start: str, layer: LayerSpec) -> str:
    flat = draw.node("Flatten", "flat", start, axis=1)
    value = draw.node("Gemm", "linear", flat, *draw.weighted("linear"), transB=1)
    value = draw.act("linear", value, layer.act)
    return draw.node("Add", "residual", value, flat) if layer.residual else value


def _pool(draw: _Layer, start: str, layer: LayerSpec) -> str:
    if layer.pooled:
        return draw.node("GlobalAveragePool", "mean", start)
    return draw.node(
        "AveragePool",
        "pool",
        start,
        kernel_shape=[layer.kernel] * 2,
        strides=[layer.stride] * 2,
        pads=[(layer.kernel - 1) // 2] * 4,
        ceil_mode=int(layer.kernel % 2 == 0),
        count_include_pad=0,
    )


def _maxpool(draw: _Layer, start: str, layer: LayerSpec) -> str:
    return draw.node(
        "MaxPool",
        "pool",
        start,
        kernel_shape=[layer.kernel] * 2,
        strides=[layer.stride] * 2,
        pads=[(layer.kernel - 1) // 2] * 4,
        ceil_mode=int(layer.kernel % 2 == 0),
    )


_DRAW: dict[str, Callable[[_Layer, str, LayerSpec], str]] = {
    "conv": _conv,
    "dwconv": _conv,
    "mbconv": _mbconv,
    "linear": _linear,
    "pool": _pool,
    "bottleneck": _bottleneck,
    "maxpool": _maxpool,
}
