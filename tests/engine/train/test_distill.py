"""Distillation: the loss of the paper's code, and a teacher that stays as it was."""

from __future__ import annotations

import torch

from nasstudio.engine.net.supernet import Supernet
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.mobilenet import MobileNetSpace
from nasstudio.engine.train.distill import distillation, teacher_of


def test_that_the_loss_is_the_formula() -> None:
    student, teacher = torch.randn(5, 7), torch.randn(5, 7)
    expected = -(teacher.softmax(1) * student.log_softmax(1)).sum(1).mean()
    assert torch.allclose(distillation(student, teacher), expected, atol=1e-6)


def test_that_the_teacher_computes_what_the_full_network_did_then() -> None:
    space = build(preset("mbv3_28_fast"))
    assert isinstance(space, MobileNetSpace)
    supernet = Supernet(space)
    x = torch.randn(8, 1, 24, 24)
    supernet(x)  # statistics of its own
    teacher = teacher_of(supernet)
    supernet.eval()
    with torch.no_grad():
        expected = supernet(x)
        for parameter in supernet.parameters():
            parameter.add_(0.1)
        found = teacher(x)
    assert torch.allclose(found, expected, atol=1e-5 * float(expected.max() - expected.min()))
    assert not any(p.requires_grad for p in teacher.parameters())
    assert not teacher.training


def test_that_a_temperature_softens_both_and_keeps_the_size_of_the_gradient() -> None:
    student, teacher = torch.randn(5, 7, requires_grad=True), torch.randn(5, 7)
    soft = (teacher / 4).softmax(1)
    expected = -16 * (soft * (student / 4).log_softmax(1)).sum(1).mean()
    found = distillation(student, teacher, 4.0)
    assert torch.allclose(found, expected, rtol=1e-5)
    # d/ds = T (softmax(s / T) - softmax(t / T)) / n, Hinton et al. 2015, eq. 2.
    (gradient,) = torch.autograd.grad(found, student)
    assert torch.allclose(gradient, 4 * ((student / 4).softmax(1) - soft) / 5, atol=1e-6)


def test_that_a_teacher_can_have_statistics_of_its_own() -> None:
    space = build(preset("mbv3_28_fast"))
    supernet = Supernet(space)
    x = torch.randn(64, 1, 28, 28)
    shared, own = teacher_of(supernet), teacher_of(supernet, [x])
    with torch.no_grad():
        expected = supernet(x)  # in training mode: the statistics of these very images
        assert torch.allclose(own(x), expected, atol=0.15 * float(expected.std()))
        assert not torch.allclose(shared(x), expected, atol=0.5 * float(expected.std()))
