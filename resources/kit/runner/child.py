"""The process that measures, and nothing else: it loads the models it is told and prints a line a burst.

A sample is a loop of calls long enough for the clock. A burst is a few samples after calls that do not count. Each
round measures every model once, in a new order. Both clocks of a sample are kept: who reads the lines judges which
samples count.
"""

from __future__ import annotations

import gc
import json
import math
import random
import sys
import time

from runner.machine import stay_on

SAMPLE_NS = 250_000  # a sample is an inner loop of at least this long
LONG_NS = 10_000_000
BURST, LONG_BURST = 5, 3


def child():
    """Load the models that standard input names and print a line a burst, after every round."""
    order = json.loads(sys.stdin.readline())
    stay_on(order["cores"])
    calls = {}
    if order["threads"] > 1:
        _share_threads(order["threads"])
    began = time.perf_counter()
    for index, path in order["models"]:
        try:
            calls[index] = _call(path, order["threads"])
        except Exception as problem:  # onnxruntime's errors have no base of their own
            _tell(
                {
                    "error": (str(problem).strip() or type(problem).__name__).splitlines()[0],
                    "path": path,
                }
            )
            return 1
    loading = time.perf_counter() - began
    _tell({"loaded": len(calls), "seconds": loading})
    rng = random.Random(order["seed"])
    sampler = Sampler(order["threads"])
    indices = list(calls)
    gc.collect()
    gc.disable()
    began = time.perf_counter()
    for number in range(order["most_rounds"]):
        rng.shuffle(indices)
        lines = []
        try:
            for index in indices:
                wall, cpu = sampler.burst(index, calls[index])
                lines.append({"m": index, "w": wall, "c": cpu})
        finally:  # Ctrl+C comes here, too: what is measured is told
            for line in lines:
                _tell(line, flush=False)
            sys.stdout.flush()
        spent = time.perf_counter() - began
        if number + 1 >= order["least_rounds"] and spent >= max(2 * loading, order["seconds"]):
            break
    return 0


def _tell(line, flush=True):
    sys.stdout.write(json.dumps(line) + "\n")
    if flush:
        sys.stdout.flush()


def _share_threads(threads):
    """Let all models share threads: those of a model that waits would spin on the cores of the one that runs."""
    import onnxruntime

    onnxruntime.set_global_thread_pool_sizes(threads, 1)


def _call(path, threads):
    """One inference of a model a call: everything bound beforehand, the settings of NAS Studio's own runtime."""
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    if threads > 1:
        options.use_per_session_threads = False
    else:
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    rng = numpy.random.RandomState(0)
    for entry in session.get_inputs():
        values = rng.normal(0.0, 1.0, entry.shape).astype(numpy.float32)
        binding.bind_ortvalue_input(entry.name, onnxruntime.OrtValue.ortvalue_from_numpy(values))
    for entry in session.get_outputs():
        binding.bind_output(entry.name, "cpu")
    run = session.run_with_iobinding
    run(binding)
    return lambda: run(binding)


def _fine_thread_clock():
    """The CPU clock of this thread, if it really moves in small steps (Windows' does not, whatever it says)."""
    seen = set()
    end = time.perf_counter_ns() + 3_000_000
    while time.perf_counter_ns() < end:
        seen.add(time.thread_time_ns())
    return time.thread_time_ns if len(seen) > 30 else None


class Sampler:
    """Bursts of samples; a sample is a loop of calls long enough for the clock, after calls that do not count."""

    def __init__(self, threads):
        self.cpu = _fine_thread_clock() if threads == 1 else None
        self.settle_ns = (
            100_000 if threads == 1 else 2_000_000
        )  # the threads of the model before may still spin
        self.inner = {}

    def burst(self, index, call):
        """Wall and CPU time of each sample, ns a call; CPU is None where it says nothing."""
        clock = time.perf_counter_ns
        if index not in self.inner:
            fastest = min(_once(call) for _ in range(4))
            self.inner[index] = max(1, math.ceil(SAMPLE_NS / max(fastest, 100)))
        began = clock()
        call()
        while clock() - began < self.settle_ns:
            call()
        inner, wall, cpu = self.inner[index], [], []
        for number in range(BURST):
            began_cpu = self.cpu() if self.cpu else 0
            began = clock()
            for _ in range(inner):
                call()
            spent = clock() - began
            wall.append(round(spent / inner, 1))
            if self.cpu:
                cpu.append(round((self.cpu() - began_cpu) / inner, 1))
            if spent > LONG_NS and number + 1 >= LONG_BURST:
                break
        return wall, cpu or None


def _once(call):
    began = time.perf_counter_ns()
    call()
    return time.perf_counter_ns() - began
