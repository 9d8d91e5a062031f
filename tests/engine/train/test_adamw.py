"""Our AdamW is torch's, bit for bit."""

from __future__ import annotations

import torch
from torch import nn

from nasstudio.engine.train.adamw import AdamW


def test_that_steps_equal_those_of_torch_bit_for_bit() -> None:
    generator = torch.Generator().manual_seed(0)
    start = {name: torch.randn(3, 4, generator=generator) for name in "ab"}
    ours = {name: nn.Parameter(t.clone()) for name, t in start.items()}
    theirs = {name: nn.Parameter(t.clone()) for name, t in start.items()}
    descent = AdamW(ours, ["a"], momentum=0.9, weight_decay=0.1)
    groups = [
        {"params": [theirs["a"]], "weight_decay": 0.1},
        {"params": [theirs["b"]], "weight_decay": 0.0},
    ]
    reference = torch.optim.AdamW(groups, lr=0.05, foreach=False, fused=False)
    for number in range(6):
        for parameters in (ours, theirs):
            for name, parameter in parameters.items():
                rests = name == "b" and number % 2  # a weight that some subnets do not use
                parameter.grad = None if rests else torch.sin(parameter.detach() * 3)
        for group in reference.param_groups:
            group["lr"] = 0.05 / (number + 1)
        descent.step(0.05 / (number + 1))
        reference.step()
    for name in "ab":
        assert not torch.equal(ours[name], start[name])
        assert torch.equal(ours[name], theirs[name])
    assert {n: int(t) for n, t in descent.state().items() if n.startswith("steps")} == {
        "steps.a": 6,
        "steps.b": 3,
    }


def test_that_a_parameter_without_a_gradient_rests() -> None:
    parameters = {name: nn.Parameter(torch.ones(2)) for name in "ab"}
    descent = AdamW(parameters, ["a", "b"], momentum=0.9, weight_decay=0.1)
    parameters["a"].grad = torch.ones(2)
    descent.step(0.1)
    assert torch.equal(parameters["b"].detach(), torch.ones(2))
    assert not any(t.any() for name, t in descent.state().items() if name.endswith(".b"))
    descent.forget_gradients()
    assert parameters["a"].grad is None
