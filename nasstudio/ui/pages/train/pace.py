"""How long a schedule will take, from trainings that this project has measured. Pure functions.

The unit of work is that of the training itself (`engine.train.progressive.Plan.cost`): MACs of the subnets of each step
and the teacher's forward pass.
"""

from __future__ import annotations

from dataclasses import dataclass

from nasstudio.engine.job.specification import TrainSpec
from nasstudio.engine.project.records import RunRecord, Snapshot
from nasstudio.engine.space.space import SearchSpace
from nasstudio.engine.train.progressive import Plan
from nasstudio.engine.train.schedule import Schedule

_STEPS = 24  # per epoch: enough to sample the subnets of a phase; it cancels out


@dataclass(frozen=True)
class Measured:
    """Phases of a training that have ended: which, and the seconds of each."""

    schedule: Schedule
    seconds: tuple[float | None, ...]


def phase_costs(space: SearchSpace, schedule: Schedule, seed: int = 0) -> list[float]:
    """Work of each phase, in steps of the full network. Some ms: not for the window's thread."""
    plan = Plan(space, schedule, _STEPS, seed)
    costs, begin = [], 0
    for phase in schedule.phases:
        end = begin + phase.epochs * _STEPS
        costs.append(plan.cost(begin, end))
        begin = end
    return costs


def pace(space: SearchSpace, measured: Measured) -> float | None:
    """Seconds a unit of work takes; None if no phase has been measured."""
    costs = phase_costs(space, measured.schedule)
    known = [(c, s) for c, s in zip(costs, measured.seconds, strict=True) if s]
    work = sum(cost for cost, _ in known)
    return sum(seconds for _, seconds in known) / work if work else None


def estimates(
    space: SearchSpace, schedule: Schedule, measured: Measured | None
) -> list[float | None]:
    """Seconds that each phase will take; None where nothing was measured."""
    speed = pace(space, measured) if measured is not None else None
    costs = phase_costs(space, schedule)
    return [None if speed is None else cost * speed for cost in costs]


def trainings(snapshot: Snapshot) -> list[RunRecord]:
    """Training runs of the project, the newest first."""
    return [run for run in reversed(snapshot.runs) if isinstance(run.spec, TrainSpec)]


def comparable(run: RunRecord, snapshot: Snapshot) -> bool:
    """Whether what a training took says something about the next one: the same space and images."""
    spec = run.spec
    return (
        isinstance(spec, TrainSpec)
        and snapshot.space is not None
        and (spec.space.family, spec.space.options)
        == (snapshot.space.family, snapshot.space.options)
        and spec.data == snapshot.data
    )
