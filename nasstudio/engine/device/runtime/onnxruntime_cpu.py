"""ONNX Runtime on this machine's processor: fp32, sequential, all graph optimisations.

Layers and networks are written as ONNX graphs (`onnx_graph`), so neither needs torch. Input and output are bound once,
so that a call is the session's run and little else.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nasstudio.engine.device.device import Device, processor
from nasstudio.engine.device.runtime.runtime import Call, thread_counts
from nasstudio.engine.errors import InvalidInput, NeedsExtra
from nasstudio.engine.space.layer import LayerSpec

_PROVIDER = "CPUExecutionProvider"
_SEED = 0


class OnnxRuntimeCpu:
    """ONNX Runtime's CPU provider."""

    name = "onnxruntime"

    def available(self) -> None:
        for package in ("onnxruntime", "onnx"):
            try:
                __import__(package)
            except ImportError:
                raise NeedsExtra(package, "engine") from None

    def version(self) -> str:
        import onnxruntime

        return str(onnxruntime.__version__)

    def devices_here(self) -> list[Device]:
        return [
            Device(processor(), self.name, self.version(), threads=threads)
            for threads in thread_counts()
        ]

    def prepare_empty(self, device: Device) -> Call:
        from nasstudio.engine.device.runtime import onnx_graph

        return _call(session(onnx_graph.serialised(onnx_graph.empty_model()), device.threads))

    def prepare_layer(self, spec: LayerSpec, device: Device) -> Call:
        return self.prepare_network([spec], device)

    def prepare_network(self, layers: Sequence[LayerSpec], device: Device) -> Call:
        from nasstudio.engine.device.runtime import onnx_graph

        model = onnx_graph.network_model(layers, np.random.default_rng(_SEED))
        return _call(session(onnx_graph.serialised(model), device.threads))

    def prepare_onnx(self, path: Path, device: Device) -> Call:
        if not path.is_file():
            raise InvalidInput("The ONNX file is not there.", where=path, remedy="Check the path.")
        return _call(session(str(path), device.threads, where=path))


def session(model: bytes | str, threads: int, *, where: str | Path = "ONNX model") -> Any:
    """An inference session on the CPU.

    Raises
    ------
    InvalidInput
        ONNX Runtime can't run the model; its reason is given.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(model, options, providers=[_PROVIDER])
    except (
        Exception
    ) as problem:  # pybind classes of ONNX Runtime without a common base but Exception
        raise InvalidInput(
            f"ONNX Runtime can't run it: {_first_line(problem)}",
            where=where,
            remedy="Check the file with `onnx.checker`, or export it again with standard operators.",
        ) from problem


def _first_line(problem: Exception) -> str:
    line = str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
    return line[:300].rstrip(".") + "."


INPUT_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(uint8)": np.uint8,
}


def _call(session: Any) -> Call:
    """The session's run with everything bound beforehand; open sizes are taken as 1."""
    rng = np.random.default_rng(_SEED)
    binding = session.io_binding()
    for entry in session.get_inputs():
        binding.bind_ortvalue_input(entry.name, _random_input(entry, rng))
    for entry in session.get_outputs():
        binding.bind_output(entry.name, "cpu")
    run = session.run_with_iobinding
    _try_once(run, binding)

    def call() -> None:
        run(binding)

    return call


def _try_once(run: Any, binding: Any) -> None:
    try:
        run(binding)
    except Exception as problem:  # see `session`
        raise InvalidInput(
            f"ONNX Runtime started it and failed: {_first_line(problem)}",
            where="ONNX model",
            remedy="Check that the model takes one image of the shape that its input says.",
        ) from problem


def _random_input(entry: Any, rng: np.random.Generator) -> Any:
    import onnxruntime as ort

    if entry.type not in INPUT_TYPES:
        raise InvalidInput(
            f"Input '{entry.name}' is a {entry.type}.",
            where="ONNX model",
            remedy="Export the model with a tensor of numbers as its input.",
        )
    shape = [size if isinstance(size, int) and size > 0 else 1 for size in entry.shape]
    values = rng.normal(0.0, 1.0, shape).astype(INPUT_TYPES[entry.type])
    return ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(values))
