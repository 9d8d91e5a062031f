"""The trainer's steps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.loading import Batches, at_resolution
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.net.families import supernet_of
from nasstudio.engine.net.shared import SharedNetwork
from nasstudio.engine.space.families import build
from nasstudio.engine.train.loop import Diverged, Settings, Trainer
from nasstudio.engine.train.progressive import Plan
from nasstudio.engine.train.schedule import Phase, Schedule


@pytest.fixture
def make_trainer(spec):
    images = open_set(spec.data)

    def make(*phases: Phase, **settings) -> Trainer:
        space = build(spec.space)
        batches = Batches(images, "train")
        plan = Plan(space, Schedule("s", "S", phases), batches.steps(24), 7)
        supernet = supernet_of(space, torch.Generator().manual_seed(7))
        return Trainer(supernet, plan, batches, Settings(batch=24, **settings))

    return make


def test_that_a_step_sums_the_gradients_of_its_subnets(make_trainer, spec) -> None:
    phase = Phase("Expand", 1, 0.02, networks=3)
    trainer, by_hand = make_trainer(phase), make_trainer(phase)
    trainer.advance()
    net, plan = by_hand.supernet, by_hand.plan
    images, labels = next(Batches(open_set(spec.data), "train").epoch(24, 0, 7))
    population = plan.subnets(0)
    x = at_resolution(images, int(plan.space.resolution(population)[0]))
    for genome in population:
        net.activate(genome)
        F.cross_entropy(net(x), labels, label_smoothing=0.1).backward()
    assert_stepped(trainer, net, 0.02)


def assert_stepped(trainer: Trainer, net: SharedNetwork, rate: float) -> None:
    """The trainer's weights are those of the network after the first step along its gradients."""
    decayed = set(net.decayed())
    after = dict(trainer.supernet.named_parameters())
    for name, start in net.named_parameters():
        end = start.detach()
        if start.grad is not None:
            change = start.grad + (3e-5 * end if name in decayed else 0)
            end = end - rate * 1.9 * change  # Nesterov's first step
        assert torch.allclose(end, after[name], rtol=1e-3, atol=1e-5), name


def test_that_in_place_the_largest_learns_from_labels_and_the_others_from_it_alone(
    make_trainer, spec
) -> None:
    phase = Phase("All", 1, 0.02, networks=3, distill=0.5, sandwich=True, distill_from="largest")
    trainer, by_hand = make_trainer(phase), make_trainer(phase)
    losses = trainer.advance()
    assert trainer.teacher is None
    net, plan = by_hand.supernet, by_hand.plan
    images, labels = next(Batches(open_set(spec.data), "train").epoch(24, 0, 7))
    population = plan.subnets(0)
    assert np.array_equal(population[0, 1:], plan.space.largest()[1:])
    x = at_resolution(images, int(plan.space.resolution(population)[0]))
    net.activate(population[0])
    largest = net(x)
    labelled = F.cross_entropy(largest, labels, label_smoothing=0.1)
    labelled.backward()
    taught = []
    for genome in population[1:]:
        net.activate(genome)
        kd = -(largest.detach().softmax(1) * net(x).log_softmax(1)).sum(1).mean()
        (0.5 * kd).backward()
        taught.append(kd.item())
    assert losses.labels == pytest.approx(labelled.item(), rel=1e-4)
    assert losses.teacher == pytest.approx(sum(taught) / 2, rel=1e-4)
    assert_stepped(trainer, net, 0.02)


