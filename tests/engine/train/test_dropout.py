"""Dropout that follows from a key."""

from __future__ import annotations

import torch
from torch import nn

from nasstudio.engine.train.dropout import Dropout


def seen_by(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What goes into the module behind its hooks."""
    return module(x)


def test_that_a_share_is_dropped_and_the_rest_keeps_the_sum() -> None:
    module = nn.Flatten()
    dropout = Dropout(module, 0.25)
    dropout.key = (1, 2)
    out = seen_by(module, torch.ones(40, 500, 1, 1))
    assert set(out.unique().tolist()) == {0.0, torch.tensor(4 / 3).item()}
    assert abs(float(out.mean()) - 1) < 0.02


def test_that_equal_keys_drop_the_same_and_others_do_not() -> None:
    module = nn.Flatten()
    dropout = Dropout(module, 0.5)

    def dropped(*key: int) -> torch.Tensor:
        dropout.key = key
        torch.rand(3)  # the global generator has no part in it
        return seen_by(module, torch.ones(4, 50))

    assert torch.equal(dropped(1, 2, 3), dropped(1, 2, 3))
    assert not torch.equal(dropped(1, 2, 3), dropped(1, 2, 4))


def test_that_nothing_is_dropped_without_a_key_or_in_evaluation() -> None:
    module = nn.Flatten()
    dropout = Dropout(module, 0.5)
    x = torch.ones(4, 50)
    assert torch.equal(seen_by(module, x), x)
    dropout.key = (1,)
    module.eval()
    assert torch.equal(seen_by(module, x), x)
