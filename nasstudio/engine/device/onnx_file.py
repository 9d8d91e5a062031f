"""A network that somebody brings as an ONNX file: opened with distrust, given a fixed input, counted.

Opening runs nothing of it; `macs_by_running` does, in ONNX Runtime. What does not fit (several inputs, parts in other
files, a fixed batch) is refused with the way to export it anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, shape_inference

from nasstudio.engine.device.runtime.onnxruntime_cpu import INPUT_TYPES, session
from nasstudio.engine.errors import InvalidInput

MOST_BYTES = 2**31 - 1
_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)
_AGAIN = "Export the network again, as one file with one image input."
_COUNTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
Shapes = dict[str, tuple[int | None, ...]]


@dataclass(frozen=True)
class OnnxNetwork:
    """An ONNX model whose input is fixed to one image.

    Attributes
    ----------
    model : the `onnx.ModelProto`.
    input_name, input_shape : of its one input, with the batch.
    channels_last : the input is (1, height, width, channels).
    outputs : length of the first output if it is one vector, else None.
    macs : multiply-accumulates of convolutions and matrix products; None where a shape can't be told.
    params : numbers stored as floating-point weights, running statistics of batch norms not counted.
    """

    model: Any
    input_name: str
    input_shape: tuple[int, ...]
    channels_last: bool
    outputs: int | None
    macs: int | None
    params: int

    @property
    def channels(self) -> int | None:
        """Channels of the image, None if the input is no image."""
        if len(self.input_shape) != 4:
            return None
        return self.input_shape[3 if self.channels_last else 1]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the image; 1 x 1 if the input is no image."""
        if len(self.input_shape) != 4:
            return (1, 1)
        first = 1 if self.channels_last else 2
        return self.input_shape[first], self.input_shape[first + 1]


def open_onnx(path: Path, *, resolution: int, channels: int = 3) -> OnnxNetwork:
    """Read an ONNX file and fix its open sizes: batch 1, `resolution` px, `channels`.

    Raises
    ------
    InvalidInput
        The file is not there, is not ONNX, or does not take one image.
    """
    model = read_model(path)
    entry = _one_input(model, path)
    shape, last = _fixed_shape(entry, resolution, channels, path)
    for dimension, size in zip(entry.type.tensor_type.shape.dim, shape, strict=True):
        dimension.dim_value = size
    shapes = _shapes(model, path)
    return OnnxNetwork(
        model,
        entry.name,
        shape,
        last,
        _vector(shapes.get(model.graph.output[0].name)),
        _macs(model, shapes),
        _params(model),
    )


def read_model(path: Path) -> Any:
    """The `onnx.ModelProto` of a file, as it is.

    Raises
    ------
    InvalidInput
        The file is not there, is not valid ONNX, or has weights in other files.
    """
    try:
        size = path.stat().st_size
        if size == 0 or size > MOST_BYTES or not path.is_file():
            raise InvalidInput(
                "The file is empty, or larger than an ONNX file can be (2 GiB).",
                where=path,
                remedy=_AGAIN,
            )
        model = onnx.load_model_from_string(path.read_bytes())
    except FileNotFoundError:
        raise InvalidInput("The file is not there.", where=path, remedy="Check the path.") from None
    except OSError as problem:
        raise InvalidInput(
            f"The file can't be read: {problem.strerror or problem}.",
            where=path,
            remedy="Check the path and the file's rights.",
        ) from None
    except (DecodeError, ValueError, RuntimeError):
        raise InvalidInput("This is not an ONNX file.", where=path, remedy=_AGAIN) from None
    if any(t.data_location == TensorProto.EXTERNAL for t in model.graph.initializer):
        raise InvalidInput(
            "Its weights are in other files.",
            where=path,
            remedy="Save it as one file (`onnx.save_model(..., save_as_external_data=False)`).",
        )
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError, RuntimeError) as problem:
        reason = str(problem).strip().splitlines() or ["no reason given"]
        raise InvalidInput(
            f"This is not a valid ONNX model: {reason[0][:200]}", where=path, remedy=_AGAIN
        ) from None
    return model


def _one_input(model: Any, path: Path) -> Any:
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [entry for entry in model.graph.input if entry.name not in weights]
    if len(inputs) != 1 or not model.graph.output:
        raise InvalidInput(
            f"The model has {len(inputs)} inputs and {len(model.graph.output)} outputs.",
            where=path,
            remedy=_AGAIN,
        )
    kind = inputs[0].type.tensor_type.elem_type
    if kind not in (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.UINT8):
        raise InvalidInput(
            f"The input '{inputs[0].name}' is not an image of numbers.", where=path, remedy=_AGAIN
        )
    if not inputs[0].type.tensor_type.HasField("shape"):
        raise InvalidInput(f"The input '{inputs[0].name}' has no shape.", where=path, remedy=_AGAIN)
    return inputs[0]