def test_that_micro_batches_have_statistics_of_their_own_and_are_averaged(
    make_trainer, spec
) -> None:
    phase = Phase("All", 1, 0.02, networks=2)
    trainer, by_hand = make_trainer(phase, accumulate=3), make_trainer(phase)
    trainer.advance()
    net, plan = by_hand.supernet, by_hand.plan
    start = {name: buffer.clone() for name, buffer in net.named_buffers()}
    ends: dict[str, list[torch.Tensor]] = {name: [] for name in start}
    pieces = Batches(open_set(spec.data), "train").pieces(24, 0, 7, 0, 3, range(3))
    for images, labels in [next(pieces) for _ in range(3)]:
        assert len(labels) == 8
        for name, buffer in net.named_buffers():
            buffer.copy_(start[name])
        for genome in plan.subnets(0):
            net.activate(genome)
            x = at_resolution(images, int(plan.space.resolution(genome[None])[0]))
            (F.cross_entropy(net(x), labels, label_smoothing=0.1) / 3).backward()
        for name, buffer in net.named_buffers():
            ends[name].append(buffer.clone().float())
    found = dict(trainer.supernet.named_buffers())
    for name, moved in ends.items():
        expected = torch.stack(moved).mean(0)
        assert torch.allclose(expected, found[name].float(), rtol=1e-4, atol=1e-6), name
    assert any(not torch.equal(start[name], found[name]) for name in start)
    assert_stepped(trainer, net, 0.02)


def test_that_a_batch_that_does_not_divide_is_refused(make_trainer) -> None:
    with pytest.raises(InvalidInput, match="5 equal"):
        make_trainer(Phase("All", 1, 0.02), accumulate=5)


def test_that_a_phase_goes_on_from_the_average_of_the_one_before(make_trainer) -> None:
    full = Phase("Full", 1, 0.05, largest={"kernel": 1, "depth": 1, "expand": 1})
    # As many options as before: nothing is reorganised between the two.
    again = Phase("Again", 1, 1e-12, largest={"kernel": 1, "depth": 1, "expand": 1})
    trainer = make_trainer(full, again, ema=0.9)
    for _ in range(4):
        trainer.advance()
    average = {name: p.clone() for name, p in trainer.result.named_parameters()}
    moved = dict(trainer.supernet.named_parameters())
    assert any(not torch.allclose(average[name], moved[name], atol=1e-4) for name in average)
    trainer.advance()
    for name, parameter in trainer.supernet.named_parameters():
        assert torch.allclose(average[name], parameter, atol=1e-6), name
    for name, parameter in trainer.result.named_parameters():
        assert torch.allclose(average[name], parameter, atol=1e-6), name


def test_that_without_an_average_the_supernet_itself_is_the_result(make_trainer) -> None:
    trainer = make_trainer(Phase("All", 1, 0.02))
    assert trainer.result is trainer.supernet


@pytest.mark.parametrize("kernel", [1, 2])
def test_that_half_precision_trains_what_is_stored_in_full(make_trainer, kernel: int) -> None:
    phase = Phase("All", 1, 0.02, largest={"kernel": kernel}, networks=2)
    half, whole = make_trainer(phase, precision="bf16"), make_trainer(phase)
    found, expected = half.advance(), whole.advance()
    assert found.labels == pytest.approx(expected.labels, rel=0.05)
    assert found.labels != expected.labels
    assert all(p.dtype == torch.float32 for p in half.supernet.parameters())


def test_that_fp16_needs_a_gpu(make_trainer) -> None:
    with pytest.raises(InvalidInput, match="GPU"):
        make_trainer(Phase("All", 1, 0.02), precision="fp16")


def test_that_dropout_is_for_those_that_learn_from_labels(make_trainer) -> None:
    phase = Phase("All", 1, 0.02, networks=2, distill=1.0, sandwich=True, distill_from="largest")
    plain, dropping = make_trainer(phase).advance(), make_trainer(phase, dropout=0.5).advance()
    assert plain.labels != dropping.labels
    trainer = make_trainer(phase, dropout=0.5)
    seen = []
    trainer.supernet.classifier.register_forward_pre_hook(
        lambda module, inputs: seen.append(float((inputs[0] == 0).float().mean()))
    )
    trainer.advance()
    assert seen[0] > seen[1] + 0.3


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
