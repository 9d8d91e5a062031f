"""The process that measures: it loads artefacts of one device and gives bursts of them when it is asked.

It is started as ``python -m nasstudio.engine.device.measuring``. Its standard input and output are the conversation
(see `process`); whatever a library prints goes to standard error. It stays on the cores it was given, and imports the
runtime only after that, because some runtimes count the cores when they are imported.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO

import msgspec

from nasstudio.engine.device.process import Answer, Loaded, Measured, Order, Refused
from nasstudio.engine.errors import StudioError


def main() -> int:
    """Serve until the conversation ends."""
    # The conversation keeps a descriptor of its own; everything that prints must not get into it.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    _stay_on(order.cores)
    try:
        _serve(order, sys.stdin.buffer, out)
    except StudioError as problem:
        _answer(out, _refusal(problem))
        return 1
    return 0


def _stay_on(cores: tuple[int, ...]) -> None:
    if cores and hasattr(os, "sched_setaffinity"):
        try:
            os.sched_setaffinity(0, cores)
        except OSError:
            pass  # a container may forbid it; the measurement is then only less steady


def _serve(order: Order, questions: IO[bytes], out: IO[bytes]) -> None:
    from nasstudio.engine.device.runtime.registry import runtime_of
    from nasstudio.engine.device.sampling import CallSampler, no_garbage_collection

    runtime = runtime_of(order.device)
    runtime.begin(order.device)
    calls = {}
    for index, path in order.artefacts.items():
        calls[index] = runtime.load(_content(Path(path)), order.device)
        _answer(out, Loaded(index))
    # The runtime's own threads exist by now and may use all cores; this one, which works with them, stays on the first.
    if len(order.cores) == order.device.threads:
        _stay_on(order.cores[:1])
    numbers = {index: position for position, index in enumerate(calls)}
    sampler = CallSampler(list(calls.values()), order.device.threads)
    with no_garbage_collection():
        for line in questions:
            burst = sampler.burst(numbers[int(line)])
            _answer(out, Measured(burst.wall, burst.cpu))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise StudioError(
            f"What was to be measured can't be read: {problem.strerror or problem}.",
            where=path,
            remedy="Run the job again.",
        ) from problem


def _answer(out: IO[bytes], answer: Answer) -> None:
    out.write(msgspec.json.encode(answer) + b"\n")
    out.flush()


def _refusal(problem: StudioError) -> Refused:
    return Refused(
        type(problem).__name__, problem.what, str(problem.where or ""), problem.remedy or ""
    )


if __name__ == "__main__":
    sys.exit(main())
