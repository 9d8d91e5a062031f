"""The trainer's steps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.loading import Batches, at_resolution
from nasstudio.engine.net.supernet import Supernet
from nasstudio.engine.space.families import build
from nasstudio.engine.space.mobilenet import MobileNetSpace
from nasstudio.engine.train.loop import Diverged, Settings, Trainer
from nasstudio.engine.train.progressive import Plan
from nasstudio.engine.train.schedule import Phase, Schedule


@pytest.fixture
def make_trainer(spec):
    images = open_set(spec.data)

    def make(*phases: Phase, trained: dict[str, int] | None = None) -> Trainer:
        space = build(spec.space)
        assert isinstance(space, MobileNetSpace)
        batches = Batches(images, "train")
        plan = Plan(space, Schedule("s", "S", phases), batches.steps(24), 7)
        supernet = Supernet(space, torch.Generator().manual_seed(7))
        return Trainer(supernet, plan, batches, Settings(batch=24), trained=trained)

    return make


def test_that_a_step_sums_the_gradients_of_its_subnets(make_trainer, spec) -> None:
    phase = Phase("Expand", 1, 0.02, networks=3)
    trainer, by_hand = make_trainer(phase), make_trainer(phase)
    trainer.advance()
    net, plan = by_hand.supernet, by_hand.plan
    images, labels = next(Batches(open_set(spec.data), "train").epoch(24, 0, 7))
    population = plan.subnets(0)
    x = at_resolution(images, int(plan.space.resolution(population)[0]))
    loss = torch.zeros(())
    for genome in population:
        net.activate(genome)
        loss = loss + F.cross_entropy(net(x), labels, label_smoothing=0.1)
    names = list(dict(net.named_parameters()))
    grads = torch.autograd.grad(loss, list(net.parameters()), allow_unused=True)
    decayed = set(net.decayed())
    with torch.no_grad():
        for name, parameter, grad in zip(names, net.parameters(), grads, strict=True):
            if grad is not None:
                change = grad + (3e-5 * parameter if name in decayed else 0)
                parameter -= 0.02 * 1.9 * change  # Nesterov's first step
    after = dict(trainer.supernet.named_parameters())
    for name, parameter in net.named_parameters():
        assert torch.allclose(parameter, after[name], rtol=1e-3, atol=1e-5), name


def test_that_training_lowers_the_loss(make_trainer) -> None:
    trainer = make_trainer(Phase("Full", 12, 0.05, largest={"kernel": 1, "depth": 1, "expand": 1}))
    losses = [trainer.advance().labels for _ in range(48)]
    assert np.mean(losses[-8:]) < np.mean(losses[:8]) - 0.3


def test_that_the_teacher_is_the_full_network_at_the_end_of_the_first_phase(make_trainer) -> None:
    trainer = make_trainer(
        Phase("Full", 1, 0.05, largest={"kernel": 1, "depth": 1, "expand": 1}),
        Phase("Kernel", 1, 0.05, largest={"depth": 1, "expand": 1}, distill=1.0),
        Phase("Expand", 1, 0.05, distill=1.0),
    )
    x = torch.randn(4, 1, 12, 12)
    for _ in range(4):
        assert trainer.advance().teacher is None
        assert trainer.teacher is None
    network = trainer.supernet.extract(trainer.plan.space.largest()).eval()
    for _ in range(8):
        assert trainer.advance().teacher is not None
    assert trainer.teacher is not None
    with torch.no_grad():
        expected, found = network(x), trainer.teacher(x)
    assert torch.allclose(expected, found, atol=1e-5 * float(expected.max() - expected.min()))


def test_that_channels_are_sorted_when_smaller_widths_open_and_only_then(make_trainer) -> None:
    trainer = make_trainer(
        Phase("Full", 1, 1e-9, largest={"kernel": 1, "depth": 1, "expand": 1}),
        Phase("Kernel", 1, 1e-9, largest={"depth": 1, "expand": 1}),
        Phase("Expand", 1, 1e-9, largest={"expand": 2}),
    )
    weight = trainer.supernet.blocks[-1].project.weight

    def is_sorted() -> bool:
        return bool((weight.detach().abs().sum(dim=(0, 2, 3)).diff() <= 1e-4).all())

    for _ in range(8):
        trainer.advance()
        assert not is_sorted()
    trainer.advance()
    assert is_sorted()


def test_that_a_loss_that_is_not_finite_stops_without_a_step(make_trainer) -> None:
    trainer = make_trainer(Phase("Full", 2, 0.05))
    trainer.advance()
    with torch.no_grad():
        trainer.supernet.stem.conv.conv.weight.fill_(float("inf"))
    before = {name: p.clone() for name, p in trainer.supernet.named_parameters()}
    with pytest.raises(Diverged, match="phase Full, epoch 1"):
        trainer.advance()
    assert trainer.step == 1
    after = dict(trainer.supernet.named_parameters())
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_that_weights_of_layers_that_did_not_run_rest(make_trainer) -> None:
    trainer = make_trainer(Phase("Small", 1, 0.1, largest={"kernel": 2}))
    idle = trainer.supernet.blocks[1].depthwise.weight
    before = idle.clone()
    population = trainer.plan.subnets(0)
    column = trainer.plan.space.column("stage1.depth")
    trainer.advance()
    assert torch.equal(before, idle) == bool(population[0, column] == 0)
