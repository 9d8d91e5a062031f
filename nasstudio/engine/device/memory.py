"""The peak of what a runtime's allocator gives out during a call, measured in a process of its own.

Not resident memory: that holds what was freed and kept, and libraries besides. Each runtime's own books are read:

- ONNX Runtime (1.32 and newer) writes into its profile, after every operation, how many bytes were asked for and are in
  use. Less what a session has before its first call, the weights, that is what its plan needs. The arena around it
  rounds up and grows by powers of two, so that a process can hold twice as much; that is its policy, not the network's
  need, and goes away with `enable_cpu_mem_arena` off.
- PyTorch reports every allocation and release of its CPU allocator, working space of oneDNN included, to its profiler.

Both were checked against a count of all calls of malloc and free (`benchmarks/memory.py`, `books`).
Like the prediction (`cost.liveness`, whose rules the names are), the images are not counted, the result is.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from nasstudio.engine.cost.liveness import RULES, Rules
from nasstudio.engine.device.environment import compute_environment
from nasstudio.engine.errors import InvalidInput, NeedsExtra, StudioError
from nasstudio.engine.space.layer import LayerSpec, parse, text

LONGEST_S = 600.0  # one network
_CALLS = 3  # the block is there from the second call on
_SEED = 0


class Order(msgspec.Struct, frozen=True):
    """What the process is to measure: networks as the texts of their layers, or ONNX files."""

    rules: Rules
    batch: int
    networks: tuple[tuple[str, ...], ...] = ()
    files: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """A peak in bytes, or why there is none."""

    peak_bytes: int = 0
    problem: str = ""
    remedy: str = ""


def measured_peaks(
    networks: Sequence[Sequence[LayerSpec]], rules: Rules, batch: int = 1
) -> list[int]:
    """Peaks of networks with random weights, bytes; one thread.

    Parameters
    ----------
    rules : the runtime and its setting, as in `cost.liveness`.

    Raises
    ------
    InvalidInput
        There are no such rules, or a network can't be built.
    NeedsExtra
        The runtime is not installed.
    StudioError
        The runtime does not say what it allocates, or its process came to an end.
    """
    texts = tuple(tuple(text(layer) for layer in layers) for layers in networks)
    return _asked(Order(_known(rules), _positive(batch), networks=texts), len(texts))


def measured_file_peaks(
    path: Path, rules: Rules = "onnxruntime", batches: Sequence[int] = (1,)
) -> list[int]:
    """Peak of an ONNX file with an open batch at each of some batches, bytes; one thread.

    Raises
    ------
    InvalidInput
        The file is not there, or ONNX Runtime can't run it.
    StudioError
        As `measured_peaks`.
    """
    if rules == "torch":
        raise InvalidInput(
            "PyTorch does not run ONNX files.", where=path, remedy="Choose ONNX Runtime's rules."
        )
    if not path.is_file():
        raise InvalidInput("The ONNX file is not there.", where=path, remedy="Check the path.")
    orders = [Order(_known(rules), _positive(b), files=(str(path.absolute()),)) for b in batches]
    return [_asked(order, 1)[0] for order in orders]


def _known(rules: Rules) -> Rules:
    if rules not in RULES:
        raise InvalidInput(
            f"There are no memory rules '{rules}'.", remedy=f"Choose one of: {', '.join(RULES)}."
        )
    return rules


def _positive(batch: int) -> int:
    if batch < 1:
        raise InvalidInput("A batch has at least one image.", remedy="Choose a batch of 1 or more.")
    return batch


def _asked(order: Order, wanted: int) -> list[int]:
    """The answers of a process of its own."""
    if not wanted:
        return []
    try:
        done = subprocess.run(
            [sys.executable, "-m", "nasstudio.engine.device.memory"],
            input=msgspec.json.encode(order),
            capture_output=True,
            env=compute_environment(1),
            timeout=LONGEST_S * wanted,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _broken("it took too long") from None
    answers = [msgspec.json.decode(line, type=Answer) for line in done.stdout.splitlines()]
    for answer in answers:
        if answer.problem:
            raise StudioError(answer.problem, where="peak memory", remedy=answer.remedy)
    if len(answers) != wanted:
        raise _broken(f"it ended with status {done.returncode} after {len(answers)} of {wanted}")
    return [answer.peak_bytes for answer in answers]


def _broken(why: str) -> StudioError:
    return StudioError(
        f"The process that measures memory did not answer: {why}.",
        where="peak memory",
        remedy="Free memory or choose a smaller batch, and try again.",
    )


# -- inside the process -----------------------------------------------------------------------------------------


def torch_peak_bytes(layers: Sequence[LayerSpec], batch: int) -> int:
    """Peak of PyTorch's CPU allocator during an inference of a chain of layers, in this process, bytes."""
    try:
        import torch
    except ImportError:
        raise NeedsExtra("torch", "engine") from None
    from nasstudio.engine.net.static import StaticNetwork, fused

    torch.set_num_threads(1)
    network = fused(StaticNetwork(layers)).to(memory_format=torch.channels_last)
    first = layers[0]
    generator = torch.Generator().manual_seed(_SEED)
    image = torch.randn(
        (batch, first.channels_in, first.height, first.width), generator=generator
    ).contiguous(memory_format=torch.channels_last)
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.inference_mode():
        network(image)
        with torch.profiler.profile(activities=activities, profile_memory=True) as profile:
            network(image)
    with tempfile.TemporaryDirectory(prefix="nasstudio-memory-") as folder:
        trace = Path(folder) / "trace.json"
        profile.export_chrome_trace(str(trace))
        return _traced_peak(json.loads(trace.read_bytes()))


