"""The trainings of a study, in order: which network, how, and at which rate.

Target by target, so that a study that was stopped has whole rows; everything follows from the specification, so that
one that is resumed goes on with the same list. No tensor here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nasstudio.engine.job.specification import StudySpec
from nasstudio.engine.space.space import SearchSpace
from nasstudio.engine.train.progressive import Plan
from nasstudio.engine.train.schedule import Phase, Schedule

Way = Literal["alone", "taught", "tuned"]


@dataclass(frozen=True)
class Training:
    """One training of one network.

    Attributes
    ----------
    way : ``alone``: fresh weights and the labels; ``taught``: fresh weights and a teacher, the supernet's largest
        subnet; ``tuned``: the supernet's subnet trained on.
    """

    genome: tuple[int, ...]
    way: Way
    rate: float
    seed: int
    epochs: int

    @property
    def key(self) -> tuple[tuple[int, ...], str, float, int]:
        """What tells it from the others of a study."""
        return self.genome, self.way, self.rate, self.seed


def epochs_of(spec: StudySpec) -> int:
    """Epochs of a network that is trained alone: those of the supernet unless others are asked for."""
    return spec.epochs or spec.training.schedule.epochs


def rates_of(spec: StudySpec) -> tuple[float, ...]:
    """Learning rates that are tried; by default that of the supernet's first phase, and half of it."""
    first = spec.training.schedule.phases[0].rate
    return tuple(dict.fromkeys(spec.rates)) or (first, first / 2)


def trainings(spec: StudySpec) -> list[Training]:
    """Every training of a study, in the order in which they run."""
    epochs = epochs_of(spec)
    seeds = [spec.seed + number for number in range(spec.seeds)]
    found: list[Training] = []
    for genome in dict.fromkeys(target.genome for target in spec.targets):
        ways: tuple[Way, ...] = ("alone", "taught") if spec.taught else ("alone",)
        found += [
            Training(genome, way, rate, seed, epochs)
            for way in ways
            for rate in rates_of(spec)
            for seed in seeds
        ]
        if spec.tuning_epochs:
            found += [
                Training(genome, "tuned", spec.tuning_rate, seed, spec.tuning_epochs)
                for seed in seeds
            ]
    return found


def schedule_of(training: Training, spec: StudySpec) -> Schedule:
    """One phase of the supernet's recipe: its warm-up, the cosine, one network a step."""
    first = spec.training.schedule.phases[0]
    warmup = min(first.warmup, training.epochs) if training.way != "tuned" else 0
    phase = Phase(
        name=training.way.capitalize(),
        epochs=training.epochs,
        rate=training.rate,
        warmup=warmup,
        distill=1.0 if training.way == "taught" else 0.0,
    )
    return Schedule(training.way, training.way.capitalize(), (phase,))


def plan_of(training: Training, spec: StudySpec, space: SearchSpace, epoch_steps: int) -> Plan:
    """Every step of a training."""
    return Plan(
        space, schedule_of(training, spec), epoch_steps, training.seed, only=training.genome
    )


def supernet_plan(spec: StudySpec, space: SearchSpace, epoch_steps: int) -> Plan:
    """Every step of the supernet's training."""
    return Plan(space, spec.training.schedule, epoch_steps, spec.training.seed)


def passes_of(schedule: Schedule, epoch_steps: int, batch: int) -> int:
    """Images that go forward and backward through a network in a whole schedule."""
    return sum(phase.epochs * phase.networks for phase in schedule.phases) * epoch_steps * batch
