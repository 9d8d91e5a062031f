"""OpenVINO on this machine's processor: fp32 or int8, from the same ONNX models as ONNX Runtime.

fp32 means fp32: without the hint a processor with bf16 instructions would be used at that precision. One stream, tuned
for latency; a call runs in the thread that makes it. OpenVINO does not pin its threads: the process that measures does
that for every runtime alike.
"""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from nasstudio.engine.device.device import Device
from nasstudio.engine.device.runtime.onnx_models import OnnxModelRuntime
from nasstudio.engine.device.runtime.refusal import ARTEFACT, LOWER_AGAIN, refused
from nasstudio.engine.device.runtime.runtime import Call
from nasstudio.engine.errors import InvalidInput, NeedsExtra

_SEED = 0


class OpenVinoCpu(OnnxModelRuntime):
    """OpenVINO's CPU plugin."""

    name = "openvino"
    channels_last = False

    def available(self) -> None:
        for package, extra in (("openvino", "openvino"), ("onnx", "engine")):
            if find_spec(package) is None:
                raise NeedsExtra(package, extra)

    def version(self) -> str:
        return version("openvino")

    def check(self, model: bytes, device: Device, where: Path) -> None:
        compiled(model, device.threads, where=where)

    def begin(self, device: Device) -> None:
        """Nothing: every network is told its threads."""

    def load(self, artefact: bytes, device: Device) -> Call:
        """Inference on a request whose input and output are bound beforehand.

        Raises
        ------
        InvalidInput
            It is not an ONNX model, or OpenVINO can't run it.
        """
        model = compiled(artefact, device.threads, where=ARTEFACT, remedy=LOWER_AGAIN)
        request = model.create_infer_request()
        rng = np.random.default_rng(_SEED)
        for port in model.inputs:
            request.set_tensor(port, _random_tensor(port, rng))
        infer = request.infer

        def call() -> None:
            infer(share_outputs=True)

        try:
            call()
        except RuntimeError as problem:
            raise refused("OpenVINO started it and failed", problem) from problem
        return call


def compiled(
    content: bytes,
    threads: int,
    *,
    where: str | Path = "ONNX model",
    remedy: str = "Export it again with standard operators, or measure it with ONNX Runtime.",
) -> Any:
    """The ONNX model compiled for the CPU.

    Raises
    ------
    InvalidInput
        OpenVINO can't read or compile it; its reason is given.
    """
    import openvino

    core = openvino.Core()
    options = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "ENABLE_CPU_PINNING": False,
    }
    try:
        return core.compile_model(core.read_model(model=content), "CPU", options)
    except RuntimeError as problem:
        raise InvalidInput(
            f"OpenVINO can't run it: {_reason(problem)}", where=where, remedy=remedy
        ) from problem


def _reason(problem: RuntimeError) -> str:
    """The last line of OpenVINO's message; the ones before it are places in its sources."""
    lines = [line for line in str(problem).strip().splitlines() if line.strip()]
    return (lines[-1] if lines else type(problem).__name__)[:300].rstrip(".") + "."


def _random_tensor(port: Any, rng: np.random.Generator) -> Any:
    import openvino

    if port.partial_shape.is_dynamic:
        raise InvalidInput(
            f"The input '{port.any_name}' has an open size.", where=ARTEFACT, remedy=LOWER_AGAIN
        )
    kind: Any = np.dtype(port.element_type.to_dtype())
    shape = list(port.shape)
    if kind.itemsize == 1 and kind.kind in "iu":
        span = np.iinfo(kind)
        values = rng.integers(span.min, span.max, shape, dtype=kind, endpoint=True)
    else:
        values = rng.normal(0.0, 1.0, shape).astype(kind)
    return openvino.Tensor(np.ascontiguousarray(values))
