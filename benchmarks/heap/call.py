"""One inference under `heap.c`: prints the peak of malloc during it, less what there was before, in bytes.

Arguments: rules (as in `nasstudio.engine.cost.liveness`) and batch; the layers' texts, a line each, on standard input.
Started with LD_PRELOAD by `benchmarks/memory.py`.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence

import numpy as np

from nasstudio.engine.space.layer import LayerSpec, parse


def torch_call(layers: Sequence[LayerSpec], batch: int) -> Callable[[], object]:
    """An inference in eager PyTorch."""
    import torch

    from nasstudio.engine.net.static import StaticNetwork, fused

    torch.set_num_threads(1)
    network = fused(StaticNetwork(layers)).to(memory_format=torch.channels_last)
    first = layers[0]
    image = torch.randn(batch, first.channels_in, first.height, first.width)
    image = image.contiguous(memory_format=torch.channels_last)

    def call() -> object:
        with torch.inference_mode():
            return network(image)

    return call


def onnxruntime_call(
    layers: Sequence[LayerSpec], batch: int, *, block: bool
) -> Callable[[], object]:
    """An inference in ONNX Runtime without its arena, so that malloc sees each tensor."""
    import onnxruntime as ort

    from nasstudio.engine.device.runtime import onnx_graph

    model = onnx_graph.network_model(layers, np.random.default_rng(0), batch)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = block
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    entry = session.get_inputs()[0]
    image = np.random.default_rng(0).normal(size=entry.shape).astype(np.float32)
    binding = session.io_binding()
    binding.bind_ortvalue_input(entry.name, ort.OrtValue.ortvalue_from_numpy(image))

    def call() -> object:
        binding.clear_binding_outputs()
        binding.bind_output(session.get_outputs()[0].name, "cpu")
        session.run_with_iobinding(binding)
        return binding

    return call


def main() -> int:
    rules, batch = sys.argv[1], int(sys.argv[2])
    layers = [parse(line) for line in sys.stdin.read().splitlines()]
    if rules == "torch":
        call = torch_call(layers, batch)
    else:
        call = onnxruntime_call(layers, batch, block=rules == "onnxruntime-block")
    heap = ctypes.CDLL(None)
    heap.heap_live.restype = heap.heap_peak.restype = ctypes.c_long
    peak = 0
    for _ in range(3):
        heap.heap_restart()
        before = heap.heap_live()
        made = call()
        peak = heap.heap_peak() - before
        del made
    print(peak)
    return 0


if __name__ == "__main__":
    sys.exit(main())
