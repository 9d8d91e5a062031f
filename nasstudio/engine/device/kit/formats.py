"""One writer a format of a kit: a chain of layers in, the bytes of a file out.

What a runtime of this program lowers is what the kit holds, so that a device elsewhere measures the same graphs as one
that is here. A format whose package is missing is said by name when it is asked for; nothing is left out silently.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from nasstudio.engine.device.device import Device
from nasstudio.engine.errors import NeedsExtra, StudioError
from nasstudio.engine.space.layer import LayerSpec

_SEED = 0
# Numbers that a large weight repeats. A prime, so that the rows of a matrix differ; few, so that a zip is small.
_PERIOD = 1021

Write = Callable[[Sequence[LayerSpec]], bytes]


def writer(name: str) -> tuple[Write, str]:
    """What writes a format, and the version of the package that does.

    Raises
    ------
    NeedsExtra
        The package is not installed.
    """
    return {"onnx": _onnx, "executorch": _executorch, "litert": _litert}[name]()


# -- ONNX -------------------------------------------------------------------------------------------------------


def _onnx() -> tuple[Write, str]:
    try:
        from nasstudio.engine.device.runtime import onnx_graph
    except ImportError:
        raise NeedsExtra("onnx", "engine") from None

    def write(layers: Sequence[LayerSpec]) -> bytes:
        rng = np.random.default_rng(_SEED)
        model = onnx_graph.network_model(layers, rng) if layers else onnx_graph.empty_model()
        _repeat_weights(model)
        return onnx_graph.serialised(model)

    return write, version("onnx")


def _repeat_weights(model: Any) -> None:
    """Let every large weight repeat its first numbers: as fast as others, and a zip of forty networks stays small."""
    for tensor in model.graph.initializer:
        values = np.frombuffer(tensor.raw_data, dtype=np.float32)
        if len(values) > _PERIOD:
            tensor.raw_data = np.resize(values[:_PERIOD], len(values)).tobytes()


# -- ExecuTorch -------------------------------------------------------------------------------------------------


def _executorch() -> tuple[Write, str]:
    from nasstudio.engine.device.runtime import registry

    runtime = registry.get("executorch")
    device = Device("kit", "executorch", runtime.version())
    return (lambda layers: runtime.lower(layers, device)), runtime.version()


# -- LiteRT -----------------------------------------------------------------------------------------------------


def _litert() -> tuple[Write, str]:
    try:
        litert_torch = importlib.import_module("litert_torch")
    except ImportError:
        raise NeedsExtra("litert-torch", "litert") from None
    return (lambda layers: _converted(litert_torch, layers)), version("litert-torch")


def _converted(litert_torch: Any, layers: Sequence[LayerSpec]) -> bytes:
    """A chain of layers through the converter; images go in and out channels last, as LiteRT's kernels take them."""
    import torch

    from nasstudio.engine.device.runtime import torch_runtime
    from nasstudio.engine.device.runtime.shapes import input_shape, output_shape

    module: torch.nn.Module = torch.nn.Identity()
    shape: tuple[int, ...] = (1, 1)
    if layers:
        module, shape = torch_runtime.network(layers), input_shape(layers[0])
        ends: dict[str, list[int]] = {}
        if len(shape) == 4:
            ends["args"] = [0]
            shape = (shape[0], *shape[2:], shape[1])
        if len(output_shape(layers[-1])) == 4:
            ends["outputs"] = [0]
        if ends:
            module = litert_torch.to_channel_last_io(module.eval(), **ends)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        try:
            litert_torch.convert(module.eval(), (torch.zeros(shape),)).export(str(path))
            return path.read_bytes()
        except Exception as problem:  # the converter's errors have no base of their own
            first = (str(problem).strip() or type(problem).__name__).splitlines()[0]
            raise StudioError(
                f"litert-torch can't convert a model: {first[:300]}.",
                where="kit",
                remedy="Make the kit without litert, or install another version of litert-torch.",
            ) from problem
