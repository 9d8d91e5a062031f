"""What ONNX Runtime and OpenVINO load: layers, or a file that somebody brings, as the bytes of an ONNX model.

The bytes have fixed shapes, the device's batch and its precision in them, so that the process that loads them needs
nothing but the runtime.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import TensorProto

from nasstudio.engine.device.device import Device
from nasstudio.engine.device.onnx_file import read_model
from nasstudio.engine.device.runtime import onnx_graph, onnx_int8
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.space.layer import LayerSpec

_SEED = 0


def lowered(layers: Sequence[LayerSpec], device: Device, *, channels_last: bool) -> bytes:
    """The chain of layers with random weights; no layers: a graph that hands its one number on.

    Parameters
    ----------
    channels_last : images at the ends of an int8 model are (n, h, w, c); an fp32 model's are (n, c, h, w) always.

    Raises
    ------
    InvalidInput
        No graph is known for a layer, or a layer does not take what the one before it gives.
    """
    int8 = device.precision == "int8"
    if not layers:
        kind = TensorProto.UINT8 if int8 else TensorProto.FLOAT
        return onnx_graph.serialised(onnx_graph.empty_model(kind))
    model = onnx_graph.network_model(layers, np.random.default_rng(_SEED), device.batch)
    if int8:
        model = onnx_int8.quantised(model, channels_last=channels_last)
    return onnx_graph.serialised(model)


def lowered_file(path: Path, device: Device, *, channels_last: bool) -> bytes:
    """An ONNX file with its open sizes fixed: the first is the batch, others are 1.

    For an int8 device a file in fp32 is quantised as the layers are (see `onnx_int8`): right for its time, and of no
    use for its accuracy. A file that is quantised already stays as it is.

    Raises
    ------
    InvalidInput
        The file is not there, is not ONNX, takes another batch, or can't be quantised.
    """
    model = read_model(path)
    weights = {tensor.name for tensor in model.graph.initializer}
    for entry in model.graph.input:
        if entry.name in weights:
            continue
        for axis, dimension in enumerate(entry.type.tensor_type.shape.dim):
            wanted = device.batch if axis == 0 else 1
            if dimension.dim_value <= 0:
                dimension.dim_value = wanted
            elif axis == 0 and dimension.dim_value != wanted:
                raise InvalidInput(
                    f"The model takes a batch of {dimension.dim_value}, and the device is set to {wanted}.",
                    where=path,
                    remedy="Export it with an open batch, or choose a device of that batch.",
                )
    if device.precision == "int8" and not onnx_int8.is_quantised(model):
        try:
            model = onnx_int8.quantised(model, channels_last=channels_last, foreign=True)
        except InvalidInput as problem:
            raise InvalidInput(problem.what, where=path, remedy=problem.remedy) from problem
    return onnx_graph.serialised(model)
