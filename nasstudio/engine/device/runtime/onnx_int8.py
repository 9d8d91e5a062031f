"""fp32 ONNX models in int8, as ONNX Runtime's own quantiser makes them (static, QDQ).

Activations are uint8 per tensor, weights int8 per channel, biases int32: what `onnxruntime.quantization` writes for a
trained network, and what both ONNX Runtime and OpenVINO turn into their int8 kernels. The ranges come from one random
input, so that nothing saturates; they are good for time, and say nothing of accuracy. Operators that the quantiser
leaves in fp32 (HardSwish, the gate's HardSigmoid, Gelu) stay so, with the conversions around them: users pay for them.

A quantised model takes and gives uint8. The quantiser itself leaves fp32 at both ends, which would put two conversions
into every layer that a network has only once; cut off, the sum of the layers is the network but for a constant, and an
image is uint8 anyway. Ends may be channels last, as a camera gives an image: ONNX Runtime's int8 convolutions are, and
a layer measured alone would pay two transpositions that a network does not have inside. (A chain without a convolution
keeps channels first.) OpenVINO instead loses its int8 kernels over such an end, so the caller says which.
"""

from __future__ import annotations

import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from nasstudio.engine.errors import InvalidInput

_SEED = 0
_QUANTISED = ("QuantizeLinear", "DequantizeLinear", "QLinearConv", "ConvInteger", "MatMulInteger")
_LAST, _FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


def is_quantised(model: Any) -> bool:
    """Whether the model computes in integers already."""
    return any(node.op_type in _QUANTISED for node in model.graph.node)


def quantised(model: Any, *, channels_last: bool, foreign: bool = False) -> Any:
    """The model in int8 with uint8 ends.

    Parameters
    ----------
    model : an `onnx.ModelProto` in fp32 with one input of fixed shape.
    channels_last : images at both ends are (n, h, w, c) if there is a convolution between.
    foreign : it comes from elsewhere and may still have batch norms to fold, so the quantiser's preparation runs first.

    Raises
    ------
    InvalidInput
        The quantiser can't do it; its reason is given.
    """
    with TemporaryDirectory(prefix="nasstudio-int8-") as folder:
        source, ready, target = (
            Path(folder) / f"{name}.onnx" for name in ("fp32", "ready", "int8")
        )
        onnx.save_model(model, str(source))
        try:
            _prepare(source, ready) if foreign else _mark_prepared(model, ready)
            _quantise(ready, target)
        except (
            Exception
        ) as problem:  # the quantiser and its session have no common base but Exception
            reason = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
            raise InvalidInput(
                f"It can't be quantised to int8: {reason[:200]}",
                where="ONNX model",
                remedy="Measure it in fp32, or quantise it yourself and measure that file.",
            ) from problem
        result = onnx.load_model(str(target))
    channels_last = channels_last and any(node.op_type == "Conv" for node in model.graph.node)
    _cut_input(result, channels_last=channels_last)
    _cut_output(result, model, channels_last=channels_last)
    return result


def _prepare(source: Path, ready: Path) -> None:
    from onnxruntime.quantization import shape_inference

    shape_inference.quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)


def _mark_prepared(model: Any, ready: Path) -> None:
    """What we write has nothing to fold; the mark keeps the quantiser from warning about it."""
    prepared = onnx.ModelProto()
    prepared.CopyFrom(model)
    helper.set_model_props(prepared, {"onnx.quant.pre_process": "onnxruntime.quant"})
    onnx.save_model(prepared, str(ready))


def _quantise(source: Path, target: Path) -> None:
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it warns on the root logger of what has been decided above
    try:
        quantize_static(
            str(source),
            str(target),
            _OneInput(_entry(onnx.load_model(str(source)))),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            # A pool alone is quantised as it would be between two convolutions.
            extra_options={"ForceQuantizeNoInputCheck": True},
        )
    finally:
        root.setLevel(level)


class _OneInput:
    """A calibration set of one random input (the quantiser's `CalibrationDataReader`)."""

    def __init__(self, entry: Any) -> None:
        self._left = [_random_input(entry)]

    def get_next(self) -> dict[str, Any] | None:
        """The next input, None after the last."""
        return self._left.pop() if self._left else None


