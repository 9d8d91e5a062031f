"""Training schedules as data: phases that open more and more of the space.

Progressive shrinking (Cai et al. 2020, sec. 3.3): the full network first, then elastic kernel, depth and expand
ratio, with elastic resolution throughout. Or one stage with the sandwich rule, in which the largest network of each
step teaches the others (Yu et al. 2020, BigNAS). A schedule names no tensor and imports no torch.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from nasstudio.engine.errors import InvalidInput
from nasstudio.resources import resource


class Phase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One phase.

    Attributes
    ----------
    name : as shown, e.g. ``Depth 1``.
    epochs : passes over the training images.
    warmup : epochs in which the rate rises from 0, inside `epochs`.
    rate : highest learning rate; cosine to 0.
    largest : gene kind -> how many of its largest options are open; a kind that is not named is open entirely.
    networks : subnets a step; their gradients are summed (OFA code).
    distill : weight of the distillation loss.
    sandwich : with two or more networks a step the largest is always one of them, with three or more the smallest too
        (Yu & Huang 2019).
    distill_from : who teaches. ``teacher``: one network that does not change, beside the labels (OFA): the training's
        own, or the largest network as it was at the end of the first phase. ``largest``: the largest network of the
        same step, which learns from the labels; the others learn from it alone (BigNAS, AlphaNet).
    """

    name: str
    epochs: int
    rate: float
    warmup: int = 0
    largest: dict[str, int] = {}
    networks: int = 1
    distill: float = 0.0
    sandwich: bool = False
    distill_from: Literal["teacher", "largest"] = "teacher"

    @property
    def in_place(self) -> bool:
        """Whether the largest network of each step teaches the others."""
        return self.distill_from == "largest"

    @property
    def needs_teacher(self) -> bool:
        """Whether it distils from a network that does not change."""
        return self.distill > 0 and not self.in_place


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Phases in order."""

    name: str
    title: str
    phases: tuple[Phase, ...]

    @property
    def epochs(self) -> int:
        """All epochs together."""
        return sum(phase.epochs for phase in self.phases)


def schedule_preset(name: str) -> Schedule:
    """A shipped schedule by name.

    Raises
    ------
    InvalidInput
        There is no preset of that name.
    """
    folder = resource("presets/schedules")
    path = folder / f"{name}.json"
    if not path.is_file():
        known = ", ".join(schedule_names())
        raise InvalidInput(f"There is no schedule '{name}'.", remedy=f"Presets: {known}.")
    return msgspec.json.decode(path.read_bytes(), type=Schedule)


def schedule_names() -> list[str]:
    """Names of the shipped schedules."""
    return sorted(path.stem for path in resource("presets/schedules").glob("*.json"))


def checked(schedule: Schedule) -> Schedule:
    """The schedule itself.

    Raises
    ------
    InvalidInput
        A phase can't be trained; it is named.
    """
    if not schedule.phases:
        raise InvalidInput(
            "A schedule needs at least one phase.",
            where=f"schedule {schedule.name}",
            remedy="Add one.",
        )
    for number, phase in enumerate(schedule.phases, start=1):
        place = f"schedule {schedule.name}, phase {number} ({phase.name})"
        if phase.epochs < 1 or not 0 <= phase.warmup <= phase.epochs:
            raise InvalidInput(
                "Epochs must be at least 1, warm-up within them.",
                where=place,
                remedy="Correct the epochs.",
            )
        if not 0 < phase.rate <= 100:
            raise InvalidInput(
                f"A rate of {phase.rate} can't train.", where=place, remedy="Try 0.05."
            )
        if phase.networks < 1 or phase.distill < 0 or any(n < 1 for n in phase.largest.values()):
            raise InvalidInput(
                "Networks a step and open options must be at least 1, the distillation weight not negative.",
                where=place,
                remedy="Correct the phase.",
            )
        if phase.in_place and not (phase.sandwich and phase.networks > 1 and phase.distill > 0):
            raise InvalidInput(
                "The largest network can only teach others of the same step.",
                where=place,
                remedy="Set sandwich, two or more networks a step and a distillation weight above 0, "
                "or distil from the teacher.",
            )
    return schedule
