"""Knowledge distillation: a network that knows more teaches the subnets.

The loss is the cross entropy with the teacher's soft labels at temperature 1 (OFA: ``kd_type "ce"``; BigNAS and
AlphaNet in place), or at a higher one, times its square (Hinton et al. 2015), so that its gradients keep their size.
A teacher that does not change is a plain network with its batch norms folded.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasstudio.engine.accuracy.calibration import recalibrate
from nasstudio.engine.net.shared import SharedNetwork
from nasstudio.engine.net.static import fused


def distillation(student: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    """KD = T^2 mean_b sum_c -softmax(t / T)_c log_softmax(s / T)_c. Both `(n, classes)` logits; gives a scalar."""
    if temperature == 1:
        return F.cross_entropy(student, teacher.softmax(dim=1))
    soft = (teacher / temperature).softmax(dim=1)
    return temperature**2 * F.cross_entropy(student / temperature, soft)


def teacher_of(supernet: SharedNetwork, images: Sequence[Tensor] = ()) -> nn.Module:
    """The largest network as it is now, frozen.

    Parameters
    ----------
    images : training images, each `(n, channels, px, px)`, for batch-norm statistics of its own. None: it keeps the
        shared ones, which are right if it alone was trained.
    """
    network = supernet.extract(supernet.space.largest())
    if images:
        recalibrate(network, images)
    teacher = fused(network).requires_grad_(False)
    return teacher.to(memory_format=torch.channels_last)
