"""A supernet of elastic width through the training loop."""

from __future__ import annotations

import math

import torch

from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.loading import Batches
from nasstudio.engine.net.supernet import Supernet
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.mobilenet import MobileNetSpace
from nasstudio.engine.train.loop import Settings, Trainer
from nasstudio.engine.train.progressive import Plan
from nasstudio.engine.train.schedule import Phase, Schedule


def test_that_width_opens_in_its_phase_with_the_most_important_channels_first(spec) -> None:
    space = build(preset("mbv3_28_width"))
    assert isinstance(space, MobileNetSpace)
    whole = {"kernel": 1, "depth": 1, "expand": 1, "width": 1}
    phases = (
        Phase("Full", 1, 1e-9, largest=whole),
        Phase("Width 1", 1, 1e-9, largest=whole | {"width": 2}, networks=2, distill=1.0),
        Phase("Width 2", 1, 0.02, networks=3, distill=1.0, sandwich=True),
    )
    batches = Batches(open_set(spec.data), "train")
    plan = Plan(space, Schedule("w", "W", phases), batches.steps(48), 3)
    supernet = Supernet(space, torch.Generator().manual_seed(3))
    trainer = Trainer(supernet, plan, batches, Settings(batch=48))
    columns = [space.column(f"stage{stage}.width") for stage in (1, 2, 3)]

    def is_sorted() -> bool:
        """Whether the channels between the blocks of the last stage and the head fall in importance."""
        head = supernet.last.conv.conv.weight.detach().abs().sum(dim=(0, 2, 3))
        stage = sum(block.importance_in() for block in supernet.blocks[-2:])
        return bool(((head + stage).diff() <= 1e-4).all())

    steps = plan.epoch_steps
    losses = [trainer.advance().labels for _ in range(steps)]
    assert not is_sorted()
    losses.append(trainer.advance().labels)
    assert is_sorted()
    losses += [trainer.advance().labels for _ in range(2 * steps - 1)]
    assert all(map(math.isfinite, losses))
    widths = {tuple(genome[columns]) for step in range(3 * steps) for genome in plan.subnets(step)}
    assert (1, 2, 2) in widths
    assert (0, 0, 0) in widths
    for genome in (space.smallest(), space.largest()):
        network = trainer.supernet.extract(genome).eval()
        assert bool(network(torch.randn(2, 1, 20, 20)).isfinite().all())
