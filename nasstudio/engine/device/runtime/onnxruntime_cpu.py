"""ONNX Runtime on this machine's processor: fp32 or int8, sequential, all graph optimisations.

Layers and networks are written as ONNX models (`onnx_artefact`), so neither needs torch, and a process that loads one
needs nothing but ONNX Runtime. Input and output are bound once, so that a call is the session's run and little else.

A session usually has threads of its own, and after a run they spin for the next one. A process that measures many
networks in turn would lose cores to the threads of those that wait. So where there are several threads, all sessions of
such a process share them (`begin`): to each network it is as if it were alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nasstudio.engine.device.device import Device
from nasstudio.engine.device.runtime.onnx_models import OnnxModelRuntime
from nasstudio.engine.device.runtime.refusal import ARTEFACT, LOWER_AGAIN, refused
from nasstudio.engine.device.runtime.runtime import Call
from nasstudio.engine.errors import InvalidInput, NeedsExtra

_PROVIDER = "CPUExecutionProvider"
_SEED = 0

INPUT_TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
}


class OnnxRuntimeCpu(OnnxModelRuntime):
    """ONNX Runtime's CPU provider."""

    name = "onnxruntime"
    channels_last = True

    def __init__(self) -> None:
        self._sharing = False

    def begin(self, device: Device) -> None:
        """Let all sessions share threads. From now on the process can make no session with threads of its own."""
        if device.threads > 1:
            import onnxruntime as ort

            ort.set_global_thread_pool_sizes(device.threads, 1)
            self._sharing = True

    def available(self) -> None:
        for package in ("onnxruntime", "onnx"):
            try:
                __import__(package)
            except ImportError:
                raise NeedsExtra(package, "engine") from None

    def version(self) -> str:
        import onnxruntime

        return str(onnxruntime.__version__)

    def check(self, model: bytes, device: Device, where: Path) -> None:
        session(model, device.threads, where=where)

    def load(self, artefact: bytes, device: Device) -> Call:
        """The session's run with everything bound beforehand.

        Raises
        ------
        InvalidInput
            It is not an ONNX model, or ONNX Runtime can't run it.
        """
        threads = None if self._sharing else device.threads
        return _call(session(artefact, threads, where=ARTEFACT, remedy=LOWER_AGAIN))


def session(
    model: bytes | str,
    threads: int | None,
    *,
    where: str | Path = "ONNX model",
    remedy: str = "Check the file with `onnx.checker`, or export it again with standard operators.",
) -> Any:
    """An inference session on the CPU.

    Parameters
    ----------
    threads : of its own; None: it shares those of the process.

    Raises
    ------
    InvalidInput
        ONNX Runtime can't run the model; its reason is given.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    if threads is None:
        options.use_per_session_threads = False
    else:
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
        raise refused("ONNX Runtime can't run it", problem, where=where, remedy=remedy) from problem


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
        raise refused(
            "ONNX Runtime started it and failed",
            problem,
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
    kind: Any = np.dtype(INPUT_TYPES[entry.type])
    shape = [size if isinstance(size, int) and size > 0 else 1 for size in entry.shape]
    if kind.itemsize == 1:
        span = np.iinfo(kind)
        values = rng.integers(span.min, span.max, shape, dtype=kind, endpoint=True)
    else:
        values = rng.normal(0.0, 1.0, shape).astype(kind)
    return ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(values))
