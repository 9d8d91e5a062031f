"""The factor of half precision."""

from __future__ import annotations

import torch

from nasstudio.engine.train.scaling import FIRST, GROWTH_STEPS, LossScale


def test_that_overflow_halves_it_and_a_long_good_run_doubles_it() -> None:
    scale = LossScale()
    scale.judge(finite=False)
    assert scale.factor == FIRST / 2
    for _ in range(GROWTH_STEPS - 1):
        scale.judge(finite=True)
    assert scale.factor == FIRST / 2
    scale.judge(finite=True)
    assert scale.factor == FIRST


def test_that_gradients_come_out_as_they_would_be() -> None:
    scale = LossScale()
    gradient = torch.tensor([3.0, -1.0]) * scale.factor
    scale.unscale([gradient])
    assert gradient.tolist() == [3.0, -1.0]


def test_that_overflow_without_scaling_is_the_end() -> None:
    scale = LossScale()
    for _ in range(16):
        scale.judge(finite=False)
        assert not scale.exhausted
    scale.judge(finite=False)
    assert scale.exhausted


def test_that_a_restored_factor_goes_on_counting() -> None:
    scale, again = LossScale(), LossScale()
    for _ in range(GROWTH_STEPS - 1):
        scale.judge(finite=True)
    for name, tensor in again.state().items():
        tensor.copy_(scale.state()[name])
    again.judge(finite=True)
    assert again.factor == 2 * FIRST