def _fixed_shape(
    entry: Any, resolution: int, channels: int, path: Path
) -> tuple[tuple[int, ...], bool]:
    """The input's shape with its open sizes filled, and whether channels are last."""
    given = [d.dim_value if d.dim_value > 0 else None for d in entry.type.tensor_type.shape.dim]
    if len(given) not in (2, 4):
        raise InvalidInput(
            f"The input '{entry.name}' has {len(given)} dimensions; an image has 4 with the batch.",
            where=path,
            remedy=_AGAIN,
        )
    if given[0] not in (None, 1):
        raise InvalidInput(
            f"The model takes {given[0]} images at once, and latency is that of one.",
            where=path,
            remedy="Export it with batch 1, or with an open batch.",
        )
    last = len(given) == 4 and given[3] in (1, 3) and given[1] not in (1, 3)
    usual = [1, resolution, resolution, channels] if last else [1, channels, resolution, resolution]
    shape = tuple(given[i] or usual[i] for i in range(len(given)))
    if math.prod(shape) > 2**28:
        raise InvalidInput(
            f"The input {'x'.join(map(str, shape))} is larger than any image.",
            where=path,
            remedy="Choose a smaller resolution.",
        )
    return shape, last


def _shapes(model: Any, path: Path) -> Shapes:
    """Shape of every tensor as far as it can be told; None for an open size."""
    try:
        inferred = shape_inference.infer_shapes(model, data_prop=True)
    except (shape_inference.InferenceError, ValueError, RuntimeError) as problem:
        reason = str(problem).strip().splitlines() or ["no reason given"]
        raise InvalidInput(
            f"The model's shapes contradict each other: {reason[0][:200]}",
            where=path,
            remedy=_AGAIN,
        ) from None
    graph = inferred.graph
    shapes: Shapes = {
        entry.name: tuple(
            d.dim_value if d.dim_value > 0 else None for d in entry.type.tensor_type.shape.dim
        )
        for entry in (*graph.input, *graph.value_info, *graph.output)
        if entry.type.tensor_type.HasField("shape")
    }
    shapes.update({tensor.name: tuple(tensor.dims) for tensor in graph.initializer})
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.name == "value":
                shapes[node.output[0]] = tuple(attribute.t.dims)
    return shapes


def _vector(shape: tuple[int | None, ...] | None) -> int | None:
    """Length of an output that is one vector, (k,), (1, k) or (1, k, 1, 1); an open batch counts as 1."""
    if not shape:
        return None
    sizes = [size for size in ((shape[0] or 1), *shape[1:]) if size != 1]
    return sizes[0] if len(sizes) == 1 else None


def macs_by_running(network: OnnxNetwork) -> int | None:
    """Multiply-accumulates where shape inference does not get through: the shapes are those of one inference.

    Raises
    ------
    InvalidInput
        ONNX Runtime can't run the model.
    """
    probe = onnx.ModelProto()
    probe.CopyFrom(network.model)
    wanted = dict.fromkeys(
        name
        for node in probe.graph.node
        if node.op_type in _COUNTED
        for name in (*node.input[:2], node.output[0])
    )
    made = {name for node in probe.graph.node for name in node.output}
    given = {entry.name for entry in probe.graph.output}
    added = [name for name in wanted if name in made and name not in given]
    probe.graph.output.extend(onnx.ValueInfoProto(name=name) for name in added)
    model = session(probe.SerializeToString(), 1)
    entry = model.get_inputs()[0]
    image = np.zeros(network.input_shape, dtype=INPUT_TYPES[entry.type])
    shapes: Shapes = {t.name: tuple(t.dims) for t in probe.graph.initializer}
    shapes[network.input_name] = network.input_shape
    names = [*added, *given]
    try:
        values = model.run(names, {entry.name: image})
    except Exception as problem:  # see `onnxruntime_cpu.session`
        raise InvalidInput(
            f"ONNX Runtime started it and failed: {str(problem).strip()[:200]}",
            where="ONNX model",
            remedy=_AGAIN,
        ) from problem
    for name, value in zip(names, values, strict=True):
        shapes[name] = value.shape
    return _macs(network.model, shapes)


def _macs(model: Any, shapes: Shapes) -> int | None:
    total = 0
    for node in model.graph.node:
        if node.op_type not in _COUNTED:
            continue
        macs = _node_macs(node, shapes)
        if macs is None:
            return None
        total += macs
    return total


def _node_macs(node: Any, shapes: Shapes) -> int | None:
    """Multiply-accumulates of one node: outputs times what is summed for each."""
    left, right = shapes.get(node.input[0]), shapes.get(node.input[1])
    out = shapes.get(node.output[0])
    if node.op_type == "Conv":
        return _product(out, right[1:] if right else None)
    if node.op_type == "ConvTranspose":
        return _product(left, right[1:] if right else None)
    if node.op_type == "Gemm":
        flipped = any(a.name == "transA" and a.i for a in node.attribute)
        return _product(out, left[:1] if left and flipped else left[1:] if left else None)
    return _product(out, left[-1:] if left else None)


def _product(
    first: tuple[int | None, ...] | None, second: tuple[int | None, ...] | None
) -> int | None:
    if first is None or second is None:
        return None
    # An open batch is 1; any other open size can't be counted.
    sizes = [size or 1 if i == 0 else size for i, size in enumerate(first)] + list(second)
    return None if any(size is None for size in sizes) else math.prod(s for s in sizes if s)


def _params(model: Any) -> int:
    statistics = {
        name
        for node in model.graph.node
        if node.op_type == "BatchNormalization"
        for name in node.input[3:5]
    }
    weights = [t for t in model.graph.initializer if t.name not in statistics]
    for node in model.graph.node:
        if node.op_type == "Constant":
            weights += [a.t for a in node.attribute if a.name == "value" and len(a.t.dims) > 0]
    return sum(math.prod(t.dims) for t in weights if t.data_type in _FLOATS)