def _traced_peak(trace: dict[str, Any]) -> int:
    """Largest sum of what is allocated and not yet released, in PyTorch's trace."""
    events = [e for e in trace["traceEvents"] if e.get("name") == "[memory]"]
    live = peak = 0
    for event in sorted(events, key=lambda e: (e["ts"], e["args"].get("Ev Idx", 0))):
        live += event["args"]["Bytes"]
        peak = max(peak, live)
    return int(peak)


def onnxruntime_peak_bytes(model: bytes | str, batch: int, *, block: bool) -> int:
    """Peak of ONNX Runtime's CPU allocator during a call beyond what the session holds, in this process, bytes.

    Parameters
    ----------
    model : an ONNX model or its path; its open sizes are taken as `batch`.
    block : as it is by default: from the second call on all tensors lie in one block.
    """
    try:
        import onnxruntime as ort
    except ImportError:
        raise NeedsExtra("onnxruntime", "engine") from None
    with tempfile.TemporaryDirectory(prefix="nasstudio-memory-") as folder:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_mem_pattern = block
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        rng = np.random.default_rng(_SEED)
        feeds = {}
        for entry in session.get_inputs():
            shape = [size if isinstance(size, int) else batch for size in entry.shape]
            feeds[entry.name] = rng.normal(size=shape).astype(np.float32)
        for _ in range(_CALLS):
            session.run(None, feeds)
        return _profiled_peak(json.loads(Path(session.end_profiling()).read_bytes()))


def _profiled_peak(events: list[dict[str, Any]]) -> int:
    """Largest number of bytes in use less those before the first operation, in ONNX Runtime's profile."""
    found = [event["args"] for event in events if event.get("cat") == "Node"]
    asked = [
        (int(args["mem_bytes_requested_in_use"]), int(args["mem_requested_in_use_delta"]))
        for args in found
        if "mem_bytes_requested_in_use" in args
    ]
    if not asked:
        raise StudioError(
            "This version of ONNX Runtime does not say what it allocates.",
            where="peak memory",
            remedy="Install onnxruntime 1.32 or newer.",
        )
    before = asked[0][0] - asked[0][1]
    return max(in_use for in_use, _ in asked) - before


def _peaks(order: Order) -> Iterator[int]:
    block = order.rules == "onnxruntime-block"
    for path in order.files:
        yield onnxruntime_peak_bytes(path, order.batch, block=block)
    for network in order.networks:
        layers = [parse(line) for line in network]
        if order.rules == "torch":
            yield torch_peak_bytes(layers, order.batch)
        else:
            yield onnxruntime_peak_bytes(_model(layers, order.batch), order.batch, block=block)


def _model(layers: Sequence[LayerSpec], batch: int) -> bytes:
    try:
        from nasstudio.engine.device.runtime import onnx_graph
    except ImportError:
        raise NeedsExtra("onnx", "engine") from None
    model = onnx_graph.network_model(layers, np.random.default_rng(_SEED), batch)
    return onnx_graph.serialised(model)


def main() -> int:
    """Read an order, write an answer a line."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    out = sys.stdout.buffer
    try:
        for peak in _peaks(order):
            out.write(msgspec.json.encode(Answer(peak)) + b"\n")
            out.flush()
    except StudioError as problem:
        out.write(msgspec.json.encode(Answer(problem=problem.what, remedy=problem.remedy)) + b"\n")
    except Exception as problem:  # runtimes raise classes without a common base
        line = (str(problem).strip().splitlines() or [type(problem).__name__])[0][:300]
        said = Answer(
            problem=f"The runtime could not run the network: {line.rstrip('.')}.",
            remedy="Check the file or the layers.",
        )
        out.write(msgspec.json.encode(said) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
