"""The one training loop of a supernet.

A step: one resolution, one or more subnets whose gradients are summed, in one or more micro-batches, then the
optimiser. All that a step does follows from the trainer's state and the number of the step, so that a trainer that was
restored from `state` goes on bit for bit. It writes no file, reports nothing and never waits, but for the other
processes of the same training; its caller does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasstudio.engine.data.loading import Batches, at_resolution
from nasstudio.engine.errors import InvalidInput, StudioError
from nasstudio.engine.net.shared import SharedNetwork
from nasstudio.engine.net.tensor_file import Tensors, part
from nasstudio.engine.space.space import Population
from nasstudio.engine.train.average import Average
from nasstudio.engine.train.distill import distillation, teacher_of
from nasstudio.engine.train.distributed import Ranks
from nasstudio.engine.train.dropout import Dropout
from nasstudio.engine.train.gathering import Gathering
from nasstudio.engine.train.optimiser import Rule, optimiser
from nasstudio.engine.train.progressive import Plan, opened
from nasstudio.engine.train.scaling import LossScale
from nasstudio.engine.train.schedule import Phase

CLIP_NORM = 10.0  # far above a healthy step's norm: it only tames the rare outlier
_TEACHER_IMAGES, _TEACHER_BATCHES = (
    1000,
    10,
)  # for the batch-norm statistics of a teacher that has none of its own

Precision = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True)
class Settings:
    """What the steps have in common.

    Attributes
    ----------
    batch : images a step.
    accumulate : micro-batches that a step's batch is divided into, each with batch-norm statistics of its own; if
        there are several processes they share them out.
    optimiser : ``sgd`` with Nesterov momentum, or ``adamw`` with `momentum` as its beta 1.
    smoothing : of the labels, 0 to 1.
    dropout : share of the classifier's inputs, of subnets that learn from labels.
    ema : decay of the moving average; 0: none.
    temperature : of the soft labels.
    precision : ``fp32``, or autocast to ``bf16`` or ``fp16``, for devices that have the instructions.
    """

    batch: int = 64
    accumulate: int = 1
    optimiser: Rule = "sgd"
    weight_decay: float = 3e-5
    momentum: float = 0.9
    smoothing: float = 0.1
    dropout: float = 0.0
    ema: float = 0.0
    temperature: float = 1.0
    device: str = "cpu"
    precision: Precision = "fp32"


@dataclass(frozen=True)
class Losses:
    """Of one step, means over its subnets: cross entropy of those that learn from labels, and distillation if any."""

    labels: float
    teacher: float | None


class Diverged(StudioError):
    """The loss or the gradient is not a finite number any more."""

    def __init__(self, phase: str, epoch: int, rate: float) -> None:
        super().__init__(
            f"The training diverged in phase {phase}, epoch {epoch}: the loss is not a finite number.",
            where=f"rate {rate:g}",
            remedy="Train again with a lower rate for this phase, a third of it say, or a longer warm-up. "
            "The supernets of the phases before are kept.",
        )


class Trainer:
    """Trains one supernet.

    Parameters
    ----------
    batches : of the training split.
    trained : gene kind -> how many of its largest options the weights were trained with before; None: fresh weights.
        A network trained before can teach from the first step on.
    teacher : a supernet whose largest network teaches in place of this one's own.
    ranks : the processes that train together.

    Attributes
    ----------
    step : number of steps done; the number of the next one.

    Raises
    ------
    InvalidInput
        The device has no half precision, or the micro-batches do not come out even.
    """

    def __init__(
        self,
        supernet: SharedNetwork,
        plan: Plan,
        batches: Batches,
        settings: Settings,
        *,
        trained: dict[str, int] | None = None,
        teacher: SharedNetwork | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        if settings.batch % settings.accumulate:
            raise InvalidInput(
                f"A batch of {settings.batch} images can't be divided into {settings.accumulate} equal micro-batches.",
                where="accumulate",
                remedy=f"Choose a batch that is a multiple of {settings.accumulate}.",
            )
        self.supernet = supernet.to(settings.device).train()
        self.plan, self.settings = plan, settings
        self.step = 0
        self._batches = batches
        self._trained = trained
        self._average = Average(self.supernet, settings.ema) if settings.ema else None
        self._dropout = Dropout(self.supernet.classifier, settings.dropout)
        self._gathering = Gathering(self.supernet, settings.accumulate, ranks or Ranks())
        self._scale = _loss_scale(settings)
        self._pieces: Iterator[tuple[Tensor, Tensor]] | None = None
        self._own_teacher = teacher is None
        self.teacher: nn.Module | None = None
        if teacher is not None:
            self.teacher = teacher_of(teacher.to(settings.device), self._calibration())
        self._new_optimiser()

    @property
    def result(self) -> SharedNetwork:
        """What has been trained: the moving average if there is one. For evaluation and saving."""
        return self.supernet if self._average is None else self._average.supernet

    # -- steps --------------------------------------------------------------------------------------------------

    def advance(self) -> Losses:
        """One step.

        Raises
        ------
        Diverged
            The loss or the gradient is not finite; no step was taken.
        """
        place = self.plan.place(self.step)
        if place.begins:
            self._begin_phase()
        phase, rate = self.plan.phase(self.step), self.plan.rate(self.step)
        population = self.plan.subnets(self.step)
        px = int(self.plan.space.resolution(population)[0])
        self._optimiser.forget_gradients()
        self._gathering.begin()
        losses = torch.zeros(2)
        for number in self._gathering.mine:
            images, labels = self._next_piece()
            losses += self._learn(phase, population, at_resolution(images, px), labels, number)
            self._gathering.add(number)
        self._gathering.finish(losses)
        if self._whole(losses, phase, rate):
            self._optimiser.step(rate)
            if self._average is not None:
                self._average.update(self.supernet, place.step)
        self.step += 1
        labelled = 1 if phase.in_place else len(population)
        taught = len(population) - 1 if phase.in_place else len(population)
        means = losses.tolist()
        distils = phase.in_place or phase.needs_teacher
        return Losses(means[0] / labelled, means[1] / taught if distils else None)

    def _learn(
        self, phase: Phase, population: Population, x: Tensor, labels: Tensor, number: int
    ) -> Tensor:
        """Gradients of every subnet on one micro-batch. Gives the sums of both losses, as shares of the step's.

        In place, the first subnet is the largest: it learns from the labels, and the others from it alone.
        """
        soft = self._taught(x) if phase.needs_teacher else None
        sums = torch.zeros(2)
        for k, genome in enumerate(population):
            from_labels = not phase.in_place or k == 0
            self._dropout.key = (self.plan.seed, self.step, number, k) if from_labels else None
            self.supernet.activate(genome)
            with self._autocast():
                logits = self.supernet(x).float()
            loss = logits.new_zeros(())
            if from_labels:
                loss = F.cross_entropy(logits, labels, label_smoothing=self.settings.smoothing)
                sums[0] += loss.detach().cpu()
            if soft is not None:
                kd = distillation(logits, soft, self.settings.temperature)
                sums[1] += kd.detach().cpu()
                loss = loss + phase.distill * kd
            if phase.in_place and k == 0:
                soft = logits.detach()
            scale = 1.0 if self._scale is None else self._scale.factor
            torch.autograd.backward(loss * (scale / self.settings.accumulate))
        return sums / self.settings.accumulate

    def _whole(self, losses: Tensor, phase: Phase, rate: float) -> bool:
        """Clip the gradients; whether they are numbers. Half precision may overflow now and then.

        Raises
        ------
        Diverged
            They are not, and that is no matter of scaling.
        """
        parameters = list(self.supernet.parameters())
        if self._scale is not None:
            self._scale.unscale(p.grad for p in parameters if p.grad is not None)
        norm = float(nn.utils.clip_grad_norm_(parameters, CLIP_NORM))
        finite = math.isfinite(norm) and bool(torch.isfinite(losses).all())
        if self._scale is not None:
            self._scale.judge(finite=finite)
        if not finite and (self._scale is None or self._scale.exhausted):
            self._optimiser.forget_gradients()
            raise Diverged(phase.name, self.epoch + 1, rate)
        return finite

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return self.step // self.plan.epoch_steps

    def _next_piece(self) -> tuple[Tensor, Tensor]:
        if self._pieces is None:
            within = self.step % self.plan.epoch_steps
            self._pieces = self._batches.pieces(
                self.settings.batch,
                self.epoch,
                self.plan.seed,
                within,
                self.settings.accumulate,
                self._gathering.mine,
            )
        piece = next(self._pieces, None)
        if piece is None:  # the epoch is over
            self._pieces = None
            return self._next_piece()
        return piece

    @torch.no_grad()
    def _taught(self, x: Tensor) -> Tensor | None:
        if self.teacher is None:
            return None
        with self._autocast():
            logits: Tensor = self.teacher(x).float()
        return logits

    def _autocast(self) -> torch.autocast:
        half = torch.float16 if self.settings.precision == "fp16" else torch.bfloat16
        return torch.autocast(
            torch.device(self.settings.device).type,
            half,
            enabled=self.settings.precision != "fp32",
        )

    # -- phases -------------------------------------------------------------------------------------------------

    def _begin_phase(self) -> None:
        """Go on from the average; a fresh optimiser, a teacher when there can be one, channels in order.

        Channels are put in order of importance before smaller widths are opened.
        """
        index = self.plan.place(self.step).phase
        phases = self.plan.schedule.phases
        before = phases[index - 1].largest if index else self._trained
        if self._average is not None and index:
            self._average.adopt(self.supernet)
        if self.teacher is None and self._teaches(index) and before is not None:
            largest_alone = not self._opens(before)
            self.teacher = teacher_of(
                self.supernet, () if largest_alone and index else self._calibration()
            )
        if before is not None:
            self.supernet.reorganise(before, phases[index].largest)
        self._new_optimiser()
        if self._average is not None:
            self._average.restart(self.supernet)

    def _teaches(self, index: int) -> bool:
        """Whether the network as it is at the beginning of a phase becomes the teacher."""
        phases = self.plan.schedule.phases
        ready = index > 0 or (self._trained is not None and phases[0].needs_teacher)
        return ready and any(phase.needs_teacher for phase in phases[index:])

    def _opens(self, largest: dict[str, int]) -> bool:
        """Whether other networks than the largest were trained, whatever the resolution."""
        space = self.plan.space
        return bool((opened(space, largest)[1:] < space.largest()[1:]).any())

    def _calibration(self) -> list[Tensor]:
        """Training images at resolutions from all over the space, for a teacher's batch-norm statistics."""
        space = self.plan.space
        ends = np.repeat(space.largest()[None], len(space.genes[0]), axis=0)
        ends[:, 0] = np.arange(len(ends))
        sizes = space.resolution(ends)
        batch = max(1, min(_TEACHER_IMAGES // _TEACHER_BATCHES, len(self._batches)))
        source = self._batches.epoch(batch, 0, self.plan.seed)
        return [
            at_resolution(images, int(sizes[number * len(sizes) // _TEACHER_BATCHES]))
            for number, (images, _) in zip(range(_TEACHER_BATCHES), source, strict=False)
        ]

    def _new_optimiser(self) -> None:
        self._optimiser = optimiser(
            self.settings.optimiser,
            dict(self.supernet.named_parameters()),
            self.supernet.decayed(),
            momentum=self.settings.momentum,
            weight_decay=self.settings.weight_decay,
        )

    # -- state --------------------------------------------------------------------------------------------------

    def state(self) -> Tensors:
        """Every tensor that the next step depends on. Views: use them before the next step."""
        parts: dict[str, Tensors] = {
            "supernet": dict(self.supernet.state_dict()),
            "optimiser": self._optimiser.state(),
            "rng": {"torch": torch.get_rng_state()},
        }
        if self._average is not None:
            parts["average"] = dict(self._average.supernet.state_dict())
        if self._scale is not None:
            parts["scale"] = self._scale.state()
        if self.teacher is not None and self._own_teacher:
            parts["teacher"] = dict(self.teacher.state_dict())
        return {f"{name}.{key}": t for name, held in parts.items() for key, t in held.items()}

    @property
    def has_taught(self) -> bool:
        """Whether `state` holds a teacher."""
        return self.teacher is not None and self._own_teacher

    def targets(self, *, teacher: bool) -> Tensors:
        """The tensors to copy a `state` over, with a teacher if that state has one."""
        if self._own_teacher:
            self.teacher = teacher_of(self.supernet) if teacher else None
        return self.state()

    def restored(self, step: int, tensors: Tensors) -> None:
        """Go on at a step, after its state was copied over `targets`."""
        self.step, self._pieces = step, None
        torch.set_rng_state(part(tensors, "rng")["torch"])


def _loss_scale(settings: Settings) -> LossScale | None:
    if settings.precision != "fp16":
        return None
    if not settings.device.startswith("cuda"):
        raise InvalidInput(
            "Half precision (fp16) is for GPUs.",
            where=f"device {settings.device}",
            remedy="Train in bf16 if this processor has it, else in fp32.",
        )
    return LossScale()
