"""The runner of `train`: a supernet by a schedule, resumable at any moment.

In the run folder: ``resume-*.safetensors`` (the last two checkpoints) and ``supernet-<phase>.safetensors`` (weights
only, the moving average's if there is one) at the end of each phase; the last phase's is the result.

Under `torchrun` every process runs this, and takes part in every step. The first one alone evaluates, reports and
writes; at the border of a step they agree whether to go on.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from nasstudio.engine.accuracy.evaluate import Evaluator
from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.data.loading import Batches
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.job.context import JobContext, StopJob
from nasstudio.engine.job.specification import TrainSpec
from nasstudio.engine.net.families import check_known, supernet_of
from nasstudio.engine.net.shared import SharedNetwork
from nasstudio.engine.net.storage import SupernetAbout, load_supernet, save_supernet
from nasstudio.engine.space.families import build
from nasstudio.engine.space.space import Genome, SearchSpace
from nasstudio.engine.train.checkpoint import Checkpoints, Identity, Progress
from nasstudio.engine.train.clock import work_clock
from nasstudio.engine.train.distributed import Ranks, joined, local_device
from nasstudio.engine.train.loop import Diverged, Losses, Settings, Trainer
from nasstudio.engine.train.progressive import Plan
from nasstudio.engine.train.schedule import checked

METRIC_S = 0.5
# In the curves; more networks or images would cost more than they say: evaluation stays below a sixth of the time.
RANDOM_NETWORKS, RANDOM_IMAGES = 4, 400
_SUBNETS = 3  # purpose of the random stream that draws them


def run(spec: TrainSpec, job: JobContext) -> dict[str, Any]:
    """Train, or go on training.

    Returns
    -------
    The summary: validation accuracies of the last evaluation, seconds of work, images seen, the supernet's file.

    Raises
    ------
    StudioError
        The space, the data and the schedule do not fit together, the device is not here, or the training diverged.
    """
    torch.set_num_threads(max(1, spec.threads))
    torch.manual_seed(spec.seed)
    if spec.device == "cuda" and not torch.cuda.is_available():
        raise InvalidInput(
            "There is no GPU here that torch can use.",
            where="device cuda",
            remedy="Train on the CPU.",
        )
    device = local_device(spec.device)
    with joined(device) as ranks:
        return _Training(spec, job, open_set(spec.data), device, ranks).run()


def trainable(space: SearchSpace, images: ImageSet) -> SearchSpace:
    """The space itself.

    Raises
    ------
    InvalidInput
        No supernet is known for it, or it does not fit the images.
    """
    check_known(space)
    layers = [block.layer for block in space.blocks(space.largest())]
    channels, classes = layers[0].channels_in, layers[-1].channels_out
    wanted = (images.channels, len(images.classes))
    if (channels, classes) != wanted:
        raise InvalidInput(
            f"The space is made for {channels} channels and {classes} classes, "
            f"{images.title} has {wanted[0]} and {wanted[1]}.",
            where=f"space {space.name}",
            remedy=f"Set the space's channels to {wanted[0]} and its classes to {wanted[1]}.",
        )
    return space


def settings_of(spec: TrainSpec, device: str) -> Settings:
    """What the steps of a training have in common.

    Parameters
    ----------
    device : of this process.
    """
    return Settings(
        batch=spec.batch,
        accumulate=spec.accumulate,
        optimiser=spec.optimiser,
        weight_decay=spec.weight_decay,
        momentum=spec.momentum,
        smoothing=spec.smoothing,
        dropout=spec.dropout,
        ema=spec.ema,
        temperature=spec.temperature,
        device=device,
        precision=spec.precision,
    )


def identity_of(spec: TrainSpec, images: ImageSet) -> Identity:
    """What makes a training the same when it is resumed."""
    return Identity(
        space=spec.space,
        data=spec.data,
        fingerprint=images.fingerprint,
        schedule=spec.schedule,
        batch=spec.batch,
        accumulate=spec.accumulate,
        optimiser=spec.optimiser,
        weight_decay=spec.weight_decay,
        momentum=spec.momentum,
        smoothing=spec.smoothing,
        dropout=spec.dropout,
        ema=spec.ema,
        temperature=spec.temperature,
        precision=spec.precision,
        augmentation=spec.augmentation,
        seed=spec.seed,
        start=spec.start.sha256 if spec.start else "",
        teacher=spec.teacher.sha256 if spec.teacher else "",
    )


class _Training:
    """One training in its run folder."""

    def __init__(
        self, spec: TrainSpec, job: JobContext, images: ImageSet, device: str, ranks: Ranks
    ) -> None:
        self.spec, self.job, self.images, self.ranks = spec, job, images, ranks
        self.space = trainable(build(spec.space), images)
        batches = Batches(images, "train", device, augmentation=spec.augmentation)
        self.plan = Plan(self.space, checked(spec.schedule), batches.steps(spec.batch), spec.seed)
        self._clock = work_clock(device)
        self._earlier: SupernetAbout | None = None
        supernet, trained = self._weights()
        self.trainer = Trainer(
            supernet,
            self.plan,
            batches,
            settings_of(spec, device),
            trained=trained,
            teacher=self._teacher(),
            ranks=ranks,
        )
        self.checkpoints = Checkpoints(job.path, identity_of(spec, images))
        self.progress = self._restored()
        result = self.trainer.result
        self.evaluator = Evaluator(
            result, images, spec.calibration_images, spec.seed, device=device
        )
        few = min(spec.calibration_images, RANDOM_IMAGES)
        self.sketcher = Evaluator(result, images, few, spec.seed, device=device)
        self.meter = _Meter(time.monotonic())
        self._launched = time.monotonic()
        self._began = self._launched - self.progress.seconds
        self._began_step = self.trainer.step
        self._saved = self._launched

    def _weights(self) -> tuple[SharedNetwork, dict[str, int] | None]:
        """Fresh weights, or those of an earlier supernet and which options it was trained with."""
        start = self.spec.start
        if start is None:
            if self.spec.schedule.phases[0].needs_teacher and self.spec.teacher is None:
                raise InvalidInput(
                    "The first phase has no teacher yet.",
                    where=f"schedule {self.spec.schedule.name}, phase 1",
                    remedy="Set its distillation to 0, name a teacher, or start from a supernet.",
                )
            return supernet_of(self.space, torch.Generator().manual_seed(self.spec.seed)), None
        path = self.job.input(start)
        supernet, about = load_supernet(path)
        if supernet.space.hash != self.space.hash:
            raise InvalidInput(
                f"The supernet to start from belongs to another space, {supernet.space.name}.",
                where=path,
                remedy="Choose a supernet of this space.",
            )
        self._earlier = about
        return supernet, about.largest

    def _teacher(self) -> SharedNetwork | None:
        """The supernet whose largest network teaches, if the user named one."""
        if self.spec.teacher is None:
            return None
        path = self.job.input(self.spec.teacher)
        teacher, about = load_supernet(path)
        if not any(phase.needs_teacher for phase in self.spec.schedule.phases):
            raise InvalidInput(
                "No phase of this schedule learns from a teacher.",
                where=f"schedule {self.spec.schedule.name}",
                remedy="Leave the teacher out, or give a phase a distillation weight.",
            )
        if about.classes != tuple(self.images.classes) or (
            about.fingerprint != self.images.fingerprint
        ):
            raise InvalidInput(
                "The teacher was trained on other images: it may know the validation images, or other classes.",
                where=path,
                remedy=f"Choose a supernet trained on {self.images.title} as this project reads it.",
            )
        return teacher

    def _restored(self) -> Progress:
        """Bring every process to the newest checkpoint that the first one can read."""
        ranks, trainer = self.ranks, self.trainer
        progress = Progress()
        if ranks.first:
            progress = self.checkpoints.restore(trainer, self.job.warn)
        place = torch.tensor(
            [trainer.step, progress.evaluated, progress.images, trainer.has_taught]
        )
        ranks.copy_from_first([place])
        step, evaluated, images, taught = (int(number) for number in place)
        if ranks.first:
            ranks.copy_from_first(list(trainer.state().values()))
            return progress
        state = trainer.targets(teacher=bool(taught))
        ranks.copy_from_first(list(state.values()))
        trainer.restored(step, state)
        return Progress(step=step, evaluated=evaluated, images=images)

    # -- the course of it ---------------------------------------------------------------------------------------

    def run(self) -> dict[str, Any]:
        try:
            while True:
                self._finish_epoch()
                if self.trainer.step >= self.plan.steps:
                    break
                self._step()
        except StopJob:
            self._save()
            raise
        except Diverged:
            self.job.warn("The newest checkpoint is from before the training diverged.")
            raise
        self._save()
        path = self._supernet_path(len(self.spec.schedule.phases) - 1)
        return {
            **self.progress.accuracy,
            "seconds": round(self._seconds(), 1),
            "images": self.progress.images,
            "supernet": path.name,
        }

    def _agree(self, act: Callable[[], None]) -> None:
        """Do something in which this process may be stopped; if any is, all of them stop here.

        Raises
        ------
        StopJob
            One was.
        """
        stopped = False
        try:
            act()
        except StopJob:
            stopped = True
        if self.ranks.any(stopped):
            raise StopJob

    def _step(self) -> None:
        place = self.plan.place(self.trainer.step)
        if place.begins:
            self._say_phase("began", place.phase)
        began = self._clock()
        losses = self.trainer.advance()
        networks = self.plan.schedule.phases[place.phase].networks
        self.progress = self.progress.after_step(
            self.trainer.step, self.spec.batch, networks, self.ranks.world * (self._clock() - began)
        )
        self.meter.add(losses, self.spec.batch, networks)
        self._report()
        self._agree(lambda: self.job.check(on_pause=self._save))
        due = time.monotonic() - self._saved > self.spec.checkpoint_s
        if due or self.job.wants_checkpoint():
            self._save()

    def _finish_epoch(self) -> None:
        """Evaluate and report after an epoch, once; also after a stop between the two."""
        trainer = self.trainer
        whole = trainer.step > 0 and trainer.step % self.plan.epoch_steps == 0
        if not whole or self.progress.evaluated >= trainer.epoch:
            return
        self._agree(self._judge)
        self.progress = msgspec.structs.replace(self.progress, evaluated=trainer.epoch)
        place = self.plan.place(trainer.step - 1)
        if self.ranks.first and place.step == place.steps - 1:
            self._finish_phase(place.phase)
        self.meter = _Meter(time.monotonic())

    def _judge(self) -> None:
        """Evaluate some subnets and say what they reach; the first process does it while the others wait."""
        if self.ranks.first:
            accuracy = self._evaluate()
            self.job.metric(self.trainer.epoch, dict(accuracy))
            self.progress = msgspec.structs.replace(self.progress, accuracy=accuracy)

    def _finish_phase(self, index: int) -> None:
        phase = self.spec.schedule.phases[index]
        path = self._supernet_path(index)
        about = SupernetAbout(
            space=self.spec.space,
            data=self.spec.data,
            fingerprint=self.images.fingerprint,
            classes=tuple(self.images.classes),
            mean=tuple(self.images.mean),
            std=tuple(self.images.std),
            phase=phase.name,
            epoch=self.trainer.epoch,
            largest=phase.largest,
            images=self.progress.images,
            seconds=self._cost()[0],
            passes=self._cost()[1],
            seed=self.spec.seed,
            accuracy=self.progress.accuracy,
        )
        save_supernet(path, self.trainer.result, about)
        final = index == len(self.spec.schedule.phases) - 1
        self.job.artefact(
            "supernet",
            path,
            about={
                "phase": phase.name,
                "epoch": self.trainer.epoch,
                "final": final,
                "space_hash": self.space.hash,
                "fingerprint": self.images.fingerprint,
                "seconds": self._cost()[0],
                **self.progress.accuracy,
            },
        )
        self._say_phase("ended", index, **self.progress.accuracy)
        self._save()

    def _cost(self) -> tuple[float | None, int]:
        """Seconds and image-passes of the steps so far, with those of the supernet it started from."""
        seconds, passes = self.progress.step_seconds, self.progress.passes
        if self._earlier is None:
            return seconds, passes
        if self._earlier.seconds is None:
            return None, 0
        return seconds + self._earlier.seconds, passes + self._earlier.passes

    def _supernet_path(self, index: int) -> Path:
        """File of a phase's supernet; the number keeps phases of one name apart."""
        word = re.sub(r"[^a-z0-9]+", "-", self.spec.schedule.phases[index].name.lower()).strip("-")
        return self.job.path / f"supernet-{index + 1}-{word or 'phase'}.safetensors"

    # -- what it says -------------------------------------------------------------------------------------------

    def _say_phase(self, state: str, index: int, **accuracy: float) -> None:
        self.job.result(
            "phase",
            {
                "state": state,
                "name": self.spec.schedule.phases[index].name,
                "number": index + 1,
                "of": len(self.spec.schedule.phases),
                "epoch": self.trainer.step / self.plan.epoch_steps,
                "seconds": round(self._seconds(), 1),
                **accuracy,
            },
        )

    def _report(self) -> None:
        now = time.monotonic()
        if now - self.meter.since < METRIC_S:
            return
        step = self.trainer.step
        done = step / self.plan.epoch_steps
        rate = self.plan.rate(step - 1)
        self.job.metric(done, self.meter.values(now) | {"rate": rate})
        gained = self.plan.cost(self._began_step, step)
        pace = (now - self._launched) / gained if gained else None
        self.job.progress(
            done,
            self.plan.schedule.epochs,
            unit="epochs",
            label=self.plan.phase(step - 1).name,
            left_s=None if pace is None else pace * self.plan.cost(step, self.plan.steps),
        )
        self.meter = _Meter(now)

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _save(self) -> None:
        step = self.trainer.step
        self.progress = msgspec.structs.replace(
            self.progress,
            step=step,
            phase=self.plan.phase(step).name,
            epoch=self.trainer.epoch,
            seconds=self._seconds(),
        )
        if self.ranks.first:
            self.checkpoints.write(self.trainer, self.progress)
        self._saved = time.monotonic()

    # -- evaluation ---------------------------------------------------------------------------------------------

    def _evaluate(self) -> dict[str, float]:
        """Validation accuracy of the largest, the smallest and a few random subnets, the same ones every time."""
        drawn = self.space.sample(
            RANDOM_NETWORKS, np.random.default_rng([_SUBNETS, self.spec.seed])
        )
        limit = self.spec.validation_images
        ends = [
            self._accuracy(self.evaluator, genome, limit)
            for genome in (self.space.largest(), self.space.smallest())
        ]
        few = min(limit or RANDOM_IMAGES, RANDOM_IMAGES)
        random = np.array([self._accuracy(self.sketcher, genome, few) for genome in drawn])
        return {
            "largest": ends[0],
            "smallest": ends[1],
            "random_mean": float(random.mean()),
            "random_p10": float(np.percentile(random, 10)),
            "random_p90": float(np.percentile(random, 90)),
        }

    def _accuracy(self, evaluator: Evaluator, genome: Genome, images: int) -> float:
        self.job.check()
        return evaluator.accuracy(genome, "validation", images, self.job.check)


@dataclass
class _Meter:
    """Means since the last report."""

    since: float
    losses: list[Losses] = field(default_factory=list)
    images: int = 0

    def add(self, losses: Losses, batch: int, networks: int) -> None:
        self.losses.append(losses)
        self.images += batch * networks

    def values(self, now: float) -> dict[str, float | None]:
        taught = [found.teacher for found in self.losses if found.teacher is not None]
        return {
            "loss": float(np.mean([found.labels for found in self.losses])),
            "loss_kd": float(np.mean(taught)) if taught else None,
            "images_per_s": self.images / (now - self.since),
        }