def _random_input(entry: Any) -> dict[str, Any]:
    """Numbers for a graph's input: normal, mean 0 and deviation 1; bytes from 0 to 255."""
    tensor = entry.type.tensor_type
    shape = [max(1, d.dim_value) for d in tensor.shape.dim]
    kind = helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    rng = np.random.default_rng(_SEED)
    if kind == np.uint8:
        return {entry.name: rng.integers(0, 256, shape, dtype=np.uint8)}
    return {entry.name: rng.normal(0.0, 1.0, shape).astype(kind)}


def _entry(model: Any) -> Any:
    """The input of a graph that is no weight."""
    weights = {tensor.name for tensor in model.graph.initializer}
    return next(entry for entry in model.graph.input if entry.name not in weights)


def _cut_input(model: Any, *, channels_last: bool) -> None:
    """Take off the first quantisation, so that the graph's input is what it gave; another start stays as it is."""
    graph, entry = model.graph, _entry(model)
    takers = [node for node in graph.node if entry.name in node.input]
    if len(takers) != 1 or takers[0].op_type != "QuantizeLinear":
        return
    shape = [d.dim_value for d in entry.type.tensor_type.shape.dim]
    kind, inside = _kind(graph, takers[0]), takers[0].output[0]
    graph.node.remove(takers[0])
    graph.input.remove(entry)
    if channels_last and len(shape) == 4:
        shape = [shape[axis] for axis in _LAST]
        graph.node.insert(0, helper.make_node("Transpose", ["image"], [inside], perm=_FIRST))
        inside = "image"
    graph.input.insert(0, helper.make_tensor_value_info(inside, kind, shape))


def _cut_output(model: Any, original: Any, *, channels_last: bool) -> None:
    """Let the graph end in uint8: take off the last conversion to fp32, or put the missing quantisation in."""
    graph, given = model.graph, model.graph.output[0]
    if len(graph.output) != 1 or given.type.tensor_type.elem_type != TensorProto.FLOAT:
        return
    last = next((node for node in graph.node if given.name in node.output), None)
    if last is None:
        return
    shape = [d.dim_value for d in given.type.tensor_type.shape.dim]
    if last.op_type == "DequantizeLinear":
        kind, inside = _kind(graph, last), last.input[0]
        graph.node.remove(last)
    else:
        kind, inside = TensorProto.UINT8, _quantised_end(graph, given.name, _range(original))
    graph.output.remove(given)
    if channels_last and len(shape) == 4:
        shape = [shape[axis] for axis in _LAST]
        graph.node.append(helper.make_node("Transpose", [inside], ["result"], perm=_LAST))
        inside = "result"
    graph.output.append(helper.make_tensor_value_info(inside, kind, shape))


def _kind(graph: Any, node: Any) -> int:
    """Type of the integers of a quantising or dequantising node: that of its zero point."""
    found = [int(t.data_type) for t in graph.initializer if t.name in node.input[2:3]]
    return found[0] if found else int(TensorProto.UINT8)


def _quantised_end(graph: Any, name: str, span: tuple[float, float]) -> str:
    low, high = min(span[0], 0.0), max(span[1], 0.0)
    scale = np.float32((high - low) / 255 or 1.0)
    zero = np.uint8(round(-low / float(scale)))
    graph.initializer.append(numpy_helper.from_array(np.array(scale), "end_scale"))
    graph.initializer.append(numpy_helper.from_array(np.array(zero), "end_zero"))
    graph.node.append(
        helper.make_node("QuantizeLinear", [name, "end_scale", "end_zero"], ["end_quantised"])
    )
    return "end_quantised"


def _range(model: Any) -> tuple[float, float]:
    """Smallest and largest number that the fp32 model gives for the calibration's input."""
    from nasstudio.engine.device.runtime.onnxruntime_cpu import session

    values = session(model.SerializeToString(), 1).run(None, _random_input(_entry(model)))[0]
    return float(values.min()), float(values.max())
