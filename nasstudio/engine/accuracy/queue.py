"""EvaluationQueue: subnets that wait to be measured, and those that were.

Whoever wants to know the accuracy of networks puts them in, with a priority and a reason; each network is measured
once. Everything is kept in a folder: ``queue.jsonl`` holds what was put in, ``pairs.jsonl`` the results, one
``{"genome": [...], "accuracy": 0.87, ...}`` a line, in the order in which the networks were taken. Whoever opens the
folder again goes on where it was left; at most the evaluations under way are lost.
"""

from __future__ import annotations

import heapq
import os
import queue
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np

from nasstudio.engine.accuracy.subnets import Measure, Measured, SubnetAccuracy
from nasstudio.engine.accuracy.worker import Heard, Worker
from nasstudio.engine.errors import CorruptFile
from nasstudio.engine.space.space import Population

PAIRS, PUT = "pairs.jsonl", "queue.jsonl"
_POLL_S = 0.1
_REMEDY = "Delete the file and collect again."

Key = tuple[int, ...]
Place = tuple[float, int]  # the least is measured first: high priority, then early
Results = Generator[tuple[Key, Measured], None, None]
Line = TypeVar("Line")


class Pair(msgspec.Struct, frozen=True):
    """A measured network.

    Attributes
    ----------
    genome : option indices.
    accuracy, images, halves : see `subnets.Measured`.
    reason : why it was measured.
    """

    genome: Key
    accuracy: float
    images: int = 0
    halves: tuple[float, float] | None = None
    reason: str = ""


class Batch(msgspec.Struct, frozen=True):
    """Networks that were put in together; those of the highest priority are measured first."""

    genomes: tuple[Key, ...]
    priority: float = 0.0
    reason: str = ""


class EvaluationQueue:
    """Pending networks and results.

    Parameters
    ----------
    folder : where both are kept.
    subject : what is measured of each network.
    workers : processes that measure at the same time, on one thread each; 1: this process does.
    check : called several times a second while networks are measured; what it raises ends `run`, and may be a while.

    Attributes
    ----------
    batches : what was put in so far, earlier runs included.
    results : what was measured so far, in the order of the file.

    Raises
    ------
    CorruptFile
        A line of one of the files does not read; the line is named. A torn last line is cut off.
    """

    def __init__(
        self,
        folder: Path,
        subject: SubnetAccuracy,
        workers: int = 1,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self.path, self._put_path = folder / PAIRS, folder / PUT
        self._subject, self._workers, self._check = subject, workers, check
        self.batches = read_lines(self._put_path, Batch)
        self.results = read_lines(self.path, Pair)
        self._known = {pair.genome for pair in self.results}
        self._place: dict[Key, Place] = {}
        self._reason: dict[Key, str] = {}
        self._heap: list[tuple[Place, Key]] = []
        self._entered = 0
        self._measure: Measure | None = None
        for batch in self.batches:
            self._enter(batch)

    def __len__(self) -> int:
        """How many networks are pending."""
        return sum(key not in self._known for key in self._place)

    def put(self, population: Population, *, priority: float = 0.0, reason: str = "") -> None:
        """Let networks be measured, in their order; one that is known or pending already is measured once.

        population: `(n, genes)` in canonical form. It is on the disk when this returns.
        """
        batch = Batch(tuple(tuple(row) for row in population.tolist()), priority, reason)
        with self._put_path.open("ab") as file:
            file.write(msgspec.json.encode(batch) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.batches.append(batch)
        self._enter(batch)

    def _enter(self, batch: Batch) -> None:
        for key in batch.genomes:
            if key not in self._place or batch.priority > -self._place[key][0]:
                self._entered += 1
                self._place[key] = (-batch.priority, self._entered)
                self._reason.setdefault(key, batch.reason)
                heapq.heappush(self._heap, (self._place[key], key))

    def run(self, on_result: Callable[[Pair], None] = lambda pair: None) -> None:
        """Measure until nothing is pending; `on_result` is told each result and may put more in.

        Raises
        ------
        CorruptFile
            The results hold a network that was never put in.
        StudioError
            A network can't be measured.
        """
        self._check_origin()
        if not len(self):
            return
        with self.path.open("ab") as file, closing(self._measured()) as measured:
            for key, found in measured:
                pair = Pair(key, found.accuracy, found.images, found.halves, self._reason[key])
                file.write(msgspec.json.encode(pair) + b"\n")
                file.flush()
                self.results.append(pair)
                on_result(pair)
            os.fsync(file.fileno())

    def _check_origin(self) -> None:
        for number, pair in enumerate(self.results, start=1):
            if pair.genome not in self._place:
                raise _foreign(self.path, number, "is not a network of this run")

    def _take(self) -> Key | None:
        """The next network that is not known and not under way."""
        while self._heap:
            place, key = heapq.heappop(self._heap)
            if key not in self._known and place == self._place[key]:
                self._known.add(key)
                return key
        return None

    def _measured(self) -> Results:
        return self._here() if self._workers == 1 else self._elsewhere()

    def _here(self) -> Results:
        if self._measure is None:
            self._measure = self._subject.open(self._check)
        while (key := self._take()) is not None:
            try:
                self._check()
                measured = self._measure(np.array(key, dtype=np.int16))
            except BaseException:
                self._give_back([key])
                raise
            yield key, measured

    def _elsewhere(self) -> Results:
        """By workers; results come in the order in which the networks were taken."""
        heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        under_way: dict[int, Key] = {}
        taken: list[Key] = []
        found: dict[Key, Measured] = {}
        with ExitStack() as stack:
            # Whoever leaves early leaves these pending.
            stack.callback(self._give_back, taken)
            workers = []
            for number in range(min(self._workers, len(self))):
                workers.append(Worker(self._subject, number, heard))
                stack.callback(workers[-1].close)
            idle = list(range(len(workers)))
            while True:
                while idle and (key := self._take()) is not None:
                    taken.append(key)
                    under_way[idle[-1]] = key
                    workers[idle.pop()].ask(key)
                if not under_way:
                    return
                self._check()
                try:
                    number, line = heard.get(timeout=_POLL_S)
                except queue.Empty:
                    continue
                found[under_way.pop(number)] = workers[number].answer(line)
                idle.append(number)
                while taken and taken[0] in found:
                    key = taken.pop(0)
                    yield key, found.pop(key)

    def _give_back(self, keys: Sequence[Key]) -> None:
        for key in keys:
            self._known.discard(key)
            heapq.heappush(self._heap, (self._place[key], key))


def read_lines(path: Path, kind: type[Line]) -> list[Line]:
    """The lines of a file that grows; a torn last line is cut off.

    Raises
    ------
    CorruptFile
        A line does not read; the line is named.
    """
    if not path.is_file():
        return []
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
    found: list[Line] = []
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            found.append(msgspec.json.decode(line, type=kind))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _foreign(path, number, "does not read") from None
    return found


def _foreign(path: Path, number: int, what: str) -> CorruptFile:
    return CorruptFile(f"Line {number} {what}.", where=path, remedy=_REMEDY)
