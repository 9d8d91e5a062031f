"""Our descent is torch's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nasstudio.engine.train.descent import Descent


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_that_steps_equal_those_of_torch(momentum: float) -> None:
    generator = torch.Generator().manual_seed(0)
    start = {name: torch.randn(3, 4, generator=generator) for name in "ab"}
    ours = {name: nn.Parameter(t.clone()) for name, t in start.items()}
    theirs = {name: nn.Parameter(t.clone()) for name, t in start.items()}
    descent = Descent(ours, ["a"], momentum=momentum, weight_decay=0.1)
    groups = [{"params": [theirs["a"]], "weight_decay": 0.1}, {"params": [theirs["b"]]}]
    reference = torch.optim.SGD(groups, lr=0.05, momentum=momentum, nesterov=momentum > 0)
    for _ in range(5):
        for parameters in (ours, theirs):
            for parameter in parameters.values():
                parameter.grad = torch.sin(parameter.detach() * 3)
        descent.step(0.05)
        reference.step()
    for name in "ab":
        assert not torch.equal(ours[name], start[name])
        assert torch.allclose(ours[name], theirs[name], rtol=1e-6, atol=1e-6)


def test_that_a_parameter_without_a_gradient_rests() -> None:
    parameters = {name: nn.Parameter(torch.ones(2)) for name in "ab"}
    descent = Descent(parameters, ["a", "b"], momentum=0.9, weight_decay=0.1)
    parameters["a"].grad = torch.ones(2)
    descent.step(0.1)
    assert torch.equal(parameters["b"].detach(), torch.ones(2))
    assert not descent.momentum["b"].any()
    descent.forget_gradients()
    assert parameters["a"].grad is None
