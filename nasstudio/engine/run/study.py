"""The runner of `study`: networks trained alone beside the supernet's subnets, resumable at any moment.

Every network goes through the training loop of the supernet with the supernet's recipe. Of the learning rates the best
one is chosen on the first half of the validation images; the second half is reported, for the subnet and for the
network trained alone, both with batch-norm statistics measured anew. In the run folder: ``networks/<name>/resume-*``,
checkpoints of the training that is going on; a finished training is a result in the events and leaves no file.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from nasstudio.engine.accuracy.belonging import check_images, check_space
from nasstudio.engine.accuracy.evaluate import Evaluator
from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.data.loading import Batches
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.job import events as ev
from nasstudio.engine.job.context import JobContext, StopJob
from nasstudio.engine.job.folder import RunFolder
from nasstudio.engine.job.specification import StudySpec, TrainSpec
from nasstudio.engine.net.lone import LoneNetwork
from nasstudio.engine.net.shared import SharedNetwork
from nasstudio.engine.net.storage import load_supernet
from nasstudio.engine.run.train import identity_of, settings_of, trainable
from nasstudio.engine.space.families import build
from nasstudio.engine.space.space import Genome, SearchSpace
from nasstudio.engine.study.order import (
    Training,
    passes_of,
    plan_of,
    schedule_of,
    trainings,
)
from nasstudio.engine.study.report import summary
from nasstudio.engine.study.result import (
    CHOOSING,
    REPORTED,
    SUBNET,
    SUPERNET,
    TRAINED,
    Answers,
    Records,
    SubnetResult,
    SupernetCost,
    TrainedResult,
    tabulate,
)
from nasstudio.engine.train.checkpoint import Checkpoints
from nasstudio.engine.train.clock import work_clock
from nasstudio.engine.train.loop import Diverged, Losses, Trainer
from nasstudio.engine.train.progressive import Plan

REPORT_S = 0.5


def run(spec: StudySpec, job: JobContext) -> dict[str, Any]:
    """Train and compare, or go on.

    Returns
    -------
    The summary: see `study.report.summary`.

    Raises
    ------
    StudioError
        Supernet, recipe, data and targets do not belong together.
    """
    torch.set_num_threads(max(1, spec.threads))
    return _Study(spec, job, open_set(spec.data)).run()


class _Study:
    """One study in its run folder."""

    def __init__(self, spec: StudySpec, job: JobContext, images: ImageSet) -> None:
        self.spec, self.job, self.images = spec, job, images
        self.device = spec.training.device
        self.space = trainable(build(spec.space), images)
        path = job.input(spec.supernet)
        supernet, self.about = load_supernet(path)
        check_space(supernet, self.space, path)
        check_images(supernet, self.about, images, path)
        self.supernet = supernet.to(self.device).eval()
        self.batches = Batches(
            images, "train", self.device, augmentation=spec.training.augmentation
        )
        self.steps = self.batches.steps(spec.training.batch)
        self.order = trainings(spec)
        for training in self.order:
            self.space.checked([list(training.genome)])
        self.records = Records()
        self.records.take(ev.EventReader(job.folder.events).read())
        self.pace = _Pace(
            [plan_of(t, spec, self.space, self.steps) for t in self.order], job, spec, self.space
        )

    def run(self) -> dict[str, Any]:
        if self.records.supernet is None:
            self._say(SUPERNET, self._supernet_cost())
        for number, training in enumerate(self.order):
            if training.genome not in self.records.subnets:
                self._say(SUBNET, self._subnet(training.genome))
            if not any(result.is_of(training) for result in self.records.trained):
                self._say(TRAINED, _LoneTraining(self, number).run())
            shutil.rmtree(self.folder(training), ignore_errors=True)
        self.pace.finish()
        return summary(self.spec, tabulate(self.spec, self.records))

    def _say(self, name: str, value: SupernetCost | SubnetResult | TrainedResult) -> None:
        values = msgspec.to_builtins(value)
        self.job.result(name, values)
        self.records.take([ev.Result(name=name, values=values)])

    def _supernet_cost(self) -> SupernetCost:
        """What the supernet's file says; what its run says, if the file is older than that."""
        if self.about.passes:
            return SupernetCost(seconds=self.about.seconds, passes=self.about.passes)
        return cost_in_run(self.job.folder.project / self.spec.supernet.path, self.steps)

    def _subnet(self, genome: tuple[int, ...]) -> SubnetResult:
        right = self.right(self.supernet, genome, REPORTED)
        return SubnetResult(genome=genome, accuracy=float(right.mean()), answers=Answers.of(right))

    def evaluator(self, network: SharedNetwork) -> Evaluator:
        """Of any network here: the same images, the same calibration."""
        spec = self.spec
        return Evaluator(
            network, self.images, spec.calibration_images, spec.seed, device=self.device
        )

    def right(
        self, network: SharedNetwork, genome: tuple[int, ...], split: str
    ) -> NDArray[np.bool_]:
        """Which images of a split a network gets right. `(images,)`."""
        return self.evaluator(network).correct(as_genome(genome), split, check=self.job.check)

    def folder(self, training: Training) -> Path:
        """Where the checkpoints of a training lie."""
        name = f"{self.space.identity(as_genome(training.genome))}-{training.way}"
        return self.job.path / "networks" / f"{name}-{training.rate:g}-{training.seed}"


