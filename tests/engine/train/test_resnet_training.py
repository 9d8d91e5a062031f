"""A ResNet space trains through the same loop: width and expand are opened, a teacher teaches, a run resumes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from nasstudio.engine.accuracy.evaluate import Evaluator
from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.data.loading import Batches
from nasstudio.engine.net.families import supernet_of
from nasstudio.engine.net.resnet_supernet import ResnetSupernet
from nasstudio.engine.net.storage import SupernetAbout, load_supernet, save_supernet
from nasstudio.engine.net.tensor_file import copy_into
from nasstudio.engine.space.resnet import ResNetSpace
from nasstudio.engine.space.space import SpaceDocument
from nasstudio.engine.train.loop import Settings, Trainer
from nasstudio.engine.train.progressive import Plan
from nasstudio.engine.train.schedule import Phase, Schedule

_STAGE = {"depth": [1, 2], "expand": [0.25, 0.5], "width": [0.5, 1.0]}
SPACE = ResNetSpace(
    SpaceDocument(
        "resnet",
        "tiny",
        "Tiny",
        {
            "resolution": [8, 12],
            "stages": [
                {**_STAGE, "channels": 32, "stride": 1},
                {**_STAGE, "channels": 64, "stride": 2},
            ],
            "stem": 32,
            "stem_width": [0.5, 1.0],
            "stem_stride": 1,
            "stem_pool": False,
            "channels": 1,
            "classes": 10,
        },
    )
)
SCHEDULE = Schedule(
    "tiny",
    "Tiny",
    (
        Phase("Full", 2, 0.05, warmup=1, largest={"depth": 1, "expand": 1, "width": 1}),
        Phase("Depth, expand", 1, 0.02, largest={"width": 1}, networks=2, distill=1.0),
        Phase("Width", 1, 0.02, networks=3, distill=1.0, sandwich=True),
    ),
)


@dataclass(frozen=True)
class Trained:
    """A trainer at its end, its losses, and its state when half of its steps were done."""

    trainer: Trainer
    losses: list[float]
    half: dict[str, torch.Tensor]


def trainer_of(images: ImageSet) -> Trainer:
    batches = Batches(images, "train")
    plan = Plan(SPACE, SCHEDULE, batches.steps(24), 3)
    supernet = supernet_of(SPACE, torch.Generator().manual_seed(3))
    return Trainer(supernet, plan, batches, Settings(batch=24))


@pytest.fixture(scope="module")
def images() -> ImageSet:
    torch.set_num_threads(1)
    return open_set(DataDocument("fashion_mnist_small", {"limit": 240}))


@pytest.fixture(scope="module")
def trained(images: ImageSet) -> Trained:
    torch.manual_seed(0)
    trainer, losses, half = trainer_of(images), [], {}
    for step in range(trainer.plan.steps):
        if step == trainer.plan.steps // 2:
            half = {name: tensor.clone() for name, tensor in trainer.state().items()}
        losses.append(trainer.advance().labels)
    return Trained(trainer, losses, half)


def test_that_a_residual_supernet_learns(trained: Trained) -> None:
    phase = trained.trainer.plan.epoch_steps
    assert np.isfinite(trained.losses).all()
    assert np.mean(trained.losses[phase : 2 * phase]) < 0.9 * np.mean(trained.losses[:3])


def test_that_a_training_goes_on_bit_for_bit(trained: Trained, images: ImageSet) -> None:
    again = trainer_of(images)
    half = trained.trainer.plan.steps // 2
    teacher = any(name.startswith("teacher.") for name in trained.half)
    copy_into(again.targets(teacher=teacher), trained.half, Path("half"), "")
    again.restored(half, trained.half)
    while again.step < again.plan.steps:
        again.advance()
    ends = again.supernet.state_dict()
    assert all(
        torch.equal(tensor, ends[name])
        for name, tensor in trained.trainer.supernet.state_dict().items()
    )


def test_that_subnets_are_evaluated_and_the_file_gives_them_again(
    trained: Trained, images: ImageSet, tmp_path: Path
) -> None:
    supernet = trained.trainer.supernet
    save_supernet(tmp_path / "s.safetensors", supernet, SupernetAbout(space=SPACE.document))
    loaded, _ = load_supernet(tmp_path / "s.safetensors")
    assert isinstance(loaded, ResnetSupernet)
    for genome in (SPACE.smallest(), SPACE.largest()):
        found = [
            Evaluator(each, images, 48).correct(genome, "validation", 40)
            for each in (supernet, loaded.train())
        ]
        assert np.array_equal(*found)
