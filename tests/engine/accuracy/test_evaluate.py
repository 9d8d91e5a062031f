"""Re-calibration and evaluation of subnets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nasstudio.engine.accuracy.calibration import recalibrate
from nasstudio.engine.accuracy.calibration_study import study
from nasstudio.engine.accuracy.evaluate import Evaluator
from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.data.loading import Batches, at_resolution
from nasstudio.engine.errors import InvalidInput
from nasstudio.engine.net.convolution import ConvNormAct
from nasstudio.engine.net.static import StaticNetwork
from nasstudio.engine.net.supernet import Supernet
from nasstudio.engine.space.layer import parse
from nasstudio.engine.space.mobilenet import MobileNetSpace
from nasstudio.engine.space.space import SpaceDocument

STAGE = {"depth": [1, 2], "kernel": [3, 5], "expand": [2, 3], "act": "hswish", "se": True}
SPACE = MobileNetSpace(
    SpaceDocument(
        "mobilenetv3",
        "tiny",
        "Tiny",
        {
            "resolution": [8, 12],
            "stem": 8,
            "head": [16, 24],
            "channels": 1,
            "classes": 10,
            "stages": [{**STAGE, "channels": 8, "stride": 2}],
        },
    )
)


@pytest.fixture(scope="module")
def images():
    return open_set(DataDocument("fashion_mnist_small", {"limit": 200}))


@pytest.fixture(scope="module")
def supernet(images) -> Supernet:
    """Some steps of training, so that accuracies are not chance."""
    torch.set_num_threads(1)
    net = Supernet(SPACE, torch.Generator().manual_seed(1))
    batches, rng = Batches(images, "train"), np.random.default_rng(1)
    for epoch in range(12):
        for x, y in batches.epoch(50, epoch, 1):
            (genome,) = SPACE.sample(1, rng)
            net.activate(genome)
            loss = nn.functional.cross_entropy(net(at_resolution(x, 12)), y)
            net.zero_grad()
            loss.backward()
            with torch.no_grad():
                for parameter in net.parameters():
                    if parameter.grad is not None:
                        parameter -= 0.1 * parameter.grad
    return net


def state(net: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}


def test_that_statistics_are_the_averages_over_the_batches() -> None:
    network = StaticNetwork([parse("conv 2x5x5 -> 8 k3 s1")])
    generator = torch.Generator().manual_seed(0)
    batches = [torch.randn(6, 2, 5, 5, generator=generator) * i for i in (1, 2, 3)]
    recalibrate(network, batches)
    layer = network.layers[0].conv
    assert isinstance(layer, ConvNormAct)
    with torch.no_grad():
        outputs = [layer.conv(batch).transpose(0, 1).flatten(1) for batch in batches]
    mean = torch.stack([out.mean(dim=1) for out in outputs]).mean(dim=0)
    variance = torch.stack([out.var(dim=1) for out in outputs]).mean(dim=0)
    assert torch.allclose(layer.norm.running_mean, mean, atol=1e-6)
    assert torch.allclose(layer.norm.running_var, variance, rtol=1e-5)
    assert not network.training
    assert not layer.norm.training
    assert layer.norm.momentum == 0.1


def test_that_statistics_do_not_depend_on_those_before() -> None:
    batches = [torch.randn(8, 2, 5, 5)]
    network = StaticNetwork([parse("conv 2x5x5 -> 8 k3 s1"), parse("conv 8x5x5 -> 8 k1 s1 relu")])
    recalibrate(network, batches)
    first = state(network)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.fill_(7)
    recalibrate(network, batches)
    assert all(torch.equal(first[name], tensor) for name, tensor in network.state_dict().items())


def test_that_evaluation_leaves_the_supernet_as_it_was(images, supernet: Supernet) -> None:
    before, mode = state(supernet), supernet.training
    x = torch.randn(2, 1, 12, 12)
    supernet.activate(SPACE.smallest())
    Evaluator(supernet, images, 60).accuracy(SPACE.largest(), "validation", 100)
    assert supernet.training == mode
    assert all(torch.equal(before[name], tensor) for name, tensor in supernet.state_dict().items())
    supernet.eval()
    with torch.no_grad():
        assert torch.allclose(supernet(x), supernet.extract(SPACE.smallest())(x), atol=1e-5)
    supernet.train(mode)


def test_that_accuracy_is_what_the_calibrated_network_gets_right(images, supernet) -> None:
    drawn = SPACE.sample(3, np.random.default_rng(2))
    for genome in [SPACE.largest(), *drawn]:
        evaluator = Evaluator(supernet, images, 100, seed=3)
        network, px = evaluator.calibrated(genome), int(SPACE.resolution(genome[None])[0])
        right = total = 0
        with torch.no_grad():
            for x, y in Batches(images, "test").evaluation(500):
                right += int((network(at_resolution(x, px)).argmax(1) == y).sum())
                total += len(y)
        assert evaluator.accuracy(genome, "test") == pytest.approx(right / total, abs=1.5 / total)


def test_that_re_calibration_repairs_foreign_statistics(images, supernet: Supernet) -> None:
    genome, evaluator = SPACE.largest(), Evaluator(supernet, images, 150)
    good = evaluator.accuracy(genome, "validation", 500)
    assert good > 0.25  # well above chance: there is something to repair
    broken = Supernet(SPACE)
    broken.load_state_dict(supernet.state_dict())
    for name, buffer in broken.named_buffers():
        if "running" in name:
            buffer.uniform_(0.5, 9.0)
    assert Evaluator(broken, images, 150).accuracy(genome, "validation", 500) == good


def test_that_the_same_seed_gives_the_same_accuracy_in_any_order(images, supernet) -> None:
    population = SPACE.sample(3, np.random.default_rng(4))
    first, second = (Evaluator(supernet, images, 64, seed=9) for _ in "ab")
    forward = [first.accuracy(genome, "validation_a", 300) for genome in population]
    backward = [second.accuracy(genome, "validation_a", 300) for genome in population[::-1]]
    assert forward == backward[::-1]
    assert forward == [first.accuracy(genome, "validation_a", 300) for genome in population]


def test_that_the_effect_of_re_calibration_is_told(images, supernet: Supernet) -> None:
    genome, evaluator = SPACE.largest(), Evaluator(supernet, images, 150)
    found = evaluator.evaluation(genome, "validation", 500)
    assert found.accuracy == evaluator.accuracy(genome, "validation", 500)
    assert (found.images, found.calibration_images) == (500, 150)
    shared, right = supernet.extract(genome).eval(), 0
    with torch.no_grad():
        for x, y in Batches(images, "validation").evaluation(500, 500):
            right += int(
                (shared(x if x.shape[-1] == 12 else at_resolution(x, 12)).argmax(1) == y).sum()
            )
    assert found.shared == pytest.approx(right / 500, abs=1.5 / 500)


def test_that_more_calibration_images_come_nearer_to_the_last_accuracy(images, supernet) -> None:
    population = SPACE.sample(4, np.random.default_rng(5))
    found = study(supernet, images, population, (150, 4), draws=2)
    assert found.images == (4, 150)
    assert found.accuracy.shape == (2, 2, 4)
    expected = Evaluator(supernet, images, 4, seed=1).accuracy(population[2], "validation")
    assert found.accuracy[0, 1, 2] == expected
    assert (
        found.shared[0]
        == Evaluator(supernet, images, 4).evaluation(population[0], "validation").shared
    )
    assert found.noise()[1] < found.noise()[0]
    assert found.mean()[1] > found.mean()[0]
    assert found.tau().shape == (2,)
    assert np.isnan(study(supernet, images, population[:1], (16,), draws=1).noise()).all()


def test_that_a_subnet_is_exported_as_it_was_made(images, supernet: Supernet) -> None:
    """Evaluation lets activations overwrite their input; what is handed out must not."""
    network = Evaluator(supernet, images, 64).calibrated(SPACE.largest())
    modules = [m for m in network.modules() if isinstance(m, ConvNormAct)]
    assert modules
    assert not any(module.overwrites for module in modules)


def test_that_a_limit_uses_the_first_images(images, supernet: Supernet) -> None:
    evaluator = Evaluator(supernet, images, 64)
    whole = evaluator.correct(SPACE.largest(), "validation")
    assert len(whole) == len(images.split("validation"))
    assert np.array_equal(evaluator.correct(SPACE.largest(), "validation", 300), whole[:300])


def test_that_an_evaluation_can_be_ended(images, supernet: Supernet) -> None:
    class Ended(Exception):
        pass

    def check() -> None:
        raise Ended

    with pytest.raises(Ended):
        Evaluator(supernet, images, 64).accuracy(SPACE.largest(), "validation", 0, check)


def test_that_an_unknown_split_or_genome_is_refused(images, supernet: Supernet) -> None:
    evaluator = Evaluator(supernet, images, 64)
    with pytest.raises(InvalidInput):
        evaluator.accuracy(SPACE.largest(), "elsewhere")
    with pytest.raises(InvalidInput):
        evaluator.accuracy(np.array([99]), "validation")