class _LoneTraining:
    """One training of a study; it goes on from its checkpoint if there is one."""

    def __init__(self, study: _Study, number: int) -> None:
        self.study, self.number = study, number
        self.training = training = study.order[number]
        recipe = recipe_of(training, study.spec)
        torch.manual_seed(training.seed)
        self.trainer = Trainer(
            self._network(),
            study.pace.plans[number],
            study.batches,
            settings_of(recipe, study.device),
            teacher=study.supernet if training.way == "taught" else None,
        )
        identity = msgspec.structs.replace(
            identity_of(recipe, study.images),
            start=f"{training.way} {list(training.genome)} {study.spec.supernet.sha256}",
        )
        folder = study.folder(training)
        folder.mkdir(parents=True, exist_ok=True)
        self.checkpoints = Checkpoints(folder, identity)
        self.progress = self.checkpoints.restore(self.trainer, study.job.warn)
        self._clock = work_clock(study.device)
        self._began = time.monotonic() - self.progress.seconds
        self._saved = time.monotonic()

    def _network(self) -> LoneNetwork:
        study, training = self.study, self.training
        genome = as_genome(training.genome)
        if training.way == "tuned":
            subnet = study.evaluator(study.supernet).calibrated(genome)
            return LoneNetwork(study.space, genome, weights=subnet.state_dict())
        generator = torch.Generator().manual_seed(training.seed)
        return LoneNetwork(study.space, genome, generator)

    def run(self) -> TrainedResult:
        """Train to the end and evaluate.

        Raises
        ------
        StopJob
            The job was asked to stop; there is a checkpoint.
        """
        study, training = self.study, self.training
        study.pace.begin(self.number, self.trainer.step)
        try:
            while self.trainer.step < self.trainer.plan.steps:
                self._step()
            self._save()
            choosing = float(self._right(CHOOSING).mean())
            right = self._right(REPORTED)
        except StopJob:
            self._save()
            raise
        except Diverged as problem:
            study.job.warn(
                f"{problem.what} ({training.way}, rate {training.rate:g}); it counts as a failure."
            )
            choosing, right = None, np.zeros(len(study.images.split(REPORTED)), dtype=bool)
        return TrainedResult(
            genome=training.genome,
            way=training.way,
            rate=training.rate,
            seed=training.seed,
            epochs=training.epochs,
            choosing=choosing,
            accuracy=float(right.mean()),
            answers=Answers.of(right),
            seconds=self.progress.step_seconds,
            passes=self.progress.passes,
        )

    def _right(self, split: str) -> NDArray[np.bool_]:
        return self.study.right(self.trainer.result, self.training.genome, split)

    def _step(self) -> None:
        began = self._clock()
        losses = self.trainer.advance()
        self.progress = self.progress.after_step(
            self.trainer.step, self.trainer.settings.batch, 1, self._clock() - began
        )
        job = self.study.job
        self.study.pace.advance(self.number, self.trainer, losses)
        job.check(on_pause=self._save)
        due = time.monotonic() - self._saved > self.study.spec.training.checkpoint_s
        if due or job.wants_checkpoint():
            self._save()

    def _save(self) -> None:
        self.progress = msgspec.structs.replace(
            self.progress,
            phase=self.training.way,
            epoch=self.trainer.epoch,
            seconds=time.monotonic() - self._began,
        )
        self.checkpoints.write(self.trainer, self.progress)
        self._saved = time.monotonic()


