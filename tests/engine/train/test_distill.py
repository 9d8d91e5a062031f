"""Distillation: the loss of the paper's code, and a teacher that stays as it was."""

from __future__ import annotations

import torch

from nasstudio.engine.net.supernet import Supernet
from nasstudio.engine.space.families import build, preset
from nasstudio.engine.space.mobilenet import MobileNetSpace
from nasstudio.engine.train.distill import blank_teacher, distillation, teacher_of


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


def test_that_a_blank_teacher_takes_the_tensors_of_another() -> None:
    space = build(preset("mbv3_28_fast"))
    assert isinstance(space, MobileNetSpace)
    teacher, blank = teacher_of(Supernet(space)), blank_teacher(space)
    blank.load_state_dict(teacher.state_dict(), strict=True)
    x = torch.randn(2, 1, 28, 28)
    assert torch.equal(teacher(x), blank(x))
