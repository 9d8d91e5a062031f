"""Knowledge distillation: the full network, as it was after the first phase, teaches its subnets.

The loss is the cross entropy with the teacher's soft labels at temperature 1 (OFA: ``kd_type "ce"``), beside the one
with the true labels. The teacher is a plain network with its batch norms folded; it never changes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasstudio.engine.net.static import StaticNetwork, fused
from nasstudio.engine.net.supernet import Supernet
from nasstudio.engine.space.mobilenet import MobileNetSpace


def distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """KD = mean_b sum_c -softmax(t)_c log_softmax(s)_c. Both `(n, classes)` logits; gives a scalar."""
    return F.cross_entropy(student, teacher.softmax(dim=1))


def teacher_of(supernet: Supernet) -> nn.Module:
    """The full network as it is now, frozen."""
    return _frozen(supernet.extract(supernet.space.largest()))


def blank_teacher(space: MobileNetSpace, device: str = "cpu") -> nn.Module:
    """A teacher of the right shape whose weights are still to be filled in."""
    network = StaticNetwork([block.layer for block in space.blocks(space.largest())])
    return _frozen(network.to(device))


def _frozen(network: StaticNetwork) -> nn.Module:
    teacher = fused(network).requires_grad_(False)
    return teacher.to(memory_format=torch.channels_last)
