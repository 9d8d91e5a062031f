"""The one training loop of a supernet.

A step: one batch, one resolution, one or more subnets whose gradients are summed, then SGD with Nesterov momentum. All
that a step does follows from the trainer's state and the number of the step, so that a trainer that was restored from
`state` goes on bit for bit. It writes no file, reports nothing and never waits; its caller does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasstudio.engine.data.loading import Batches, at_resolution
from nasstudio.engine.errors import StudioError
from nasstudio.engine.net.supernet import Supernet
from nasstudio.engine.net.tensor_file import Tensors, part
from nasstudio.engine.train.descent import Descent
from nasstudio.engine.train.distill import blank_teacher, distillation, teacher_of
from nasstudio.engine.train.progressive import Plan

CLIP_NORM = 10.0  # far above a healthy step's norm: it only tames the rare outlier


@dataclass(frozen=True)
class Settings:
    """What the steps have in common.

    Attributes
    ----------
    smoothing : of the labels, 0 to 1.
    precision : ``fp32``, or ``bf16``: autocast, for devices that have the instructions.
    """

    batch: int = 64
    weight_decay: float = 3e-5
    momentum: float = 0.9
    smoothing: float = 0.1
    device: str = "cpu"
    precision: str = "fp32"


@dataclass(frozen=True)
class Losses:
    """Of one step, means over its subnets: cross entropy and, if there is a teacher, distillation."""

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

    Attributes
    ----------
    step : number of steps done; the number of the next one.
    """

    def __init__(
        self,
        supernet: Supernet,
        plan: Plan,
        batches: Batches,
        settings: Settings,
        *,
        trained: dict[str, int] | None = None,
    ) -> None:
        self.supernet = supernet.to(settings.device).train()
        self.plan, self.settings = plan, settings
        self.step = 0
        self.teacher: nn.Module | None = None
        self._batches = batches
        self._trained = trained
        self._epoch: Iterator[tuple[Tensor, Tensor]] | None = None
        self._new_descent()

    # -- steps --------------------------------------------------------------------------------------------------

    def advance(self) -> Losses:
        """One step.

        Raises
        ------
        Diverged
            The loss or the gradient is not finite; no step was taken.
        """
        if self.plan.place(self.step).begins:
            self._begin_phase()
        images, labels = self._next_batch()
        phase, rate = self.plan.phase(self.step), self.plan.rate(self.step)
        population = self.plan.subnets(self.step)
        x = at_resolution(images, int(self.plan.space.resolution(population)[0]))
        soft = self._taught(x) if phase.distill else None
        self._descent.forget_gradients()
        sums = [0.0, 0.0]
        for genome in population:
            self.supernet.activate(genome)
            with self._autocast():
                logits = self.supernet(x).float()
            loss = F.cross_entropy(logits, labels, label_smoothing=self.settings.smoothing)
            sums[0] += loss.item()
            if soft is not None:
                kd = distillation(logits, soft)
                sums[1] += kd.item()
                loss = loss + phase.distill * kd
            torch.autograd.backward(loss)  # gradients of a step's subnets are summed (OFA)
        norm = nn.utils.clip_grad_norm_(self.supernet.parameters(), CLIP_NORM)
        if not math.isfinite(sum(sums)) or not math.isfinite(float(norm)):
            self._descent.forget_gradients()
            raise Diverged(phase.name, self.epoch + 1, rate)
        self._descent.step(rate)
        self.step += 1
        n = len(population)
        return Losses(sums[0] / n, None if soft is None else sums[1] / n)

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return self.step // self.plan.epoch_steps

    def _next_batch(self) -> tuple[Tensor, Tensor]:
        within = self.step % self.plan.epoch_steps
        if self._epoch is None or within == 0:
            self._epoch = self._batches.epoch(
                self.settings.batch, self.epoch, self.plan.seed, within
            )
        return next(self._epoch)

    @torch.no_grad()
    def _taught(self, x: Tensor) -> Tensor | None:
        if self.teacher is None:
            return None
        with self._autocast():
            logits: Tensor = self.teacher(x).float()
        return logits

    def _autocast(self) -> torch.autocast:
        return torch.autocast(
            torch.device(self.settings.device).type,
            torch.bfloat16,
            enabled=self.settings.precision == "bf16",
        )

    # -- phases -------------------------------------------------------------------------------------------------

    def _begin_phase(self) -> None:
        """Fresh momentum, a teacher when there can be one, channels in order before smaller widths are opened."""
        index = self.plan.place(self.step).phase
        phases = self.plan.schedule.phases
        before = phases[index - 1].largest if index else self._trained
        ready = index > 0 or (self._trained is not None and phases[0].distill > 0)
        if self.teacher is None and ready and any(phase.distill for phase in phases[index:]):
            self.teacher = teacher_of(self.supernet)
        if before is not None:
            most = max((len(g) for g in self.plan.space.genes if g.kind == "expand"), default=1)
            was, now = before.get("expand", most), phases[index].largest.get("expand", most)
            if now > was:
                self.supernet.sort_channels(was)
        self._new_descent()

    def _new_descent(self) -> None:
        self._descent = Descent(
            dict(self.supernet.named_parameters()),
            self.supernet.decayed(),
            momentum=self.settings.momentum,
            weight_decay=self.settings.weight_decay,
        )

    # -- state --------------------------------------------------------------------------------------------------

    def state(self) -> Tensors:
        """Every tensor that the next step depends on. Views: use them before the next step."""
        tensors = {f"supernet.{name}": t for name, t in self.supernet.state_dict().items()}
        tensors |= {f"momentum.{name}": buffer for name, buffer in self._descent.momentum.items()}
        if self.teacher is not None:
            tensors |= {f"teacher.{name}": t for name, t in self.teacher.state_dict().items()}
        tensors["rng.torch"] = torch.get_rng_state()
        return tensors

    def targets(self, *, teacher: bool) -> Tensors:
        """The tensors to copy a `state` over, with a teacher if that state has one."""
        if not teacher:
            self.teacher = None
        elif self.teacher is None:
            self.teacher = blank_teacher(self.supernet.space, self.settings.device)
        return self.state()

    def restored(self, step: int, tensors: Tensors) -> None:
        """Go on at a step, after its state was copied over `targets`."""
        self.step, self._epoch = step, None
        torch.set_rng_state(part(tensors, "rng")["torch"])
