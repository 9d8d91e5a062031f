"""The course of one training: curves, phases and pace, from its events. No screen, no clock.

A training that was resumed says some steps again; the later word replaces the earlier one. Epochs count from the begin
of the training; accuracies are shares 0..1.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate

from nasstudio.engine.job import events as ev
from nasstudio.engine.job.folder import State, next_state
from nasstudio.engine.train.schedule import Schedule

ACCURACIES = ("largest", "smallest", "random_mean", "random_p10", "random_p90")
LOSSES = ("loss", "loss_kd")
SPEED = "images_per_s"


@dataclass
class Curve:
    """One quantity against epochs, rising."""

    epochs: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.epochs)

    def put(self, epoch: float, value: float) -> None:
        """Add a point; points at or behind its epoch were said before a resume and go."""
        keep = bisect_left(self.epochs, epoch)
        del self.epochs[keep:], self.values[keep:]
        self.epochs.append(epoch)
        self.values.append(value)

    @property
    def last(self) -> float | None:
        return self.values[-1] if self.values else None

    def best(self) -> tuple[float, float] | None:
        """Highest value and its epoch; None without a point."""
        if not self.values:
            return None
        at = max(range(len(self.values)), key=self.values.__getitem__)
        return self.values[at], self.epochs[at]


@dataclass(frozen=True)
class PhaseState:
    """A phase of the schedule in a training.

    Attributes
    ----------
    first, last : epochs at which it begins and ends.
    state : ``empty`` (to come), ``running``, ``paused`` or ``done``.
    seconds : what it took, s; None if it has not ended.
    """

    name: str
    first: int
    last: int
    state: str
    seconds: float | None = None


class Course:
    """What the events of a `train` run have said so far."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.curves = {name: Curve() for name in (*ACCURACIES, *LOSSES, SPEED)}
        self.state: State = "created"
        self.epoch = 0.0
        self.left_s: float | None = None
        self.seconds = 0.0
        self.failure = ""
        self._began: dict[int, float] = {}
        self._ended: dict[int, float] = {}

    def take(self, events: Iterable[ev.AnyEvent]) -> None:
        """Take in the next events of the run."""
        for event in events:
            self.state = next_state(self.state, event)
            match event:
                case ev.MetricEvent():
                    self._metric(event.step, event.values)
                case ev.Progress():
                    self.epoch = event.done
                    self.left_s = event.left_s
                case ev.Result() if event.name == "phase":
                    self._phase(event)
                case ev.Done():
                    self.epoch = float(self.schedule.epochs)
                    self.left_s = None
                    self.seconds = float(event.summary.get("seconds") or self.seconds)
                case ev.Failed():
                    self.failure = event.what

    def _metric(self, epoch: float, values: dict[str, float | None]) -> None:
        for name, value in values.items():
            if value is not None and name in self.curves:
                self.curves[name].put(epoch, value)
        self.epoch = epoch

    def _phase(self, event: ev.Result) -> None:
        at = int(event.values["number"]) - 1
        self.seconds = float(event.values["seconds"])
        if event.values["state"] == "began":
            self._began[at] = self.seconds
        else:
            self._ended[at] = self.seconds
            self.epoch = float(event.values["epoch"])

    # -- phases -------------------------------------------------------------------------------------------------

    @property
    def ends(self) -> list[int]:
        """Epoch at which each phase ends."""
        return list(accumulate(phase.epochs for phase in self.schedule.phases))

    @property
    def phase(self) -> int:
        """Index of the phase that `epoch` is in; the last one at the end."""
        ends = self.ends
        return next((i for i, end in enumerate(ends) if self.epoch < end), len(ends) - 1)

    def phases(self, *, live: bool = True) -> list[PhaseState]:
        """Every phase with its state; the one that a run which is not live has stopped in is ``paused``."""
        found, first = [], 0
        begun = self.state != "created" or self.epoch > 0
        for at, (phase, last) in enumerate(zip(self.schedule.phases, self.ends, strict=True)):
            done = at in self._ended or self.epoch >= last
            now = begun and not done and self.epoch >= first and self.state != "done"
            state = "done" if done else "empty"
            if now:
                state = "running" if live and self.state != "paused" else "paused"
            seconds = None
            if at in self._ended and at in self._began:
                seconds = max(0.0, self._ended[at] - self._began[at])
            found.append(PhaseState(phase.name, first, last, state, seconds))
            first = last
        return found

    # -- numbers ------------------------------------------------------------------------------------------------

    @property
    def speed(self) -> Curve:
        """Images per second."""
        return self.curves[SPEED]

    def best(self) -> tuple[float, float] | None:
        """Best accuracy of the largest network, share, and its epoch."""
        return self.curves["largest"].best()
