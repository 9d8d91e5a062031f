"""A training that uses everything, interrupted at twenty random steps in all its phases, ends bit for bit the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from nasstudio.engine.data.augmentation import Augmentation
from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.loading import Batches
from nasstudio.engine.net.families import supernet_of
from nasstudio.engine.run.train import identity_of, settings_of
from nasstudio.engine.space.families import build
from nasstudio.engine.train.checkpoint import Checkpoints, Progress
from nasstudio.engine.train.loop import Trainer
from nasstudio.engine.train.progressive import Plan
from nasstudio.engine.train.schedule import Phase, Schedule

SCHEDULE = Schedule(
    "everything",
    "Everything",
    (
        Phase("Full", 1, 0.02, largest={"kernel": 1, "depth": 1, "expand": 1}),
        Phase("Kernel, depth", 1, 0.02, largest={"expand": 2}, networks=2, distill=1.0),
        Phase("Sandwich", 2, 0.02, networks=3, distill=1.0, sandwich=True, distill_from="largest"),
    ),
)
INTERRUPTIONS = 20


@pytest.mark.parametrize("rule", ["sgd", "adamw"])
def test_that_twenty_interruptions_in_all_phases_change_nothing(
    with_spec, tmp_path: Path, rule: str
) -> None:
    spec = with_spec(
        schedule=SCHEDULE,
        batch=12,
        accumulate=2,
        optimiser=rule,
        dropout=0.2,
        ema=0.9,
        augmentation=Augmentation(2, True, erase=0.5, mixup=0.4),
    )
    images, space = open_set(spec.data), build(spec.space)

    def trainer() -> Trainer:
        batches = Batches(images, "train", augmentation=spec.augmentation)
        plan = Plan(space, spec.schedule, batches.steps(spec.batch), spec.seed)
        supernet = supernet_of(space, torch.Generator().manual_seed(spec.seed))
        return Trainer(supernet, plan, batches, settings_of(spec, "cpu"))

    whole = trainer()
    while whole.step < whole.plan.steps:
        whole.advance()

    checkpoints = Checkpoints(tmp_path, identity_of(spec, images))
    drawn = np.random.default_rng(0).choice(
        np.arange(1, whole.plan.steps), INTERRUPTIONS, replace=False
    )
    assert {whole.plan.place(int(step)).phase for step in drawn} == {0, 1, 2}
    parts = trainer()
    for step in [*sorted(drawn.tolist()), whole.plan.steps]:
        while parts.step < step:
            parts.advance()
        checkpoints.write(parts, Progress(step=step))
        torch.manual_seed(step)  # what another process would begin with
        parts = trainer()
        checkpoints.restore(parts, pytest.fail)

    assert parts.step == whole.step
    expected, found = whole.state(), parts.state()
    assert expected.keys() == found.keys()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []
    assert {name.split(".")[0] for name in expected} == {
        "supernet",
        "optimiser",
        "average",
        "teacher",
        "rng",
    }
