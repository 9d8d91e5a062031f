"""A process of its own that evaluates subnets on one thread: both sides of the conversation.

It is started as ``python -m nasstudio.engine.accuracy.worker``. The first line that it reads says what is measured,
each further one is a genome; it answers each genome with a line, in order. It ends when its standard input does, so
that it never outlives the process that asks it.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO

import msgspec

from nasstudio.engine.accuracy.subnets import Measured, SubnetAccuracy
from nasstudio.engine.device.environment import compute_environment
from nasstudio.engine.errors import InvalidInput, StudioError

CLOSE_S = 5.0


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """It can't be measured."""

    kind: str
    what: str
    where: str
    remedy: str


Answer = Measured | Refused
Heard = tuple[int, bytes]


class Worker:
    """One such process.

    Parameters
    ----------
    number : under which its answers are put into `heard`; an empty line says that it has gone.
    """

    def __init__(
        self, subject: SubnetAccuracy, number: int, heard: queue.SimpleQueue[Heard]
    ) -> None:
        self.number = number
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "nasstudio.engine.accuracy.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=compute_environment(1),
            )
        except OSError as problem:
            raise StudioError(
                f"A process for evaluations can't be started: {problem.strerror or problem}.",
                where=sys.executable,
                remedy="Close other programs, or choose another engine interpreter in Settings.",
            ) from problem
        self._listener = threading.Thread(target=self._listen, args=(heard,), daemon=True)
        self._listener.start()
        self._say(msgspec.json.encode(subject))

    def ask(self, genome: Sequence[int]) -> None:
        """Let it evaluate a subnet; the answer is put into the queue of what was heard."""
        self._say(msgspec.json.encode([int(option) for option in genome]))

    def answer(self, line: bytes) -> Measured:
        """What it measured, from a line that it said.

        Raises
        ------
        StudioError
            It refuses, or it has gone.
        """
        if not line:
            raise self.gone()
        answer: Answer = msgspec.json.decode(line, type=Answer)
        if isinstance(answer, Refused):
            kind = InvalidInput if answer.kind == "InvalidInput" else StudioError
            raise kind(answer.what, where=answer.where, remedy=answer.remedy)
        return answer

    def gone(self) -> StudioError:
        """What to say of a process that ended by itself."""
        status = self._child.poll()
        return StudioError(
            f"A process that evaluates subnets ended unexpectedly (status {status}).",
            where="evaluation",
            remedy="See the job's log for its last words; if the memory was full, use fewer threads. Then resume.",
        )

    def _say(self, line: bytes) -> None:
        stream: IO[bytes] = self._child.stdin  # type: ignore[assignment]
        try:
            stream.write(line + b"\n")
            stream.flush()
        except OSError:
            raise self.gone() from None

    def _listen(self, heard: queue.SimpleQueue[Heard]) -> None:
        stream: IO[bytes] = self._child.stdout  # type: ignore[assignment]
        with stream:
            for line in stream:
                heard.put((self.number, line))
        heard.put((self.number, b""))

    def close(self) -> None:
        """End it; killed if it does not end by itself, e.g. in the middle of an evaluation."""
        stream: IO[bytes] = self._child.stdin  # type: ignore[assignment]
        try:
            stream.close()
        except OSError:
            pass  # a pipe whose other end is gone can't be flushed
        self._child.terminate()
        try:
            self._child.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._listener.join()


def main() -> int:
    """Serve until the conversation ends."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # a Ctrl-C in the terminal is the asking process's business
    # The conversation keeps a descriptor of its own; everything that prints must not get into it.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        _serve(sys.stdin.buffer, out)
    except StudioError as problem:
        refusal = Refused(type(problem).__name__, problem.what, problem.where, problem.remedy)
        _answer(out, refusal)
        return 1
    return 0


def _serve(questions: IO[bytes], out: IO[bytes]) -> None:
    import numpy as np
    import torch

    torch.set_num_threads(1)
    first = questions.readline()
    if not first:
        return
    measure = msgspec.json.decode(first, type=SubnetAccuracy).open()
    for line in questions:
        genome = np.array(msgspec.json.decode(line, type=list[int]), dtype=np.int16)
        _answer(out, measure(genome))


def _answer(out: IO[bytes], answer: Answer) -> None:
    out.write(msgspec.json.encode(answer) + b"\n")
    out.flush()


if __name__ == "__main__":
    sys.exit(main())
