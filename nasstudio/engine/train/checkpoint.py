"""Checkpoints: everything that a training needs to go on bit for bit, in one file, the last two of them.

A checkpoint is written whole or not at all. One that can't be read is passed over for the one before it, and that is
said; one of another training is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from nasstudio.engine.data.augmentation import Augmentation
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.errors import CorruptFile, InvalidInput
from nasstudio.engine.net.tensor_file import copy_into, read_tensors, write_tensors
from nasstudio.engine.space.space import SpaceDocument
from nasstudio.engine.train.loop import Trainer
from nasstudio.engine.train.schedule import Schedule

KIND = "nasstudio-checkpoint"
KEPT = 2
_REMEDY = "Delete the file to go on from the checkpoint before it, or train again in a new run."


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What makes two trainings the same; a checkpoint of another one is refused."""

    space: SpaceDocument
    data: DataDocument
    fingerprint: str
    schedule: Schedule
    batch: int
    accumulate: int
    optimiser: str
    weight_decay: float
    momentum: float
    smoothing: float
    dropout: float
    ema: float
    temperature: float
    precision: str
    augmentation: Augmentation
    seed: int
    start: str
    teacher: str


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a training is.

    Attributes
    ----------
    step, phase, epoch : where it is; `phase` and `epoch` follow from the step and are here for people.
    evaluated : epochs after which the subnets were evaluated and reported.
    images : training images seen.
    passes : images that went forward and backward through a network: a step with four subnets counts each four times.
    seconds : of work so far.
    step_seconds : of the steps alone, by `train.clock`, without evaluation, checkpoints and pauses.
    accuracy : the last ones reported.
    """

    step: int = 0
    phase: str = ""
    epoch: int = 0
    evaluated: int = 0
    images: int = 0
    passes: int = 0
    seconds: float = 0.0
    step_seconds: float = 0.0
    accuracy: dict[str, float] = {}

    def after_step(self, step: int, batch: int, networks: int, seconds: float) -> Progress:
        """The progress after one more step of so many images and networks."""
        return msgspec.structs.replace(
            self,
            step=step,
            images=self.images + batch,
            passes=self.passes + batch * networks,
            step_seconds=self.step_seconds + seconds,
        )


class CheckpointAbout(msgspec.Struct, frozen=True, kw_only=True):
    """What the header of a checkpoint says."""

    identity: Identity
    progress: Progress
    teacher: bool


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one run folder."""

    folder: Path
    identity: Identity

    def write(self, trainer: Trainer, progress: Progress) -> Path:
        """Save the trainer's state; all but the last `KEPT` checkpoints are removed.

        Raises
        ------
        StudioError
            The file can't be written; the older ones are untouched.
        """
        about = CheckpointAbout(
            identity=self.identity, progress=progress, teacher=trainer.has_taught
        )
        path = self.folder / f"resume-{progress.step:09d}.safetensors"
        write_tensors(path, KIND, trainer.state(), msgspec.json.encode(about))
        for old in self.paths()[:-KEPT]:
            old.unlink(missing_ok=True)
        return path

    def paths(self) -> list[Path]:
        """The checkpoints that are there, the oldest first."""
        return sorted(self.folder.glob("resume-*.safetensors"))

    def restore(self, trainer: Trainer, warn: Callable[[str], None]) -> Progress:
        """Bring the trainer to the newest readable checkpoint; says how far that is.

        Without any checkpoint nothing happens and the progress is zero.

        Raises
        ------
        CorruptFile
            There are checkpoints and none can be read; the newest is named.
        InvalidInput
            The checkpoint belongs to another training.
        """
        self._remove_torn()
        newest: CorruptFile | None = None
        for path in reversed(self.paths()):
            try:
                return self._restore(trainer, path)
            except CorruptFile as problem:
                newest = newest or problem
                warn(f"{path.name} is passed over: {problem.what}")
        if newest is not None:
            raise newest
        return Progress()

    def _restore(self, trainer: Trainer, path: Path) -> Progress:
        tensors, text = read_tensors(path, KIND, _REMEDY)
        try:
            about = msgspec.json.decode(text, type=CheckpointAbout)
        except (msgspec.DecodeError, RecursionError) as problem:
            raise CorruptFile(
                f"The description does not read: {problem}.", where=path, remedy=_REMEDY
            ) from None
        for field in Identity.__struct_fields__:
            if getattr(about.identity, field) != getattr(self.identity, field):
                raise InvalidInput(
                    f"The checkpoint was trained with another {field.replace('_', ' ')}.",
                    where=path,
                    remedy="Restore the run's specification and data, or train again in a new run.",
                )
        copy_into(trainer.targets(teacher=about.teacher), tensors, path, _REMEDY)
        trainer.restored(about.progress.step, tensors)
        return about.progress

    def _remove_torn(self) -> None:
        """Leftovers of writes that were cut off."""
        for path in self.folder.glob(".*.safetensors.*.part"):
            path.unlink(missing_ok=True)
