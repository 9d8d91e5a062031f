"""Progressive shrinking: which subnets, which resolution and which rate every step has.

All of it is a pure function of the seed and the number of the step, so that a resumed run takes the same steps as one
that was never interrupted. Nothing here holds a tensor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nasstudio.engine.cost.counts import macs
from nasstudio.engine.space.space import Genome, Population, SearchSpace
from nasstudio.engine.train.schedule import Phase, Schedule

_RESOLUTION, _SUBNET = 1, 2  # purposes: each draws from a stream of its own


@dataclass(frozen=True)
class Place:
    """Where a step is.

    Attributes
    ----------
    phase : index of the phase.
    step : number of the step inside the phase.
    steps : steps of the phase.
    """

    phase: int
    step: int
    steps: int

    @property
    def begins(self) -> bool:
        """Whether it is the first step of its phase."""
        return self.step == 0


@dataclass(frozen=True)
class Plan:
    """Every step of a training.

    Attributes
    ----------
    epoch_steps : steps of one epoch.
    only : a network that is trained alone: every step has it, at its own resolution; None: subnets are drawn.
    """

    space: SearchSpace
    schedule: Schedule
    epoch_steps: int
    seed: int
    only: tuple[int, ...] | None = None

    @property
    def steps(self) -> int:
        """All steps together."""
        return self.schedule.epochs * self.epoch_steps

    def place(self, step: int) -> Place:
        """Where a step is; the step behind the last one belongs to the last phase."""
        begin = 0
        for index, phase in enumerate(self.schedule.phases):
            steps = phase.epochs * self.epoch_steps
            if step < begin + steps or index == len(self.schedule.phases) - 1:
                return Place(index, step - begin, steps)
            begin += steps
        raise AssertionError("a schedule has at least one phase")

    def phase(self, step: int) -> Phase:
        """The phase of a step."""
        return self.schedule.phases[self.place(step).phase]

    def rate(self, step: int) -> float:
        """Learning rate: rises from 0 in the phase's warm-up, then falls to 0 along a cosine."""
        place, phase = self.place(step), self.phase(step)
        warmup = phase.warmup * self.epoch_steps
        if place.step < warmup:
            return phase.rate * (place.step + 1) / warmup
        share = (place.step - warmup) / max(1, place.steps - warmup)
        return phase.rate * 0.5 * (1 + math.cos(math.pi * share))

    def subnets(self, step: int) -> Population:
        """The subnets of a step, all at one resolution. `(networks, genes)`."""
        phase = self.phase(step)
        if self.only is not None:
            return np.repeat(self.space.checked([self.only]), phase.networks, axis=0)
        resolution = self._generator(_RESOLUTION, step, 0)
        least = opened(self.space, phase.largest)
        px = resolution.integers(least[0], len(self.space.genes[0]))
        drawn = [
            self._generator(_SUBNET, step, k).integers(
                least, self.space.cardinalities, dtype=np.int16
            )
            for k in range(phase.networks)
        ]
        if phase.sandwich and phase.networks > 1:
            drawn[0] = self.space.largest()
        if phase.sandwich and phase.networks > 2:
            drawn[1] = least
        population = np.stack(drawn)
        population[:, 0] = px
        return self.space.canonical(population)

    def _generator(self, purpose: int, step: int, k: int) -> np.random.Generator:
        return np.random.default_rng([purpose, self.seed, step, k])

    def cost(self, first: int, last: int) -> float:
        """Estimated work of the steps from `first` to before `last`, in steps of the full network at full size."""
        begin, total = 0, 0.0
        for phase, one in zip(self.schedule.phases, self._step_costs, strict=True):
            end = begin + phase.epochs * self.epoch_steps
            total += max(0, min(last, end) - max(first, begin)) * one
            begin = end
        return total

    @cached_property
    def _step_costs(self) -> list[float]:
        """Mean work of a step of each phase: MACs of its subnets; the teacher's forward pass is a third of a step."""
        whole = float(macs(self.space, self.space.largest()[None])[0])
        costs, begin = [], 0
        for phase in self.schedule.phases:
            steps = np.linspace(begin, begin + phase.epochs * self.epoch_steps - 1, 24).astype(int)
            drawn = np.concatenate([self.subnets(int(step)) for step in steps])
            full = np.repeat(self.space.largest()[None], len(drawn), axis=0)
            full[:, 0] = drawn[:, 0]
            teacher = float(macs(self.space, full).mean()) / 3 if phase.needs_teacher else 0.0
            mean = float(macs(self.space, drawn).mean())
            costs.append((phase.networks * mean + teacher) / whole)
            begin += phase.epochs * self.epoch_steps
        return costs


def opened(space: SearchSpace, largest: Mapping[str, int]) -> Genome:
    """The first option of each gene that is open, when so many of the largest options of each kind are. `(genes,)`."""
    return np.array(
        [max(0, len(gene) - largest.get(gene.kind, len(gene))) for gene in space.genes],
        dtype=np.int16,
    )