class _Pace:
    """How far the whole study is: every training by its work, the unit that the estimate has, too."""

    def __init__(
        self, plans: list[Plan], job: JobContext, spec: StudySpec, space: SearchSpace
    ) -> None:
        self.plans = plans
        self._works = [plan.cost(0, plan.steps) for plan in plans]
        self._job = job
        self._labels = [
            f"{space.identity(as_genome(t.genome))} {t.way}, rate {t.rate:g}"
            for t in trainings(spec)
        ]
        self._launched = self._reported = time.monotonic()
        self._gained, self._before = 0.0, 0.0
        self._losses: list[Losses] = []

    def begin(self, number: int, step: int) -> None:
        """A training begins or goes on at a step."""
        self._before = self.plans[number].cost(0, step)
        self._report(number, self._before)

    def advance(self, number: int, trainer: Trainer, losses: Losses) -> None:
        """After a step."""
        now = time.monotonic()
        self._losses.append(losses)
        if now - self._reported < REPORT_S:
            return
        done = self.plans[number].cost(0, trainer.step)
        self._gained += done - self._before
        self._before = done
        epochs = trainer.step / trainer.plan.epoch_steps
        images = len(self._losses) * trainer.settings.batch
        self._job.metric(
            number + epochs / trainer.plan.schedule.epochs,
            {
                "loss": float(np.mean([found.labels for found in self._losses])),
                "rate": trainer.plan.rate(trainer.step - 1),
                "images_per_s": images / (now - self._reported),
            },
        )
        self._losses = []
        self._report(number, done)

    def finish(self) -> None:
        """Everything is done."""
        self._job.progress(len(self.plans), len(self.plans), unit="trainings", left_s=0.0)

    def _report(self, number: int, done: float) -> None:
        now = self._reported = time.monotonic()
        pace = (now - self._launched) / self._gained if self._gained else None
        left = sum(self._works[number:]) - done
        self._job.progress(
            number + done / self._works[number],
            len(self.plans),
            unit="trainings",
            label=self._labels[number],
            left_s=None if pace is None else pace * left,
        )


def recipe_of(training: Training, spec: StudySpec) -> TrainSpec:
    """The supernet's training with one network in place of its schedule."""
    return msgspec.structs.replace(
        spec.training,
        schedule=schedule_of(training, spec),
        seed=training.seed,
        start=None,
        teacher=None,
    )


def cost_in_run(supernet: Path, epoch_steps: int) -> SupernetCost:
    """What the run that made a supernet says about its cost; nothing if it says nothing.

    Its seconds hold the evaluations after each epoch, too.
    """
    folder = RunFolder(supernet.parent)
    try:
        spec = folder.spec()
    except InvalidInput:
        return SupernetCost(seconds=None, passes=None)
    if not isinstance(spec, TrainSpec) or spec.start is not None:
        return SupernetCost(seconds=None, passes=None)
    said = ev.EventReader(folder.events).read()
    seconds = next(
        (e.summary.get("seconds") for e in reversed(said) if isinstance(e, ev.Done)), None
    )
    return SupernetCost(
        seconds=float(seconds) if isinstance(seconds, int | float) else None,
        passes=passes_of(spec.schedule, epoch_steps, spec.batch),
    )


def as_genome(genome: tuple[int, ...]) -> Genome:
    """A target's genome as a row of option indices. `(genes,)`."""
    return np.array(genome, dtype=np.int16)
