"""A process of its own that measures, and nothing else: this side starts it, asks for bursts and ends it.

What it loads are artefacts on disk, lowered once by whoever plans the measurement, so that a fresh process costs little
more than its start. It asks for one burst at a time: a pause or a stop is a burst away, and the process sleeps
meanwhile.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from nasstudio.engine.device.conditions import quietest_cores
from nasstudio.engine.device.device import Device
from nasstudio.engine.device.environment import measuring_environment
from nasstudio.engine.device.sampling import Burst
from nasstudio.engine.errors import InvalidInput, StudioError

CLOSE_S = 5.0


class Order(msgspec.Struct, frozen=True):
    """First line to the process: what to measure on, the files to load by number, and the cores to stay on."""

    device: Device
    artefacts: dict[int, str]
    cores: tuple[int, ...]


class Loaded(msgspec.Struct, frozen=True, tag="loaded"):
    """An artefact is ready to be called."""

    index: int


class Measured(msgspec.Struct, frozen=True, tag="measured"):
    """A burst, ns a call."""

    wall: tuple[float, ...]
    cpu: tuple[float, ...]


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The process can't do what it was asked."""

    kind: str
    what: str
    where: str
    remedy: str


Answer = Loaded | Measured | Refused


class MeasuringProcess:
    """Gives bursts of artefacts from a process of its own (`sampling.Sampler`)."""

    def __init__(self, child: subprocess.Popen[bytes], device: Device) -> None:
        self._child = child
        self._device = device
        self.pid = child.pid

    def burst(self, index: int) -> Burst:
        """A burst of the artefact of that number."""
        self._say(f"{index}\n".encode())
        answer = self._hear()
        if not isinstance(answer, Measured):
            raise self._broken(f"it answered {answer!r}"[:200])
        return Burst(answer.wall, answer.cpu)

    def load(
        self,
        artefacts: Mapping[int, Path],
        cores: tuple[int, ...],
        check: Callable[[], None],
        on_load: Callable[[int], None],
    ) -> None:
        """Let the process load the artefacts; `on_load` is called with each number when it is ready."""
        named = {index: str(path.absolute()) for index, path in artefacts.items()}
        order = Order(self._device, named, cores)
        self._say(msgspec.json.encode(order) + b"\n")
        for _ in artefacts:
            answer = self._hear()
            if not isinstance(answer, Loaded):
                raise self._broken(f"it answered {answer!r}"[:200])
            on_load(answer.index)
            check()

    def _say(self, line: bytes) -> None:
        try:
            stream: IO[bytes] = self._child.stdin  # type: ignore[assignment]
            stream.write(line)
            stream.flush()
        except (BrokenPipeError, OSError):
            raise self._broken("it is gone") from None

    def _hear(self) -> Answer:
        stream: IO[bytes] = self._child.stdout  # type: ignore[assignment]
        line = stream.readline()
        if not line.endswith(b"\n"):
            raise self._broken("it is gone")
        try:
            answer: Answer = msgspec.json.decode(line, type=Answer)
        except msgspec.DecodeError:
            raise self._broken(f"it said {line[:80]!r}") from None
        if isinstance(answer, Refused):
            raise _error(answer)
        return answer

    def _broken(self, why: str) -> StudioError:
        status = self._child.poll()
        ended = f"; it ended with status {status}" if status is not None else ""
        return StudioError(
            f"The process that measures {self._device.name} does not answer: {why}{ended}.",
            where=self._device.setting,
            remedy="See the job's log for its last words, then run the job again: it goes on where it was.",
        )

    def close(self) -> None:
        """End the process; killed if it does not end by itself."""
        for stream in (self._child.stdin, self._child.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    pass  # a pipe whose other end is gone can't be flushed
        try:
            self._child.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


def _error(refusal: Refused) -> StudioError:
    kind = InvalidInput if refusal.kind == "InvalidInput" else StudioError
    return kind(refusal.what, where=refusal.where, remedy=refusal.remedy)


@contextmanager
def measuring_process(
    device: Device,
    artefacts: Mapping[int, Path],
    *,
    check: Callable[[], None] = lambda: None,
    on_load: Callable[[int], None] = lambda index: None,
) -> Iterator[MeasuringProcess]:
    """A fresh process that has loaded artefacts for a device, on the cores that are the quietest now.

    Raises
    ------
    StudioError
        It can't be started, refuses an artefact or dies; its last words are in this process's standard error.
    """
    cores = quietest_cores(device.threads)
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", "nasstudio.engine.device.measuring"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=measuring_environment(device.threads, cores),
        )
    except OSError as problem:
        raise StudioError(
            f"A measuring process can't be started: {problem.strerror or problem}.",
            where=sys.executable,
            remedy="Close other programs, or choose another engine interpreter in Settings.",
        ) from problem
    worker = MeasuringProcess(child, device)
    try:
        worker.load(artefacts, cores, check, on_load)
        yield worker
    finally:
        worker.close()
